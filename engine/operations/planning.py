"""What an apply would change, whom each change touches, and where a move would put them.

`longplay plan` shows this, `longplay apply` shows it and does it: both ask the same functions.
Enrollments are counted in groups (`engine.store.standings`), never row by row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import sqlalchemy as sa

from engine.operations import published
from engine.operations.clock_changes import ClockChange
from engine.operations.crossings import Counting
from engine.operations.editions import Edition
from engine.operations.published import playbook_table
from engine.playbook.difference import StepChange, difference
from engine.playbook.plan import Plan
from engine.playbook.workspace import load_workspace
from engine.playbook.workspace_difference import WorkspaceChange, workspace_difference
from engine.runtime.moving import Goes, Route, Standing, Stays
from engine.store import standings
from engine.store.database import Transaction

ChangeKind = Literal["added", "changed", "retired", "unchanged"]


@dataclass(frozen=True, slots=True)
class CountedChange:
    """A step's change, and how many running enrollments it touches.

    Attributes:
        before: may still come to the step.
        here: stand at it now.
        past: are behind it, or on another way.
    """

    change: StepChange
    before: int = 0
    here: int = 0
    past: int = 0

    def as_json(self) -> dict[str, object]:
        """What `--json` shows."""
        one = self.change
        return {
            "change": one.kind, "step": one.step or None, "was": one.was or None,
            "verb": one.verb or None, "about": one.about or None,
            "details": [each.as_json() for each in one.details],
            "before": self.before, "here": self.here, "past": self.past,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Going:
    """So many at a step of one version would go on at a step of the new one.

    Attributes:
        waits_on: they stay in the wait that they are in, just as it is.
    """

    version: str
    step: str
    to: str
    waits_on: bool
    count: int

    def as_json(self) -> dict[str, object]:
        """What `--json` shows."""
        return {
            "version": self.version, "step": self.step, "to": self.to,
            "waits_on": self.waits_on, "count": self.count,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Staying:
    """So many at a step of one version would stay with it, and why; `soon`: not for long."""

    version: str
    step: str
    why: str
    soon: bool
    count: int

    def as_json(self) -> dict[str, object]:
        """What `--json` shows."""
        return {
            "version": self.version, "step": self.step, "why": self.why, "soon": self.soon,
            "count": self.count,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlaybookChange:
    """What applying does to one playbook.

    Attributes:
        before: the digest that was current; empty: none.
        after: the digest that is now; empty: the playbook takes nobody in any more.
        active: enrollments that run on, on the versions they began with unless they are moved.
        going: where a move would put them, group by group.
        staying: whom a move would leave, and why.
    """

    playbook: str
    change: ChangeKind
    before: str
    after: str
    active: int
    steps: tuple[CountedChange, ...] = ()
    going: tuple[Going, ...] = ()
    staying: tuple[Staying, ...] = ()

    @property
    def moves(self) -> int:
        """How many a move would take along."""
        return sum(one.count for one in self.going)

    def as_json(self) -> dict[str, object]:
        """What `--json` shows."""
        return {
            "playbook": self.playbook, "change": self.change, "from": self.before or None,
            "to": self.after or None, "steps": [one.as_json() for one in self.steps],
            "active": self.active,
        }  # fmt: skip

    def move_as_json(self) -> dict[str, object]:
        """What `--json` shows of a move."""
        return {
            "playbook": self.playbook,
            "goes": [one.as_json() for one in self.going],
            "stays": [one.as_json() for one in self.staying],
        }


@dataclass(frozen=True, slots=True)
class Planned:
    """Everything that one apply changes."""

    changes: tuple[PlaybookChange, ...]
    workspace: tuple[WorkspaceChange, ...] = field(default=())
    scores: Mapping[str, Counting] = field(default_factory=dict)
    """Playbook → whom a change of its score's rules touches."""

    clocks: Mapping[str, ClockChange] = field(default_factory=dict)
    """Playbook → what happens to the clocks of an escalation."""

    @property
    def is_nothing(self) -> bool:
        """Whether what is published is what the files say."""
        return not self.workspace and all(one.change == "unchanged" for one in self.changes)

    def as_json(self) -> dict[str, object]:
        """What `--json` shows."""
        return {
            "changes": [self._told(one) for one in self.changes],
            "workspace": [one.as_json() for one in self.workspace],
            "move": [one.move_as_json() for one in self.changes if one.going or one.staying],
        }

    def _told(self, one: PlaybookChange) -> dict[str, object]:
        counted = self.scores.get(one.playbook)
        told = one.as_json() | ({"scores": counted.as_json()} if counted is not None else {})
        clocks = self.clocks.get(one.playbook)
        return told | ({"clocks": clocks.as_json()} if clocks is not None else {})


def planned(tx: Transaction, edition: Edition) -> Planned:
    """What publishing `edition` changes now."""
    query = sa.select(playbook_table.c.name, playbook_table.c.digest, playbook_table.c.retired)
    rows = tx.conn.execute(query).all()
    before = {name: digest for name, digest, retired in rows if not retired}
    names = sorted({*before, *edition.plans})
    changes = tuple(_change(tx, name, before.get(name, ""), edition) for name in names)
    return Planned(changes, _workspace(tx, edition))


def routes_to(tx: Transaction, new: Plan, versions: Sequence[str]) -> dict[str, Route]:
    """The way from each of these versions to `new`."""
    return {one: Route.between(published.plan(tx, one), new) for one in versions}


