"""Whether a plan fits the workspace of today: an old version may name what is there no more.

A plan was checked when it was compiled. Its templates are pinned and always there; fields, stages,
people, rules, channels, topics, calendars and other playbooks are the workspace's, and may be gone.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from engine.playbook.catalog import event_types
from engine.playbook.conditions import ConditionError
from engine.playbook.lexicon import Lexicon, Place
from engine.playbook.mail_accounts import DEFAULT_ACCOUNT
from engine.playbook.plan import Ask, Await, Branch, Do, Op, Plan, Send, Split, Wait
from engine.playbook.workspace import Workspace

_PEOPLE = ("owner", "manager")


@dataclass(frozen=True, slots=True)
class Misfit:
    """What a plan names that is not there: at which step (empty: its triggers and exits), what."""

    step: str
    fault: str

    def __str__(self) -> str:
        return f"at '{self.step}': {self.fault}" if self.step else self.fault


def misfits(plan: Plan, workspace: Workspace, playbooks: Collection[str]) -> list[Misfit]:
    """Everything that the plan names and the workspace does not have, each once.

    Args:
        plan: a version that was published once.
        workspace: as it is now.
        playbooks: the names of those that are published now.
    """
    return list(dict.fromkeys(_Check(plan, workspace, {*playbooks, plan.playbook}).run()))


class _Check:
    def __init__(self, plan: Plan, workspace: Workspace, playbooks: Collection[str]) -> None:
        self.plan, self.workspace, self.playbooks = plan, workspace, playbooks
        self.lexicon = Lexicon(workspace)
        self.events = event_types(workspace.events)
        places = [stage.name for each in workspace.pipelines.values() for stage in each.stages]
        named = [
            f"{name}.{stage.name}" for name, each in workspace.pipelines.items()
            for stage in each.stages
        ]  # fmt: skip
        self.stages = {*workspace.lifecycle, *places, *named}
        self.people = {*_PEOPLE, *workspace.owners}

    def run(self) -> Iterator[Misfit]:
        """Everything, in the order of the plan."""
        plan = self.plan
        yield from self._calendar("", plan.calendar)
        for trigger in plan.enroll.triggers:
            yield from self._known("", "event", trigger.event, self.events)
            yield from self._known("", "stage", trigger.stage, self.stages)
            yield from self._condition("", trigger.cond)
        yield from self._condition("", plan.enroll.cond)
        for leaving in plan.exits:
            yield from self._known("", "event", leaving.event, self.events)
            yield from self._condition("", leaving.cond)
        for op in plan.ops:
            yield from self._op(op)

    def _op(self, op: Op) -> Iterator[Misfit]:
        match op:
            case Branch(cond=cond):
                yield from self._condition(op.step, cond)
            case Wait(calendar=calendar):
                yield from self._calendar(op.step, calendar)
            case Await():
                for event in op.events:
                    yield from self._known(op.step, "event", event, self.events)
                for cond in (op.cond, op.where):
                    yield from self._condition(op.step, cond)
                yield from self._calendar(op.step, op.calendar)
            case Split(winner=winner, calendar=calendar):
                yield from self._known(op.step, "event", winner.by if winner else "", self.events)
                yield from self._calendar(op.step, calendar)
            case Ask(by=by, calendar=calendar):
                for name in by:
                    yield from self._known(op.step, "owner", name, self.people)
                yield from self._calendar(op.step, calendar)
            case Do() | Send():
                yield from self._action(op)
            case _:
                pass

    def _action(self, op: Do | Send) -> Iterator[Misfit]:
        params, workspace = op.params, self.workspace

        def text(name: str) -> str:
            found = params.get(name)
            return found if isinstance(found, str) else ""

        match op.action:
            case "set" | "update" | "deal":
                yield from self._fields(op)
            case "stage":
                wanted = ".".join(filter(None, (text("pipeline"), text("stage"))))
                yield from self._known(op.step, "stage", wanted, self.stages)
            case "assign":
                yield from self._known(op.step, "rule", text("rule"), workspace.assignment)
                yield from self._known(op.step, "owner", text("to"), workspace.owners)
            case "release":
                yield from self._known(op.step, "pool", text("pool"), workspace.pools)
            case "task":
                yield from self._known(op.step, "owner", text("to"), self.people)
            case "notify":
                who = params.get("who")
                for name in who if isinstance(who, list) else []:
                    known = {*self.people, *workspace.channels}
                    yield from self._known(op.step, "owner or channel", str(name), known)
            case "email":
                yield from self._known(op.step, "topic", text("topic"), workspace.topics)
                accounts = (DEFAULT_ACCOUNT, *workspace.sender.accounts)
                yield from self._known(op.step, "mail account", text("via"), accounts)
            case "unsubscribe":
                topics = ("all", *workspace.topics)
                yield from self._known(op.step, "topic", text("topic"), topics)
            case "enroll" | "leave":
                yield from self._known(op.step, "playbook", text("playbook"), self.playbooks)

    def _fields(self, op: Do | Send) -> Iterator[Misfit]:
        if op.action == "deal":
            yield from self._known(op.step, "stage", str(op.params.get("stage") or ""), self.stages)
        roots = self.lexicon.names(self._place).roots
        for key in op.params:
            record, _, name = key.rpartition(".")
            record = record or ("deal" if op.action == "deal" else self.plan.record)
            fields: Mapping[str, object] = (roots[record].fields if record in roots else {}) or {}
            yield from self._known(op.step, f"field of a {record}", name, fields)

    def _calendar(self, step: str, name: str) -> Iterator[Misfit]:
        if name != "owner":
            yield from self._known(step, "calendar", name, self.workspace.calendars)

    def _known(self, step: str, what: str, name: str, known: Collection[str]) -> Iterator[Misfit]:
        if name and name not in known and "{{" not in name:
            yield Misfit(step, f"there is no {what} '{name}'")

    def _condition(self, step: str, text: str) -> Iterator[Misfit]:
        if not text:
            return
        try:
            self.lexicon.compiled(text, self._place)
        except ConditionError as error:
            yield Misfit(step, f"{error.message}, in '{text}'")

    @property
    def _place(self) -> Place:
        return self.plan.record, None, True, True
