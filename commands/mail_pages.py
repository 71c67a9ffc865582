"""Commands about mails before they are sent: looking at one, and checking how it will be read."""

import tempfile
import webbrowser
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands import place, rendering
from commands.rendering import AsJson

if TYPE_CHECKING:
    from engine.operations.editions import Folder
    from engine.operations.mail_preview import Preview, Reader, Shelf
    from engine.playbook.validate import Checked

LeadName = Annotated[
    str, typer.Option("--lead", metavar="LEAD", help="For this lead; left out: for a sample.")
]
_STYLES = {"error": "red", "warning": "yellow"}


def preview(
    template: Annotated[str, typer.Argument(metavar="TEMPLATE", help="Its name, or its file.")],
    lead: LeadName = "",
    language: Annotated[
        str, typer.Option("--language", metavar="TAG", help="In this language, such as zh-CN.")
    ] = "",
    step: Annotated[
        str,
        typer.Option("--step", metavar="PLAYBOOK/STEP", help="As this step sends it."),
    ] = "",
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the page into this file.")
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Show the page in a browser.")] = False,
    as_json: AsJson = False,
) -> None:
    """Shows a mail as a lead would get it. Nothing is sent, and nothing is published."""
    from engine.operations.mail_preview import preview as made

    folder, checked = _checked()
    shelf = _shelf(folder, checked)
    use = shelf.use(_name_of(template), step)
    reader = _reader(shelf, lead, language)
    seen = made(shelf, use, reader, now=datetime.now(UTC))
    page = _page(seen)
    if html is not None:
        rendering.to_file(html, page)
    if show:
        html = html or Path(tempfile.mkdtemp()) / "mail.html"
        rendering.to_file(html, page)
        webbrowser.open(html.resolve().as_uri())
    if as_json:
        rendering.document(_document(seen, page))
        return
    _tell(seen)
    if html is not None:
        rendering.say(f"the page is in '{html}'", style="dim")


def check(
    templates: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TEMPLATE]...", help="Their names, or files; left out: all."),
    ] = None,
    lead: LeadName = "",
    as_json: AsJson = False,
) -> None:
    """Checks how a mail will be read: its size, pictures, links, colors, missing values."""
    from engine.operations.editions import template_facts
    from engine.operations.mail_check import check_mail
    from engine.playbook.diagnostics import as_json as problem
    from engine.playbook.diagnostics import human

    folder, checked = _checked()
    shelf = _shelf(folder, checked)
    names = [_name_of(one) for one in templates or ()] or list(shelf.uses)
    for name in names:
        shelf.use(name)
    facts = template_facts(folder.templates, folder.beside, folder.heavy)
    languages = ("", "en", "zh-CN") if not lead else ("",)
    readers = {one: _reader(shelf, lead, one) for one in languages}
    now = datetime.now(UTC)
    found = []
    for name in names:
        found += check_mail(shelf, name, facts, checked.diagnostics, readers, now)
    found = list(dict.fromkeys(found))
    ok = not any(one.is_error for one in found)
    if as_json:
        rendering.document({"ok": ok, "problems": [dict(problem(one)) for one in found]})
    else:
        for one in found:
            source = folder.templates.get(one.file.removeprefix("templates/email/"))
            rendering.say(human(one, source), style=_STYLES[one.severity])
        rendering.say(*_sum_of(len(names), len(found)))
    if not ok:
        raise typer.Exit(1)


def shelf_and_reader(name: str, lead: str, language: str) -> "tuple[Shelf, Reader]":
    """The mails of the workspace's files, and whom they are looked at for.

    Raises:
        LongplayError: playbook or template `name` has errors, or there is no such lead.
    """
    from engine.errors import InputError

    folder, checked = _checked()
    if any(one.is_error and Path(one.file).stem == name for one in checked.diagnostics):
        raise InputError(f"'{name[:200]}' has errors", help="see them with: longplay validate")
    shelf = _shelf(folder, checked)
    return shelf, _reader(shelf, lead, language)


def _sum_of(mails: int, findings: int) -> tuple[str]:
    what = "1 mail" if mails == 1 else f"{mails} mails"
    if not findings:
        return (f"nothing is wrong with {what}",)
    return (f"{what}, {findings} finding{'' if findings == 1 else 's'}",)


def _checked() -> "tuple[Folder, Checked]":
    from engine.operations.editions import check as checked
    from engine.operations.editions import read_folder

    settings = place.settings()
    folder = read_folder(settings.workspace)
    return folder, checked(folder, settings.environment())


def _shelf(folder: "Folder", checked: "Checked") -> "Shelf":
    from engine.errors import InputError
    from engine.operations.editions import template_facts
    from engine.operations.mail_preview import shelf_of_folder
    from engine.operations.published import Current

    if checked.workspace is None:
        raise InputError("'longplay.yaml' has errors", help="see them with: longplay validate")
    current = Current(
        digest="files", workspace=checked.workspace, plans=checked.plans, digests={},
        heard=frozenset(),
    )  # fmt: skip
    return shelf_of_folder(folder, current, list(template_facts(folder.templates)))


def _reader(shelf: "Shelf", lead: str, language: str) -> "Reader":
    from engine.operations.mail_preview import reader_of

    now = datetime.now(UTC)
    if not lead:
        return reader_of(None, shelf.current, "", language, now)
    with place.opened(nudges=False) as store:
        return store.read(lambda tx: reader_of(tx, shelf.current, lead, language, now))


def _name_of(written: str) -> str:
    """A template's name, where its file was given: what a shell completes is a file."""
    from engine.mail.sources import file_name

    path = Path(written).as_posix()
    path = path.rpartition("templates/email/")[2]
    parts = file_name(path)
    return parts.stem if parts else path


def _page(seen: "Preview") -> str:
    from engine.mail.catcher import data_url
    from engine.mail.pictures import as_data

    files = seen.mail.attachments
    return as_data(seen.mail.html, {one.cid: data_url(one) for one in files if one.cid})


def _document(seen: "Preview", page: str) -> dict[str, object]:
    return {
        "template": seen.use.template,
        "file": seen.file,
        "step": seen.use.name,
        "lead": seen.reader.name,
        "subject": seen.mail.subject,
        "headers": [{"name": name, "value": value} for name, value in seen.mail.headers],
        "text": seen.mail.text,
        "html": page,
        "attachments": [
            {
                "filename": one.filename, "content_type": one.content_type,
                "size": len(one.content), "in_page": bool(one.cid),
            }
            for one in seen.mail.attachments
        ],
        "size": len(seen.mail.raw),
        "missing": list(seen.missing),
    }  # fmt: skip


def _tell(seen: "Preview") -> None:
    headers = dict(seen.mail.headers)
    files = [f"{one.filename} ({len(one.content):,} bytes)" for one in seen.mail.attachments]
    who = f"{seen.reader.name} (a sample)" if seen.reader.is_sample else seen.reader.name
    rendering.card(
        {
            "from": headers.get("From", ""),
            "to": headers.get("To", ""),
            "subject": seen.mail.subject,
            "for": who,
            "template": seen.file,
            "sent by": seen.use.name or "no step",
            "carries": files,
            "size": f"{len(seen.mail.raw):,} bytes",
            "missing": list(seen.missing),
        }
    )
    rendering.say()
    rendering.say(seen.mail.text.rstrip())
