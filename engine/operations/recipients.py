"""What the decision to send looks at, loaded for a window of jobs at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from engine.operations import published
from engine.operations.published import Current
from engine.operations.saying import Said
from engine.operations.scopes import load_deals, load_facts, load_histories, run_of, scope_of
from engine.operations.tellings import Tellings
from engine.playbook.durations import parse_duration
from engine.playbook.plan import Send
from engine.playbook.values import History, Value
from engine.runtime.consenting import withheld
from engine.runtime.send_window import SendWindow, send_window
from engine.runtime.sending import Cap, Mailing
from engine.store import enrollments, jobs, notices, suppressions
from engine.store.database import Transaction
from engine.store.suppressions import Blocks

NO_BLOCKS = Blocks()


@dataclass(slots=True)
class Recipient:
    """Who a message goes to: a lead, one of our own people, or nobody (then the inbox).

    `channel` is the room that is called over HTTP instead of sending a mail; or empty.
    """

    mailing: Mailing
    owner: str = ""
    name: str = ""
    channel: str = ""


@dataclass(slots=True)
class Recipients:
    """Leads, enrollments, permissions and caps behind a window of jobs."""

    tx: Transaction
    current: Current
    facts: Mapping[str, dict[str, Value]]
    runs: Mapping[str, Mapping[Any, Any]]
    histories: Mapping[str, History]
    blocks: Mapping[str, Blocks]
    brakes: frozenset[str]
    caps: Sequence[Cap]
    deals: Mapping[str, dict[str, Value]] = field(default_factory=dict)
    sent: dict[str, list[datetime]] = field(default_factory=dict)
    tellings: Tellings = field(default_factory=Tellings)

    @classmethod
    def load(
        cls,
        tx: Transaction,
        current: Current,
        rows: Sequence[Mapping[Any, Any]],
        brakes: frozenset[str],
    ) -> "Recipients":
        """Everything in a handful of queries, none of them per lead."""
        ids = sorted({row["lead"] for row in rows})
        facts = load_facts(tx, current, ids)
        runs = enrollments.standing(tx, [row["enrollment"] for row in rows])
        caps = caps_of(current)
        names = sorted({n for row in runs.values() for n in _plan(tx, row).history})
        widest = max((cap.period for cap in caps), default=timedelta())
        return cls(
            tx=tx,
            current=current,
            facts=facts,
            runs=runs,
            histories=load_histories(tx, ids, names) if names else {},
            blocks=suppressions.blocks_of(
                tx, [str(lead["email"]) for lead in facts.values() if lead.get("email")]
            ),
            brakes=brakes,
            caps=caps,
            deals=load_deals(tx, current, sorted({r["deal"] for r in runs.values() if r["deal"]})),
            sent=jobs.sent_times(tx, ids, tx.now - widest) if caps else {},
            tellings=Tellings.load(tx, rows),
        )

    def of(self, row: Mapping[Any, Any], op: Send) -> Recipient:
        """Who this job goes to, and all that says whether it may."""
        if op.action == "notify":
            return self._own(row)
        if op.action == "webhook":
            return Recipient(self._plainly(row, str(op.params["url"])))
        lead = self.facts.get(row["lead"], {})
        address = str(lead.get("email") or "")
        blocks = self.blocks.get(address, NO_BLOCKS)
        topic = str(op.params.get("topic") or "")
        mailing = Mailing(
            wanted=self._stands(row),
            held=self._is_held(row),
            address=address,
            marketing=row["marketing"],
            suppressed=blocks.dead,
            unsubscribed=blocks.unsubscribed_from(topic),
            withheld=withheld(self.current.workspace.consent, lead) if row["marketing"] else "",
            braked=self._is_braked(row),
            expires_at=_instant(row["params"].get("expires_at")),
            window=self._window(op) if row["marketing"] else None,
            zone=self.current.zone_of(lead),
            over_cap=str(op.params.get("over_cap") or "defer"),
            caps=self.caps,
            sent_at=self.sent.get(row["lead"], ()),
        )
        return Recipient(mailing, name=str(lead.get("full_name") or ""))

    def addresses(self) -> list[str]:
        """Where mail to these leads goes."""
        return [str(lead["email"]) for lead in self.facts.values() if lead.get("email")]

    def scope(self, row: Mapping[Any, Any]) -> dict[str, object]:
        """The names that the message's template may use."""
        run = self.runs.get(row["enrollment"])
        return scope_of(
            self.current,
            self.facts.get(row["lead"], {}),
            now=self.tx.now,
            history=self.histories.get(row["lead"]),
            run=run_of(run) if run is not None else None,
            deal=self.deals.get(run["deal"]) if run is not None and run["deal"] else None,
            record=_plan(self.tx, run).record if run is not None else "lead",
        )

    def said(self, row: Mapping[Any, Any]) -> tuple[Said, ...]:
        """What a notice says, and what may be answered; of other messages nothing."""
        return self.tellings.of(row)

    def is_void(self, row: Mapping[Any, Any]) -> bool:
        """Whether a notice carries others of which none is news any more."""
        return bool(row["params"].get(notices.GATHERED)) and not self.said(row)

    def count(self, row: Mapping[Any, Any], now: datetime) -> None:
        """Counts a message that goes now, for the next ones of the same lead in this window."""
        if row["marketing"]:
            self.sent.setdefault(row["lead"], []).append(now)

    def _own(self, row: Mapping[Any, Any]) -> Recipient:
        channel = self.current.workspace.channels.get(str(row["params"].get("channel") or ""))
        name = str(row["params"].get("owner") or "")
        owner = self.current.workspace.owners.get(name)
        address, room = owner.email if owner else "", ""
        if row["params"].get("queue"):
            address = room = str(row["params"]["channel"])
        elif channel is not None and channel.type == "email":
            address = channel.to
        # A notice that nobody can be sent is put into the inbox, never left out.
        mailing = self._plainly(row, address or "inbox")
        return Recipient(mailing, name, owner.name if owner else "", room)

    def _plainly(self, row: Mapping[Any, Any], address: str) -> Mailing:
        """What needs nobody's consent: it waits for the brake and for a paused run alone."""
        return Mailing(
            wanted=self._stands(row), address=address, marketing=False,
            braked=self._is_braked(row, plain=True), held=self._is_held(row),
        )  # fmt: skip

    def _stands(self, row: Mapping[Any, Any]) -> bool:
        if row["params"].get(notices.GATHERED):
            return True  # the runs have gone on
        if row["params"].get("by_hand"):
            return True  # a person sends it again, and knows that its run has gone on
        run = self.runs.get(row["enrollment"])
        return run is not None and run["ended_at"] is None and run["seq"] == row["seq"]

    def _is_held(self, row: Mapping[Any, Any]) -> bool:
        run = self.runs.get(row["enrollment"])
        return run is not None and run["held_at"] is not None

    def _is_braked(self, row: Mapping[Any, Any], *, plain: bool = False) -> bool:
        if row["playbook"] in self.brakes:
            return True
        books = self.tellings.playbooks(row) or (row["playbook"],)
        plans = filter(None, map(self.current.plans.get, books))
        goes_on = plain and any(plan.escalation is not None for plan in plans)
        return "*" in self.brakes and not goes_on  # escalations go on unless named (9.2)

    def _window(self, op: Send) -> SendWindow | None:
        written = op.params.get("window")
        if not isinstance(written, Mapping):
            return None
        return _window_cached(
            self.current,
            str(written.get("days") or "mon-sun"),
            str(written.get("hours") or "00:00-24:00"),
            str(written.get("timezone") or self.current.workspace.timezone),
            str(written.get("calendar") or ""),
        )


@lru_cache(maxsize=256)
def _window_cached(
    current: Current, days: str, hours: str, timezone: str, calendar: str
) -> SendWindow:
    rules = current.calendar(calendar, {}) if calendar else None
    return send_window(days=days, hours=hours, timezone=timezone, calendar=rules)


@lru_cache(maxsize=64)
def caps_of(current: Current) -> tuple[Cap, ...]:
    """The workspace's caps on marketing mail: a day is 24 hours."""
    rates = current.workspace.caps.get("marketing", ())
    return tuple(Cap(rate.count, parse_duration(rate.per).rough) for rate in rates)


def _plan(tx: Transaction, row: Mapping[Any, Any]) -> Any:
    return published.plan(tx, row["digest"])


def _instant(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