def known_steps(tx: Transaction, playbook: str, target: str) -> frozenset[str]:
    """The steps that some version but the target has: only those can have been done already."""
    digests = published.versions_of(tx, playbook)
    plans = [published.plan(tx, one) for one in digests if one != target]
    return frozenset(op.step for plan in plans for op in plan.ops)


def _change(tx: Transaction, name: str, old: str, edition: Edition) -> PlaybookChange:
    plan = edition.plans.get(name)
    new = plan.digest if plan is not None else ""
    counts = standings.groups(tx, name)
    active = sum(counts.values())
    kind = _kind(old, new)
    if plan is None:
        return PlaybookChange(name, kind, old, new, active)
    routes = routes_to(tx, plan, sorted({group[0] for group in counts} - {new}))
    routes |= {} if old in ("", new) or old in routes else routes_to(tx, plan, [old])
    steps = _steps(tx, routes[old], edition) if kind == "changed" else ()
    counted = tuple(_count(one, routes, counts, plan, old) for one in steps)
    going, staying = _moves(tx, name, plan, routes, counts)
    return PlaybookChange(name, kind, old, new, active, counted, going, staying)


def _kind(old: str, new: str) -> ChangeKind:
    if old == new:
        return "unchanged"
    if not old:
        return "added"
    return "changed" if new else "retired"


def _steps(tx: Transaction, route: Route, edition: Edition) -> tuple[StepChange, ...]:
    def after(digest: str) -> str:
        found = edition.templates.get(digest)
        return found[1] if found is not None else published.template(tx, digest)

    def before(digest: str) -> str:
        return published.template(tx, digest)

    return difference(route.old, route.new, route.pairing, before, after)


def _count(
    change: StepChange,
    routes: Mapping[str, Route],
    counts: Mapping[standings.Group, int],
    new: Plan,
    current: str,
) -> CountedChange:
    if change.kind == "head":
        return CountedChange(change)
    totals = {"before": 0, "here": 0, "past": 0}
    for (digest, pc, *_), count in counts.items():
        route = routes.get(digest)
        where = "past" if route is None else _where(change, route, pc, digest == current)
        totals[where] += count
    return CountedChange(change, **totals)


def _where(change: StepChange, route: Route, pc: int, is_current: bool) -> str:
    """Where whoever stands at `pc` is, seen from the step that changes."""
    name = (change.was or change.step) if is_current else route.pairing.back.get(change.step, "")
    if change.kind == "removed":
        name = change.step
    outline, at, step = route.old, route.old.landing(pc), route.old.by_id.get(name)
    if step is None or change.kind == "added":
        place = route.place(pc)
        outline, step = route.new, route.new.by_id.get(change.step)
        if place is None or step is None:
            return "past"
        at = outline.landing(place)
    if at in step.ops:
        return "here"
    return "before" if outline.reach(at) & set(step.ops) else "past"


def _moves(
    tx: Transaction,
    playbook: str,
    new: Plan,
    routes: Mapping[str, Route],
    counts: Mapping[standings.Group, int],
) -> tuple[tuple[Going, ...], tuple[Staying, ...]]:
    """Where a move would put whom: the same decision that the move takes, group by group."""
    known = known_steps(tx, playbook, new.digest)
    going: dict[tuple[str, str, str, bool], int] = {}
    staying: dict[tuple[str, str, str, bool], int] = {}
    for group, count, had in _with_had(tx, playbook, new.digest, routes, counts, known):
        digest, pc, state, blocked_on, job = group
        route = routes[digest]
        found = route.landing(Standing(pc, state, blocked_on, job, had=had))
        step = route.step_at(pc)
        match found:
            case Goes():
                goes = digest, step, found.step, found.keeps
                going[goes] = going.get(goes, 0) + count
            case Stays():
                stays = digest, step, found.why, found.soon
                staying[stays] = staying.get(stays, 0) + count
    return (
        tuple(Going(*key, count) for key, count in going.items()),
        tuple(Staying(*key, count) for key, count in staying.items()),
    )


def _with_had(
    tx: Transaction,
    playbook: str,
    target: str,
    routes: Mapping[str, Route],
    counts: Mapping[standings.Group, int],
    known: frozenset[str],
) -> list[tuple[standings.Group, int, bool]]:
    """The groups, those apart who have done a step that a move would bring about again."""
    asked: dict[tuple[str, frozenset[str]], set[int]] = {}
    for digest, pc, *_ in counts:
        again = routes[digest].again(pc) & known if digest != target else frozenset()
        if again:
            asked.setdefault((digest, again), set()).add(pc)
    had: dict[standings.Group, int] = {}
    for (digest, steps), places in asked.items():
        had |= standings.groups_that_did(tx, playbook, digest, places, steps)
    found = []
    for group, count in sorted(counts.items()):
        if group[0] == target:
            continue
        again_count = had.get(group, 0)
        if again_count:
            found.append((group, again_count, True))
        if count > again_count:
            found.append((group, count - again_count, False))
    return found


def _workspace(tx: Transaction, edition: Edition) -> tuple[WorkspaceChange, ...]:
    source = published.source(tx)
    if source is None:
        return ()
    before, after = (load_workspace(one).workspace for one in (source, edition.source))
    # One that an earlier release published may be nothing that this one can read: apply mends it.
    return workspace_difference(before, after) if before and after else ()
