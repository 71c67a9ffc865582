"""Whether everything a playbook names exists: in the workspace, among the templates, in itself.

Where the playbook goes from step to step is `flow`'s business; expressions are `expressions`'.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from engine.playbook.actions import (
    AssignParams,
    DealParams,
    EmailParams,
    EnrollParams,
    LeaveParams,
    NotifyParams,
    ReleaseParams,
    ScoreParams,
    SetParams,
    StageParams,
    TaskParams,
    UnsubscribeParams,
    UpdateParams,
    WebhookParams,
)
from engine.playbook.call_checks import check_channel_kind, check_secrets
from engine.playbook.deal_checks import check_opening, check_stage
from engine.playbook.expressions import Expressions
from engine.playbook.field_checks import check_fields
from engine.playbook.fields import writings_of
from engine.playbook.guards import bodies_of, given_by
from engine.playbook.law_checks import MailLaw
from engine.playbook.lexicon import Lexicon
from engine.playbook.mail_account_checks import accounts_of, known_account
from engine.playbook.mail_checks import MailChecks
from engine.playbook.model import Playbook, SendDefaults, Steps
from engine.playbook.moment_checks import check_moment
from engine.playbook.nodes import ListNode, MapNode, Node
from engine.playbook.reading import Reader
from engine.playbook.scenario_checks import check_scenarios
from engine.playbook.spelling import did_you_mean
from engine.playbook.step import ControlStep, Step
from engine.playbook.steps.approve import Approve
from engine.playbook.steps.goto import Goto
from engine.playbook.steps.split import Split
from engine.playbook.steps.wait import Wait
from engine.playbook.steps.wait_for import WaitFor
from engine.playbook.templates import TemplateFacts
from engine.playbook.trigger_checks import check_triggers
from engine.playbook.workspace import MEDIA, Workspace


@dataclass(frozen=True, slots=True)
class Names:
    """Everything a playbook may name."""

    lexicon: Lexicon
    templates: Mapping[str, TemplateFacts]
    playbooks: frozenset[str]
    scores: frozenset[str]

    @property
    def workspace(self) -> Workspace:
        """What the playbook stands in."""
        return self.lexicon.workspace


def check_playbook(
    playbook: Playbook, ids: Mapping[Step, str], names: Names, reader: Reader, *, whole: bool
) -> Collection[str]:
    """Reports every name that nothing answers to; the events whose history is asked for.

    Args:
        whole: every step could be read, so that a missing id is the author's fault.
    """
    return _Check(playbook, ids, names, reader, whole).run()


def check_steps(
    playbook: Playbook, ids: Mapping[Step, str], names: Names, reader: Reader, *, whole: bool
) -> frozenset[str]:
    """The same for the steps of a part of a document, such as a threshold, and for its `if`."""
    check = _Check(playbook, ids, names, reader, whole)
    root = reader.document.root
    if isinstance(root, MapNode) and "if" in root.values:
        check.expressions.check(root.values["if"], has_event=False)
    check.steps()
    return frozenset(check.expressions.counted)


def check_levels(
    playbook: Playbook,
    levels: Iterable[Steps],
    ids: Mapping[Step, str],
    names: Names,
    reader: Reader,
    *,
    whole: bool,
) -> frozenset[str]:
    """The same for lists of steps that stand side by side, such as the levels of an escalation."""
    check = _Check(playbook, ids, names, reader, whole, speaks=True)
    check.lists(levels)
    return frozenset(check.expressions.counted)


class _Check:
    def __init__(
        self,
        playbook: Playbook,
        ids: Mapping[Step, str],
        names: Names,
        reader: Reader,
        whole: bool,
        *,
        speaks: bool = False,
    ) -> None:
        self.playbook = playbook
        self.speaks = speaks  # a notice that says nothing is told what there is to say
        self.ids = ids
        self.names = names
        self.reader = reader
        self.whole = whole
        self.expressions = Expressions(names.lexicon, reader, playbook.record)
        self.event = _starting_event(playbook)
        self.mail = MailChecks(names.templates, self.expressions, reader)
        self.law = MailLaw(playbook, names.workspace, reader)

    def run(self) -> Collection[str]:
        self._head()
        self.steps()
        if self.whole:
            check_scenarios(self.playbook, self.ids, self.expressions)
        return self.expressions.counted

    def steps(self) -> None:
        """The steps alone."""
        self._ids()
        self._steps(self.playbook.steps, (), given_by(self.playbook.enroll.cond))

    def lists(self, lists: Iterable[Steps]) -> None:
        """Lists of steps, none of which can jump into another."""
        self._ids()
        for steps in lists:
            self._steps(steps, (), given_by(self.playbook.enroll.cond))

    def known(self, kind: str, name: str, known: Iterable[str], at: Node) -> bool:
        """Whether `name` is one of `known`; if not, that is reported at `at`."""
        choices = list(known)
        if not name or name in choices:
            return True
        message = f"no {kind} named '{name}'"
        hint = did_you_mean(name, choices)
        self.reader.report(f"unknown-{kind}", message, hint, at.span)
        return False

    def _head(self) -> None:
        playbook, root = self.playbook, self.reader.document.root
        opens = any(step.verb == "deal" for step in self.ids)
        check_triggers(
            playbook, self.expressions, self.names.workspace, self.reader,
            opens=opens, scores=self.names.scores,
        )  # fmt: skip
        if isinstance(root, MapNode) and "calendar" in root.values:
            self._calendar(playbook.calendar, root.values["calendar"])
        send = root.values.get("send") if isinstance(root, MapNode) else None
        if isinstance(send, MapNode):
            self._sending(playbook.send, send)

    def _calendar(self, name: str, at: Node) -> None:
        self.known("calendar", name, (*self.names.workspace.calendars, "owner"), at)

    def _sending(self, settings: SendDefaults | EmailParams, node: MapNode) -> None:
        """What a mail step and `send:` have in common."""
        if "topic" in node.values:
            topics = self.names.workspace.topics
            self.known("topic", settings.topic, topics, node.values["topic"])
        window = node.values.get("window")
        if settings.window is not None and isinstance(window, MapNode):
            calendar = window.values.get("calendar")
            if calendar is not None:
                self._calendar(settings.window.calendar, calendar)
        if "expires" in node.values:
            check_moment(settings.expires, node.values["expires"], self.expressions)
        if "via" in node.values:
            accounts = accounts_of(self.names.workspace)
            known_account(settings.via, accounts, node.values["via"], self.reader)

    def _ids(self) -> None:
        seen: dict[str, Step] = {}
        for step in self.ids:
            name = step.common.id
            if name and name in seen:
                line = seen[name].node.values["id"].span.line
                self.reader.report(
                    "duplicate-id",
                    f"the id '{name}' is used twice; the first is on line {line}",
                    "give this step another id",
                    step.node.values["id"].span,
                )
            elif name:
                seen[name] = step

    def _steps(self, steps: Steps, above: tuple[str, ...], given: frozenset[str]) -> None:
        visible = (*above, *(self.ids[step] for step in steps))
        for step in steps:
            here = self.expressions.given = given | given_by(step.common.cond)
            self._texts(step)
            self._on_error(step)
            self._step(step, visible)
            if step.verb == "deal":
                self.expressions.has_deal = True
            for cond, body in bodies_of(step):
                self._steps(body, visible, here | given_by(cond))

    def _texts(self, step: Step) -> None:
        """Every expression and every text with `{{ }}` of a step."""
        if "if" in step.node.values and step.common.cond:
            self.expressions.check(step.node.values["if"], event=self.event)
        if step.verb == "choose":
            self._cases(step.fields.values["choose"])
            return
        for name, key, writing in writings_of(type(step.body)):
            node = step.fields.values.get(key)
            if node is None or step.verb == "update":
                continue
            if writing == "template":
                self.expressions.check_text(node, event=self.event)
                continue
            for each in node.values.values() if isinstance(node, MapNode) else (node,):
                self.expressions.check(each, event=self._event_of(step, name))

    def _event_of(self, step: Step, field: str) -> str | None:
        """The event an expression looks at: the awaited one in a `where`, else the first one."""
        if isinstance(step.body, WaitFor) and field == "where":
            return step.body.events[0] if len(step.body.events) == 1 else None
        return self.event

    def _cases(self, node: Node) -> None:
        for case in node.items if isinstance(node, ListNode) else ():
            if isinstance(case, MapNode) and "if" in case.values:
                self.expressions.check(case.values["if"], event=self.event)

    def _on_error(self, step: Step) -> None:
        """A step that only decides where to go on cannot fail."""
        node = step.node.keys.get("on_error")
        if node is None or not isinstance(step.body, ControlStep) or step.verb == "approve":
            return
        message = f"'{step.verb}' cannot fail by itself"
        hint = "write `on_error` at the steps that can"
        self.reader.report("on-error-without-effect", message, hint, node.span, severity="warning")

    def _step(self, step: Step, visible: tuple[str, ...]) -> None:  # noqa: PLR0912 - one arm a step
        body, values = step.body, step.fields.values
        workspace = self.names.workspace
        match body:
            case EmailParams():
                self._email(step, body)
            case Wait():
                if body.until:
                    check_moment(body.until, values["until"], self.expressions)
                self._calendar(body.calendar, values.get("calendar", step.node))
            case WaitFor():
                self._wait_for(body, step)
            case Goto():
                self._goto(body, values["target"], visible)
            case SetParams():
                check_fields(values["fields"], self.expressions, self.event, texts=True)
            case UpdateParams():
                check_fields(values["fields"], self.expressions, self.event, texts=False)
            case StageParams():
                check_stage(body.stage, values["stage"], self.expressions)
            case DealParams():
                check_opening(values["fields"], self.expressions)
            case ScoreParams() if "name" in values:
                self.known("score", body.name, self.names.scores, values["name"])
            case AssignParams():
                self.known("rule", body.rule, workspace.assignment, values.get("rule", step.node))
                self.known("owner", body.to, workspace.owners, values.get("to", step.node))
            case ReleaseParams():
                self._release(step, body)
            case TaskParams():
                self._task(body, values)
            case NotifyParams():
                self._notify(step, body)
            case Split():
                self._split(step, body)
            case Approve():
                self._approve(body, values)
            case UnsubscribeParams() if body.topic != "all":
                topics = ("all", *workspace.topics)
                self.known("topic", body.topic, topics, values["topic"])
            case WebhookParams():
                check_secrets(body, values, self.reader)
            case EnrollParams() | LeaveParams():
                self._playbook(step, body.playbook, values["playbook"])
            case BaseModel():
                pass

    def _release(self, step: Step, body: ReleaseParams) -> None:
        node = step.fields.values["pool"]
        self.known("pool", body.pool, self.names.workspace.pools, node)

    def _email(self, step: Step, params: EmailParams) -> None:
        node = step.fields
        self._sending(params, node)
        template = node.values["template"]
        if self.known("template", params.template, self.names.templates, template):
            self.mail.check(params, template, node.values.get("attach"))
            self.law.check(params, self.names.templates[params.template], node, template)

    def _wait_for(self, body: WaitFor, step: Step) -> None:
        values = step.fields.values
        events = values.get("events")
        items = events.items if isinstance(events, ListNode) else (events,) if events else ()
        for name, node in zip(body.events, items, strict=True):
            self.known("event", name, self.expressions.events(), node)
        self._calendar(body.calendar, values.get("calendar", step.node))
        if "from" in values and self.whole:
            self._sources(body, values["from"])

    def _sources(self, body: WaitFor, node: Node) -> None:
        mails = [name for step, name in self.ids.items() if step.verb == "email"]
        others = [event for event in body.events if not event.startswith("email.")]
        if others:
            message = f"'from' goes with events of a mail, not with '{others[0]}'"
            self.reader.report("from-without-email", message, "leave it out", node.span)
        for number, name in enumerate(body.sources):
            if name in mails:
                continue
            at = node.items[number] if isinstance(node, ListNode) else node
            known = name in self.ids.values()
            message = f"'{name}' is no email step" if known else f"no step has the id '{name}'"
            hint = did_you_mean(name, mails)
            self.reader.report("from-without-email", message, hint, at.span)

    def _split(self, step: Step, body: Split) -> None:
        values = step.fields.values
        self._calendar(body.calendar, values.get("calendar", step.node))
        names = [one.body.name for one in self.ids if isinstance(one.body, Split)]
        if names.count(body.name) > 1 and self._first(body.name) is not step:
            message = f"the split '{body.name}' is there twice"
            hint = "give this one another name: a record keeps one arm a name"
            self.reader.report("duplicate-split", message, hint, values["name"].span)
        winner = values.get("winner")
        if body.winner is None or not isinstance(winner, MapNode) or "by" not in winner.values:
            return
        at = winner.values["by"]
        if not self.known("event", body.winner.by, self.expressions.events(), at):
            return
        mails = any(one.verb == "email" for one in self.ids)
        if body.winner.by.startswith("email.") and not mails and self.whole:
            message = f"'{body.winner.by}' never comes: this playbook sends no mail"
            hint = "name an event that its arms can bring about"
            self.reader.report("winner-without-mail", message, hint, at.span)

    def _first(self, split: str) -> Step | None:
        return next(
            (one for one in self.ids if isinstance(one.body, Split) and one.body.name == split),
            None,
        )

    def _approve(self, body: Approve, values: Mapping[str, Node]) -> None:
        self._calendar(body.calendar, values.get("calendar", values["text"]))
        people = ("owner", "manager", *self.names.workspace.owners)
        node = values.get("by")
        if node is None or "by" not in body.model_fields_set:
            return  # left out, or blamed before
        items = node.items if isinstance(node, ListNode) else (node,)
        for name, at in zip(body.by, items, strict=True):
            self.known("owner", name, people, at)

    def _goto(self, body: Goto, node: Node, visible: tuple[str, ...]) -> None:
        if not self.whole or body.target in visible:
            return
        if body.target in self.ids.values():
            message = f"'{body.target}' is inside another step"
            hint = "jump to a step of this list, or of one around it"
        else:
            message = f"no step has the id '{body.target}'"
            hint = did_you_mean(body.target, visible)
        self.reader.report("unknown-goto", message, hint, node.span)

    def _task(self, body: TaskParams, values: Mapping[str, Node]) -> None:
        if "to" in values:
            people = ("owner", "manager", *self.names.workspace.owners)
            self.known("owner", body.to, people, values["to"])
        if "due" in values:
            check_moment(body.due, values["due"], self.expressions)

    def _notify(self, step: Step, body: NotifyParams) -> None:
        values, workspace = step.fields.values, self.names.workspace
        node = values["who"]
        if not (body.message or body.template or self.speaks):
            message, help = "notify needs a 'message'", "add `message: …` beside it"
            self.reader.report("missing-key", message, help, step.node.keys[step.verb].span)
        known = ("owner", "manager", *workspace.owners, *workspace.channels)
        for number, name in enumerate(body.who):
            at = node.items[number] if isinstance(node, ListNode) else node
            self.known("channel", name, known, at)
        template = values.get("template")
        if template and self.known("template", body.template, self.names.templates, template):
            self.mail.check_names(body.template)
        if "via" in values:
            self.known("channel", body.via, ("email", *MEDIA, *workspace.channels), values["via"])
            check_channel_kind(body.via, workspace, values["via"], self.reader)

    def _playbook(self, step: Step, name: str, at: Node) -> None:
        own = self.playbook.playbook
        if name == own and step.verb == "enroll":
            message, hint = f"'{name}' enrolls itself", "use `repeat:`, or `again:` in `enroll:`"
            self.reader.report("enrolls-itself", message, hint, at.span)
            return
        self.known("playbook", name, self.names.playbooks | {own}, at)


def _starting_event(playbook: Playbook) -> str | None:
    """The event that every run starts with, when it is always the same."""
    events = {item.event for item in playbook.enroll.when}
    return events.pop() or None if len(events) == 1 else None
