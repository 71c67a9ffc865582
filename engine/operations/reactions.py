"""What events and changes of records set off: exits, waits, enrollments. Within one transaction.

The caller holds the leads' locks. Exits come before triggers on the same event, so that
`again: always` starts a playbook anew (language.md, section 4).
"""

from collections.abc import Collection, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from engine.ids import lasting, run_id
from engine.operations import befores, clocks, published
from engine.operations.deal_sight import DealSight, sees
from engine.operations.drawing import convert
from engine.operations.enrollment_rows import cohort_of, finish_rows
from engine.operations.heeding import heeded
from engine.operations.occurrences import Occurrence, by_lead, kept_row
from engine.operations.published import Current
from engine.operations.refusing import Refusals
from engine.operations.scopes import load_histories, run_of, scope_of
from engine.operations.scoring import Reached, Scored, Scorer
from engine.operations.timed_segments import looked_at
from engine.playbook.plan import Plan
from engine.playbook.scoring_plan import PRIMARY
from engine.playbook.values import History, Scope, Value
from engine.runtime.enrolling import Decline, Enter, Entry, Former, decide_entry
from engine.runtime.escalating import SINCE
from engine.runtime.interpreter import leave_by
from engine.runtime.matching import (
    Edge,
    Fired,
    Happened,
    exit_by_event,
    fired_by_change,
    fired_by_event,
    held_back,
    held_back_by_change,
    implied_exit,
)
from engine.runtime.position import Finish
from engine.store import awaited_events, enrollments, suppressions
from engine.store.database import Transaction
from engine.store.leads import ERASED


