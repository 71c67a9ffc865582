"""Scoring what happened to leads, within the transaction that it happens in.

One call takes a batch's events and changes: points go into the ledger, standings into the leads,
and the thresholds that were reached are answered as wishes to enroll. Nothing is asked per lead.
"""

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from engine.ids import derived_id, new_id
from engine.operations.occurrences import Occurrence
from engine.operations.published import Current
from engine.operations.rulebooks import rulebooks
from engine.operations.score_keeping import (
    LONGEST,
    Facts,
    ScopeOf,
    ledger_row,
    put,
    refold,
    under,
    write,
)
from engine.playbook.scoring_plan import PRIMARY, Level
from engine.playbook.values import Scope
from engine.runtime.matching import Edge
from engine.runtime.rulebook import Asked, Rulebook
from engine.runtime.scoring import (
    Standing,
    granted,
    micros,
    moment,
    standing_of,
)
from engine.store import scores
from engine.store.database import Transaction
from engine.store.lead_facts import STANDINGS

_SHOWN = ("score", "scores", "grade", STANDINGS)
GIVEN = "given at the start"
"""Why a lead has points that it came with."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A lead that came to a threshold, whose condition holds: its steps are to run."""

    lead: str
    level: Level
    score: str
    total: int
    event: Occurrence | None
    cause: str


@dataclass(frozen=True, slots=True)
class Scored:
    """What scoring a batch did: the leads' changes with those of their scores, and who got where.

    `quiet` are leads of which only events changed the score that start nothing.
    """

    edges: Mapping[str, Edge]
    reached: Sequence[Reached] = ()
    quiet: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Line:
    """An event that meets a rule."""

    lead: str
    one: Occurrence
    asked: Asked
    at: int
    points: float = 0


