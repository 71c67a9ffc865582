"""Commands about mail: how it will look, and what comes back."""

import sys
from collections.abc import Mapping
from typing import Annotated

import typer

from commands import mail_pages, mail_trying, place, rendering
from commands.rendering import AsJson
from engine.errors import EnvironmentFault, LongplayError

mail = typer.Typer(
    help="Mail: how it will look; bounces, complaints, replies.", no_args_is_help=True
)

_NO_MORE = 75
"""EX_TEMPFAIL of sysexits.h: a mail server keeps the letter and tries again later."""


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    for command in (mail_pages.preview, mail_pages.check):
        mail.command()(command)
    mail.command("try")(mail_trying.try_out)
    app.add_typer(mail, name="mail", rich_help_panel="Records")


@mail.command()
def receive(
    recipient: Annotated[
        str, typer.Option(help="The address it was sent to, as the mail server knows it.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it is.")] = False,
    as_json: AsJson = False,
) -> None:
    """Takes one letter from standard input: a pipe of the mail server ends here.

    In a .forward or aliases file: "|longplay -C /srv/acme mail receive". When it cannot be
    taken the status is 75, so that the server keeps the letter and tries again.
    """
    from engine.mail.inbound.classify import classify
    from engine.mail.inbound.letter import MOST_BYTES
    from engine.mail.return_path import ReturnSigner
    from engine.operations.returning import Taken, take_back

    if sys.stdin.isatty():
        raise EnvironmentFault(
            "there is no letter on standard input", help="longplay mail receive < letter.eml"
        )
    content = sys.stdin.buffer.read(MOST_BYTES)
    while sys.stdin.buffer.read(1 << 20):
        pass  # a pipe that is not read to its end is a failed delivery
    try:
        settings = place.settings()
        found = classify(content, ReturnSigner([settings.signing_key()]), sent_to=recipient)
        taken = Taken(found.kind, found.job)
        if not dry_run:
            with place.opened(settings) as store:
                (taken,) = take_back(store, [found], door="pipe")
    except LongplayError as error:
        rendering.fault(error.message, error.help, as_json=as_json)
        raise typer.Exit(_NO_MORE) from None
    document = {
        "kind": found.kind.value, "status": found.status, "cause": found.cause,
        "recipient": found.recipient, "detail": found.detail, "message": taken.job,
        "new": taken.is_new, "suppressed": taken.suppressed, "paused": taken.paused,
    }  # fmt: skip
    if as_json:
        rendering.document(document)
        return
    rendering.say(_told(document, dry_run=dry_run))


@mail.command()
def fetch(as_json: AsJson = False) -> None:
    """Looks into the mailbox of LONGPLAY_BOUNCE_IMAP_URL now, as workers do every minute."""
    from engine.mail.inbound.mailbox import parse_imap_url
    from engine.mail.return_path import ReturnSigner
    from engine.operations.mailbox import look

    settings = place.settings()
    if settings.bounce_imap_url is None:
        raise EnvironmentFault(
            "LONGPLAY_BOUNCE_IMAP_URL is not set",
            help="write it like imaps://user:password@imap.example/INBOX",
        )
    address = parse_imap_url(settings.bounce_imap_url.get_secret_value())
    with place.opened(settings) as store:
        taken = look(store, address, ReturnSigner([settings.signing_key()]))
    if taken is None:
        rendering.note("somebody looked within the last minute")
        taken = []
    new = [one for one in taken if one.is_new]
    if as_json:
        rendering.document({"letters": len(taken), "new": len(new)})
        return
    rendering.say(f"{len(taken)} letters, {len(new)} of them new")


def _told(document: Mapping[str, object], *, dry_run: bool) -> str:
    kind = str(document["kind"]).replace("_", " ")
    if document["kind"] == "unrelated" or (not dry_run and not document["message"]):
        return f"{kind}: no message of ours" if kind != "unrelated" else "no message of ours"
    parts = [kind, str(document["status"]), str(document["recipient"])]
    line = " · ".join(part for part in parts if part)
    if not dry_run and not document["new"]:
        line += " (known already)"
    if document["suppressed"]:
        line += f"; '{document['suppressed']}' gets no mail any more"
    if document["paused"]:
        line += f"; '{document['paused']}' is paused"
    return line
