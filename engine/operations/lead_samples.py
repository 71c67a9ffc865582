"""Leads as examples to learn from: what each showed some days after it was known, and what came.

Every lead is one example, so that examples know nothing of each other. It is judged at one moment,
which its outcome has no part in: so many days after it was first known. What it showed is of before
that moment, the outcome of after it, and no later than `within`. Whoever came to the outcome before
is left out, and whoever has not had the time.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.operations.pasts import Asked, Past, Progress, walk
from engine.operations.published import Current
from engine.operations.sign_search import Did, Search
from engine.playbook.scoring_plan import Scoring
from engine.runtime.rulebook import Rulebook
from engine.runtime.score_replay import Replay, asked_of
from engine.runtime.scoring import micros, moment
from engine.runtime.signs import Showing
from engine.store.database import Store


@dataclass(frozen=True, slots=True)
class Judged:
    """When leads are judged, and by what.

    Attributes:
        after: so long after a lead was first known.
        within: so soon after that the outcome must come.
        until: what came later is not known.
    """

    after: timedelta
    within: timedelta
    until: datetime

    def at(self, past: Past) -> int | None:
        """The moment that a lead is judged at; None: its outcome came before, or it is too young.

        Microseconds, as everything about the past.
        """
        at = past.known_at + _micros(self.after)
        is_sooner = past.outcome_at is not None and past.outcome_at <= at
        return None if is_sooner or at + _micros(self.within) > micros(self.until) else at


@dataclass(slots=True)
class Samples:
    """Examples, in the order of the leads' ids.

    Attributes:
        shown: one example after the other, what it shows of each sign.
        came: 1 where the outcome came in time.
        present: the total by the rules of today.
        at: when each was judged, in microseconds.
        sooner: leads left out because their outcome had come before they were judged.
        young: leads left out because the time for the outcome is not over.
    """

    signs: int = 0
    shown: "array[float]" = field(default_factory=lambda: array("f"))
    came: "array[int]" = field(default_factory=lambda: array("b"))
    present: "array[int]" = field(default_factory=lambda: array("l"))
    at: "array[int]" = field(default_factory=lambda: array("q"))
    sooner: int = 0
    young: int = 0

    @property
    def leads(self) -> int:
        """How many examples there are."""
        return len(self.came)

    @property
    def outcomes(self) -> int:
        """How many of them came to the outcome."""
        return sum(self.came)


def search(
    store: Store, current: Current, asked: Asked, judged: Judged, progress: Progress
) -> tuple[Search, Samples]:
    """Looks for signs; the samples it answers have no more than the numbers of leads."""
    found, counts = Search(current), Samples()

    def take(past: Past) -> None:
        at = judged.at(past)
        if at is None:
            _leave_out(past, judged, counts)
            return
        told = past.moments_until(at)
        did: Did = [(one.name, one.value) for one in told if one.kind == "event"]
        found.lead(past.scope["lead"], did)
        counts.came.append(_came(past, at, judged))

    walk(store, current, asked, progress, take=take)
    return found, counts


def gather(
    store: Store,
    current: Current,
    asked: Asked,
    judged: Judged,
    showing: Showing,
    present: Scoring | None,
    progress: Progress,
) -> Samples:
    """The examples, with what they show of these signs and their totals by the rules of today."""
    found = Samples(len(showing.signs))
    book = Rulebook("", present) if present is not None else None
    conditions = asked_of(present) if present is not None else {}

    def take(past: Past) -> None:
        at = judged.at(past)
        if at is None:
            _leave_out(past, judged, found)
            return
        replay = Replay(book, conditions) if book is not None else None
        found.shown.extend(_shown(past, at, showing, replay))
        found.came.append(_came(past, at, judged))
        found.present.append(replay.total(at) if replay is not None else 0)
        found.at.append(at)

    walk(store, current, asked, progress, take=take)
    return found


def _shown(past: Past, at: int, showing: Showing, replay: Replay | None) -> Sequence[float]:
    shown, scope = showing.begin(), past.scope
    if replay is not None:
        replay.begin(scope)
    for one in past.moments_until(at):
        if one.kind == "event":
            shown.event(one.name, one.value, scope, one.at)
            if replay is not None:
                replay.event(one.name, one.value, scope, one.at)
        elif one.kind == "change" and replay is not None:
            replay.changed(one.name, scope, one.at)
        elif one.kind == "points" and replay is not None and one.name == replay.book.name:
            replay.points(one.value, scope, one.at)
    scope["now"] = moment(at)
    return shown.at(scope, at)


def _leave_out(past: Past, judged: Judged, counts: Samples) -> None:
    at = past.known_at + _micros(judged.after)
    if past.outcome_at is not None and past.outcome_at <= at:
        counts.sooner += 1
    else:
        counts.young += 1


def _came(past: Past, at: int, judged: Judged) -> int:
    outcome = past.outcome_at
    return int(outcome is not None and outcome - at <= _micros(judged.within))


def _micros(length: timedelta) -> int:
    return length // timedelta(microseconds=1)
