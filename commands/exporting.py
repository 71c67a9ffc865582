"""`longplay leads export`: everything about one lead, or many as a list for other programs."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from commands import place, rendering
from commands.rendering import AsJson
from engine.errors import EnvironmentFault, InputError

if TYPE_CHECKING:
    from engine.operations.lead_lists import LeadList
    from engine.store.database import Store


def export(
    lead: Annotated[
        str, typer.Argument(metavar="[LEAD]", help="One lead: the address, or the id.")
    ] = "",
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="A new file: .csv, .jsonl; of one lead .json."),
    ] = None,
    where: Annotated[
        str, typer.Option("--where", metavar="COND", help="A list of those that this holds of.")
    ] = "",
    segment: Annotated[
        str, typer.Option("--segment", metavar="NAME", help="A list of those in this segment.")
    ] = "",
    every: Annotated[bool, typer.Option("--all", help="A list of all leads.")] = False,
    columns: Annotated[
        str, typer.Option("--columns", metavar="FIELD,…", help="Only these, in this order.")
    ] = "",
    form: Annotated[str, typer.Option("--format", help="csv or jsonl; else as FILE says.")] = "",
    encoding: Annotated[
        str, typer.Option("--encoding", help="utf-8, utf-8-bom (for Excel) or gbk.")
    ] = "utf-8",
    as_json: AsJson = False,
) -> None:
    """Gives everything that is held about a lead; or leads as a list, for other programs.

    A list is CSV or JSON Lines. Cells that a spreadsheet would take for formulas are made harmless.
    """
    if lead and (where or segment or every):
        raise InputError(f"'{lead[:100]}' is one lead, not a list", help="leave one of them out")
    if lead:
        _one(lead, to, as_json=as_json)
        return
    if not (where or segment or every):
        raise InputError(
            "nothing says whom to export", help="name a lead, or give --segment, --where or --all"
        )
    from engine.operations.lead_lists import lead_list

    by_lines = to.suffix in _JSON_LINES if to is not None else as_json
    chosen = form or ("jsonl" if by_lines else "csv")
    wanted = [name.strip() for name in columns.split(",") if name.strip()]
    with place.opened() as store:
        listed = lead_list(
            store, where=where, segment=segment, columns=wanted, form=chosen, encoding=encoding
        )
        _many(store, listed, to, as_json=as_json)


_JSON_LINES = frozenset({".jsonl", ".ndjson", ".json"})


def _many(store: "Store", listed: "LeadList", to: Path | None, *, as_json: bool) -> None:
    if to is None:
        out = sys.stdout.buffer
        if as_json and listed.form == "jsonl":
            _as_array(store, listed)
            return
        for text, _ in listed.pages(store):
            out.write(text)
        out.flush()
        return
    total = 0
    with _new_file(to) as file, rendering.progress("leads", quiet=as_json) as bar:
        for text, number in listed.pages(store):
            file.write(text)
            total += number
            bar(total, None)
    if as_json:
        rendering.document({"exported": total, "file": str(to)})
    else:
        rendering.note(f"{total} leads written to {to}; only you can read it")


def _as_array(store: "Store", listed: "LeadList") -> None:
    """One JSON document, however long, without holding it."""
    out, glue = sys.stdout, "[\n"
    for text, _ in listed.pages(store):
        for line in text.decode("utf-8").splitlines():
            out.write(glue + line)
            glue = ",\n"
    out.write("]\n" if glue != "[\n" else "[]\n")


def _one(lead: str, to: Path | None, *, as_json: bool) -> None:
    from engine.operations import exporting

    with place.opened() as store:
        found = exporting.export(store, lead)
    if to is not None:
        out = io.StringIO()
        if to.suffix == ".json":
            rendering.document(found, stream=out)
        else:
            out.writelines(f"{line}\n" for line in exporting.as_text(found))
        with _new_file(to) as file:
            file.write(out.getvalue().encode("utf-8"))
        rendering.note(f"written to {to}; only you can read it")
    elif as_json:
        rendering.document(found)
    else:
        for line in exporting.as_text(found):
            rendering.say(line)


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """A new file that only its owner can read; nothing of it stays when writing it fails.

    Raises:
        InputError: it is there already.
        EnvironmentFault: it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InputError(f"'{path}' is there already", help="name a new file") from None
    except OSError as error:
        raise EnvironmentFault(f"'{path}' cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
    except OSError as error:
        path.unlink(missing_ok=True)
        raise EnvironmentFault(f"'{path}' cannot be written: {error.strerror}") from error
    except BaseException:
        path.unlink(missing_ok=True)
        raise
