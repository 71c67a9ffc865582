"""Playing one record through one playbook: from its start to the end, time skipped.

An event without a time is what starts the run: the playbook's own triggers decide about it. Where
there is none, the record is enrolled at the start as by hand, by the rules of `enroll`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import JsonValue

from engine.errors import InputError
from engine.ids import derived_id
from engine.operations import inbox, published
from engine.operations.edit_deals import put_deal
from engine.operations.intake import IncomingEvent, take_in
from engine.operations.lead_changes import react_to
from engine.operations.reactions import Reaction, Reactor, Wish
from engine.operations.scopes import load_facts, load_histories
from engine.playbook.durations import parse_duration
from engine.playbook.scenarios import DEFAULT_START, Scenario, ScenarioEvent, civil_moment
from engine.playbook.values import Value
from engine.runtime import civil
from engine.store import deals, enrollments, lead_writing, leads
from engine.store.database import Transaction
from rehearsal.answering import asked_of, give_arms, give_since
from rehearsal.happened import Row
from rehearsal.house import Runtime
from rehearsal.record_files import RecordFile
from rehearsal.watch import Watch, is_part

HORIZON = timedelta(days=2 * 366)
"""Further than this no rehearsal looks."""

MOST_MOMENTS = 3000
"""More looks than any playbook needs; one that asks the time every hour for ever has them all."""


@dataclass(frozen=True, slots=True)
class Given:
    """An event that is given to a run; `at` None: it is the start."""

    name: str
    at: datetime | None = None
    source: str = ""
    properties: Mapping[str, Value] = field(default_factory=dict)
    lead: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """What is played: the record as it is at the start, and what happens to it."""

    lead: Mapping[str, Value]
    at: datetime
    events: Sequence[Given] = ()
    answers: Mapping[str, JsonValue] = field(default_factory=dict)
    """What webhooks answer, by the name it is kept under."""

    deal: Mapping[str, object] = field(default_factory=dict)
    """The fields of the lead's deal; empty: it has none."""

    approvals: Mapping[str, bool] = field(default_factory=dict)
    """Step → whether a person says yes."""

    arms: Mapping[str, str] = field(default_factory=dict)
    """Split → the arm that is drawn."""

    level: int = 0
    """The level of an escalation that is due at the start; 0: its clock begins then."""


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it: the rows, how the last run stands, and the ways that were gone."""

    at: datetime
    rows: Sequence[Row]
    outcome: str
    reached: frozenset[tuple[str, str]] = frozenset()


def part_of(house: Runtime, scenario: Scenario) -> Part:
    """What a scenario says, its times in the workspace's zone."""
    start = instant(house, scenario.at or DEFAULT_START)
    return Part(
        _lead(scenario),
        start,
        _given(house, start, scenario.events),
        scenario.saved,
        deal=_deal(scenario),
        approvals={one.step: one.answer == "yes" for one in scenario.approvals},
        arms=scenario.arms,
        level=int(scenario.level or 0),
    )


def part_of_record(
    house: Runtime, record: RecordFile, events: Sequence[ScenarioEvent], begin: datetime
) -> Part:
    """What a record's file says, with more events; it begins at `begin` unless the file says."""
    start = instant(house, record.at) if record.at else begin
    more = _given(house, start, (*record.events, *events))
    return Part(_lead(record), start, more, record.saved, deal=_deal(record))


def _lead(given: Scenario | RecordFile) -> Mapping[str, Value]:
    lead: dict[str, Any] = dict(given.lead)
    return {**lead, "owner": given.owner} if given.owner else lead


def _deal(given: Scenario | RecordFile) -> Mapping[str, object]:
    """The deal's fields; its owner is the record's, unless it says so itself."""
    deal = dict(given.deal)
    return {"owner": given.owner, **deal} if deal and given.owner else deal


def _given(house: Runtime, start: datetime, events: Sequence[ScenarioEvent]) -> list[Given]:
    calendar = house.current.calendar("", {})
    found = []
    for one in events:
        at = instant(house, one.at) if one.at else None
        if one.after:
            at = civil.add(start, parse_duration(one.after), house.current.zone, calendar)
        at = None if at == start else at
        found.append(Given(one.event, at, one.from_, one.properties, one.lead))
    return found