@dataclass(slots=True)
class Scorer:
    """Scores the leads of one transaction, which are locked.

    Args:
        facts: the leads as they are; their scores are changed here.
        scope_of: the scope of a lead, with its history.
    """

    tx: Transaction
    current: Current
    facts: MutableMapping[str, Facts]
    scope_of: ScopeOf
    _rows: list[dict[str, Any]] = field(default_factory=list)
    _before: dict[str, Facts] = field(default_factory=dict)

    @property
    def now(self) -> int:
        """The moment of the transaction."""
        return micros(self.tx.now)

    def score(
        self, occurrences: Sequence[Occurrence], edges: Mapping[str, Edge], *, starts: bool
    ) -> Scored:
        """Scores events and changes of leads, and writes what came of it.

        Args:
            starts: whether thresholds may start anything; else who is above counts as told.
        """
        books = rulebooks(self.current)
        edges = {lead: edge for lead, edge in edges.items() if lead in self.facts}
        if not books:
            self._write([lead for lead, edge in edges.items() if self._is_given(lead, edge)])
            return Scored(edges)
        own = [one for one in occurrences if one.happened.of_lead and one.lead in self.facts]
        silent = _silent(own)
        self._remember(own, edges)
        reached: list[Reached] = []
        for book in books:
            lines = self._lines(book, own)
            leads = self._concerned(book, own, edges, lines)
            self._points(book, leads, lines, edges)
            if leads and book.thresholds:
                latest = {line.lead: line.one for line in lines}
                may = frozenset(leads - silent) if starts else frozenset()
                reached += self._levels(book, leads, may, latest)
        scores.add(self.tx, self._rows)
        touched = {
            lead
            for lead, before in self._before.items()
            if before.get(STANDINGS) != self.facts[lead].get(STANDINGS)
        }
        self._write(sorted(touched))
        return Scored(self._edges(edges, touched, silent), reached, frozenset(silent))

    def _remember(self, own: Sequence[Occurrence], edges: Mapping[str, Edge]) -> None:
        """The leads as they were before all this."""
        for lead in {*edges, *(one.lead for one in own)}:
            edge = edges.get(lead)
            if edge is None:
                self._before[lead] = dict(self.facts[lead])
            else:
                self._before[lead] = dict(edge.before) if edge.before is not None else {}

    def _is_given(self, lead: str, edge: Edge) -> bool:
        """Whether a step gave points, which are in the facts and not in the row yet."""
        before = edge.before or {}
        return edge.before is not None and before.get(STANDINGS) != self.facts[lead].get(STANDINGS)

    def _lines(self, book: Rulebook, own: Sequence[Occurrence]) -> list[_Line]:
        """The events that give points, in the order of their own times."""
        lines = []
        for one in own:
            if one.happened.name in book.events:
                properties = one.happened.properties
                scope: Scope = {**self.scope_of(one.lead), "event": properties}
                at = min(micros(one.at), self.now)
                for asked in book.meets(one.happened.name, properties, scope):
                    lines.append(_Line(one.lead, one, asked, at))
        return sorted(lines, key=lambda line: (line.at, line.one.happened.id))

    def _concerned(
        self,
        book: Rulebook,
        own: Sequence[Occurrence],
        edges: Mapping[str, Edge],
        lines: Sequence[_Line],
    ) -> set[str]:
        """Leads whose score may be another now, or who may meet a threshold's condition now."""
        found = {line.lead for line in lines} | set(edges)
        if book.fit_fields is None:
            found |= {one.lead for one in own}
        return found

    def _points(
        self, book: Rulebook, leads: set[str], lines: Sequence[_Line], edges: Mapping[str, Edge]
    ) -> None:
        """New standings in the facts, and lines for the ledger."""
        late = self._grant(book, lines)
        standings = {}
        moved = {line.lead for line in lines}
        for lead in sorted(leads):
            known = self._known(book, lead)
            standing, opening = (known, 0.0) if known is not None else self._opened(book, lead)
            fits = known is None or self._asks_fit(book, lead, edges)
            if not fits and lead not in moved:
                continue
            if fits:
                standing = self._refit(book, lead, standing, edges.get(lead))
            if opening:
                # What a lead was given at the start is the total: fit is a part of it.
                points = opening - standing.fit
                standing = standing.added(points, self.now)
                self._rows.append(self._row(book, lead, points, GIVEN, self.now))
            standings[lead] = standing
        for line in lines:
            standing = standings[line.lead]
            if line.lead not in late:
                standings[line.lead] = standing.added(line.points, line.at)
            self._rows.append(self._line_row(book, line))
        if late:
            scores.add(self.tx, self._rows)
            self._rows.clear()
            refolded = refold(self.tx, book.name, {lead: standings[lead] for lead in late})
            standings |= refolded
        for lead, standing in standings.items():
            put(self.facts[lead], book.name, standing, self.now)

    def _known(self, book: Rulebook, lead: str) -> Standing | None:
        kept = cast("Mapping[str, Any]", self.facts[lead].get(STANDINGS) or {}).get(book.name)
        return None if kept is None else under(book, standing_of(kept), self.now)

    def _opened(self, book: Rulebook, lead: str) -> tuple[Standing, float]:
        """A first standing, and the total that the lead came with."""
        given = self.facts[lead].get("score") if book.name == PRIMARY else 0
        return book.blank(), float(given) if isinstance(given, int | float) else 0.0

    def _asks_fit(self, book: Rulebook, lead: str, edges: Mapping[str, Edge]) -> bool:
        if book.fit_fields is None:
            return True
        edge = edges.get(lead)
        if edge is None or not book.fit_fields:
            return False
        before, after = edge.before, self.facts[lead]
        return before is None or any(
            before.get(name) != after.get(name) for name in book.fit_fields
        )

    def _refit(self, book: Rulebook, lead: str, standing: Standing, edge: Edge | None) -> Standing:
        points, reasons = book.fit(self.scope_of(lead))
        was = standing.fit
        before = edge.before if edge is not None else None
        if before is not None:
            kept = cast("Mapping[str, Any]", before.get(STANDINGS) or {}).get(book.name)
            was = standing_of(kept).fit if kept is not None else 0.0
        if points != was:
            said = ", ".join(f"{each:+g} {reason}" for each, reason in reasons) or "nothing fits"
            row = self._row(book, lead, points - was, f"fit: {said}"[:LONGEST], self.now)
            self._rows.append(row | {"part": "fit"})
        return standing if points == standing.fit else replace(standing, fit=points)

    def _grant(self, book: Rulebook, lines: Sequence[_Line]) -> frozenset[str]:
        """What each line gives, in place; the leads of whom the ledger must be folded anew."""
        late = set[str]()
        limited = [line for line in lines if line.asked.rule.most is not None]
        given: dict[tuple[str, str], list[tuple[int, float]]] = {}
        if limited:
            since = min(line.at - line.asked.per for line in limited)
            leads = sorted({line.lead for line in limited})
            for row in scores.given(self.tx, leads, book.name, moment(since)):
                key = row["lead"], row["rule"]
                given.setdefault(key, []).append((micros(row["at"]), abs(row["points"])))
        for line in lines:
            rule = line.asked.rule
            kept = cast("Mapping[str, Any]", self.facts[line.lead].get(STANDINGS) or {})
            known = kept.get(book.name)
            if book.scoring.decay.idle and known is not None and line.at < known["at"]:
                late.add(line.lead)
            before = given.setdefault((line.lead, rule.name), [])
            if rule.most is not None and any(at > line.at for at, _ in before):
                late.add(line.lead)
            used = sum(points for at, points in before if at > line.at - line.asked.per)
            line.points = granted(rule.points, rule.most, used)
            before.append((line.at, abs(line.points)))
        return frozenset(late)

    def _levels(
        self,
        book: Rulebook,
        leads: set[str],
        may: frozenset[str],
        latest: Mapping[str, Occurrence],
    ) -> list[Reached]:
        """Who has come to a threshold; and whose fall below one makes it ready again."""
        found = []
        for lead in sorted(leads):
            kept = cast("dict[str, Any]", self.facts[lead][STANDINGS])[book.name]
            standing = standing_of(kept)
            total = standing.total(self.now)
            was = self._total_before(book, lead)
            told = [
                level.playbook
                for level, _ in book.thresholds
                if level.playbook in standing.told and level.at <= min(was, total)
            ]
            for level, holds in book.thresholds:
                if total < level.at or level.playbook in told:
                    continue
                if holds is not None and not holds(self.scope_of(lead)):
                    continue
                told.append(level.playbook)
                if lead in may:
                    event = latest.get(lead)
                    found.append(Reached(lead, level, book.name, total, event, new_id()))
            if tuple(told) != standing.told:
                put(self.facts[lead], book.name, replace(standing, told=tuple(told)), self.now)
        return found

    def _total_before(self, book: Rulebook, lead: str) -> float:
        kept = cast("Mapping[str, Any]", self._before.get(lead, {}).get(STANDINGS) or {})
        known = kept.get(book.name)
        return standing_of(known).total(self.now) if known is not None else 0

    def _write(self, leads: Sequence[str]) -> None:
        write(self.tx, self.current, {lead: self.facts[lead] for lead in leads})

    def _edges(
        self, edges: Mapping[str, Edge], touched: set[str], silent: set[str]
    ) -> dict[str, Edge]:
        """The changes with those of scores: of the others, and of leads that only scored."""
        found: dict[str, Edge] = {}
        for lead, edge in edges.items():
            after, before = self.facts[lead], edge.before
            if lead in silent and before is not None:
                before = {**before, **{name: after.get(name) for name in _SHOWN}}
            same = before is edge.before and after is edge.after
            found[lead] = edge if same else replace(edge, before=before, after=after)
        for lead in sorted(touched - edges.keys()):
            before, after = self._before[lead], self.facts[lead]
            if lead in silent:
                before = {**before, **{name: after.get(name) for name in _SHOWN}}
                found[lead] = Edge(before, after, new_id())
            elif any(before.get(name) != after.get(name) for name in ("score", "scores", "grade")):
                found[lead] = Edge(before, after, new_id())
        return found

    def _line_row(self, book: Rulebook, line: _Line) -> dict[str, Any]:
        rule = line.asked.rule
        event = line.one.happened.id
        return {
            "id": derived_id("points", book.name, event, line.lead, rule.name),
            "lead": line.lead, "name": book.name, "part": "behavior", "points": line.points,
            "worth": rule.points, "rule": rule.name, "most": rule.most, "per": line.asked.per,
            "event": event, "reason": rule.reason[:LONGEST], "at": moment(line.at),
            "noted_at": self.tx.now,
        }  # fmt: skip

    def _row(
        self, book: Rulebook, lead: str, points: float, reason: str, at: int
    ) -> dict[str, Any]:
        return ledger_row(lead, book.name, points, reason, moment(at), self.tx.now)


def _silent(occurrences: Sequence[Occurrence]) -> set[str]:
    """Leads of whom every event here is one that starts nothing."""
    speaking = {one.lead for one in occurrences if one.starts}
    return {one.lead for one in occurrences} - speaking
