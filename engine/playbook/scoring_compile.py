"""A scoring playbook's document into plans: one of its rules, and one of each threshold's steps.

It is called by `compile`, which knows what kind a document is of, and owns what every playbook has
in common.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from engine.playbook.checking import Names, check_steps
from engine.playbook.diagnostics import Diagnostic
from engine.playbook.expressions import Expressions
from engine.playbook.flow import check_flow
from engine.playbook.lowering import Lowering
from engine.playbook.meaning_checks import check_meaning
from engine.playbook.model import EnrollRule, Playbook
from engine.playbook.naming import every, step_ids
from engine.playbook.nodes import ListNode, MapNode
from engine.playbook.plan import End, Enroll, Plan, Trigger
from engine.playbook.reading import Reader
from engine.playbook.scenario_checks import check_scenarios
from engine.playbook.scoring_checks import check_scoring
from engine.playbook.scoring_model import ScoringPlaybook, Threshold, threshold_name
from engine.playbook.scoring_plan import BehaviorRule, Decay, FitRule, Grade, Level, Scoring
from engine.playbook.source import Document
from engine.playbook.step import Step
from engine.playbook.way_checks import check_ways

Lower = Callable[[Playbook, Mapping[Step, str]], Lowering]
Pin = Callable[[Playbook], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class ScoringCompiled:
    """What compiling a scoring playbook gave: its own plan first, then each threshold's.

    `parts` are the thresholds as playbooks, by their names.
    """

    plans: tuple[Plan, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    playbook: ScoringPlaybook | None = None
    parts: Mapping[str, Playbook] | None = None


def compile_scoring(
    document: Document, names: Names, reader: Reader, lower: Lower, pin: Pin
) -> ScoringCompiled:
    """The plans of a scoring playbook; none when something is an error.

    Args:
        document: its file.
        names: what it may name.
        reader: reads the document, and gathers findings.
        lower: turns a playbook's steps into ops.
        pin: the template files that a playbook's mails need, by digest.
    """
    findings = reader.findings
    playbook = reader.read(ScoringPlaybook, document.root, "a scoring playbook")
    whole = not findings.failed
    if playbook is None:
        return ScoringCompiled((), findings.sorted())
    expressions = Expressions(names.lexicon, reader)
    counted = check_scoring(playbook, expressions, reader)
    parts: dict[str, Playbook] = {}
    ids: dict[Step, str] = {}
    plans: list[Plan] = []
    for one, place in _thresholds(playbook, document):
        part = _part(playbook, one)
        own = step_ids(tuple(every(part.steps)))
        inner = Reader(replace(document, root=place), findings)
        asked = check_steps(part, own, names, inner, whole=whole)
        parts[part.playbook], ids = part, ids | own
        if findings.failed:
            continue
        lowering = lower(part, own)
        check_flow(lowering, part.steps, inner)
        if findings.failed:
            continue
        plan = _plan_of(playbook, one, part, lowering, asked, pin)
        check_meaning(part, own, names.lexicon, inner)
        check_ways(plan, part, own, names.workspace, inner)
        plans.append(plan)
    if whole:
        check_scenarios(playbook, ids, expressions)
    if findings.failed:
        return ScoringCompiled((), findings.sorted(), playbook if whole else None)
    rules = Plan(
        playbook=playbook.playbook, kind="scoring", title=playbook.title,
        exit_on_unsubscribe=False, history=tuple(sorted(counted)), scoring=scoring_of(playbook),
        ops=(End(step="end", outcome="completed"),),
    )  # fmt: skip
    return ScoringCompiled((rules, *plans), findings.sorted(), playbook, parts)


def scoring_of(playbook: ScoringPlaybook) -> Scoring:
    """The rules and levels of a scoring playbook."""
    low, high = playbook.bounds
    fading = playbook.decay
    grades = sorted(playbook.grades.items(), key=lambda each: -each[1])
    return Scoring(
        score=playbook.score,
        low=low,
        high=high,
        fit=tuple(FitRule(cond=r.cond, points=r.points, note=r.note) for r in playbook.fit),
        behavior=tuple(
            BehaviorRule(
                event=rule.event, cond=rule.cond, points=rule.points, note=rule.note,
                most=float(rule.at_most.partition(" per ")[0]) if rule.at_most else None,
                per=rule.at_most.partition(" per ")[2],
            )
            for rule in playbook.behavior
        ),
        decay=Decay(
            half_life=fading.half_life, points=abs(fading.points), every=fading.every,
            idle=fading.idle,
        ) if fading is not None else Decay(),
        grades=tuple(Grade(name=name, least=least) for name, least in grades),
        thresholds=tuple(
            Level(
                name=one.name, playbook=threshold_name(playbook.playbook, one.name), at=one.at,
                cond=one.cond,
            )
            for one in playbook.thresholds
        ),
    )  # fmt: skip


def _thresholds(playbook: ScoringPlaybook, document: Document) -> list[tuple[Threshold, MapNode]]:
    root = document.root
    node = root.values.get("thresholds") if isinstance(root, MapNode) else None
    items = node.items if isinstance(node, ListNode) else ()
    if len(items) != len(playbook.thresholds):
        return []
    pairs = zip(playbook.thresholds, items, strict=True)
    return [(one, at) for one, at in pairs if isinstance(at, MapNode)]


def _part(playbook: ScoringPlaybook, one: Threshold) -> Playbook:
    """A threshold as the playbook that it is; `again` is the plan's business."""
    return Playbook(
        playbook=threshold_name(playbook.playbook, one.name),
        title=f"{playbook.title or playbook.playbook}: {one.name}",
        enroll=EnrollRule(cond=one.cond) if one.cond else EnrollRule(),
        exit_on_unsubscribe=False,
        steps=one.steps,
    )


def _plan_of(
    playbook: ScoringPlaybook,
    one: Threshold,
    part: Playbook,
    lowering: Lowering,
    asked: frozenset[str],
    pin: Pin,
) -> Plan:
    trigger = Trigger(kind="threshold", score=playbook.score, level=one.at, cond=one.cond)
    return Plan(
        playbook=part.playbook,
        kind="scoring",
        title=part.title,
        exit_on_unsubscribe=False,
        enroll=Enroll(triggers=(trigger,), again=one.again),
        templates=pin(part),
        history=tuple(sorted(asked)),
        ops=lowering.ops(),
    )
