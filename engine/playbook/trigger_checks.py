"""The head of a playbook: its triggers and exits name events, stages and segments that exist."""

from engine.playbook.deal_checks import check_entered
from engine.playbook.expressions import Expressions
from engine.playbook.model import ExitRule, Playbook, When
from engine.playbook.moment_checks import check_moment
from engine.playbook.moments import CivilMoment, parse_moment
from engine.playbook.nodes import ListNode, MapNode, Node, ScalarNode
from engine.playbook.reading import Reader
from engine.playbook.spelling import closest, did_you_mean
from engine.playbook.workspace import Workspace


def check_triggers(
    playbook: Playbook,
    expressions: Expressions,
    workspace: Workspace,
    reader: Reader,
    *,
    opens: bool = False,
    scores: frozenset[str] = frozenset(("score",)),
) -> None:
    """Reports what is wrong with `enroll` and `exit`.

    Args:
        opens: some step opens a deal, which exits may ask for then.
        scores: the scores there are.
    """
    _Head(playbook, expressions, workspace, reader, opens, scores).run()


class _Head:
    def __init__(
        self,
        playbook: Playbook,
        expressions: Expressions,
        workspace: Workspace,
        reader: Reader,
        opens: bool,
        scores: frozenset[str],
    ) -> None:
        self.opens = opens
        self.scores = scores
        self.playbook = playbook
        self.expressions = expressions
        self.workspace = workspace
        self.reader = reader

    def run(self) -> None:
        root = self.reader.document.root
        if not isinstance(root, MapNode):
            return
        enroll = root.values.get("enroll")
        if isinstance(enroll, MapNode):
            self._enroll(enroll)
        elif enroll is None and "playbook" in root.values and not _misspelt(root, "enroll"):
            self._by_hand(root.keys["playbook"])
        exits = root.values.get("exit")
        self.expressions.has_deal = self.opens
        for item, node in zip(self.playbook.exit, _items(exits), strict=False):
            self._exit(item, node)
        self.expressions.has_deal = False

    def _enroll(self, node: MapNode) -> None:
        rule = self.playbook.enroll
        events = {item.event for item in rule.when}
        event = next(iter(events)) if len(events) == 1 else None
        for key in ("if", "key"):
            if key in node.values:
                self.expressions.check(node.values[key], event=event or None)
        if not rule.when and "when" not in node.values:
            self._by_hand(node)
        for item, each in zip(rule.when, _items(node.values.get("when")), strict=False):
            if isinstance(each, MapNode):
                self._when(item, each)

    def _by_hand(self, at: Node) -> None:
        self.reader.report(
            "no-trigger",
            "nothing starts this playbook by itself",
            "if that is meant, say so: `enroll: {when: [manual]}`",
            at.span,
            severity="warning",
        )

    def _when(self, item: When, node: MapNode) -> None:
        values = node.values
        if item.event and item.event not in self.expressions.events():
            self._unknown("event", item.event, self.expressions.events(), values["event"])
        if item.stage:
            check_entered(item.stage, values["stage"], self.expressions)
        if item.name not in self.scores:
            self._unknown("score", item.name, self.scores, values["name"])
        if item.segment and item.segment not in self.workspace.segments:
            self._segment(values["segment"])
        if item.date:
            every = bool(item.every)
            check_moment(item.date, values["date"], self.expressions, follows=True, yearly=every)
        if item.every and self.playbook.enroll.again == "never":
            self.reader.report(
                "yearly-once",
                "a yearly trigger with `again: never` reaches each record in one year alone",
                "write `again: always`",
                values["every"].span,
                severity="warning",
            )
        if item.at and not isinstance(parse_moment(item.at), CivilMoment):
            message = f"'{item.at}' is no moment in time"
            self.reader.report(
                "bad-time", message, "write it like `2026-11-01 10:00`", values["at"].span
            )
        if item.cron and self.playbook.enroll.again == "never":
            self.reader.report(
                "cron-once",
                "a cron trigger with `again: never` reaches each record once",
                "write `again: always`, or `again: after 30 days`",
                values["cron"].span,
                severity="warning",
            )
        if "if" in values:
            known = item.event in self.expressions.events()
            self.expressions.check(
                values["if"], event=item.event if known else None, has_event=bool(item.event)
            )

    def _segment(self, node: Node) -> None:
        """A condition, or a misspelt name of a segment."""
        if isinstance(node, ScalarNode) and node.text.isidentifier():
            self._unknown("segment", node.text, self.workspace.segments, node)
            return
        self.expressions.check(node, has_event=False)

    def _exit(self, item: ExitRule, node: Node) -> None:
        if not isinstance(node, MapNode):
            return
        known = item.event in self.expressions.events()
        if item.event and not known:
            self._unknown("event", item.event, self.expressions.events(), node.values["event"])
        for key in ("if", "value"):
            if key in node.values:
                self.expressions.check(
                    node.values[key],
                    event=item.event if known else None,
                    has_event=bool(item.event),
                )

    def _unknown(self, kind: str, name: str, known: object, at: Node) -> None:
        names = list(known) if isinstance(known, frozenset | dict) else []
        hint = did_you_mean(name, names)
        if kind == "event":
            hint += "; your own events are declared in longplay.yaml, under `events:`"
        self.reader.report(f"unknown-{kind}", f"no {kind} named '{name}'", hint, at.span)


def _misspelt(root: MapNode, key: str) -> bool:
    """Whether a key that is missing was probably meant by another, which is blamed already."""
    return any(closest(other, (key,)) for other in root.keys)


def _items(node: Node | None) -> tuple[Node, ...]:
    return node.items if isinstance(node, ListNode) else ()
