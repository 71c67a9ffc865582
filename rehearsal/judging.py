"""What was expected against what happened: a verdict, and the difference in words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from engine.playbook.durations import parse_duration
from engine.playbook.scenarios import HAPPENINGS, Expected, Happening, civil_moment
from engine.runtime import civil
from engine.runtime.calendar import BusinessCalendar
from rehearsal.happened import Row
from rehearsal.play import Played
from rehearsal.watch import LEFT_OUT

_EFFECTS = frozenset(HAPPENINGS) - {"step"}
_AROUND = 6


@dataclass(frozen=True, slots=True)
class Difference:
    """One line that does not hold.

    Attributes:
        line: the number of the line of `expect`, from 0.
        expected: the line as it is written.
        found: what happened instead.
        row: the number of the row where it was looked for.
    """

    line: int
    expected: str
    found: str
    row: int


@dataclass(slots=True)
class Judge:
    """Compares one run with the lines of `expect`.

    Args:
        played: what happened.
        zone: the workspace's.
        calendar: the workspace's.
    """

    played: Played
    zone: tzinfo
    calendar: BusinessCalendar
    _used: set[tuple[int, str]] = field(default_factory=set)

    def differences(self, expect: Sequence[Expected]) -> list[Difference]:
        """Every line that does not hold; behind one that is missing, only those with `not`."""
        found: list[Difference] = []
        place, is_missing = 0, False
        for number, line in enumerate(expect):
            if line.not_ is not None:
                found += self._forbidden(number, line.not_)
            elif line.kind and not is_missing:
                at = self._find(line, place)
                if at is None:
                    is_missing = True
                    found.append(self._missing(number, line, place))
                else:
                    place = at
                    self._used.add((at, line.kind))
        if not found:
            found += self._rest(expect)
        return found

    def _find(self, line: Happening, place: int) -> int | None:
        """The first row from `place` on that is meant, and answers to no other line yet."""
        for at in range(place, len(self.played.rows)):
            if (at, line.kind) not in self._used and self._is(line, self.played.rows[at]):
                return at
        return None

    def _is(self, line: Happening, row: Row, *, timed: bool = True) -> bool:
        if not _is_about(line, row):
            return False
        return not timed or self._is_then(line, row)

    def _is_then(self, line: Happening, row: Row) -> bool:
        wanted = self._moment(line)
        return wanted is None or _minute(row.at) == _minute(wanted)

    def _moment(self, line: Happening) -> datetime | None:
        if line.after:
            return civil.add(self.played.at, parse_duration(line.after), self.zone, self.calendar)
        if not line.at:
            return None
        at = civil_moment(line.at)
        return civil.next_moment(at, self.played.at, self.zone, lambda _name: None, None)

    def _forbidden(self, number: int, line: Happening) -> list[Difference]:
        for at, row in enumerate(self.played.rows):
            if self._is(line, row):
                said = f"it happened at {self.said(row.at)}: {_told(row)}"
                return [Difference(number, f"not {written(line)}", said, at)]
        return []

    def _missing(self, number: int, line: Happening, place: int) -> Difference:
        return Difference(number, written(line), self._instead(line, place), place)

    def _instead(self, line: Happening, place: int) -> str:
        """The best explanation there is for a line that nothing answers to."""
        rows = self.played.rows
        for row in rows[place:]:
            if self._is(line, row, timed=False) and not self._is_then(line, row):
                return f"it happened at {self.said(row.at)}"
        for row in rows[:place]:
            if self._is(line, row):
                return f"it happened before the line above, at {self.said(row.at)}"
        for at in range(place, len(rows)):
            if self._is(line, rows[at]):
                return "it happened once, and the line above has it already"
        step = line.wanted if line.kind in ("email", "step") else ""
        for row in reversed(rows):
            if step and step in (row.step, row.facts.get("template")) and not row.is_event:
                return f"at {self.said(row.at)}: {_told(row)}"
        others = [_shown(row.facts[line.kind]) for row in rows if line.kind in row.facts]
        if others:
            return f"only {line.kind} {', '.join(dict.fromkeys(others))}"
        last = rows[-1] if rows else None
        return f"it never happened; at the end: {_told(last)}" if last else "nothing happened"

    def _rest(self, expect: Sequence[Expected]) -> list[Difference]:
        """With `only: true`, every effect that no line names."""
        number = next((n for n, line in enumerate(expect) if line.only), None)
        if number is None:
            return []
        named = [line for line in expect if line.kind]
        for at, row in enumerate(self.played.rows):
            effects = _EFFECTS & row.facts.keys()
            if (
                effects
                and row.result not in ("skipped", LEFT_OUT)
                and not any(_is_about(line, row) for line in named)
            ):
                said = f"at {self.said(row.at)} there is more: {_told(row)}"
                return [Difference(number, "only: true", said, at)]
        return []

    def said(self, at: datetime) -> str:
        """A moment as scenarios write it."""
        return f"{at.astimezone(self.zone):%Y-%m-%d %H:%M}"

    def around(self, place: int) -> list[str]:
        """The rows about a place, for people."""
        rows = self.played.rows[max(0, place - _AROUND) : place + 2 * _AROUND]
        return [f"{self.said(row.at)}  {_told(row)}" for row in rows]


def _is_about(line: Happening, row: Row) -> bool:
    wanted: object = getattr(line, line.kind)
    if line.kind == "step":
        result = line.result or row.result
        passed = row.result == result and bool(result)
        return passed and row.step == wanted and (bool(line.result) or row.result != LEFT_OUT)
    if line.kind not in row.facts:
        return False
    given = row.facts[line.kind]
    if line.kind in ("email", "notify"):
        names = (given, row.facts.get("template"))
        return wanted in names and row.result == (line.result or "accepted")
    if line.kind == "task":
        return str(wanted) in str(given)
    return wanted in given if isinstance(given, list) else wanted == given


def written(line: Happening) -> str:
    """A line of `expect` as it is written."""
    parts = [f"{line.kind}: {_shown(getattr(line, line.kind))}"]
    parts += [f"{name}: {getattr(line, name)}" for name in ("result", "at", "after")
              if getattr(line, name)]  # fmt: skip
    return ", ".join(parts)


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _told(row: Row) -> str:
    return "  ".join(filter(None, (row.step, row.did, row.detail)))


def _minute(at: datetime) -> datetime:
    return at - timedelta(seconds=at.second, microseconds=at.microsecond)
