"""What the ways through a plan lead to: mails over the caps, events that never come, long records.

Every finding is a warning: the plan runs, though not as its author seems to expect.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from engine.playbook.durations import DurationError, parse_offset
from engine.playbook.hours import parse_days, parse_hours
from engine.playbook.model import Playbook
from engine.playbook.nodes import ListNode, MapNode, Node
from engine.playbook.plan import Await, Plan, Send, Split
from engine.playbook.reading import Reader
from engine.playbook.routes import Burst, length, quickest, reached_from
from engine.playbook.sizes import estimate
from engine.playbook.step import Step
from engine.playbook.workspace import Workspace
from engine.playbook.workspace_values import Rate

MOST_ROWS = 1000
"""Rows of the step log that one enrollment may leave before its author is asked about it."""
_YEAR = timedelta(days=365)
_TRACKED = {"email.opened": "opens", "email.clicked": "clicks"}


def check_ways(
    plan: Plan,
    playbook: Playbook,
    ids: Mapping[Step, str],
    workspace: Workspace,
    reader: Reader,
) -> None:
    """Reports what the ways through a plan lead to."""
    _Ways(plan, playbook, {name: step for step, name in ids.items()}, workspace, reader).run()


@dataclass
class _Ways:
    plan: Plan
    playbook: Playbook
    steps: Mapping[str, Step]
    workspace: Workspace
    reader: Reader

    def run(self) -> None:
        for rate in self.workspace.caps.get("marketing", ()):
            self._cap(rate)
        self._awaits()
        self._exits()
        self._arms()
        self._windows()
        self._size()

    def _warn(self, rule: str, message: str, hint: str, at: Node) -> None:
        self.reader.report(rule, message, hint, at.span, severity="warning")

    def _mails(self) -> dict[int, Send]:
        ops = enumerate(self.plan.ops)
        return {at: op for at, op in ops if isinstance(op, Send) and op.action == "email"}

    def _cap(self, rate: Rate) -> None:
        """The quickest way to one mail more than the cap allows."""
        mails = {at: True for at, op in self._mails().items() if op.params["as"] == "marketing"}
        within = _length(rate.per)
        found = quickest(self.plan, mails, rate.count + 1) if mails else None
        if found is None or found.takes >= within or found.last not in self.steps:
            return
        step = self.steps[found.last]
        times, per = _ordinal(rate.count + 1), rate.per.removeprefix("1 ")
        over = getattr(step.body, "over_cap", "") or self.playbook.send.over_cap
        late = "is left out" if over == "skip" else "waits for the cap"
        self._warn(
            "over-cap",
            f"'{found.last}' may be the {times} mail in {rate.per}, where {rate.count} per {per} "
            f"may go: it {late}",
            f"the way: {_way(found)}; put a longer wait on it",
            step.node.keys[step.verb],
        )

    def _awaits(self) -> None:
        mails = self._mails()
        for at, op in enumerate(self.plan.ops):
            if not isinstance(op, Await) or not op.events or op.step not in self.steps:
                continue
            before = [one for here, one in mails.items() if at in reached_from(self.plan, here)]
            step = self.steps[op.step]
            if op.sources:
                self._sources(op, step, before)
                continue
            for name, node in zip(op.events, _items(step.fields.values["events"]), strict=False):
                self._event(name, node, before)

    def _event(self, name: str, node: Node, before: Sequence[Send]) -> None:
        if name == "lead.created":
            message = "'lead.created' never comes: whoever is here was created before"
            self._warn("event-never-comes", message, "wait for another event", node)
        elif not name.startswith("email."):
            return
        elif not before:
            message = f"'{name}' never comes: no mail was sent before this step"
            self._warn("event-never-comes", message, "put the mail before it", node)
        else:
            self._untracked(name, node, before)

    def _sources(self, op: Await, step: Step, before: Sequence[Send]) -> None:
        sent = {one.step for one in before}
        nodes = _items(step.fields.values["from"])
        for name, node in zip(op.sources, nodes, strict=False):
            if name not in sent:
                message = f"no way leads from the mail '{name}' to this step"
                hint = "name a mail that goes before it"
                self._warn("event-never-comes", message, hint, node)
        mine = [one for one in before if one.step in op.sources]
        for name, node in zip(op.events, _items(step.fields.values["events"]), strict=False):
            if mine:
                self._untracked(name, node, mine)

    def _untracked(self, name: str, node: Node, mails: Collection[Send]) -> None:
        what = _TRACKED.get(name, "")
        if what and not any(_tracks(one, what) for one in mails):
            message = f"'{name}' never comes: these mails are not tracked for {what}"
            hint = f"write `track: {{{what}: true}}`, or wait for something else"
            self._warn("event-never-comes", message, hint, node)

    def _arms(self) -> None:
        """An arm that sends no mail cannot win by what happens to one."""
        mails = self._mails()
        for at, op in enumerate(self.plan.ops):
            if not isinstance(op, Split) or op.winner is None or op.step not in self.steps:
                continue
            by = op.winner.by
            if not by.startswith("email.") or any(
                at in reached_from(self.plan, mail) for mail in mails
            ):
                continue
            arms = self.steps[op.step].fields.values["arms"]
            for arm, way in zip(op.arms, op.ways, strict=True):
                if not mails.keys() & {way, *reached_from(self.plan, way)}:
                    message = f"'{arm.name}' can never win: '{by}' is of a mail, and it sends none"
                    hint = "name an event that every arm can bring about, such as order.placed"
                    keys = arms.keys if isinstance(arms, MapNode) else {}
                    self._warn("arm-without-mail", message, hint, keys.get(arm.name, arms))

    def _exits(self) -> None:
        root = self.reader.document.root
        exits = root.values.get("exit") if isinstance(root, MapNode) else None
        mails = list(self._mails().values())
        for item, node in zip(self.playbook.exit, _items(exits), strict=False):
            if isinstance(node, MapNode) and item.event:
                self._event(item.event, node.values["event"], mails)

    def _windows(self) -> None:
        """A mail that expires before its window opens again is never sent by those it meets."""
        for op in self._mails().values():
            step = self.steps[op.step]
            window = op.params.get("window")
            if not isinstance(window, dict):
                continue
            expires, closed = (
                length(str(op.params.get("expires") or "")),
                closed_for(str(window["days"]), str(window["hours"])),
            )
            if expires and expires < closed:
                message = (
                    f"its window stays closed for {_spoken(closed)}, and the mail expires after "
                    f"{op.params['expires']}"
                )
                at = step.node.values.get("expires") or step.node.keys[step.verb]
                self._warn("expires-before-window", message, "let it expire later", at)

    def _size(self) -> None:
        size = estimate(self.plan)
        root = self.reader.document.root
        at = root.keys["steps"] if isinstance(root, MapNode) and "steps" in root.keys else root
        if size.rows > MOST_ROWS:
            message = f"one enrollment may leave {size.rows} rows in the step log"
            self._warn("many-rows", message, "repeat less often, or split the playbook", at)
        for loop in size.loops:
            a_year = int(loop.rows * (_YEAR / loop.takes)) if loop.takes else 0
            if a_year > 10 * MOST_ROWS and loop.step in self.steps:
                step = self.steps[loop.step]
                message = (
                    f"this loop may go round every {_spoken(loop.takes)}, and leaves {loop.rows} "
                    "rows in the step log each time"
                )
                hint = "wait longer in it, or count its rounds with `repeat: {times: N}`"
                self._warn("many-rows", message, hint, step.node.keys[step.verb])


def closed_for(on: str, at: str) -> timedelta:
    """The longest time between two openings of a window, holidays aside."""
    days = sorted(parse_days(on or "mon-sun"))
    hours = parse_hours(at or "00:00-24:00")
    opens = [timedelta(days=day, minutes=start) for day in days for start, _ in hours]
    closes = [timedelta(days=day, minutes=end) for day in days for _, end in hours]
    opens.append(opens[0] + timedelta(days=7))
    return max(later - end for end, later in zip(closes, opens[1:], strict=True))


def _tracks(mail: Send, what: str) -> bool:
    track = mail.params.get("track")
    return not isinstance(track, dict) or track.get(what) is not False


def _items(node: Node | None) -> tuple[Node, ...]:
    if node is None:
        return ()
    return node.items if isinstance(node, ListNode) else (node,)


def _length(text: str) -> timedelta:
    try:
        return parse_offset(text).rough
    except DurationError:
        return timedelta(0)


def _way(found: Burst) -> str:
    steps = found.steps if len(found.steps) <= 9 else (*found.steps[:4], "…", *found.steps[-4:])
    return " → ".join(steps)


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number % 100 not in (11, 12, 13) else 0)
    return f"{number}{ending or 'th'}"


def _spoken(takes: timedelta) -> str:
    minutes = round(takes.total_seconds()) // 60
    days, hours = (minutes // 1440, minutes // 60 % 24) if minutes >= 2880 else (0, minutes // 60)
    parts = [(days, "day"), (hours, "hour"), (minutes % 60, "minute")]
    said = [f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count]
    return " ".join(said) or "less than a minute"
