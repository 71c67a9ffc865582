"""A playbook's document into a plan, or diagnostics: the one door of the compiler.

It reads no files: the workspace, the facts about templates and the names of other playbooks are
given. Everything found is reported at once; a plan comes out only when nothing is an error.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal

from pydantic import BaseModel

from engine.playbook.actions import ACTIONS, AssignParams, EmailParams, NotifyParams, resolve
from engine.playbook.checking import Names, check_playbook
from engine.playbook.diagnostics import Diagnostic, Findings
from engine.playbook.escalation_compile import compile_escalation
from engine.playbook.fields import Frozen
from engine.playbook.flow import check_flow
from engine.playbook.lexicon import Lexicon
from engine.playbook.lowering import Lowering
from engine.playbook.meaning_checks import check_meaning
from engine.playbook.model import Playbook, SendDefaults, Steps
from engine.playbook.naming import every, step_ids
from engine.playbook.nodes import MapNode, ScalarNode
from engine.playbook.plan import Do, Enroll, Exit, Plan, Send, Trigger
from engine.playbook.reading import Reader
from engine.playbook.scoring_compile import compile_scoring
from engine.playbook.scoring_model import ScoringPlaybook
from engine.playbook.source import Document
from engine.playbook.step import Step
from engine.playbook.stepreading import read_steps
from engine.playbook.templates import TemplateFacts
from engine.playbook.way_checks import check_ways
from engine.playbook.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Compiled:
    """What compiling gave: a plan unless there are errors, and the playbook as it is written.

    Of a scoring playbook `plan` is its rules, `more` the plans of its thresholds, `parts` these as
    playbooks, and `scoring` the whole as it is written.
    """

    plan: Plan | None
    diagnostics: tuple[Diagnostic, ...] = ()
    playbook: Playbook | None = None
    more: tuple[Plan, ...] = ()
    parts: Mapping[str, Playbook] = field(default_factory=dict)
    scoring: ScoringPlaybook | None = None


def compile_playbook(
    document: Document,
    lexicon: Lexicon,
    templates: Mapping[str, TemplateFacts],
    others: Collection[str] = (),
    *,
    scores: Collection[str] = ("score",),
) -> Compiled:
    """The plan of a playbook.

    Args:
        document: the playbook's file.
        lexicon: its workspace, whose names it may use.
        templates: the mail templates there are, by name.
        others: the names of the playbooks there are.
        scores: the names of the scores there are.
    """
    workspace, findings = lexicon.workspace, Findings()
    reader = Reader(document, findings, read_steps)
    names = Names(lexicon, templates, frozenset(others), frozenset(scores))
    if kind_of(document) == "scoring":
        return _scoring(document, names, reader)
    if kind_of(document) == "escalation":
        return _escalation(names, reader)
    playbook = reader.read(Playbook, document.root, "a playbook")
    whole = not findings.failed
    if playbook is None:
        playbook = _salvaged(document)
    steps = tuple(every(playbook.steps))
    ids = step_ids(steps)
    counted = check_playbook(playbook, ids, names, reader, whole=whole)
    if not whole:
        return Compiled(None, findings.sorted())
    _check_name(playbook.playbook, reader)
    lowering = _lowered(playbook, ids, workspace)
    if not findings.failed:
        check_flow(lowering, playbook.steps, reader)
    if findings.failed:
        return Compiled(None, findings.sorted(), playbook)
    plan = _plan(playbook, lowering, workspace, templates, counted)
    check_meaning(playbook, ids, lexicon, reader)
    check_ways(plan, playbook, ids, workspace, reader)
    return Compiled(plan, findings.sorted(), playbook)


def kind_of(document: Document) -> str:
    """What `kind:` says, whether there is such a kind or not; empty: nothing."""
    root = document.root
    kind = root.values.get("kind") if isinstance(root, MapNode) else None
    return kind.text if isinstance(kind, ScalarNode) else ""


def _scoring(document: Document, names: Names, reader: Reader) -> Compiled:
    workspace = names.workspace
    found = compile_scoring(
        document,
        names,
        reader,
        lambda part, ids: _lowered(part, ids, workspace),
        lambda part: _pinned(part, names.templates),
    )
    if found.playbook is not None:
        _check_name(found.playbook.playbook, reader)
    own, more = (found.plans[0], found.plans[1:]) if found.plans else (None, ())
    if reader.findings.failed:
        own, more = None, ()
    diagnostics = reader.findings.sorted()
    return Compiled(own, diagnostics, None, more, found.parts or {}, found.playbook)


def _escalation(names: Names, reader: Reader) -> Compiled:
    workspace = names.workspace
    found = compile_escalation(
        names,
        reader,
        lambda steps, ids: _lowering(steps, ids, workspace, keeps_owner=False),
        lambda steps: _pinned(steps, names.templates),
    )
    if found.playbook is not None:
        _check_name(found.playbook.playbook, reader)
    plan = None if reader.findings.failed else found.plan
    return Compiled(plan, reader.findings.sorted(), found.steps)


def _salvaged(document: Document) -> Playbook:
    """A playbook whose head cannot be read, with the steps that can: they are checked as well."""
    root = document.root
    steps: Steps = ()
    record: Literal["lead", "deal"] = "lead"
    if isinstance(root, MapNode):
        if "steps" in root.values:
            steps = read_steps(Reader(document, Findings(), read_steps), root.values["steps"])
        named = root.values.get("for")
        if isinstance(named, ScalarNode) and named.text == "deal":
            record = "deal"
    return Playbook(playbook="unreadable", record=record, steps=steps)


def _check_name(name: str, reader: Reader) -> None:
    stem = PurePosixPath(reader.document.file).stem
    if stem and name != stem:
        reader.report(
            "name-differs-from-file",
            f"the playbook is named '{name}', its file '{stem}'",
            f"write `playbook: {stem}`, or rename the file",
            reader.document.node(("playbook",)).span,
        )


def _lowered(playbook: Playbook, ids: Mapping[Step, str], workspace: Workspace) -> Lowering:
    lowering = _lowering(playbook, ids, workspace)
    lowering.steps(playbook.steps)
    lowering.end()
    return lowering


def _lowering(
    playbook: Playbook, ids: Mapping[Step, str], workspace: Workspace, *, keeps_owner: bool = True
) -> Lowering:
    """What a playbook's steps are lowered with.

    Args:
        keeps_owner: `assign` leaves an owner that there is, unless it says otherwise.
    """

    def action(step: Step) -> tuple[type[BaseModel], Mapping[str, Any]]:
        spec = ACTIONS[step.verb]
        params = _params(step, playbook.send, workspace)
        if isinstance(params, AssignParams) and not keeps_owner:
            written = step.body.model_fields_set
            kept = params.unless_owned and "unless_owned" in written
            params = params.model_copy(update={"unless_owned": kept})
        fields = {
            "action": spec.name,
            "params": spec.dumped(params),
            "on_error": step.common.on_error,
        }
        return (Send if spec.mode == "job" else Do), fields

    return Lowering(ids, action)


def _params(step: Step, send: SendDefaults, workspace: Workspace) -> Frozen:
    assert isinstance(step.body, Frozen)
    return resolve(ACTIONS[step.verb], step.body, send, workspace.pipelines)


def _plan(
    playbook: Playbook,
    lowering: Lowering,
    workspace: Workspace,
    templates: Mapping[str, TemplateFacts],
    counted: Collection[str],
) -> Plan:
    return Plan(
        playbook=playbook.playbook,
        title=playbook.title,
        cost=playbook.cost,
        record=playbook.record,
        calendar=playbook.calendar,
        exit_on_unsubscribe=playbook.exit_on_unsubscribe,
        enroll=_enroll(playbook, workspace),
        exits=tuple(
            Exit(event=item.event, cond=item.cond, goal=item.goal, value=item.value)
            for item in playbook.exit
        ),
        templates=_pinned(playbook, templates),
        history=tuple(sorted(counted)),
        ops=lowering.ops(),
    )


def _pinned(playbook: Playbook, templates: Mapping[str, TemplateFacts]) -> dict[str, str]:
    """The templates that its mails need, and the files that go with them: name → digest."""
    pinned: dict[str, str] = {}
    for name in _templates_used(playbook.steps):
        pinned |= templates[name].digests
    for step in every(playbook.steps):
        if isinstance(step.body, EmailParams) and step.body.attach:
            pinned |= templates[step.body.template].carried(step.body.attach)
    return pinned


def _templates_used(steps: Steps) -> list[str]:
    bodies = [step.body for step in every(steps)]
    found = {body.template for body in bodies if isinstance(body, EmailParams | NotifyParams)}
    return sorted(found - {""})


def _enroll(playbook: Playbook, workspace: Workspace) -> Enroll:
    rule = playbook.enroll
    triggers = []
    for item in rule.when:
        cond = workspace.segments.get(item.segment, item.segment)
        if cond and item.cond:
            cond = f"({cond}) and ({item.cond})"
        triggers.append(
            Trigger(
                kind=item.kind,
                event=item.event,
                cond=cond or item.cond,
                stage=item.stage,
                score=item.name if item.score else "",
                level=item.level,
                cron=item.cron,
                moment=item.date or item.at,
                timezone=item.timezone,
                every=item.every,
            )
        )
    return Enroll(triggers=tuple(triggers), cond=rule.cond, key=rule.key, again=rule.again)