@dataclass(slots=True)
class Reaction:
    """What came of it: the enrollments that began, and those declined, with reasons."""

    entered: list[tuple[str, str]] = field(default_factory=list)
    declined: list[tuple[str, str, Decline]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody would like to enroll this lead, or this deal of it.

    `chain` counts the playbooks that started each other, up to this one. `trace`: what it is part
    of, as a traceparent. `since`: what an escalation counts from, where the record does not say.
    """

    lead: str
    playbook: str
    cause: str
    why: str
    event: Mapping[str, Value] | None = None
    event_id: str | None = None
    key: str | None = None
    lane: str = "live"
    deal: str = ""
    chain: int = 0
    trace: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Leave:
    """Somebody would like an enrollment of this lead, or of this deal of it, to end.

    `key` says which; empty: each of them.
    """

    lead: str
    deal: str
    playbook: str
    key: str
    why: str

    def means(self, row: Mapping[Any, Any]) -> bool:
        """Whether it is this open enrollment."""
        mine = row["record"] in {self.lead, self.deal} and row["playbook"] == self.playbook
        return mine and self.key in {"", row["key"]}


@dataclass(slots=True)
class Reactor:
    """Works off what happened to a set of leads in one transaction.

    Args:
        tx: the open transaction; the leads are locked.
        current: what is published.
        facts: the leads as they are after the change; of deals, the primary contacts.
        deals: the deals as they are after the change; others are loaded as they are needed.
        histories: what conditions that count events look at.
    """

    tx: Transaction
    current: Current
    facts: MutableMapping[str, dict[str, Value]]
    histories: Mapping[str, History] = field(default_factory=dict)
    deals: MutableMapping[str, dict[str, Value]] = field(default_factory=dict)
    reaction: Reaction = field(default_factory=Reaction)
    refused: Refusals = field(default_factory=Refusals)
    _new: frozenset[str] = frozenset()
    counted: set[str] = field(default_factory=set)
    """Events that scores know already."""

    @property
    def sight(self) -> DealSight:
        """Which deals are concerned."""
        return DealSight(self.tx, self.current, self.deals)

    def react(
        self,
        occurrences: Sequence[Occurrence],
        edges: Mapping[str, Edge],
        *,
        starts: bool = True,
        spare: frozenset[str] = frozenset(),
        deal_edges: Mapping[str, Edge] | None = None,
        ahead: Sequence[Occurrence] = (),
    ) -> Reaction:
        """Scores, then exits, then waits, then triggers.

        Args:
            occurrences: events, in order.
            ahead: events of the same batch that are reacted to afterwards, and scored now.
            edges: lead → its change.
            deal_edges: deal → its change.
            starts: whether changes may enroll (an import's may not).
            spare: enrollments that made the change themselves, and have looked at it already.
        """
        of_deals = {str(edge.after["lead"]) for edge in (deal_edges or {}).values()}
        touched = {one.lead for one in occurrences} | set(edges) | of_deals
        leads = sorted(touched)
        if not leads:
            return self.reaction
        self._load_histories(leads)
        scored = self._score([*occurrences, *ahead], edges, starts=starts)
        edges = scored.edges
        clocks.follow_records(self.tx, self.current, edges, deal_edges or {})
        self._new = frozenset(lead for lead, edge in edges.items() if edge.before is None)
        rows = enrollments.open_of(self.tx, [lead for lead in leads if lead not in self._new])
        self.sight.load(rows, (one.happened for one in occurrences), leads)
        convert(self.tx, self.current, ((one.lead, one.happened) for one in occurrences))
        left = self._leave(rows, occurrences)
        staying = [row for row in rows if row["id"] not in left]
        self._keep(staying, occurrences)
        self._look_again([row for row in staying if row["id"] not in spare], touched)
        wishes = list(self._wishes(occurrences, starts=starts))
        if not starts:
            wishes += self._watches(edges, deal_edges or {}, by_lead(occurrences))
        else:
            counted = befores.by_events(self.current, self.facts, occurrences, edges)
            happened = by_lead(occurrences)
            wishes += self._wishes_by_change({**counted, **edges}, deal_edges or {}, happened)
            wishes += [wish_at(one) for one in scored.reached]
        self.enroll(wishes)
        return self.reaction

    def enroll(self, wishes: Sequence[Wish]) -> Reaction:
        """Enrolls whom the playbooks' rules let in; the others are declined with a reason."""
        if wishes:
            self._enroll(wishes)
        self.refused.write(self.tx)
        return self.reaction

    def _enroll(self, wishes: Sequence[Wish]) -> None:
        leads = sorted({wish.lead for wish in wishes})
        self.sight.know(wish.deal for wish in wishes if wish.deal)
        records = sorted({self._record(wish) for wish in wishes} - self._new)
        known = enrollments.former(self.tx, sorted({wish.playbook for wish in wishes}), records)
        unmailable = suppressions.blocked(
            self.tx, {lead: self.facts[lead].get("email") for lead in leads}
        )
        rows = []
        for wish in wishes:
            former = known.setdefault((wish.playbook, self._record(wish)), [])
            entry = self._decide(wish, former, suppressed=wish.lead in unmailable)
            if isinstance(entry, Enter):
                rows.append(self._row(wish, entry.key))
                former.append(Former(entry.key, wish.cause, None))
                self.reaction.entered.append((wish.lead, wish.playbook))
            else:
                self.reaction.declined.append((wish.lead, wish.playbook, entry))
                record = self._record(wish)
                watched = self.current.plans[wish.playbook].escalation is not None
                if watched and entry.reason == "already-in":
                    continue  # its watch has seen the change itself
                self.refused.by_rules(wish.playbook, record, wish.lane, wish.why, entry)
        enrollments.insert(self.tx, rows)

    def leave(self, leaves: Sequence[Leave]) -> None:
        """Ends the open enrollments that are meant, with outcome `left` and a reason.

        Of a playbook for deals only those of the deal; of one for leads the lead's.
        """
        if not leaves:
            return
        of_lead: dict[str, list[Leave]] = {}
        for leave in leaves:
            of_lead.setdefault(leave.lead, []).append(leave)
        ends = []
        for row in enrollments.open_of(self.tx, sorted(of_lead)):
            meant = next((one for one in of_lead[row["lead"]] if one.means(row)), None)
            if meant is not None:
                ends.append((row, Finish("left", meant.why)))
        finish_rows(self.tx, ends)

    def _score(
        self, occurrences: Sequence[Occurrence], edges: Mapping[str, Edge], *, starts: bool
    ) -> Scored:
        fresh = [one for one in occurrences if one.happened.id not in self.counted]
        self.counted.update(one.happened.id for one in fresh)
        return Scorer(self.tx, self.current, self.facts, self._scope).score(
            fresh, edges, starts=starts
        )

    def _load_histories(self, leads: Sequence[str]) -> None:
        names = heeded(self.current).counted
        if names and not self.histories:
            self.histories = load_histories(self.tx, leads, names)

    def _scope(
        self,
        lead: str,
        run: Mapping[str, Value] | None = None,
        *,
        deal: str | None = None,
        record: str = "lead",
    ) -> dict[str, object]:
        return scope_of(
            self.current,
            self.facts[lead],
            now=self.tx.now,
            history=self.histories.get(lead),
            run=run,
            deal=self.deals.get(deal) if deal else None,
            record=record,
        )

    def _record(self, wish: Wish) -> str:
        return wish.deal if self._is_for_deals(wish) else wish.lead

    def _is_for_deals(self, wish: Wish) -> bool:
        return self.current.plans[wish.playbook].record == "deal"

    def _leave(
        self, rows: Sequence[Mapping[Any, Any]], occurrences: Sequence[Occurrence]
    ) -> frozenset[str]:
        of_leads = by_lead(occurrences)
        left = []
        for row in rows:
            plan = published.plan(self.tx, row["digest"])
            end = self._exit_of(plan, row, of_leads.get(row["lead"], ()))
            if end is not None:
                left.append((row, end))
        finish_rows(self.tx, left)
        return frozenset(row["id"] for row, _ in left)

    def _exit_of(
        self, plan: Plan, row: Mapping[Any, Any], occurrences: Iterable[Occurrence]
    ) -> Finish | None:
        for one in occurrences:
            if one.by == row["id"]:
                continue
            implied = implied_exit(plan, one.happened)
            if implied is not None:
                return implied
            if one.happened.name not in plan.heard or not sees(plan, row, one.happened):
                continue
            scope = self._scope(row["lead"], run_of(row), deal=row["deal"], record=plan.record)
            scope["event"] = one.happened.properties
            item = exit_by_event(plan, one.happened, scope)
            if item is not None:
                return leave_by(item, scope)
        return None

    def _keep(self, rows: Sequence[Mapping[Any, Any]], occurrences: Sequence[Occurrence]) -> None:
        of_leads = by_lead(occurrences)
        kept = []
        for row in rows:
            plan = published.plan(self.tx, row["digest"])
            for one in of_leads.get(row["lead"], ()):
                mine = one.by != row["id"] and sees(plan, row, one.happened)
                if mine and one.happened.name in plan.listens:
                    kept.append((row, one))
        awaited_events.keep(self.tx, [kept_row(row, one, self.tx.now) for row, one in kept])
        self._wake([row for row, _ in kept])

    def _look_again(self, rows: Sequence[Mapping[Any, Any]], touched: Collection[str]) -> None:
        """Conditions may count events, so an event that changes no field is looked at as well."""
        self._wake(
            [
                row
                for row in rows
                if row["lead"] in touched and published.plan(self.tx, row["digest"]).follows_record
            ]
        )

    def _wake(self, rows: Sequence[Mapping[Any, Any]]) -> None:
        rows = [row for row in rows if row["held_at"] is None]
        enrollments.wake(self.tx, [row["id"] for row in rows])
        self.tx.nudges.update(row["cohort"] for row in rows)

    def _wishes(self, occurrences: Sequence[Occurrence], *, starts: bool) -> Iterable[Wish]:
        sight = self.sight
        by_event = heeded(self.current).events
        for one in occurrences:
            if not one.starts:
                continue
            for plan in by_event.get(one.happened.name, ()):
                for deal in sight.targets(plan, one.lead, one.happened):
                    scope = self._scope(one.lead, deal=deal, record=plan.record)
                    scope["event"] = one.happened.properties
                    fired = fired_by_event(plan, one.happened, scope)
                    if fired is not None:
                        yield _wish(one.lead, plan.playbook, fired, one.happened, deal)
                    elif (item := held_back(plan, one.happened)) is not None:
                        self.refused.by_trigger(plan, deal or one.lead, item, scope)

    def _watches(
        self,
        edges: Mapping[str, Edge],
        deal_edges: Mapping[str, Edge],
        happened: Mapping[str, Sequence[Occurrence]],
    ) -> Iterable[Wish]:
        """What escalations watch from now on, of what came by an import.

        However a record got into its stage, it lies there; but nobody has let it lie until now.
        """
        for wish in self._wishes_by_change(edges, deal_edges, happened):
            escalation = self.current.plans[wish.playbook].escalation
            if escalation is not None:
                yield replace(wish, since=None if escalation.backdate else self.tx.now)

    def _wishes_by_change(
        self,
        edges: Mapping[str, Edge],
        deal_edges: Mapping[str, Edge],
        happened: Mapping[str, Sequence[Occurrence]],
    ) -> Iterable[Wish]:
        of_deals, sight = dict(deal_edges), self.sight
        looked = looked_at(self.tx, self.current)
        for lead, edge in edges.items():
            yield from self._fired(lead, "", edge, happened, looked)
            for deal, same in sight.edges_of(lead, edge).items():
                of_deals.setdefault(deal, same)
        for deal, edge in of_deals.items():
            yield from self._fired(str(edge.after["lead"]), deal, edge, happened, looked)

    def _fired(
        self,
        lead: str,
        deal: str,
        edge: Edge,
        happened: Mapping[str, Sequence[Occurrence]],
        looked: Mapping[str, datetime],
    ) -> Iterable[Wish]:
        plans = heeded(self.current).changes[edge.record]
        if not plans:
            return
        scope = self._scope(lead, deal=deal, record=edge.record)
        history = befores.history(self.histories.get(lead), happened.get(lead, ()))

        def was(at: datetime | None) -> Scope:
            return befores.scope(self.current, edge, self.facts[lead], history, at or self.tx.now)

        for plan in plans:
            fired = fired_by_change(plan, edge, scope, was, looked)
            if fired is not None:
                yield _wish(lead, plan.playbook, fired, None, deal)
            elif (item := held_back_by_change(plan, edge, scope)) is not None:
                self.refused.by_trigger(plan, deal or lead, item, scope)

    def _decide(self, wish: Wish, former: Sequence[Former], *, suppressed: bool) -> Entry:
        run: dict[str, Value] = {"event": wish.event or {}, "key": wish.key or ""}
        plan = self.current.plans[wish.playbook]
        if plan.record == "deal" and wish.deal not in self.deals:
            return Decline("no-deal", "the playbook is for deals, and no deal is known here")
        if plan.record == "lead" and self.facts[wish.lead].get("stage") == ERASED:
            return Decline("deleted", "the lead was erased")
        scope = self._scope(wish.lead, run, deal=wish.deal, record=plan.record)
        return decide_entry(
            plan,
            scope,
            wish.cause,
            former,
            suppressed=suppressed,
            now=self.tx.now,
            zone=self.current.zone_of(self.facts[wish.lead]),
            key=wish.key,
            calendar=self.current.calendar(plan.calendar, scope),
        )

    def _who(self, wish: Wish) -> tuple[str, str]:
        """Whom a run is of, by what outlasts the row: the address, and the deal."""
        address = self.facts[wish.lead].get("email")
        deal = wish.deal if self._is_for_deals(wish) else ""
        return (str(address).lower() if address else wish.lead, deal)

    def _row(self, wish: Wish, key: str) -> dict[str, Any]:
        now = self.tx.now
        digest = self.current.digests[wish.playbook]
        cohort = cohort_of(self.tx, wish.playbook, digest, wish.lane, wish.lead)
        return {
            "id": run_id(wish.playbook, *self._who(wish), _lasting_cause(wish.cause)),
            "playbook": wish.playbook, "digest": digest, "cohort": cohort,
            "record": self._record(wish), "lead": wish.lead,
            "deal": wish.deal if self._is_for_deals(wish) else None,
            "key": key, "cause": wish.cause, "event": wish.event_id,
            "seq": 0, "pc": 0, "state": "pending", "blocked_on": "", "wake_at": now,
            "until_at": None, "anchor_at": now, "listen_seq": 0, "held_at": None,
            "memory": _kept(wish),
            "entered_at": now, "ended_at": None,
            "outcome": "", "goal": False, "goal_value": None, "reason": wish.why,
        }  # fmt: skip


def _lasting_cause(cause: str) -> str:
    """The cause without what is made anew when its run is."""
    kind, _, rest = cause.partition(":")
    if kind != "enroll":
        return cause
    parent, _, seq = rest.partition(":")
    return f"{kind}:{lasting(parent)}:{seq}"


def _kept(wish: Wish) -> dict[str, Value]:
    told: dict[str, Value] = {
        "event": dict(wish.event or {}), "chain": wish.chain, "trace": wish.trace,
        SINCE: wish.since.isoformat() if wish.since is not None else "",
    }  # fmt: skip
    return {name: value for name, value in told.items() if value}


def _wish(
    lead: str, playbook: str, fired: Fired, happened: Happened | None, deal: str = ""
) -> Wish:
    why = f"trigger {fired.position + 1}: {happened.name if happened else fired.kind}"
    return Wish(
        lead,
        playbook,
        fired.cause,
        why="it is watched from now on" if fired.kind == "watch" else why,
        event=happened.properties if happened else None,
        event_id=happened.id if happened else None,
        deal=deal,
        trace=happened.trace if happened else "",
    )


def wish_at(one: Reached, *, lane: str = "live") -> Wish:
    """What a lead that came to a threshold would like."""
    happened = one.event.happened if one.event is not None else None
    name = one.score if one.score == PRIMARY else f"the score {one.score}"
    return Wish(
        one.lead,
        one.level.playbook,
        f"threshold:{one.cause}",
        why=f"threshold {one.level.name}: {name} {one.total} reached {one.level.at:g}",
        event=happened.properties if happened else None,
        event_id=happened.id if happened else None,
        lane=lane,
        trace=happened.trace if happened else "",
    )
