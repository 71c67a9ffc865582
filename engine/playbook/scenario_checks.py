"""Whether a playbook's scenarios can be played: their names, values and times, with places.

What a scenario must come to is found out by playing it, never here.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, TypeVar

from engine.playbook.conditions.vocabulary import ValueType
from engine.playbook.expressions import Expressions
from engine.playbook.fields import FIELD_PATTERNS
from engine.playbook.model import Playbook
from engine.playbook.nodes import ListNode, MapNode, Node, ScalarNode
from engine.playbook.scenarios import Happening, Scenario, civil_moment
from engine.playbook.scoring_model import ScoringPlaybook
from engine.playbook.spelling import did_you_mean
from engine.playbook.step import Step
from engine.playbook.steps.split import Split

Item = TypeVar("Item")

BUILT_IN_OUTCOMES = (
    "completed", "exited", "unsubscribed", "bounced", "deleted", "date-missing", "date-passed",
    "left", "cancelled", "stopped", "waiting", "not-enrolled",
)  # fmt: skip
_UNSETTABLE = ("id", "grade", "scores")


def check_scenarios(
    playbook: Playbook | ScoringPlaybook,
    ids: Mapping[Step, str],
    expressions: Expressions,
    *,
    levels: int = 0,
) -> None:
    """Reports what keeps a scenario of the playbook from being played.

    Args:
        levels: how many levels the playbook has, if it is an escalation.
    """
    node = expressions.reader.document.node(("scenarios",))
    if not playbook.scenarios or not isinstance(node, ListNode):
        return
    check = _Check(playbook, ids, expressions, levels)
    for scenario, at in zip(playbook.scenarios, node.items, strict=True):
        if isinstance(at, MapNode):
            check.scenario(scenario, at)


@dataclass
class _Check:
    playbook: Playbook | ScoringPlaybook
    ids: Mapping[Step, str]
    expressions: Expressions
    levels: int = 0
    seen: dict[str, int] = field(default_factory=dict)

    def report(self, rule: str, message: str, help: str, at: Node, severity: str = "error") -> None:
        self.expressions.reader.report(rule, message, help, at.span, severity=severity)

    def known(self, rule: str, what: str, name: str, known: Iterable[str], at: Node) -> None:
        choices = list(dict.fromkeys(known))
        if name not in choices:
            self.report(rule, f"no {what} named '{name}'", did_you_mean(name, choices), at)

    def scenario(self, one: Scenario, node: MapNode) -> None:
        """Everything about one scenario."""
        values = node.values
        self._name(one, values["name"])
        if one.level:
            self._level(one.level, values["level"])
        if "lead" in values:
            self._lead(values["lead"])
        if one.owner:
            owners = self.expressions.workspace.owners
            self.known("unknown-owner", "owner", one.owner, owners, values["owner"])
        start = _civil(one.at) if one.at else None
        self._people_and_chance(one, values)
        if "deal" in values:
            self._lead(values["deal"], "deal")
        for event, at in _items(one.events, values.get("events")):
            self._event(event.event, at)
            self._from(event.event, event.from_, at)
            if event.lead:
                self._lead(_under(at, "lead"))
            self._time(event.at, start, at)
        for line, at in _items(one.expect, values.get("expect")):
            inner = line.not_
            self._happening(line, at, start)
            if inner is not None:
                self._happening(inner, _under(at, "not"), start)
        if not one.expect:
            message = "this scenario expects nothing, so it cannot fail"
            help = "add `expect:` with what must happen"
            self.report("nothing-expected", message, help, values["name"], "warning")

    def _name(self, one: Scenario, at: Node) -> None:
        line = self.seen.get(one.name)
        self.seen.setdefault(one.name, at.span.line)
        if line is not None:
            message = f"two scenarios are named '{one.name}'; the first is on line {line}"
            self.report("duplicate-scenario", message, "give this one another name", at)

    def _level(self, level: str, at: Node) -> None:
        if level not in (str(number + 1) for number in range(self.levels)):
            message = f"there is no level '{level}'"
            help = f"name one by its number, 1 to {self.levels}"
            if not self.levels:
                help = "only an escalation has levels: leave it out"
            self.report("unknown-level", message, help, at)

    def _people_and_chance(self, one: Scenario, values: Mapping[str, Node]) -> None:
        """Answers to approvals, and arms of splits."""
        asking = [name for step, name in self.ids.items() if step.verb == "approve"]
        for approval, at in _items(one.approvals, values.get("approvals")):
            self.known("unknown-step-id", "approval", approval.step, asking, _under(at, "step"))
        arms = {step.argument: step.body.arms for step in self.ids if isinstance(step.body, Split)}
        saving = {getattr(step.body, "save", "") for step in self.ids if step.verb == "webhook"}
        answers = values.get("saved")
        for name, at in answers.keys.items() if isinstance(answers, MapNode) else ():
            if name not in saving:
                message = f"no webhook saves 'run.saved.{name}'"
                hint = did_you_mean(name, saving - {""})
                self.report("never-saved", message, hint, at)
        given = values.get("arms")
        for name, at in given.keys.items() if isinstance(given, MapNode) else ():
            self.known("unknown-arm", "split", name, arms, at)
            if name in arms:
                where = _under(given, name) if given is not None else at
                self.known("unknown-arm", "arm", one.arms.get(name, ""), arms[name], where)

    def _lead(self, node: Node, record: Literal["lead", "deal"] = "lead") -> None:
        """The fields of a record, and their values."""
        if not isinstance(node, MapNode):
            return
        fields = self.expressions.names(record=record).roots[record].fields or {}
        unsettable = _UNSETTABLE if record == "lead" else ("id", "lead")
        settable = {name: kind for name, kind in fields.items() if name not in unsettable}
        for name, at in node.keys.items():
            if name in unsettable:
                self.report("field-not-settable", f"'{name}' cannot be set", "leave it out", at)
            elif name not in settable:
                self.known("unknown-field", "field", name, settable, at)
            elif record == "lead" or name not in ("stage", "pipeline"):
                self._value(name, settable[name], node.values[name])

    def _value(self, name: str, kind: ValueType, node: Node) -> None:
        workspace = self.expressions.workspace
        if not isinstance(node, ScalarNode):
            if kind.kind.value != "list":
                self.report(
                    "type-mismatch", f"'{name}' is {kind}, not a list or a mapping", "", node
                )
            return
        text = node.text.strip()
        if name in ("stage", "owner"):
            known = workspace.lifecycle if name == "stage" else workspace.owners
            self.known(f"unknown-{name}", name, text, known, node)
            return
        if kind.values and text not in kind.values:
            message = f"'{name}' cannot be '{text}'"
            self.report("unknown-value", message, did_you_mean(text, kind.values), node)
            return
        pattern = FIELD_PATTERNS.get(kind.kind.value)
        if pattern is not None and not pattern.fullmatch(text):
            message = f"'{name}' is {kind}, not '{text}'"
            self.report("type-mismatch", message, "write a value of that kind", node)

    def _event(self, name: str, node: Node) -> None:
        at = _under(node, "event")
        self.known("unknown-event", "event", name, self.expressions.events(), at)

    def _from(self, event: str, step: str, node: Node) -> None:
        if not step:
            return
        at = _under(node, "from")
        mails = [name for each, name in self.ids.items() if each.verb == "email"]
        if not event.startswith("email."):
            message = f"'from' goes with events of a mail, not with '{event}'"
            self.report("from-without-email", message, "leave it out", at)
        elif step not in mails:
            is_step = step in self.ids.values()
            message = f"'{step}' is no email step" if is_step else f"no step has the id '{step}'"
            self.report("from-without-email", message, did_you_mean(step, mails), at)

    def _time(self, written: str, start: datetime | None, node: Node) -> None:
        if not written:
            return
        at = _under(node, "at")
        if start is None:
            help = "add `at:` to the scenario, or write `after:` here"
            self.report("time-before-start", "nothing says when the scenario starts", help, at)
        elif _civil(written) < start - timedelta(seconds=59):
            message = f"'{written}' is before the start, {start:%Y-%m-%d %H:%M}"
            self.report("time-before-start", message, "move it, or the scenario's `at`", at)

    def _happening(self, one: Happening, node: Node, start: datetime | None) -> None:
        self._time(one.at, start, node)
        workspace = self.expressions.workspace
        at = _under(node, one.kind)
        match one.kind:
            case "email":
                self._email(one.email, at)
            case "step":
                ladder = ("levels", "rounds-over") if self.levels else ()
                known = (*self.ids.values(), *ladder, "end")
                self.known("unknown-step-id", "step", one.step, known, at)
            case "stage":
                self._stage(one.stage, at)
            case "owner":
                self.known("unknown-owner", "owner", one.owner, workspace.owners, at)
            case "notify":
                known = ("inbox", *workspace.owners, *workspace.channels)
                self.known("unknown-channel", "channel", one.notify, known, at)
            case "level":
                self._level(one.level, at)
            case "outcome":
                self.known("unknown-outcome", "outcome", one.outcome, self._outcomes(), at)

    def _stage(self, stage: str, at: Node) -> None:
        pipelines = self.expressions.workspace.pipelines.items()
        stages = [(name, each.name) for name, pipeline in pipelines for each in pipeline.stages]
        both = {f"{name}.{stage}" for name, stage in stages} | {stage for _, stage in stages}
        known = (*self.expressions.workspace.lifecycle, *sorted(both))
        self.known("unknown-stage", "stage", stage, known, at)

    def _email(self, name: str, at: Node) -> None:
        mails = {name: step for step, name in self.ids.items() if step.verb == "email"}
        if name in mails:
            return
        using = [id for id, step in mails.items() if step.argument == name]
        if len(using) > 1:
            message = f"the template '{name}' is used by {len(using)} steps"
            self.report("ambiguous-template", message, f"name one of them: {', '.join(using)}", at)
        elif not using:
            known = {*mails, *(step.argument for step in mails.values())}
            self.known("unknown-step-id", "email step", name, sorted(known), at)

    def _outcomes(self) -> Iterator[str]:
        yield from BUILT_IN_OUTCOMES
        yield from (step.argument for step in self.ids if step.verb == "end")
        if isinstance(self.playbook, Playbook):
            yield from (item.goal for item in self.playbook.exit if item.goal)


def _civil(text: str) -> datetime:
    return civil_moment(text).at


def _under(node: Node, key: str) -> Node:
    return node.values.get(key, node) if isinstance(node, MapNode) else node


def _items(items: tuple[Item, ...], node: Node | None) -> Iterator[tuple[Item, Node]]:
    if isinstance(node, ListNode):
        yield from zip(items, node.items, strict=False)
