"""The command that sends a mail to its makers before anybody else gets it."""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from commands import mail_pages, place, rendering
from commands.rendering import AsJson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.operations.mail_preview import Reader, Shelf, Use
    from engine.operations.mail_trial import Trial
    from engine.settings import Settings


def try_out(
    name: Annotated[
        str, typer.Argument(metavar="PLAYBOOK|TEMPLATE", help="All mails of it, every arm's.")
    ],
    to: Annotated[
        list[str], typer.Option("--to", metavar="ADDRESS", help="Where to; may be repeated.")
    ],
    lead: mail_pages.LeadName = "",
    language: Annotated[
        str, typer.Option("--language", metavar="TAG", help="In this language, such as zh-CN.")
    ] = "",
    step: Annotated[str, typer.Option("--step", help="Only the mail of this step.")] = "",
    as_json: AsJson = False,
) -> None:
    """Sends mails to you and your colleagues, as leads would get them, from the files as they are.

    They stand in no ledger, count for no cap, and their links to unsubscribe do nothing.
    """
    from engine.operations.mail_trial import uses_of

    _check_addresses(to)
    shelf, reader = mail_pages.shelf_and_reader(name, lead, language)
    uses = uses_of(shelf, name, step)
    found = asyncio.run(_send(place.settings(), shelf, reader, uses, list(dict.fromkeys(to))))
    failed = [one for one in found if not one.went]
    if as_json:
        rendering.document({"ok": not failed, "mails": [_document(one) for one in found]})
    else:
        rendering.table(
            ["to", "mail", "subject", "answer"],
            [
                {
                    "to": one.to,
                    "mail": one.use.name or one.use.template,
                    "subject": one.subject,
                    "answer": one.said,
                }
                for one in found
            ],
        )
    if failed:
        raise typer.Exit(2)


def _check_addresses(to: list[str]) -> None:
    from engine.errors import InputError
    from engine.mail.addresses import parse_address
    from engine.operations.mail_trial import MOST_ADDRESSES

    if len(to) > MOST_ADDRESSES:
        raise InputError(
            f"{len(to)} addresses are too many for a trial: at most {MOST_ADDRESSES}",
            help="to write to many: longplay enroll PLAYBOOK --where …",
        )
    for one in to:
        parse_address(one)


async def _send(
    settings: "Settings", shelf: "Shelf", reader: "Reader", uses: "Sequence[Use]", to: list[str]
) -> "list[Trial]":
    from engine.mail.transports.smtp import SmtpTransport
    from engine.operations.exits import Exits
    from engine.operations.mail_trial import tried

    exits = Exits(SmtpTransport(settings.mail_url), settings.environment(), settings.catches_mail)
    try:
        return [
            await tried(
                shelf, use, reader, address, exits,
                now=datetime.now(UTC), public_url=settings.link_url,
            )
            for address in to
            for use in uses
        ]  # fmt: skip
    finally:
        await exits.close()


def _document(one: "Trial") -> dict[str, object]:
    return {
        "to": one.to, "playbook": one.use.playbook, "step": one.use.step,
        "template": one.use.template, "subject": one.subject, "sent": one.went, "answer": one.said,
    }  # fmt: skip
