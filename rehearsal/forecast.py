"""A forecast: a crowd of leads through one playbook, people's doings drawn with seeded dice.

Time moves in steps, so that what is due within one is done together; a step is never longer than
an hour, nor than a quarter of the playbook's shortest wait. Everything else is decided as ever.
"""

import heapq
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

import sqlalchemy as sa

from engine.operations import clocks, coming, inbox, published
from engine.operations.clock_guard import ClockGuard
from engine.operations.firing import fire_due
from engine.operations.intake import IncomingEvent, take_in
from engine.operations.lead_changes import react_to
from engine.operations.reactions import Reactor, Wish
from engine.operations.scopes import load_facts, load_histories
from engine.operations.windows import Letter
from engine.playbook.durations import Duration, parse_duration
from engine.playbook.plan import Await, Plan, Wait
from engine.playbook.values import Value
from engine.store import lead_writing, tasks
from engine.store.database import Transaction
from rehearsal.assumptions import Assumptions, Occurs
from rehearsal.carrier import Carrier
from rehearsal.house import House
from rehearsal.tally import Tally, tally

_BATCH = 500
_EVENTS = 200
_LONGEST_STEP = timedelta(hours=1)
_GRIDS = tuple(timedelta(minutes=n) for n in (480, 240, 60, 15, 5))
_MOST_ARRIVALS = 56
_FINEST = timedelta(minutes=1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

Lead = Mapping[str, Value]
_new_tasks = (
    sa.select(sa.literal_column("rowid"), tasks.table.c.id, tasks.table.c.lead, tasks.table.c.kind)
    .where(sa.literal_column("rowid").op(">")(sa.bindparam("place")))
    .order_by(sa.literal_column("rowid"))
)


def forecast(
    house: House,
    plan: Plan,
    leads: Sequence[Lead],
    assumptions: Assumptions,
    start: datetime,
    progress: Callable[[int], None] = lambda days: None,
) -> Tally:
    """What becomes of `leads` in the days to come.

    Args:
        house: in which the plan is published, and nothing has happened.
        plan: the playbook's.
        leads: in the order in which they come.
        assumptions: about people.
        start: when it begins.
        progress: told how many days have passed.
    """
    return _Forecast(house, plan, leads, assumptions, start, progress).run()


@dataclass
class _Forecast:
    house: House
    plan: Plan
    leads: Sequence[Lead]
    assumptions: Assumptions
    start: datetime
    progress: Callable[[int], None]
    mails: dict[tuple[datetime, str], int] = field(default_factory=dict)
    _coming: list[tuple[datetime, int, Callable[[], IncomingEvent | None]]] = field(
        default_factory=list
    )
    _number: Iterator[int] = field(default_factory=count)
    _sent: dict[tuple[str, str], int] = field(default_factory=dict)
    _tasks_seen: int = 0
    _next_fire: datetime | None = None
    _guard: ClockGuard = field(init=False)
    _settled_at: datetime = field(init=False)

    def run(self) -> Tally:
        """Until the last day is over."""
        house = self.house
        house.clock.now = self.start
        self._guard = ClockGuard(house.clock.steady)
        self._settled_at = self.start
        house.deliver = Carrier(house.memory, self._guard, self._bounces, self._gone).deliver
        self._fire()
        end = self.start + timedelta(days=self.assumptions.days)
        arrivals = self._arrivals()
        due: datetime | None = self.start
        while True:
            now = self._next(due, arrivals)
            if now is None or now > end:
                break
            house.clock.now = now
            fired = self._next_fire is not None and self._next_fire <= now and self._fire()
            if fired or (due is not None and due <= now):
                due = self._settle()
            arrived = arrivals.pop(now, ())
            if arrived:
                self._arrive(arrived)
            self._take_in()
            if house.nudged:
                due = self._settle()
            self._look_at_tasks()
            self.progress((now - self.start).days)
        return house.store.read(lambda tx: tally(tx, self.plan, self.start, end, self.mails))

    def _settle(self) -> datetime | None:
        """Everything that is due, and of mail under a rate what would have left since the last."""
        self._guard.stride = self.house.clock.now - self._settled_at
        self._settled_at = self.house.clock.now
        return self.house.settle()

    def _next(
        self, due: datetime | None, arrivals: Mapping[datetime, Sequence[Lead]]
    ) -> datetime | None:
        """The next moment at which something is to be done: what is due may wait for a step."""
        found = [up(due, self._step)] if due is not None else []
        if self._coming:
            found.append(self._coming[0][0])
        if arrivals:
            found.append(next(iter(arrivals)))
        if self._next_fire is not None:
            found.append(up(self._next_fire, _FINEST))
        return max(min(found), self.house.clock.now) if found else None

    @property
    def _step(self) -> timedelta:
        spans = [op.span for op in self.plan.ops if isinstance(op, Wait) and op.span]
        spans += [op.up_to for op in self.plan.ops if isinstance(op, Await)]
        lengths = [parse_duration(one).rough for one in spans if one != "forever"]
        return max(_FINEST, min([_LONGEST_STEP, *(one / 4 for one in lengths)]))

    def _arrivals(self) -> dict[datetime, list[Lead]]:
        """Who comes when: evenly over the time, those of an hour or more together."""
        within = timedelta()
        if self.assumptions.arrive:
            within = parse_duration(self.assumptions.arrive).rough
        together = max(1, round(within / _LONGEST_STEP / _MOST_ARRIVALS)) * _LONGEST_STEP
        found: dict[datetime, list[Lead]] = {}
        for number, lead in enumerate(self.leads):
            span = within * (number / len(self.leads))
            found.setdefault(self.start + span // together * together, []).append(lead)
        return found

    def _arrive(self, leads: Sequence[Lead]) -> None:
        for batch in _chunks(leads, _BATCH):
            self.house.store.write(lambda tx, batch=batch: self._create(tx, batch))  # type: ignore[misc]
        now, start = self.house.clock.now, self.assumptions.start
        for lead in leads:
            if start is not None:
                self._plan(now, _event(start, str(lead["id"])))
            dice = self._dice(lead["id"], "events")
            for one in self.assumptions.events:
                if dice.random() < one.share:
                    after = self._span(one.after) if one.after else timedelta()
                    delay = after + self._span(one.within) * dice.random()
                    self._plan(self._grid(now, delay), _event(one, str(lead["id"])))

    def _create(self, tx: Transaction, leads: Sequence[Lead]) -> None:
        current = published.current(tx)
        changes = lead_writing.create_many(
            tx, leads, actor="forecast", custom=current.custom,
            lifecycle=current.workspace.lifecycle, zone=current.zone,
        )  # fmt: skip
        react_to(tx, changes, starts=self.assumptions.triggers)
        if self.assumptions.start is None and not self.assumptions.triggers:
            self._enroll(tx, [str(one.id) for one in changes])

    def _enroll(self, tx: Transaction, ids: Sequence[str]) -> None:
        current = published.current(tx)
        facts = load_facts(tx, current, ids)
        history = self.plan.history
        histories = load_histories(tx, ids, history) if history else {}
        name = self.plan.playbook
        wishes = [Wish(lead, name, "manual:forecast", "enrolled at the start") for lead in facts]
        Reactor(tx, current, facts, histories).enroll(wishes)

    def _fire(self) -> bool:
        """Cron and dates of the playbook's own triggers; answers whether anybody came in."""
        fired = fire_due(self.house.store)
        entered = fired.entered
        while fired.more:
            fired = fire_due(self.house.store)
            entered += fired.entered
        self._next_fire = self.house.store.read(_next_fire)
        return entered > 0

    def _take_in(self) -> None:
        """What people do at this moment."""
        due: list[IncomingEvent] = []
        while self._coming and self._coming[0][0] <= self.house.clock.now:
            event = heapq.heappop(self._coming)[2]()
            if event is not None:
                due.append(event)
        for batch in _chunks(due, _EVENTS):
            for _, error in take_in(self.house.store, batch).rejected:
                raise error

    def _plan(self, at: datetime, make: Callable[[], IncomingEvent | None]) -> None:
        heapq.heappush(self._coming, (at, next(self._number), make))

    def _dice(self, *about: object) -> Random:
        return Random("/".join(map(str, (self.assumptions.seed, *about))))

    def _bounces(self, letter: Letter) -> bool:
        mail = self.assumptions.of_mail(letter.op.step, str(letter.op.params.get("template")))
        return self._dice(letter.lead.get("id"), "bounce").random() < mail.bounce

    def _gone(self, letter: Letter) -> None:
        """A mail was accepted: what its reader will do is thrown for now."""
        day = self.house.clock.now.astimezone(self.house.current.zone)
        key = (day.replace(hour=0, minute=0, second=0, microsecond=0), letter.op.step)
        if letter.op.action != "email":
            return
        self.mails[key] = self.mails.get(key, 0) + 1
        lead, step = str(letter.lead.get("id")), letter.op.step
        nth = self._sent[lead, step] = self._sent.get((lead, step), 0) + 1
        template = str(letter.op.params.get("template"))
        mail, dice = self.assumptions.of_mail(step, template), self._dice(lead, step, nth)
        delays = self.assumptions.delays
        for verb, share, half in (
            ("opened", mail.open, delays.open),
            ("clicked", mail.click, delays.click),
            ("replied", mail.reply, delays.reply),
            ("unsubscribed", mail.unsubscribe, delays.unsubscribe),
            ("complained", mail.complain, delays.unsubscribe),
        ):
            throw, how_long = dice.random(), dice.random()
            if throw < share:
                self._plan(self._later(half, how_long), _on_mail(f"email.{verb}", letter))
        throw, how_long = dice.random(), dice.random()
        if throw < mail.convert:
            at = self._later(delays.convert, how_long)
            self._plan(at, _event(self.assumptions.conversion, lead))

    def _look_at_tasks(self) -> None:
        """New tasks, some of which their owners will do."""
        read = self.house.store.read
        found = read(lambda tx: tx.conn.execute(_new_tasks, {"place": self._tasks_seen}).all())
        for place, task, lead, kind in found:
            self._tasks_seen = place
            dice = self._dice(lead, "task", place)
            if kind == "task" and dice.random() < self.assumptions.tasks_done:
                at = self._later(self.assumptions.delays.task, dice.random())
                self._plan(at, lambda task=task: self._finish(task))  # type: ignore[misc]

    def _finish(self, task: str) -> None:
        inbox.finish(self.house.store, task, result="done", actor="forecast")

    def _later(self, half: str, throw: float) -> datetime:
        """Half of the throws come within `half`, half of the rest within as long again."""
        span = self._span(half) * min(20.0, -math.log2(1 - throw))
        return self._grid(self.house.clock.now, span)

    def _span(self, text: str) -> timedelta:
        return _rough(parse_duration(text))

    def _grid(self, now: datetime, span: timedelta) -> datetime:
        """The end of a span, as precise as befits it: so many things happen together."""
        grid = next((one for one in _GRIDS if one <= span * 2 / 3), _FINEST)
        return max(up(now + span - grid / 2, grid), up(now + _FINEST, _FINEST))


def _next_fire(tx: Transaction) -> datetime | None:
    """When a clock or a record's own moment is due next."""
    columns = (clocks.table.c.next_at, coming.table.c.at)
    found = [tx.conn.execute(sa.select(sa.func.min(one))).scalar() for one in columns]
    return min((at for at in found if at is not None), default=None)


def _rough(length: Duration) -> timedelta:
    return length.rough


def _event(one: Occurs, lead: str) -> Callable[[], IncomingEvent]:
    properties: Any = one.properties
    return lambda: IncomingEvent(one.event, {**one.lead, "id": lead}, properties=properties)


def _on_mail(name: str, letter: Letter) -> Callable[[], IncomingEvent]:
    properties: dict[str, Value] = {
        "step": letter.op.step,
        "template": str(letter.op.params.get("template")),
    }
    lead = {"id": str(letter.lead.get("id"))}
    return lambda: IncomingEvent(
        name, lead, properties=properties, enrollment=letter.enrollment, source=letter.op.step
    )


def up(at: datetime, grid: timedelta) -> datetime:
    """The first moment of the grid that is not before `at`."""
    return _EPOCH + -(-(at - _EPOCH) // grid) * grid


def _chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
