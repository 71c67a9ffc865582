"""Whether everything the head of an escalation names exists, and whether its levels make sense.

The steps of its levels are checked as those of any other playbook.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.playbook.durations import Duration, DurationError, parse_duration
from engine.playbook.escalation_model import ANY, EscalationPlaybook
from engine.playbook.expressions import Expressions
from engine.playbook.nodes import ListNode, MapNode, Node
from engine.playbook.reading import Reader
from engine.playbook.spelling import did_you_mean


def check_escalation(
    playbook: EscalationPlaybook, expressions: Expressions, reader: Reader
) -> None:
    """Reports what is wrong with `watch`, `clock` and `levels`."""
    root = reader.document.root
    if isinstance(root, MapNode):
        _Check(playbook, expressions, reader, root).run()


@dataclass
class _Check:
    playbook: EscalationPlaybook
    expressions: Expressions
    reader: Reader
    root: MapNode

    def run(self) -> None:
        watch, clock = self.root.values.get("watch"), self.root.values.get("clock")
        if isinstance(watch, MapNode):
            self._watch(watch)
        if isinstance(clock, MapNode):
            self._clock(clock)
        self._levels(self.root.values.get("levels"))

    def _watch(self, node: MapNode) -> None:
        if "if" in node.values:
            self.expressions.check(node.values["if"], has_event=False)
        pipeline, workspace = self.playbook.watch.pipeline, self.expressions.workspace
        if pipeline and self.playbook.record == "lead":
            message = f"'{pipeline}': leads are in no pipeline"
            hint = "write `for: deal` above, or leave `pipeline` out"
            self.reader.report("no-deal-here", message, hint, node.keys["pipeline"].span)
            return
        if pipeline and pipeline not in workspace.pipelines:
            self._unknown("pipeline", pipeline, workspace.pipelines, node.values["pipeline"])
            return
        if "stage" in node.values:
            self._stages(node.values["stage"])

    def _stages(self, node: Node) -> None:
        known = self._known_stages()
        for name, at in _each(self.playbook.watch.stage, node):
            if name != ANY and name not in known:
                self._unknown("stage", name, (*known, ANY), at)
        if ANY in self.playbook.watch.stage and len(self.playbook.watch.stage) > 1:
            hint = "leave the others out, or leave `any` out"
            message = "'any' stands beside other stages, and means them all"
            self.reader.report("any-and-more", message, hint, node.span)

    def _known_stages(self) -> tuple[str, ...]:
        workspace, pipeline = self.expressions.workspace, self.playbook.watch.pipeline
        if self.playbook.record == "lead":
            return tuple(workspace.lifecycle)
        chosen = [pipeline] if pipeline else list(workspace.pipelines)
        found = (stage.name for name in chosen for stage in workspace.pipelines[name].stages)
        return tuple(dict.fromkeys(found))

    def _clock(self, node: MapNode) -> None:
        clock, workspace = self.playbook.clock, self.expressions.workspace
        if clock.calendar and "calendar" in node.values:
            known = (*workspace.calendars, "owner")
            if clock.calendar not in known:
                self._unknown("calendar", clock.calendar, known, node.values["calendar"])
        for key, names in (("resets_on", clock.resets_on), ("stops_on", clock.stops_on)):
            for name, at in _each(names, node.values.get(key)):
                if name not in self.expressions.events():
                    self._event(name, at)
        both = [name for name in clock.resets_on if name in clock.stops_on]
        if both:
            message = f"'{both[0]}' cannot begin another round and end the watch"
            hint = "name it under one of `resets_on` and `stops_on`"
            self.reader.report("resets-and-stops", message, hint, node.keys["stops_on"].span)

    def _levels(self, node: Node | None) -> None:
        if not self.playbook.levels and node is not None:
            message, hint = "there is no level", "write `- after: 3 business days` with its steps"
            self.reader.report("no-levels", message, hint, node.span)
        before: Duration | None = None
        items = node.items if isinstance(node, ListNode) else ()
        for level, item in zip(self.playbook.levels, items, strict=False):
            if not isinstance(item, MapNode):
                continue
            length = _length(level.after)
            at = item.values.get("after", item)
            if length is None:
                continue
            if length.is_zero:
                message, hint = "a level after no time at all", "write `after: 10 minutes`"
                self.reader.report("bad-duration", message, hint, at.span)
            elif before is not None and _is_earlier(length, before):
                message = f"'{level.after}' does not come after '{before.text}', which is above"
                hint = "put the levels in the order in which they are due"
                self.reader.report("levels-out-of-order", message, hint, at.span)
            before = length

    def _unknown(self, kind: str, name: str, known: object, at: Node) -> None:
        names = list(known) if isinstance(known, tuple | list | dict) else []
        hint = did_you_mean(name, names)
        self.reader.report(f"unknown-{kind}", f"no {kind} named '{name}'", hint, at.span)

    def _event(self, name: str, at: Node) -> None:
        hint = did_you_mean(name, self.expressions.events())
        hint += "; your own events are declared in longplay.yaml, under `events:`"
        self.reader.report("unknown-event", f"no event named '{name}'", hint, at.span)


def _each(names: tuple[str, ...], node: Node | None) -> Iterator[tuple[str, Node]]:
    """Names with where they stand: in a list, or alone."""
    if node is None:
        return
    nodes = node.items if isinstance(node, ListNode) else (node,)
    yield from zip(names, nodes, strict=False)


def _length(text: str) -> Duration | None:
    try:
        return parse_duration(text)
    except DurationError:
        return None


def _is_earlier(one: Duration, before: Duration) -> bool:
    """Whether a level is certainly due no later than the one above it: in the same unit only."""
    return one.is_business == before.is_business and one.rough <= before.rough
