"""What rules would have foretold: stored events played through the old and the new rules of scores.

A lead counts once for each threshold, by its first crossing within the window. It is right if the
outcome came within so many days after that. Precision judges only crossings that are that old,
whether the outcome came or not; recall asks of all outcomes of the window. What happened at or
after an outcome foretells nothing.
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from engine.errors import EnvironmentFault, InputError, NotFoundError
from engine.operations import published
from engine.operations.editions import Edition
from engine.operations.pasts import UNKNOWN, Asked, Past, Progress, walk
from engine.operations.published import Current
from engine.operations.selecting import events_of
from engine.playbook.catalog import event_types
from engine.playbook.conditions import condition
from engine.playbook.plan import Do, Plan
from engine.playbook.scoring_plan import Scoring
from engine.playbook.spelling import did_you_mean
from engine.playbook.workspace import load_workspace
from engine.runtime.foretelling import Foretold, Matched
from engine.runtime.rulebook import Rulebook
from engine.runtime.score_replay import Replay, asked_of, passed_over
from engine.runtime.scoring import micros, moment
from engine.store import retention
from engine.store.database import Store, Transaction

Side = Literal["old", "new"]
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        since: crossings and outcomes before count for nothing; None: from the beginning.
        until: those after either; None: now.
        within: how soon after a crossing the outcome must come.
        became: entering this stage, or one behind it, is the outcome, as a won deal is; empty:
            `opportunity`, or the stage before the last where there is none.
        ends: events that are an outcome as well.
    """

    since: datetime | None = None
    until: datetime | None = None
    within: timedelta = 90 * DAY
    became: str = ""
    ends: tuple[str, ...] = ()


@dataclass(slots=True)
class Line:
    """What one threshold would have done, under the old rules or the new ones."""

    score: str
    playbook: str
    threshold: str
    at: float
    side: Side
    told: Foretold = field(default_factory=Foretold)

    def as_json(self, outcomes: int) -> dict[str, Any]:
        """What `--json` shows."""
        return {
            "score": self.score, "playbook": self.playbook, "threshold": self.threshold,
            "at": self.at, "rules": self.side, **self.told.as_json(outcomes),
        }  # fmt: skip


