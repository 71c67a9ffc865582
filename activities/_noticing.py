"""Where a slice's notices are collected: what goes at once, and what is gathered or waits.

A notice that goes at once is a job like any other, which its run waits for. One that waits is kept
beside the run, which goes on (`engine.operations.gathering`).
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from engine.ids import derived_id, job_id
from engine.mail.render import Templates
from engine.operations import gathering, published
from engine.operations.gathering import Kept
from engine.operations.published import Current
from engine.runtime.gathering import told_at
from engine.runtime.position import Member
from engine.store import notices
from engine.store.database import Transaction

BY_MAIL = "longplay-notify"


@dataclass(slots=True)
class NoticeDesk:
    """The notices of one slice."""

    tx: Transaction
    current: Current
    _kept: list[Kept] = field(default_factory=list)
    _direct: list[dict[str, Any]] = field(default_factory=list)

    def at_once(self, member: Member, owner: str | None, channel: str) -> None:
        """Lists a notice that has a job of its own."""
        id = job_id(member.id, member.seq)
        self._direct.append(
            {
                "id": id, "digest": id, "owner": owner, "channel": channel, "lead": member.lead,
                "deal": member.deal, "enrollment": member.id, "playbook": member.plan.playbook,
                "step": member.plan.ops[member.pc].step, "task": None, "text": "",
                "created_at": self.tx.now, "due_at": self.tx.now,
            }
        )  # fmt: skip

    def keep(self, member: Member, one: Kept) -> None:
        """Keeps a notice of the member's step until it is told."""
        self._kept.append(one)

    def asked(self, member: Member, task: str, owner: str, text: str) -> None:
        """Tells the person who is asked for a yes or a no, outside of quiet hours."""
        person = self.current.workspace.owners.get(owner)
        if person is None or not person.email:
            return
        self._kept.append(
            Kept(
                id=derived_id("asked", task), owner=owner, channel="", queue=BY_MAIL,
                due_at=told_at(self.tx.now, "", gathering.manner_of(self.current, owner)),
                text=text, lead=member.lead, deal=member.deal, enrollment=member.id,
                playbook=member.plan.playbook, step=member.plan.ops[member.pc].step, task=task,
            )
        )  # fmt: skip

    def page(self, template: str, member: Member) -> str:
        """What a mail template says to the member, as text."""
        languages = (_said(member, "language"), self.current.workspace.language)
        rendered = _templates(self.tx, member.plan.digest).render(
            template,
            {**member.scope, **self.current.words},
            languages=[one for one in languages if one],
        )
        return f"{rendered.subject}\n\n{rendered.text}".strip()

    def forget(self, member: Member) -> None:
        """Drops what a member was about to tell in the step that failed."""
        id = job_id(member.id, member.seq)
        self._direct = [one for one in self._direct if one["id"] != id]
        self._kept = [one for one in self._kept if one.id != id]

    def flush(self) -> None:
        """Writes the notices of the slice."""
        notices.insert(self.tx, self._direct)
        gathering.keep(self.tx, self.current, self._kept)


def _said(member: Member, name: str) -> str:
    lead = member.scope.get("lead")
    return str(lead.get(name) or "") if isinstance(lead, dict) else ""


def _templates(tx: Transaction, digest: str) -> Templates:
    # Compiled templates are kept by what they are made of, which never changes.
    return _compiled(tuple(sorted(published.templates(tx, digest).items())))


@lru_cache(maxsize=32)
def _compiled(files: tuple[tuple[str, str], ...]) -> Templates:
    return Templates(dict(files))
