"""`longplay retention`: what is kept how long, and what would go now."""

import typer

from commands import place, rendering
from commands.rendering import AsJson


def add_to(app: typer.Typer) -> None:
    """Adds the command of this group."""
    app.command(rich_help_panel="Operate")(retention)


def retention(as_json: AsJson = False) -> None:
    """Shows what is kept how long, and how much would go now; it removes nothing itself."""
    from engine.operations.retention import kept

    with place.opened() as store:
        rows = [one.as_json() for one in kept(store)]
    if as_json:
        rendering.document(rows)
        return
    shown = [{**row, "keep": row["keep"] or "for good"} for row in rows]
    columns = ("kind", "keep", "before", "would_go", "removed", "looked_at")
    rendering.table(columns, shown, nothing="nothing is kept")
    if not any(row["before"] for row in rows):
        rendering.note("longplay.yaml has no retention: everything is kept for good")
