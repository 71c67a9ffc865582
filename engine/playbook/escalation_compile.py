"""An escalation playbook's document into a plan: a ladder, and each level's steps behind it.

It is called by `compile`, which knows what kind a document is of, and owns what every playbook has
in common.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from engine.playbook.actions import ACTIONS, AssignParams, TaskParams
from engine.playbook.checking import Names, check_levels
from engine.playbook.escalation_checks import check_escalation
from engine.playbook.escalation_model import EscalationPlaybook
from engine.playbook.escalation_plan import Escalation, Watch
from engine.playbook.expressions import Expressions
from engine.playbook.fields import Frozen
from engine.playbook.flow import check_flow
from engine.playbook.lowering import Act, Lowering
from engine.playbook.meaning_checks import check_meaning
from engine.playbook.model import Playbook
from engine.playbook.naming import every, step_ids
from engine.playbook.plan import Climb, Do, Enroll, Exit, Plan
from engine.playbook.reading import Reader
from engine.playbook.scenario_checks import check_scenarios
from engine.playbook.step import Step
from engine.playbook.way_checks import check_ways
from engine.playbook.workspace import Workspace

LADDER = "levels"
"""The name of the step that the ladder is."""

OVER = "rounds-over"
"""The name of what happens when the rounds are used up."""

Pin = Callable[[Playbook], Mapping[str, str]]
Begin = Callable[[Playbook, Mapping[Step, str]], Lowering]


@dataclass(frozen=True, slots=True)
class EscalationCompiled:
    """What compiling an escalation gave; no plan when something is an error."""

    plan: Plan | None = None
    playbook: EscalationPlaybook | None = None
    steps: Playbook | None = None


def compile_escalation(names: Names, reader: Reader, begin: Begin, pin: Pin) -> EscalationCompiled:
    """The plan of an escalation.

    Args:
        names: what it may name.
        reader: reads the document, and gathers findings.
        begin: makes the empty lowering of a playbook's steps.
        pin: the template files that a playbook's mails need, by digest.
    """
    findings, document = reader.findings, reader.document
    playbook = reader.read(EscalationPlaybook, document.root, "an escalation playbook")
    if playbook is None:
        return EscalationCompiled()
    whole = not findings.failed
    steps = playbook.as_steps()
    ids = step_ids(tuple(every(steps.steps)))
    _check_ids(steps, reader)
    expressions = Expressions(names.lexicon, reader, playbook.record)
    check_escalation(playbook, expressions, reader)
    lists = [level.steps for level in playbook.levels]
    counted = expressions.counted | check_levels(steps, lists, ids, names, reader, whole=whole)
    if whole:
        check_scenarios(steps, ids, expressions, levels=len(playbook.levels))
    if findings.failed:
        return EscalationCompiled(None, playbook, steps)
    lowering = begin(steps, ids)
    _lower(playbook, lowering, names.workspace)
    check_flow(lowering, steps.steps, reader)
    if findings.failed:
        return EscalationCompiled(None, playbook, steps)
    plan = _plan(playbook, steps, lowering, counted, pin)
    check_meaning(steps, ids, names.lexicon, reader)
    check_ways(plan, steps, ids, names.workspace, reader)
    return EscalationCompiled(plan, playbook, steps)


def _check_ids(steps: Playbook, reader: Reader) -> None:
    """Reports steps that are named as what an escalation has by itself."""
    for step in every(steps.steps):
        if step.common.id in (LADDER, OVER):
            message = f"the id '{step.common.id}' is the escalation's own"
            at = step.node.values["id"].span
            reader.report("duplicate-id", message, "give this step another id", at)


def _lower(playbook: EscalationPlaybook, lowering: Lowering, workspace: Workspace) -> None:
    """The ladder, each level's steps with the way back to it, and what follows the last round."""
    ladder, over = lowering.label(), lowering.label()
    ways = tuple(lowering.label() for _ in playbook.levels)
    action = lowering.action
    lowering.place(ladder)
    levels = tuple(level.after for level in playbook.levels)
    lowering.emit(Climb, LADDER, levels=levels, ways=ways, exit_to=over)
    for way, level in zip(ways, playbook.levels, strict=True):
        lowering.place(way)
        lowering.action = _speaking(action, _message(playbook, level.after))
        lowering.steps(level.steps)
        lowering.jump(ladder, LADDER)
    lowering.place(over)
    if playbook.clock.rounds:
        _over(playbook, lowering, workspace)
    lowering.end()


def _speaking(action: Act, message: str) -> Act:
    """The same, where a notice without words says which record it is about."""

    def speak(step: Step) -> tuple[type[BaseModel], Mapping[str, Any]]:
        op, fields = action(step)
        params = fields["params"]
        if fields["action"] == "notify" and not (params["message"] or params["template"]):
            return op, {**fields, "params": {**params, "message": message}}
        return op, fields

    return speak


def _message(playbook: EscalationPlaybook, after: str) -> str:
    name = "deal.name" if playbook.record == "deal" else "lead.full_name | default(lead.email)"
    return f"{playbook.title or playbook.playbook}: {{{{ {name} }}}} ({after})"


def _over(playbook: EscalationPlaybook, lowering: Lowering, workspace: Workspace) -> None:
    """It stays with the fallback, in the inbox."""
    to = fallback_of(playbook, workspace)
    if to:
        _do(lowering, "assign", AssignParams(to=to, unless_owned=False))
    rounds = playbook.clock.rounds
    text = f"{playbook.title or playbook.playbook}: nobody followed up in {rounds} rounds"
    _do(lowering, "task", TaskParams(text=text, to=to or "owner"))


def _do(lowering: Lowering, action: str, params: Frozen) -> None:
    dumped = ACTIONS[action].dumped(params)
    lowering.emit(Do, OVER, action=action, params=dumped, on_error="continue")


def fallback_of(playbook: EscalationPlaybook, workspace: Workspace) -> str:
    """The fallback of the last rule that a level assigns by; empty: it stays with its owner."""
    rules = [
        step.body.rule
        for level in playbook.levels
        for step in every(level.steps)
        if isinstance(step.body, AssignParams) and step.body.rule
    ]
    lines = workspace.assignment.get(rules[-1], ()) if rules else ()
    named = [line.fallback for line in lines if line.fallback]
    return named[-1] if named else ""


def _plan(
    playbook: EscalationPlaybook,
    steps: Playbook,
    lowering: Lowering,
    counted: Sequence[str] | frozenset[str] | set[str],
    pin: Pin,
) -> Plan:
    clock = playbook.clock
    return Plan(
        playbook=playbook.playbook,
        kind="escalation",
        title=playbook.title,
        record=playbook.record,
        calendar=clock.calendar,
        exit_on_unsubscribe=False,
        enroll=Enroll(again="always"),
        exits=tuple(Exit(event=name) for name in clock.stops_on),
        templates=pin(steps),
        history=tuple(sorted(counted)),
        escalation=Escalation(
            watch=Watch(
                pipeline=playbook.watch.pipeline, stages=playbook.stages, cond=playbook.watch.cond
            ),
            starts=clock.starts,
            resets_on=clock.resets_on,
            acknowledge=clock.acknowledge,
            rounds=clock.rounds,
            backdate=clock.backdate or playbook.backdate,
        ),
        ops=lowering.ops(),
    )
