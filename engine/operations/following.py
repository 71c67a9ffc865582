"""Links that were followed and mails that were opened: by people, and by machines.

A person's click or opening is an event like any other, on the message's own run. A machine's
(prefetchers and link scanners, known by what they say or by when they come) is kept under a name
of its own that no playbook can listen to, so it moves no lead, ends no wait, scores nothing and is
counted by no condition (language.md, 9.10).
"""

from dataclasses import dataclass
from datetime import datetime

from engine.errors import LongplayError
from engine.operations.intake import IncomingEvent, event_id, intake_in
from engine.operations.letters import Writer
from engine.operations.messages import Mailed, mailed
from engine.operations.rewriting import links_of
from engine.playbook.values import Value
from engine.runtime import scanning
from engine.store import events
from engine.store.database import Store, Transaction

MACHINE_CLICKED = "email.machine_clicked"
MACHINE_OPENED = "email.machine_opened"


@dataclass(frozen=True, slots=True)
class Followed:
    """A link of a message: which, and where it leads."""

    job: str
    index: int
    url: str


def link_of(store: Store, writer: Writer, job: str, index: int) -> Followed | None:
    """The link at this index of the message; None when the message has none there."""
    message = store.read(lambda tx: mailed(tx, job))
    if message is None:
        return None
    links = message.links or _written_again(store, writer, job)
    return Followed(job, index, links[index]) if index < len(links) else None


def _written_again(store: Store, writer: Writer, job: str) -> tuple[str, ...]:
    try:
        return links_of(store, writer, job)
    except LongplayError:
        return ()


def click(store: Store, followed: Followed, *, machine: bool) -> None:
    """Records that the link was followed; several times in one minute is once."""

    def work(tx: Transaction) -> None:
        message = mailed(tx, followed.job)
        if message is None:
            return
        link = str(followed.index)
        properties: dict[str, Value] = {"url": followed.url, "link": link}
        by_machine = machine or _is_scan(tx, message, link)
        name = MACHINE_CLICKED if by_machine else "email.clicked"
        _keep(tx, message, name, properties, link, machine=by_machine)

    store.write(work)


def open_mail(store: Store, job: str, *, machine: bool) -> bool:
    """Records that the mail was opened, if its step asks for that; answers whether it does."""
    message = store.read(lambda tx: mailed(tx, job))
    if message is None or not message.counts_opens:
        return False
    name = MACHINE_OPENED if machine else "email.opened"
    store.write(lambda tx: _keep(tx, message, name, {}, "", machine=machine))
    return True


def _keep(
    tx: Transaction,
    message: Mailed,
    name: str,
    more: dict[str, Value],
    which: str,
    *,
    machine: bool,
) -> None:
    if not message.lead_facts:
        return
    properties: dict[str, Value] = {"step": message.step, "template": message.template, **more}
    id = event_id(name, message.job, which, _minute(tx.now))
    if machine:
        row = {
            "id": id, "name": name, "lead": message.lead, "at": tx.now, "accepted_at": tx.now,
            "properties": {**properties, "machine": True},
        }  # fmt: skip
        events.insert_new(tx, [row])
        return
    event = IncomingEvent(
        name,
        {"id": message.lead},
        id=id,
        properties=properties,
        enrollment=message.enrollment,
        source=message.step,
    )
    intake_in(tx, [event])


def _is_scan(tx: Transaction, message: Mailed, link: str) -> bool:
    """Whether no person can have followed the link now; the clicks before it tell."""
    names = ("email.clicked", MACHINE_CLICKED)
    lately = events.lately(tx, message.lead, names, since=tx.now - scanning.BURST)
    mine = ("step", message.step), ("template", message.template)
    others = [
        (at, str(properties.get("link")))
        for at, properties in lately
        if all(properties.get(name) == value for name, value in mine)
    ]
    return scanning.scanned(link, tx.now, message.accepted_at, others)


def _minute(at: datetime) -> str:
    return at.strftime("%Y%m%dT%H%M")
