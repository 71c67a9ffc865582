"""The buttons in messages to our own people: what one is about, and what pressing it does.

A link acts for the person whom the message went to, for two weeks, and once: pressed again it says
who did it, and when. Looking changes nothing, because scanners of mail look at every link.
"""

from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any

from engine.errors import InputError, NotFoundError
from engine.mail.links import ActionLink
from engine.operations import answering, published
from engine.operations.answerable import ROOM
from engine.operations.answering import Said
from engine.operations.saying import CHOICES, OFFERED
from engine.store import tasks
from engine.store.database import Store, Transaction


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page behind a button shows.

    Attributes:
        entry: of the inbox, as `answering.show` gives it.
        verb: what the button does.
        offers: all that may be answered.
        by: who presses it, as people are called.
        zone: of the workspace.
        language: of the workspace.
        is_open: whether it still waits for an answer.
        too_old: whether the link's time is over.
        did: what this very press did; empty: nothing was pressed.
        fault: why the press did nothing.
    """

    entry: dict[str, Any]
    verb: str
    offers: tuple[str, ...]
    by: str
    zone: tzinfo
    language: str
    is_open: bool
    too_old: bool
    did: str = ""
    fault: str = ""


def look(store: Store, link: ActionLink) -> Asked | None:
    """What a button is about; None: its entry is gone, or it is no button of ours."""
    if not 0 < link.choice < len(CHOICES):
        return None
    try:
        entry = answering.show(store, link.task)
    except NotFoundError:
        return None
    return store.read(lambda tx: _asked(tx, link, entry))


def press(
    store: Store, link: ActionLink, verb: str, *, until: datetime | None = None, result: str = ""
) -> Asked | None:
    """Does what a button says, or another that the same entry offers; then what it is about.

    Args:
        store: the workspace's store.
        link: what was pressed.
        verb: the answer; one that is not offered does nothing.
        until: of `snooze`; None: tomorrow morning.
        result: of `done`.
    """
    found = look(store, link)
    if found is None or found.too_old or not found.is_open or verb not in found.offers:
        return found
    by = link.by.removeprefix(ROOM)
    said = Said(verb, by=by, way="message", result=result, until=until)
    try:
        answering.answer(store, link.task, said)
    except InputError as error:
        again = look(store, link)
        return replace(again, fault=error.message) if again else None
    after = look(store, link)
    return replace(after, did=verb, verb=verb) if after else None


def _asked(tx: Transaction, link: ActionLink, entry: dict[str, Any]) -> Asked:
    current = published.current(tx)
    owner = current.workspace.owners.get(link.by)
    row = tasks.get(tx, link.task)
    return Asked(
        entry=entry,
        verb=CHOICES[link.choice],
        offers=OFFERED.get(row["kind"], ()),
        by=owner.name or link.by if owner else link.by.removeprefix(ROOM),
        zone=current.zone,
        language=current.workspace.language,
        is_open=row["state"] == "open",
        too_old=tx.now >= link.until,
    )