@dataclass(slots=True)
class Backtest:
    """What was found.

    Attributes:
        leads: who was looked at: all but those whose outcome came before the window.
        outcomes: of them those whose outcome came within it.
        before: those left out, whose outcome came before.
        compared: threshold → who crossed under which rules, where there are both.
        notes: what to know before believing it.
    """

    since: datetime | None
    until: datetime
    within: timedelta
    stages: tuple[str, ...]
    ends: tuple[str, ...]
    leads: int = 0
    outcomes: int = 0
    before: int = 0
    lines: list[Line] = field(default_factory=list)
    compared: dict[tuple[str, str], Matched] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """What `--json` shows."""
        return {
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat(), "within_days": self.within / DAY,
            "outcome": {"stages": list(self.stages), "events": list(self.ends), "deals": "won"},
            "leads": self.leads, "outcomes": self.outcomes, "left_out": self.before,
            "thresholds": [one.as_json(self.outcomes) for one in self.lines],
            "compared": [
                {"playbook": playbook, "threshold": name, **one.as_json()}
                for (playbook, name), one in self.compared.items()
            ],
            "notes": self.notes,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Rules:
    """The rules of one score, on one side."""

    side: Side
    book: Rulebook
    asked: Mapping[str, Any]
    lines: Mapping[str, Line]


def backtest(
    store: Store,
    edition: Edition,
    question: Question,
    *,
    score: str = "",
    who: Path | None = None,
    progress: Progress = lambda done, total: None,
) -> Backtest:
    """Plays the past through the published rules and through those of the edition.

    Args:
        score: only this score's rules.
        who: a CSV file to write everybody to who crossed, or whose outcome came.

    Raises:
        NotFoundError: no playbook keeps such a score, or there is no such stage or event.
        InputError: nothing keeps a score, or the window is empty.
    """
    current = store.read(published.current)
    workspace = load_workspace(edition.source).workspace
    # New rules may ask for a field that is new; what is published knows nothing of that.
    current = current if workspace is None else replace(current, workspace=workspace)
    now, gone = store.read(lambda tx: (tx.now, _gone(tx)))
    found = _found(current, question, now)
    rules = _rules(store.read(published.current).plans, edition.plans, score)
    found.lines = [line for one in rules for line in one.lines.values()]
    for one in found.lines:
        if _has_both(found, one):
            found.compared[one.playbook, one.threshold] = Matched()
    found.notes = list(_notes(found, rules, edition, gone))
    asked = Asked(
        frozenset(found.stages), frozenset(found.ends),
        *_names(current, rules), frozenset(one.book.name for one in rules),
    )  # fmt: skip
    with _listed(who, found) as write:
        play = _Play(found, rules, write)
        walk(store, current, asked, progress, take=play.lead)
    return found


def _found(current: Current, question: Question, now: datetime) -> Backtest:
    until = min(question.until or now, now)
    if question.since is not None and question.since >= until:
        raise InputError(
            f"nothing lies between {question.since:%Y-%m-%d %H:%M} and {until:%Y-%m-%d %H:%M}",
            help="--since is the earlier one, and neither is in the future",
        )
    known = event_types(current.workspace.events)
    for name in question.ends:
        if name not in known:
            raise NotFoundError(f"no event is named '{name}'", help=did_you_mean(name, known))
    stages = outcome_stages(current, question.became)
    return Backtest(question.since, until, question.within, stages, question.ends)


def outcome_stages(current: Current, became: str = "") -> tuple[str, ...]:
    """The stages that count as an outcome: `became` and those behind it.

    Raises:
        NotFoundError: the lifecycle has no such stage.
    """
    lifecycle = tuple(current.workspace.lifecycle)
    if became and became not in lifecycle:
        hint = did_you_mean(became, lifecycle) or f"the lifecycle is: {', '.join(lifecycle)}"
        raise NotFoundError(f"the lifecycle has no stage '{became[:60]}'", help=hint)
    usual = "opportunity" if "opportunity" in lifecycle else lifecycle[-2:][0]
    return lifecycle[lifecycle.index(became or usual) :]


def _rules(old: Mapping[str, Plan], new: Mapping[str, Plan], score: str) -> list[_Rules]:
    """The rules to play: those published, and those of the files where they are others."""
    found = []
    for name in sorted({*old, *new}):
        before = old[name].scoring if name in old else None
        after = new[name].scoring if name in new else None
        sides: list[tuple[Side, Scoring | None]] = [("old", before), ("new", after)]
        for side, scoring in sides if before != after else sides[:1]:
            if scoring is not None and score in ("", scoring.score):
                found.append(_ready(name, side, scoring))
    if not found:
        every = {one.scoring.score for one in (*old.values(), *new.values()) if one.scoring}
        hint = did_you_mean(score, every) if every else "write a playbook of `kind: scoring`"
        raise NotFoundError(f"no scoring playbook keeps a score '{score or 'score'}'", help=hint)
    return found


def _ready(playbook: str, side: Side, scoring: Scoring) -> _Rules:
    lines = {
        one.name: Line(scoring.score, playbook, one.name, one.at, side)
        for one in scoring.thresholds
    }
    return _Rules(side, Rulebook(playbook, scoring), asked_of(scoring), lines)


def _has_both(found: Backtest, line: Line) -> bool:
    key = line.playbook, line.threshold
    return sum((one.playbook, one.threshold) == key for one in found.lines) == 2


def _names(current: Current, rules: Sequence[_Rules]) -> tuple[frozenset[str], frozenset[str]]:
    """The events to read, and those of them that conditions look back on."""
    counted = frozenset[str]()
    for one in rules:
        scoring = one.book.scoring
        for text in (*_texts(scoring), *(each.cond for each in scoring.thresholds if each.cond)):
            counted |= events_of(current, condition(text))
    given = frozenset(name for one in rules for name in one.book.events)
    return given | counted, counted


def _texts(scoring: Scoring) -> list[str]:
    """The conditions of its rules."""
    texts = (*(one.cond for one in scoring.fit), *(one.cond for one in scoring.behavior))
    return [text for text in texts if text]


def _gone(tx: Transaction) -> datetime | None:
    return retention.gone_before(tx, "events")


def _notes(
    found: Backtest, rules: Sequence[_Rules], edition: Edition, gone: datetime | None
) -> Iterator[str]:
    """What makes the answer less than the whole truth."""
    if gone is not None and (found.since is None or found.since < gone):
        yield (
            f"events before {gone:%Y-%m-%d} are not kept any more (`retention`): ask --since "
            "a while after that"
        )
    for one in rules:
        for name in passed_over(one.book.scoring):
            yield (
                f"the `if` of threshold '{name}' ({one.side} rules) asks for what scores change "
                "themselves, and is not asked of the past"
            )
        asked = {name for text in _texts(one.book.scoring) for name in condition(text).names}
        lost = sorted(name for name in asked if name.partition(".")[2].split(".")[0] in UNKNOWN)
        if lost:
            yield f"nobody wrote down what '{lost[0]}' was then: in the past it is missing"
    for name, plan in sorted(edition.plans.items()):
        moves = [op for op in plan.ops if isinstance(op, Do) and op.action == "stage"]
        if plan.kind == "scoring" and any(op.params.get("stage") in found.stages for op in moves):
            yield f"'{name}' itself moves leads to an outcome: that it comes true proves little"


class _Play:
    """Plays lead by lead, and counts."""

    def __init__(
        self, found: Backtest, rules: Sequence[_Rules], write: Callable[..., None]
    ) -> None:
        self.found, self.rules, self.write = found, rules, write
        self.since = micros(found.since) if found.since else 0
        self.until, self.within = micros(found.until), found.within // timedelta(microseconds=1)

    def lead(self, past: Past) -> None:
        """Counts one lead."""
        outcome = past.outcome_at
        if outcome is not None and outcome < self.since:
            self.found.before += 1
            return
        if past.known_at > self.until:
            return
        outcome = outcome if outcome is not None and outcome <= self.until else None
        self.found.leads += 1
        self.found.outcomes += outcome is not None
        crossed = self._crossed(past, self.until + 1 if outcome is None else outcome)
        both: dict[tuple[str, str], dict[Side, int | None]] = {}
        for rules in self.rules:
            for name, line in rules.lines.items():
                at = crossed[rules.side, line.playbook].get(name)
                line.told.count(at, outcome, self.until, self.within)
                both.setdefault((line.playbook, name), {})[rules.side] = at
        for key, sides in both.items():
            if key in self.found.compared:
                old, new = sides["old"], sides["new"]
                self.found.compared[key].count(old, new, outcome, self.within)
            if outcome is not None or any(at is not None for at in sides.values()):
                self.write(past, key, sides, outcome)

    def _crossed(self, past: Past, end: int) -> dict[tuple[Side, str], dict[str, int]]:
        """First crossings, before `end`."""
        scope = past.scope
        replays = [Replay(one.book, one.asked, self.since) for one in self.rules]
        for each in replays:
            each.begin(scope)
        for one in past.moments():
            if one.at >= end:
                break
            for each in replays:
                if one.kind == "event":
                    each.event(one.name, one.value, scope, one.at)
                elif one.kind == "change":
                    each.changed(one.name, scope, one.at)
                elif each.book.name == one.name:
                    each.points(one.value, scope, one.at)
        for each in replays:
            each.finish(scope, end)
        pairs = zip(self.rules, replays, strict=True)
        return {(one.side, one.book.playbook): each.crossed for one, each in pairs}


_COLUMNS = ("lead", "email", "playbook", "threshold", "old_crossed_at", "new_crossed_at",
            "outcome_at", "old_days_before", "new_days_before")  # fmt: skip


@contextmanager
def _listed(path: Path | None, found: Backtest) -> Iterator[Callable[..., None]]:
    """What writes a lead's line to the file, or does nothing without one."""
    if path is None:
        yield lambda *_: None
        return
    sides = {one.side for one in found.lines}
    try:
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            out = csv.writer(file)
            out.writerow(_COLUMNS)

            def write(past: Past, key: tuple[str, str], at: Mapping[Side, Any], end: Any) -> None:
                days = [_days(at.get(side), end) for side in ("old", "new")]
                times = [_time(at.get(side) if side in sides else None) for side in ("old", "new")]
                out.writerow([past.lead, past.email, *key, *times, _time(end), *days])

            yield write
    except OSError as error:
        raise EnvironmentFault(f"'{path}' cannot be written: {error.strerror}") from error


def _time(at: int | None) -> str:
    return moment(at).isoformat(timespec="seconds") if at is not None else ""


def _days(at: int | None, end: int | None) -> str:
    if at is None or end is None:
        return ""
    return f"{timedelta(microseconds=end - at) / DAY:.1f}"
