"""Trying mails out: each one that a playbook can send, to addresses of the house, right now.

They go as the real ones would, signed and by the account of their step, and are the real ones but
for this: no lead got them, so that they stand in no ledger, count for no cap, are not tracked, and
their link to unsubscribe belongs to nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from engine.errors import NotFoundError
from engine.ids import new_id
from engine.mail.links import LinkSigner
from engine.mail.transports.port import Accepted, NotSent
from engine.operations.exits import Exits
from engine.operations.letters import Writer
from engine.operations.mail_preview import Reader, Shelf, Use, letter_of
from engine.operations.mail_routes import Routes, told
from engine.playbook.spelling import did_you_mean

MOST_ADDRESSES = 20
"""A trial is for colleagues; whoever wants to write to more enrolls them."""

_PATIENCE = timedelta(seconds=40)


@dataclass(frozen=True, slots=True)
class Trial:
    """A mail that was tried, and what the mail server said of it."""

    use: Use
    to: str
    subject: str
    went: bool
    said: str


def uses_of(shelf: Shelf, name: str, step: str = "") -> Sequence[Use]:
    """Every mail that a playbook can send, or those of one step; or the one of a template.

    Raises:
        NotFoundError: neither a playbook that sends mail nor a template is called so.
    """
    every = [one for uses in shelf.uses.values() for one in uses]
    found = [one for one in every if one.playbook == name and step in ("", one.step)]
    if found:
        return found
    steps = [one.step for one in every if one.playbook == name]
    if steps:
        hint = did_you_mean(step, steps) or f"it sends {', '.join(steps[:5])}"
        raise NotFoundError(f"'{name}' has no mail step '{step[:200]}'", help=hint)
    if name in shelf.uses:
        return [shelf.use(name, step)]
    names = {one.playbook for one in every if one.playbook} | set(shelf.uses)
    raise NotFoundError(
        f"no playbook that sends mail and no template is called '{name[:200]}'",
        help=did_you_mean(name, sorted(names)) or "see them with: longplay mail check",
    )


async def tried(
    shelf: Shelf, use: Use, reader: Reader, to: str, exits: Exits, *, now: datetime, public_url: str
) -> Trial:
    """Sends one mail to one address.

    Raises:
        LongplayError: the template cannot be filled in, or the address cannot be used.
    """
    letter = letter_of(shelf, use, reader, now=now, to=to, job=new_id())
    letter = replace(letter, via=Routes(shelf.current).wanted(letter.op))
    # A key that signs for nobody: whoever follows a link in it unsubscribes nobody.
    written = Writer(LinkSigner([new_id().encode()]), public_url).write(letter)
    leaving = exits.leaving(letter, written.envelope)
    if isinstance(leaving, NotSent):
        return Trial(use, to, written.subject, went=False, said=leaving.detail)
    outcome = await leaving.transport.send(leaving.envelope, within=_PATIENCE)
    if isinstance(outcome, Accepted):
        return Trial(use, to, written.subject, went=True, said=str(outcome.reply))
    return Trial(use, to, written.subject, went=False, said=told(outcome))
