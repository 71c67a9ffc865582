"""Where a shadow's decisions differ from the live ones: step by step, counted over all leads."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from engine.operations import published, shadows
from engine.operations.editions import Edition
from engine.operations.leads_view import names_of
from engine.operations.shadows import Cast, Story
from engine.playbook.outline import Outline
from engine.playbook.pairing import pair
from engine.playbook.plan import Plan
from engine.store.database import Store, Transaction
from rehearsal.shadow import Line, ShadowHouse

PAGE = 100
MOST = 1000
SHOWN = 5
_DECIDED = frozenset({"send", "do", "branch", "await", "split", "ask"})
_WENT = frozenset({"accepted", "in_doubt", "rejected", "bounced"})
_ASKS_OTHERS = frozenset({"enroll", "leave"})


@dataclass(slots=True)
class StepCompared:
    """A step of either version: how often only one of them did it, or decided otherwise."""

    step: str
    verb: str
    same: int = 0
    only_live: int = 0
    only_shadow: int = 0
    other: Counter[str] = field(default_factory=Counter)

    @property
    def differs(self) -> bool:
        """Whether the versions differ here."""
        return bool(self.only_live or self.only_shadow or self.other)

    def as_json(self) -> dict[str, object]:
        """What `--json` shows."""
        return {
            "step": self.step, "verb": self.verb, "same": self.same, "only_live": self.only_live,
            "only_shadow": self.only_shadow, "other": dict(self.other),
        }  # fmt: skip


@dataclass(slots=True)
class ShadowReport:
    """A shadow beside the live version.

    Attributes:
        runs: live enrollments since the shadow was cast that were compared.
        same: those of which every decision was the same.
        more: whether there are more than were looked at.
        outcomes: "live → shadow", where they differ, and how often.
        examples: leads with differences, each with what differs.
    """

    cast: Cast
    until: datetime
    runs: int = 0
    same: int = 0
    more: bool = False
    steps: dict[str, StepCompared] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    examples: list[tuple[str, list[str]]] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """What `--json` shows."""
        return {
            **self.cast.as_json(), "until": self.until, "runs": self.runs, "same": self.same,
            "more": self.more,
            "steps": [one.as_json() for one in self.steps.values() if one.differs],
            "outcomes": dict(self.outcomes),
            "examples": [{"lead": lead, "differs": told} for lead, told in self.examples],
        }  # fmt: skip


def compare(store: Store, cast: Cast, *, most: int = MOST) -> ShadowReport:
    """Plays the shadow over everything on record since it was cast; only reads the store.

    Args:
        store: the workspace's store.
        cast: the shadow.
        most: live enrollments to look at, the newest first.
    """
    plan, edition = store.read(lambda tx: _parts(tx, cast))
    report = ShadowReport(cast, store.read(lambda tx: tx.now))
    house = ShadowHouse(plan, edition)
    after = Outline(plan)
    names: dict[str, Mapping[str, str]] = {}
    before = ""
    try:
        while report.runs < most:
            size = min(PAGE, most - report.runs)
            page, leads = store.read(lambda tx: _page(tx, cast, before, size))  # noqa: B023
            for story in page:
                digest = story.run["digest"]
                if digest not in names:
                    live = store.read(lambda tx: published.plan(tx, digest))  # noqa: B023
                    names[digest] = pair(Outline(live), after).to
                played = house.play(story, names[digest], report.until)
                outcome = str(story.run["outcome"] or story.run["state"])
                lead = leads[story.run["record"]]
                lines = (story.lines, played.lines)
                _compare(report, after, names[digest], lines, (outcome, played.outcome), lead)
            if len(page) < size:
                return report
            before = page[-1].run["id"]
        report.more = True
        return report
    finally:
        house.close()


def _parts(tx: Transaction, cast: Cast) -> tuple[Plan, Edition]:
    plan = published.plan(tx, cast.digest)
    texts = published.templates(tx, cast.digest)
    files = published.carried(tx, cast.digest)
    pinned = {plan.templates[name]: (name, text) for name, text in texts.items()}
    carried = {plan.templates[name]: content for name, content in files.items()}
    source = published.source(tx) or ""
    return plan, Edition(source, {plan.playbook: plan}, pinned, carried)


def _page(
    tx: Transaction, cast: Cast, before: str, size: int
) -> tuple[list[Story], Mapping[str, str]]:
    page = shadows.stories(tx, cast, before=before, limit=size)
    return page, names_of(tx, [one.run["record"] for one in page])


def _compare(
    report: ShadowReport,
    outline: Outline,
    names: Mapping[str, str],
    lines: tuple[Sequence[Line], Sequence[Line]],
    outcomes: tuple[str, str],
    lead: str,
) -> None:
    live, shadow = _decisions(lines[0], names), _decisions(lines[1], {})
    told = []
    for step in [*live, *(one for one in shadow if one not in live)]:
        known = outline.by_id.get(step)
        one = report.steps.setdefault(step, StepCompared(step, known.verb if known else "gone"))
        mine, other = live.get(step), shadow.get(step)
        if mine == other or (mine and other and one.verb in _ASKS_OTHERS):
            one.same += 1
            continue
        if other is None:
            one.only_live += 1
            told.append(f"{step}: only the live version did it")
        elif mine is None:
            one.only_shadow += 1
            told.append(f"{step}: only the shadow would have done it")
        else:
            said = f"{', '.join(mine)} → {', '.join(other)}"
            one.other[said] += 1
            told.append(f"{step}: {said}")
    if outcomes[0] != outcomes[1] and not {*outcomes} <= {"waiting", "active", "pending"}:
        said = f"{outcomes[0]} → {outcomes[1]}"
        report.outcomes[said] += 1
        told.append(said)
    report.runs += 1
    report.same += not told
    if told and len(report.examples) < SHOWN:
        report.examples.append((lead, told))


def _decisions(lines: Sequence[Line], names: Mapping[str, str]) -> dict[str, list[str]]:
    """What was decided at each step, in order; waiting is no decision."""
    found: dict[str, list[str]] = {}
    for line in lines:
        if line["op"] not in _DECIDED:
            continue
        outcome = str(line["outcome"])
        if line["op"] == "send" and outcome in _WENT:
            outcome = "went"
        found.setdefault(names.get(line["step"], line["step"]), []).append(outcome)
    return found
