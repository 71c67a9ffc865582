"""What is going on, in numbers: playbooks and where their enrollments stand, leads by stage.

Read models for pages: they read only indexes and open enrollments, and change nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from engine.errors import NotFoundError
from engine.operations import brakes, published
from engine.operations.published import Current
from engine.playbook.diagram import diagram
from engine.playbook.plan import Jump, Plan
from engine.playbook.spelling import closest
from engine.store import enrollments, leads
from engine.store.database import Transaction

OPEN_STATES = ("pending", "active", "waiting", "held")


@dataclass(frozen=True, slots=True)
class StepCount:
    """A step of the current plan, and how many enrollments stand at it.

    Attributes:
        about: what it does, in the words of the diagram.
        here: open enrollments that stand at it, of any version that has the step.
        stopped: those that failed there.
    """

    step: str
    about: str
    here: int = 0
    stopped: int = 0


@dataclass(frozen=True, slots=True)
class PlaybookCount:
    """A playbook in numbers.

    Attributes:
        states: enrollments by state.
        outcomes: finished ones by outcome.
        elsewhere: open ones at steps that only older versions have.
    """

    name: str
    title: str
    kind: str
    digest: str
    braked: bool
    states: Mapping[str, int]
    steps: Sequence[StepCount] = ()
    outcomes: Mapping[str, int] = field(default_factory=dict)
    elsewhere: int = 0

    @property
    def entered(self) -> int:
        """Everybody who ever entered."""
        return sum(self.states.values())

    @property
    def active(self) -> int:
        """Who is on the way."""
        return sum(self.states.get(state, 0) for state in OPEN_STATES)

    @property
    def finished(self) -> int:
        """Who is through."""
        return self.states.get("finished", 0)

    @property
    def stopped(self) -> int:
        """Who waits for a person's decision."""
        return self.states.get("stopped", 0)


@dataclass(frozen=True, slots=True)
class Overview:
    """The workspace at a glance.

    Attributes:
        stages: lifecycle stage → leads in it, in the lifecycle's order.
        braked: whether no mail leaves at all.
    """

    workspace: str
    playbooks: Sequence[PlaybookCount]
    stages: Mapping[str, int]
    braked: bool


def overview(tx: Transaction) -> Overview:
    """The workspace at a glance."""
    current = published.current(tx)
    states = _states(tx)
    brake = brakes.on(tx)
    return Overview(
        workspace=current.workspace.workspace,
        playbooks=[_count(tx, current, name, states, brake) for name in sorted(current.plans)],
        stages=_stages(tx, current),
        braked=brakes.EVERYTHING in brake,
    )


def playbook_count(tx: Transaction, name: str) -> PlaybookCount:
    """One playbook in numbers.

    Raises:
        NotFoundError: none of that name is published.
    """
    current = published.current(tx)
    if name not in current.plans:
        near = closest(name, current.plans)
        raise NotFoundError(
            f"no playbook '{name[:80]}' is published",
            help=f"did you mean '{near}'?" if near else "",
        )
    found = _count(tx, current, name, _states(tx, name), brakes.on(tx))
    return PlaybookCount(
        name=found.name,
        title=found.title,
        kind=found.kind,
        digest=found.digest,
        braked=found.braked,
        states=found.states,
        steps=found.steps,
        elsewhere=found.elsewhere,
        outcomes=enrollments.counts_by_outcome(tx, name),
    )


def about(plan: Plan, pc: int) -> str:
    """What the op at this place does, in the words of the diagram."""
    return _labels(plan).get(pc, "")


def _labels(plan: Plan) -> dict[int, str]:
    return {node.number: node.label.replace("\n", " ") for node in diagram(plan).nodes}


def _states(tx: Transaction, name: str = "") -> dict[str, dict[str, int]]:
    """Enrollments by playbook and state: one look along an index."""
    table = enrollments.table
    query = sa.select(table.c.playbook, table.c.state, sa.func.count()).group_by(
        table.c.playbook, table.c.state
    )
    if name:
        query = query.where(table.c.playbook == name)
    found: dict[str, dict[str, int]] = {}
    for playbook, state, count in tx.conn.execute(query):
        found.setdefault(playbook, {})[state] = count
    return found


def _count(
    tx: Transaction,
    current: Current,
    name: str,
    states: Mapping[str, Mapping[str, int]],
    brake: frozenset[str],
) -> PlaybookCount:
    plan = current.plans[name]
    steps, elsewhere = _steps(tx, plan)
    return PlaybookCount(
        name=name,
        title=plan.title,
        kind=plan.kind,
        digest=plan.digest,
        braked=bool(brake & {name, brakes.EVERYTHING}),
        states=states.get(name, {}),
        steps=steps,
        elsewhere=elsewhere,
    )


def _steps(tx: Transaction, plan: Plan) -> tuple[list[StepCount], int]:
    """The plan's steps with who stands at them; and who stands at steps that it no longer has."""
    table = enrollments.table
    query = (
        sa.select(table.c.digest, table.c.pc, table.c.state, sa.func.count())
        .where(table.c.playbook == plan.playbook, table.c.ended_at.is_(None))
        .group_by(table.c.digest, table.c.pc, table.c.state)
    )
    here: dict[str, int] = {}
    stopped: dict[str, int] = {}
    for digest, pc, state, count in tx.conn.execute(query):
        step = published.plan(tx, digest).ops[pc].step
        into = stopped if state == "stopped" else here
        into[step] = into.get(step, 0) + count
    found: dict[str, StepCount] = {}
    labels = _labels(plan)
    for pc, op in enumerate(plan.ops):
        if op.step not in found and not isinstance(op, Jump):
            standing, failed = here.get(op.step, 0), stopped.get(op.step, 0)
            found[op.step] = StepCount(op.step, labels.get(pc, ""), standing, failed)
    return list(found.values()), sum(n for step, n in here.items() if step not in found)


def _stages(tx: Transaction, current: Current) -> dict[str, int]:
    table = leads.table
    query = sa.select(table.c.stage, sa.func.count()).group_by(table.c.stage)
    counts = {row[0]: row[1] for row in tx.conn.execute(query)}
    return {stage: counts.get(stage, 0) for stage in current.workspace.lifecycle}
