"""What came back, taken in: the ledger, the suppression list and the lead's events, together.

Whatever door it came through and however often, it counts once: its id is made of what it is and
of the message it is about. A letter that names no message of ours changes nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from engine.errors import InputError
from engine.ids import derived_id
from engine.mail.inbound.returned import Kind, Returned
from engine.mail.inbound.verdicts import SOFT_CAUSES
from engine.operations import complaining, published
from engine.operations.intake import IncomingEvent, intake_in
from engine.operations.messages import Mailed, mailed
from engine.playbook.durations import parse_offset
from engine.playbook.values import Value
from engine.runtime.identity import email_key
from engine.store import enrollments, events, forgotten, jobs, leads, returned, suppressions
from engine.store.database import Store, Transaction

DELAYED = "email.delayed"
AUTO_REPLIED = "email.auto_replied"
"""Kept in the lead's history under names that no playbook can listen to: they satisfy nothing."""

BY_ADDRESS = timedelta(days=7)
"""How long after a mail a provider's report about its address alone is taken to be about it."""

AT_ONCE = 50
"""Reports in one transaction."""

_ADDRESS = re.compile(r"[^\s<>()\[\]:;,\"]+@[^\s<>()\[\]:;,\"]+")
_PERSONAL = frozenset({Kind.REPLY, Kind.AUTO_REPLY})
_ONCE_A_MESSAGE = frozenset({Kind.HARD_BOUNCE, Kind.SOFT_BOUNCE, Kind.COMPLAINT})


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one thing that came back.

    Attributes:
        kind: what it was.
        job: the message it was about; empty: none of ours.
        is_new: whether it was not known before.
        suppressed: the address that gets no mail any more because of it; empty: none.
        paused: the playbook that is paused because of it; empty: none.
    """

    kind: Kind
    job: str = ""
    is_new: bool = False
    suppressed: str = ""
    paused: str = ""


def take_back(store: Store, found: Sequence[Returned], *, door: str) -> list[Taken]:
    """Takes in what came back, in transactions of some dozens.

    Args:
        store: the workspace's store.
        found: as it was classified, in order.
        door: through what it came: `pipe`, `imap` or a provider's name.
    """
    taken: list[Taken] = []
    for start in range(0, len(found), AT_ONCE):
        some = found[start : start + AT_ONCE]
        taken += store.write(lambda tx, some=some: _take_back(tx, some, door))  # type: ignore[misc]
    return taken


def _take_back(tx: Transaction, found: Sequence[Returned], door: str) -> list[Taken]:
    resolved = [(one, _message_of(tx, one)) for one in found]
    leads.lock(tx, sorted({message.lead for _, message in resolved if message}))
    return [_take(tx, one, message, door) for one, message in resolved]


def _message_of(tx: Transaction, one: Returned) -> Mailed | None:
    """The message it is about: by its return path, by its Message-ID, else by the address."""
    if one.kind is Kind.UNRELATED or not published.is_published(tx):
        return None
    if one.job and (message := mailed(tx, one.job)) is not None:
        return message
    for message_id in one.message_ids:
        job = message_id[1:].partition("@")[0]
        row = jobs.by_id(tx, job)
        if row is not None and row["message_id"] == message_id:
            return mailed(tx, job)
    if not one.is_vouched or not one.recipient:
        return None
    lead = next(iter(leads.find_by_email(tx, [one.recipient]).values()), None)
    job = returned.last_mail(tx, lead, one.recipient, since=tx.now - BY_ADDRESS) if lead else ""
    return mailed(tx, job) if job else None


def _take(tx: Transaction, one: Returned, message: Mailed | None, door: str) -> Taken:
    if message is None or _is_erased(message):
        return _by_address(tx, one, door)
    id = _id_of(one, message)
    row = {
        "id": id, "kind": one.kind.value, "job": message.job, "lead": message.lead,
        "playbook": message.playbook, "status": one.status[:20], "cause": one.cause[:40],
        "detail": "" if one.kind in _PERSONAL else _ADDRESS.sub("…", one.detail),
        "door": door, "at": tx.now,
    }  # fmt: skip
    if not returned.keep(tx, row):
        return Taken(one.kind, message.job)
    match one.kind:
        case Kind.HARD_BOUNCE:
            return _hard(tx, one, message, id)
        case Kind.SOFT_BOUNCE:
            return _soft(tx, one, message, id)
        case Kind.COMPLAINT:
            return _complaint(tx, one, message, id)
        case Kind.REPLY:
            _tell(tx, "email.replied", message, id, {})
        case Kind.DELAYED | Kind.AUTO_REPLY:
            _note(tx, DELAYED if one.kind is Kind.DELAYED else AUTO_REPLIED, message, id, one)
    return Taken(one.kind, message.job, is_new=True)


def _is_erased(message: Mailed) -> bool:
    """Whether the lead was erased, so that nothing may be written that names it."""
    return not message.address and not message.lead_facts


def _id_of(one: Returned, message: Mailed) -> str:
    which = "" if one.kind in _ONCE_A_MESSAGE else one.key
    return derived_id("returned", one.kind.value, message.job, which)


def _hard(tx: Transaction, one: Returned, message: Mailed, id: str) -> Taken:
    suppressions.add(tx, message.address, reason="bounced", source=message.job)
    _bounce(tx, message, f"{one.cause or 'hard_bounce'}: {_said(one)}")
    kind = "hard" if _is_present(message) else "former"
    _tell(tx, "email.bounced", message, id, {"kind": kind, "reply": _said(one)})
    return Taken(one.kind, message.job, is_new=True, suppressed=message.address)


def _soft(tx: Transaction, one: Returned, message: Mailed, id: str) -> Taken:
    _bounce(tx, message, f"{jobs.SOFT_BOUNCE}: {_said(one)}")
    rate = published.current(tx).workspace.sender.soft_bounces
    since = tx.now - parse_offset(rate.per).rough
    times = returned.undelivered(tx, message.lead, message.address, since=since, causes=SOFT_CAUSES)
    dead = one.cause in SOFT_CAUSES and times >= rate.count
    if dead:
        suppressions.add(tx, message.address, reason="bounced", source=f"{times} soft bounces")
    _tell(tx, "email.bounced", message, id, {"kind": "soft", "reply": _said(one)})
    suppressed = message.address if dead else ""
    return Taken(one.kind, message.job, is_new=True, suppressed=suppressed)


def _complaint(tx: Transaction, one: Returned, message: Mailed, id: str) -> Taken:
    present = message.lead_facts.get("email")
    for address in dict.fromkeys([message.address, present if isinstance(present, str) else ""]):
        if address:
            suppressions.add(tx, address, reason="complained", source=id)
            # Lifting the one by hand must not bring marketing back.
            suppressions.add(tx, address, reason=suppressions.UNSUBSCRIBED, source=id)
    _tell(tx, "email.complained", message, id, {})
    paused = message.playbook if complaining.look(tx, message.playbook) else ""
    return Taken(one.kind, message.job, is_new=True, suppressed=message.address, paused=paused)


def _by_address(tx: Transaction, one: Returned, door: str) -> Taken:
    """A provider vouches that the address is dead, or complained; the message is unknown."""
    reason = {Kind.HARD_BOUNCE: "bounced", Kind.COMPLAINT: "complained"}.get(one.kind)
    if reason is None or not one.is_vouched or not _is_address(one.recipient):
        return Taken(one.kind)
    if forgotten.known(tx, [one.recipient]):
        return Taken(one.kind)  # it must not be mailed already, and is not to be written down
    is_new = suppressions.add(tx, one.recipient, reason=reason, source=door)
    return Taken(one.kind, is_new=is_new, suppressed=one.recipient if is_new else "")


def _bounce(tx: Transaction, message: Mailed, reason: str) -> None:
    row = jobs.by_id(tx, message.job)
    if row is not None and returned.bounce(tx, message.job, reason):
        enrollments.wake_at_seq(tx, [(row["enrollment"], row["seq"])])
        tx.nudges.add(row["cohort"])


def _is_present(message: Mailed) -> bool:
    """Whether the lead still has the address that the message went to."""
    present = message.lead_facts.get("email")
    if not isinstance(present, str) or not present:
        return False
    return _is_address(message.address) and email_key(present) == email_key(message.address)


def _is_address(text: str) -> bool:
    try:
        return bool(email_key(text))
    except InputError:
        return False


def _said(one: Returned) -> str:
    return one.detail or one.status or one.cause


def _properties(message: Mailed) -> dict[str, Value]:
    return {"step": message.step, "template": message.template, "playbook": message.playbook}


def _tell(tx: Transaction, name: str, message: Mailed, id: str, more: dict[str, Value]) -> None:
    """The event of the lead, on the message's own run."""
    if not message.lead_facts:
        return
    event = IncomingEvent(
        name,
        {"id": message.lead},
        id=id,
        properties=_properties(message) | more,
        enrollment=message.enrollment,
        source=message.step,
    )
    intake_in(tx, [event])


def _note(tx: Transaction, name: str, message: Mailed, id: str, one: Returned) -> None:
    if not message.lead_facts:
        return
    more: dict[str, Any] = {"reply": _said(one)} if one.kind is Kind.DELAYED else {}
    if one.cause == "challenge":
        more = {"challenge": True}
    row = {
        "id": id, "name": name, "lead": message.lead, "at": tx.now, "accepted_at": tx.now,
        "properties": _properties(message) | more,
    }  # fmt: skip
    events.insert_new(tx, [row])
