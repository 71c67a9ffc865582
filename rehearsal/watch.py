"""Watching a rehearsal: what each transaction wrote, as rows in the order it was written.

It reads what production keeps too: the step log, the ledger of messages, assignments and points.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.ids import job_id
from engine.operations import published
from engine.operations.published import Current
from engine.operations.scopes import load_facts
from engine.operations.scoring import GIVEN
from engine.playbook.plan import Branch, Climb, Do, End, Jump, Op, Plan, Send
from engine.store import enrollments, jobs, notices, owners, scores, tasks
from engine.store.database import Store, Transaction
from rehearsal.happened import Row

_ROW: sa.Label[Any] = sa.literal_column("rowid").label("row_number")
LEFT_OUT = "left out"


def _since(table: sa.Table) -> sa.Select[Any]:
    """Rows of a table that were written after a place, in the order of writing."""
    return sa.select(_ROW, table).where(_ROW.op(">")(sa.bindparam("place"))).order_by(_ROW)


_new_runs, _new_lines = _since(enrollments.table), _since(enrollments.log_table)
_new_points = _since(scores.table)
_new_given = _since(owners.table).where(owners.table.c.owner != "")
"""Without leads that were released: nobody was given those."""
_deferred = sa.select(jobs.table).where(
    jobs.table.c.state == "deferred", jobs.table.c.playbook != ""
)
"""Of steps: what gathers notices is the step of none."""


@dataclass
class Watch:
    """Gathers rows of one playbook's runs; `look` is called after every transaction.

    Args:
        store: the store of the rehearsal.
        playbook: whose runs are watched.
        score: the record's score when the rehearsal began.
    """

    store: Store
    playbook: str
    score: float = 0
    rows: list[Row] = field(default_factory=list)
    reached: set[tuple[str, str]] = field(default_factory=set)
    """(step, way) of every step that was passed; see `coverage`."""
    _places: dict[str, int] = field(default_factory=dict)
    _waiting: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    _totals: dict[str, float] = field(default_factory=dict)
    _branching: dict[str, tuple[str, int]] = field(default_factory=dict)

    def look(self) -> None:
        """Adds what was written since the last look."""
        self.store.read(self._look)

    def event(self, at: datetime, name: str, step: str = "", detail: str = "") -> None:
        """Notes something that was given to the run."""
        self.rows.append(Row(at, step, name, detail, is_event=True))

    def _look(self, tx: Transaction) -> None:
        points = self._new(tx, "points", _new_points)
        self._look_at_scores(tx, [row for row in points if not _is_of_step(row)])
        for row in self._new(tx, "runs", _new_runs):
            if is_part(row["playbook"], self.playbook):
                self.rows.append(Row(row["entered_at"], "", "enrolled", row["reason"]))
        given = iter(self._new(tx, "given", _new_given))
        by_steps = iter([row for row in points if _is_of_step(row)])
        lines = self._new(tx, "lines", _new_lines)
        runs = _runs(tx, {line["enrollment"] for line in lines})
        current = published.current(tx)
        for line in lines:
            run = runs[line["enrollment"]]
            plan = published.plan(tx, run["digest"])
            reader = _Line(tx, current, plan, run, line, given, by_steps, self)
            self.rows.extend(reader.rows())
        self._look_at_deferred(tx)

    def _look_at_scores(self, tx: Transaction, given: Sequence[sa.RowMapping]) -> None:
        """Points that rules of a scoring playbook gave, and what the score is then."""
        for lead in dict.fromkeys(row["lead"] for row in given):
            mine = [row for row in given if row["lead"] == lead]
            facts = load_facts(tx, published.current(tx), [lead]).get(lead, {})
            for name in dict.fromkeys(row["name"] for row in mine):
                rows = [row for row in mine if row["name"] == name]
                said = [f"{row['points']:+g} {row['reason']}" for row in rows]
                kept = facts.get("scores")
                one = kept.get(name) if isinstance(kept, Mapping) else None
                total = one.get("total") if isinstance(one, Mapping) else None
                self._totals[name] = float(total) if isinstance(total, int | float) else 0.0
                detail = f"{name} {self._totals[name]:g}: {', '.join(said)}"
                self.rows.append(Row(tx.now, "", "scored", detail, {"score": self._totals[name]}))

    def _new(self, tx: Transaction, what: str, query: sa.Select[Any]) -> Sequence[sa.RowMapping]:
        place = self._places.get(what, 0)
        found = tx.conn.execute(query, {"place": place}).mappings().all()
        if found:
            self._places[what] = found[-1]["row_number"]
        return found

    def _look_at_deferred(self, tx: Transaction) -> None:
        waiting = {}
        for job in tx.conn.execute(_deferred).mappings():
            key = (job["not_before"], job["reason"])
            waiting[job["id"]] = key
            if self._waiting.get(job["id"]) != key:
                until = job["not_before"].astimezone(published.current(tx).zone)
                said = f"until {until:%Y-%m-%d %H:%M}: {job['reason']}"
                self.rows.append(Row(tx.now, job["step"], "deferred", said))
        self._waiting = waiting

    def add_points(self, name: str, points: float) -> float:
        """The total of a score after points were added."""
        had = self._totals.get(name, self.score if name == "score" else 0)
        self._totals[name] = had + points
        return self._totals[name]

    def case_of(self, run: str, step: str) -> int:
        """Which of a step's branches in a row this is, from 0."""
        last, count = self._branching.get(run, ("", -1))
        number = count + 1 if last == step else 0
        self._branching[run] = (step, number)
        return number

    def no_branch(self, run: str) -> None:
        """The run did something else than branching."""
        self._branching.pop(run, None)


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the step log, and all that explains it."""

    tx: Transaction
    current: Current
    plan: Plan
    run: sa.RowMapping
    line: sa.RowMapping
    given: Iterator[sa.RowMapping]
    points: Iterator[sa.RowMapping]
    watch: Watch

    def rows(self) -> Iterator[Row]:
        line, op = self.line, self._op()
        ended = self.run["state"] in ("finished", "stopped")
        is_last = ended and line["seq"] == self.run["seq"] - 1
        if is_last and not isinstance(op, End):
            yield self._end(passed=False)
            return
        if line["op"] == "branch" and _is_guarded(self.plan, line["step"]):
            yield from self._guard()
            return
        self._mark()
        if is_last:
            yield self._end(passed=True)
            return
        facts, detail = self._facts(op), line["why"]
        if isinstance(op, Send) and line["outcome"] == "accepted":
            detail = self._went()
        elif "task" in facts:
            detail = f"{facts['task']}: {detail}"
        yield Row(line["at"], line["step"], line["outcome"], detail, facts, line["outcome"])

    def _op(self) -> Op | None:
        kind, step = self.line["op"], self.line["step"]
        return next((op for op in self.plan.ops if op.op == kind and op.step == step), None)

    def _guard(self) -> Iterator[Row]:
        line = self.line
        self.watch.reached.add((line["step"], f"if {line['outcome']}"))
        if line["outcome"] == "no":
            yield Row(line["at"], line["step"], LEFT_OUT, line["why"], result=LEFT_OUT)

    def _end(self, *, passed: bool) -> Row:
        line, run = self.line, self.run
        outcome = run["outcome"] if run["state"] == "finished" else "stopped"
        detail = ": ".join(dict.fromkeys(filter(None, (outcome, line["why"]))))
        did = "finished" if run["state"] == "finished" else "stopped"
        result = outcome if passed else ""
        return Row(line["at"], line["step"], did, detail, {"outcome": outcome}, result)

    def _mark(self) -> None:
        """Which way the step went, for coverage."""
        line, run = self.line, self.run["id"]
        way = line["outcome"]
        if line["op"] == "branch":
            way = f"{self.watch.case_of(run, line['step'])} {way}"
        else:
            self.watch.no_branch(run)
        self.watch.reached.add((line["step"], f"{line['op']} {way}"))

    def _facts(self, op: Op | None) -> dict[str, object]:
        match op:
            case Send():
                return self._sent(op)
            case Do():
                return self._done(op)
            case Climb() if self.line["outcome"].startswith("level "):
                return {"level": self.line["outcome"].removeprefix("level ")}
            case _:
                return {}

    def _job(self) -> sa.RowMapping | None:
        return jobs.by_id(self.tx, job_id(self.run["id"], self.line["seq"]))

    def _kept_notice(self) -> Mapping[str, Any]:
        """The notice that the step kept, to be told later."""
        row = notices.by_id(self.tx, job_id(self.run["id"], self.line["seq"]))
        return dict(row) if row is not None else {}

    def _went(self) -> str:
        """Where to, and what stands above it."""
        job = self._job()
        return "" if job is None else ": ".join(filter(None, (job["address"], job["subject"])))

    def _sent(self, op: Send) -> dict[str, object]:
        if op.action == "email":
            return {"email": op.step, "template": str(op.params.get("template"))}
        if op.action == "notify":
            job = self._job()
            told = job["params"] if job is not None else self._kept_notice()
            return {"notify": told.get("channel") or told.get("owner") or "inbox"}
        return {}

    def _done(self, op: Do) -> dict[str, object]:
        outcome, why = self.line["outcome"], self.line["why"]
        match op.action, outcome:
            case "stage", "moved":
                return {"stage": str(op.params["stage"])}
            case "assign", "assigned":
                row = next(self.given, None)
                return {"owner": row["owner"]} if row is not None else {}
            case "task", "task":
                task = tasks.get(self.tx, job_id(self.run["id"], self.line["seq"]))
                return {"task": task["subject"]}
            case "tag", "tagged" if why != "had them already":
                return {"tag": why.split(", ")}
            case "untag", "untagged" if why != "had none":
                return {"untag": why.split(", ")}
            case "score", "scored":
                row = next(self.points, None)
                return {} if row is None else self._scored(row)
            case _:
                return {}

    def _scored(self, row: sa.RowMapping) -> dict[str, object]:
        return {"score": self.watch.add_points(row["name"] or "score", row["points"])}


def _is_of_step(row: sa.RowMapping) -> bool:
    """Whether a `score` step gave the points, and no rule."""
    return bool(row["rule"] == "" and row["part"] == "behavior" and row["reason"] != GIVEN)


def is_part(playbook: str, of: str) -> bool:
    """Whether a run is of a playbook, or of a threshold of it."""
    return playbook == of or playbook.startswith(f"{of}.")


def _is_guarded(plan: Plan, step: str) -> bool:
    """Whether the step's branch is its `if`, which only lets it happen."""
    pairs = zip(plan.ops, plan.ops[1:], strict=False)
    return any(
        isinstance(one, Branch) and one.step == step == after.step and not isinstance(after, Jump)
        for one, after in pairs
        if not isinstance(after, Branch)
    )


def _runs(tx: Transaction, ids: set[str]) -> dict[str, sa.RowMapping]:
    if not ids:
        return {}
    query = sa.select(enrollments.table).where(enrollments.table.c.id.in_(ids))
    return {row["id"]: row for row in tx.conn.execute(query).mappings()}