def instant(house: Runtime, text: str) -> datetime:
    """A civil time in the workspace's zone."""
    moment = civil_moment(text)
    found = civil.next_moment(moment, house.clock.now, house.current.zone, lambda _name: None, None)
    if found is None:
        raise InputError(f"'{text}' does not exist")
    return found


def play(house: Runtime, playbook: str, part: Part) -> Played:
    """Plays `part` through `playbook` in a house that holds nothing yet.

    Raises:
        InputError: a value does not fit its field, or an event is not known.
    """
    return _Play(house, playbook, part).run()


@dataclass
class _Play:
    house: Runtime
    playbook: str
    part: Part
    lead: str = ""
    deal: str = ""
    watch: Watch = field(init=False)
    level: int = field(init=False)

    def __post_init__(self) -> None:
        self.level = self.part.level
        score = self.part.lead.get("score")
        start = float(score) if isinstance(score, int | float) else 0
        self.watch = Watch(self.house.store, self.playbook, start)

    def run(self) -> Played:
        """From the start to the end."""
        self.house.clock.now = self.part.at
        self.house.calls.answers = self.part.answers
        self.house.observe = self.watch.look
        self.lead, is_in = self.house.store.write(self._create)
        is_in = (bool(self.part.deal) and self._open_deal()) or is_in
        starters = [one for one in self.part.events if one.at is None]
        for one in starters:
            self._take_in(one)
        if not starters and not is_in and not self._is_scoring:
            self._told(self.house.store.write(self._enroll))
        self.watch.look()
        later = [one for one in self.part.events if one.at is not None]
        self._on(sorted(later, key=lambda one: one.at or self.part.at))
        self._left_waiting()
        return Played(self.part.at, self.watch.rows, self._outcome(), frozenset(self.watch.reached))

    @property
    def _is_scoring(self) -> bool:
        """Of a scoring playbook nobody is enrolled: its thresholds enroll whoever reaches them."""
        return self.house.current.plans[self.playbook].scoring is not None

    @property
    def _is_escalation(self) -> bool:
        return self.house.current.plans[self.playbook].escalation is not None

    def _create(self, tx: Transaction) -> tuple[str, bool]:
        """Makes the lead; answers its id, and whether that alone made an escalation watch it."""
        current = self.house.current
        changes = lead_writing.create_many(
            tx,
            [{"id": derived_id("rehearsal", self.playbook), **self.part.lead}],
            actor="rehearsal",
            custom=current.custom,
            lifecycle=current.workspace.lifecycle,
            zone=current.zone,
        )
        reaction = react_to(tx, changes, starts=False)
        return str(changes[0].id), any(name == self.playbook for _, name in reaction.entered)

    def _open_deal(self) -> bool:
        """Makes the lead's deal; answers whether that alone started the playbook."""
        values = {"name": "the deal", **self.part.deal, "lead": self.lead}
        made = put_deal(self.house.store, values, actor="rehearsal", force=True)
        self.deal = made.deal
        return any(name == self.playbook for _, name in made.reaction.entered)

    def _enroll(self, tx: Transaction) -> Reaction:
        current = published.current(tx)
        leads.lock(tx, [self.lead])
        known = deals.load(tx, [self.deal] if self.deal else [], current.deal_fields)
        facts = load_facts(tx, current, [self.lead])
        history = current.plans[self.playbook].history
        histories = load_histories(tx, [self.lead], history) if history else {}
        wish = Wish(
            self.lead, self.playbook, "manual:rehearsal", "enrolled at the start", deal=self.deal
        )
        return Reactor(tx, current, facts, histories, deals=known).enroll([wish])

    def _told(self, reaction: Reaction, event: str = "") -> None:
        for _, playbook, decline in reaction.declined:
            if is_part(playbook, self.playbook):
                self._declined(decline.why)
        if self._is_scoring:
            return
        is_known = any(name == self.playbook for _, name in reaction.entered)
        if event and not is_known and not reaction.declined:
            self._declined(f"no trigger answers to this {event}")

    def _declined(self, why: str) -> None:
        facts = {"outcome": "not-enrolled"}
        self.watch.rows.append(Row(self.house.clock.now, "", "not enrolled", why, facts))

    def _on(self, events: Sequence[Given]) -> None:
        """Moves the moment from one thing to the next, until nothing is left to come."""
        waiting = list(events)
        for _ in range(MOST_MOMENTS):
            self._give_arms()
            due = self.house.settle()
            while self._answer():
                due = self.house.settle()
            if waiting:
                at = waiting[0].at or self.house.clock.now
                due = at if due is None else min(due, at)
            if due is None or due > self.part.at + HORIZON:
                return
            self.house.clock.now = max(due, self.house.clock.now)
            while waiting and (waiting[0].at or due) <= self.house.clock.now:
                self._take_in(waiting.pop(0))
                self.watch.look()

    def _give_arms(self) -> None:
        """Runs that have just begun keep the arms that are wished for, as if drawn."""
        level, self.level = self.level, 0
        if level:
            self.house.store.write(lambda tx: give_since(tx, self.playbook, level))
        if self.part.arms:
            self.house.store.write(lambda tx: give_arms(tx, self.playbook, self.part.arms))

    def _answer(self) -> bool:
        """Answers what is asked of people now, as far as answers are given."""
        read = self.house.store.read
        asked = read(lambda tx: asked_of(tx, self.part.approvals)) if self.part.approvals else []
        for task, step, yes in asked:
            self.watch.event(self.house.clock.now, "answered", step, "yes" if yes else "no")
            inbox.answer(self.house.store, task, yes=yes, actor="rehearsal")
        return bool(asked)

    def _take_in(self, one: Given) -> None:
        now = self.house.clock.now
        source, run, properties = one.source, "", dict(one.properties)
        if one.name.startswith("email."):
            sent = self._mail(one.source)
            if sent is None and one.name == "email.unsubscribed" and not one.source:
                sent = "", "", ""  # from the page of preferences, which asks for no mail
            if sent is None and self._is_escalation:
                sent = "", "", ""  # on somebody else's mail
            if sent is None:
                step = f"'{one.source}'" if one.source else "any step"
                self.watch.event(now, one.name, one.source, f"nothing: no mail of {step} has gone")
                return
            source, run, template = sent
            on = {"step": source, "template": template} if source else {}
            properties = {**on, **properties}
        brought = {**one.properties, **{f"lead.{name}": it for name, it in one.lead.items()}}
        said = ", ".join(f"{name} {value}" for name, value in brought.items())
        self.watch.event(now, one.name, source, said)
        event = IncomingEvent(
            one.name, {**one.lead, "id": self.lead}, properties=properties, enrollment=run,
            source=source,
        )  # fmt: skip
        answer = take_in(self.house.store, [event])
        for _, error in answer.rejected:
            raise error
        self._told(answer.reaction, one.name if one.at is None else "")

    def _mail(self, step: str) -> tuple[str, str, str] | None:
        """The newest mail that has gone, of a step or of any: its step, run and template."""
        for row in reversed(self.watch.rows):
            found = str(row.facts.get("email", ""))
            if found and row.result == "accepted" and step in ("", found):
                return found, self._run(), str(row.facts.get("template", ""))
        return None

    def _run(self) -> str:
        return next((str(row["id"]) for row in self._runs()), "")

    def _runs(self) -> Iterator[Mapping[str, object]]:
        rows = self.house.store.read(self._rows_of_runs)
        yield from ({str(name): value for name, value in row.items()} for row in rows)

    def _rows_of_runs(self, tx: Transaction) -> Sequence[Mapping[Any, Any]]:
        """The playbook's runs, the newest first; of a scoring playbook those of its thresholds."""
        scoring = self.house.current.plans[self.playbook].scoring
        names = [one.playbook for one in scoring.thresholds] if scoring else [self.playbook]
        found = [row for name in names for row in enrollments.page(tx, playbook=name)]
        return sorted(found, key=lambda row: row["entered_at"], reverse=True) if scoring else found

    def _left_waiting(self) -> None:
        """Says so when the newest run has not come to an end, and nothing will bring it there."""
        run = next(self._runs(), None)
        if run is not None and run["state"] not in ("finished", "stopped"):
            facts, why = {"outcome": "waiting"}, "nothing that is still to come ends it"
            self.watch.rows.append(Row(self.house.clock.now, "", "waiting", why, facts))

    def _outcome(self) -> str:
        """How the newest run stands."""
        for run in self._runs():
            return str(run["outcome"] or run["state"])
        return "not-enrolled"
