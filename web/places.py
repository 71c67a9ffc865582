"""Where the next page of a list begins that is in the order of time: `2026-03-01T…~ID`."""

from datetime import datetime

from web.problems import Problem


def place_of(at: object, id: object) -> str:
    """The place behind the last row of a page."""
    return f"{at.isoformat() if isinstance(at, datetime) else at}~{id}"


def read_place(text: str) -> tuple[datetime, str] | None:
    """Where a page begins, as the page before it said; None: with the first row.

    Raises:
        Problem: no page says so.
    """
    if not text:
        return None
    at, mark, id = text.replace(" ", "+").partition("~")
    try:
        found = datetime.fromisoformat(at)
    except ValueError:
        found = None
    if found is None or not mark or not id or found.tzinfo is None or not id.isalnum():
        raise Problem(422, f"'{text[:60]}' is no place in the list", help="begin without `after`")
    return found, id
