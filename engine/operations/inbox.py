"""The inbox: what waits for a person, and what a person's answer sets off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.errors import InputError
from engine.operations import coming, control, published
from engine.operations.intake import IncomingEvent, event_id, intake_in
from engine.operations.leads_view import names_of
from engine.playbook.spelling import did_you_mean
from engine.playbook.values import Value
from engine.store import enrollments, inbox_pages, leads, task_acts, tasks
from engine.store.database import Store, Transaction

_LONGEST_RESULT = 10_000


KINDS = ("escalation", "approval", "task", "notice", "stopped")
"""What waits in the inbox."""


@dataclass(frozen=True, slots=True)
class Inbox:
    """A page of the inbox; `next` is where the next one begins, or empty."""

    entries: list[dict[str, Any]]
    next: str = ""


def listing(store: Store, **wanted: Any) -> list[dict[str, Any]]:
    """The entries of `page` alone."""
    return page(store, **wanted).entries


def page(
    store: Store,
    *,
    owner: str | None = None,
    kinds: Sequence[str] = (),
    snoozed: bool = False,
    after: str = "",
    limit: int = 100,
) -> Inbox:
    """Open entries in the form of the contract, what is at stake first.

    Args:
        store: the workspace's store.
        owner: whose; empty: nobody's; None: everybody's.
        kinds: only these; empty: all.
        snoozed: those too that somebody put off until later.
        after: what the page before said of the next one.
        limit: how many.

    Raises:
        InputError: nobody of the team has this name, or no kind; or there is no such page.
    """
    unknown = next((one for one in kinds if one not in KINDS), "")
    if unknown:
        raise InputError(f"no kind is named '{unknown}'", help=did_you_mean(unknown, KINDS))

    def read(tx: Transaction) -> Inbox:
        found = inbox_pages.page(
            tx, owner=owner, kinds=kinds, snoozed=snoozed, after=after, limit=limit
        )
        if owner and not found.rows:
            known = published.current(tx).workspace.owners
            if owner not in known:
                raise InputError(f"no owner is named '{owner}'", help=did_you_mean(owner, known))
        return Inbox(shapes(tx, found.rows), found.next)

    return store.read(read)


def shapes(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Entries in the form of the contract, with what was done with each."""
    names = names_of(tx, [row["lead"] for row in rows if row["lead"]])
    acts = task_acts.of_tasks(tx, [row["id"] for row in rows])
    return [
        {
            **_shape(row, names), "deal": row["deal"], "deal_name": row.get("deal_name"),
            "amount": row.get("amount"), "currency": row.get("currency"),
            "created_at": row["created_at"], "acts": acts.get(row["id"], []),
        }
        for row in rows
    ]  # fmt: skip


def finish(
    store: Store, task: str, *, result: str = "", actor: str = "", way: str = ""
) -> dict[str, Any]:
    """Marks a task as done; done with a result, it counts as contact with the lead.

    Raises:
        InputError: there is no such task, it is not open, or it asks for a decision instead.
    """
    if len(result) > _LONGEST_RESULT:
        raise InputError(f"the result is longer than {_LONGEST_RESULT:,} characters")
    return store.write(lambda tx: _finish(tx, task, result.replace("\x00", ""), actor, way))


def snooze(
    store: Store, task: str, until: datetime, *, actor: str = "", way: str = ""
) -> dict[str, Any]:
    """Puts a task off.

    Args:
        store: the workspace's store.
        task: its id.
        actor: who puts it off.
        way: how.
        until: a time without a zone is on the clock of the workspace.

    Raises:
        InputError: there is no such task, it is not open, or `until` is past.
    """

    def write(tx: Transaction) -> dict[str, Any]:
        zone = until.tzinfo or published.current(tx).zone
        row = tasks.snooze(tx, task, until.replace(tzinfo=zone))
        until_at = row["snoozed_until"]
        task_acts.record(tx, task, "snoozed", by=actor, way=way, until_at=until_at)
        return _shape(row, names_of(tx, [row["lead"] or ""]))

    return store.write(write)


def decide(
    store: Store, task: str, verb: str, *, actor: str = "", way: str = ""
) -> control.Controlled:
    """Retries or skips the step at which an enrollment stopped.

    Args:
        store: the workspace's store.
        task: the id of the task that tells of it.
        verb: `retry` or `skip`.
        actor: who decides.
        way: how.

    Raises:
        InputError: the task is not about a stopped enrollment, or has been answered.
    """
    row = store.read(lambda tx: tasks.get(tx, task))
    if row["kind"] != "stopped" or not row["enrollment"]:
        verb = "approve" if row["kind"] == "approval" else "done"
        raise InputError(
            f"task '{task}' is no stopped enrollment",
            help=f"answer with: longplay inbox {verb} {task}",
        )
    if row["state"] != "open":
        raise InputError(f"task '{task}' is {row['state']} already")
    act = control.retry if verb == "retry" else control.skip
    found = act(store, row["enrollment"], actor)
    did = {"retry": "retried", "skip": "skipped"}[verb]
    store.write(lambda tx: task_acts.record(tx, task, did, by=actor, way=way))
    return found


def answer(store: Store, task: str, *, yes: bool, actor: str = "", way: str = "") -> dict[str, Any]:
    """Answers an approval; an answer that is committed before its time-out is acted upon counts.

    Raises:
        InputError: there is no such task, it is no approval, or nobody asks any more.
    """
    return store.write(lambda tx: _answer(tx, task, yes, actor, way))


def _answer(tx: Transaction, task: str, yes: bool, actor: str, way: str) -> dict[str, Any]:
    known = tasks.get(tx, task)
    if known["kind"] != "approval":
        verb = "retry" if known["kind"] == "stopped" else "done"
        raise InputError(
            f"task '{task}' is no approval", help=f"answer with: longplay inbox {verb} {task}"
        )
    leads.lock(tx, [known["lead"]])
    row = tasks.answer(tx, task, yes=yes, by=actor)
    task_acts.record(tx, task, row["result"], by=actor, way=way)
    run = enrollments.by_id(tx, row["enrollment"])
    if run is not None:
        # One that is held is looked at when it is resumed; the answer is kept until then.
        enrollments.wake(tx, [run["id"]])
        tx.nudges.add(run["cohort"])
    return _shape(row, names_of(tx, [row["lead"] or ""]))


def _finish(tx: Transaction, task: str, result: str, actor: str, way: str) -> dict[str, Any]:
    known = tasks.get(tx, task)
    if known["kind"] == "stopped":
        raise InputError(
            f"task '{task}' asks what to do with a stopped enrollment",
            help=f"answer with: longplay inbox retry {task}, or: longplay inbox skip {task}",
        )
    if known["kind"] == "approval":
        raise InputError(
            f"task '{task}' asks for a yes or a no",
            help=f"answer with: longplay inbox approve {task}, or: longplay inbox reject {task}",
        )
    if known["lead"]:
        leads.lock(tx, [known["lead"]])
    row = tasks.done(tx, task, result=result, by=actor)
    task_acts.record(tx, task, "done", by=actor, way=way)
    if row["lead"]:
        _tell(tx, row, actor)
    return _shape(row, names_of(tx, [row["lead"] or ""]))


def _tell(tx: Transaction, row: Mapping[str, Any], actor: str) -> None:
    """The events that a task done is."""
    properties: dict[str, Value] = {
        "task": row["id"], "subject": row["subject"], "result": row["result"], "by": actor,
    }  # fmt: skip
    names, deal = ["task.done"], row["deal"] or ""
    if row["result"] and deal:
        names.append("deal.activity")
    elif row["result"]:
        leads.touch(tx, [row["lead"]], "last_contacted_at")
        coming.touched(tx, published.current(tx), [row["lead"]], "last_contacted_at")
        names.append("lead.contacted")
    told = [
        IncomingEvent(
            name,
            {"id": row["lead"]},
            id=event_id(name, row["id"]),
            properties=properties,
            # A task that a run made is that run's; contact concerns every run of the lead.
            enrollment=(row["enrollment"] or "") if name == "task.done" else "",
            deal=deal,
        )
        for name in names
    ]
    intake_in(tx, told)


def _shape(row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": row["id"], "kind": row["kind"], "subject": row["subject"], "owner": row["owner"],
        "level": row["level"], "due_at": row["due_at"], "state": row["state"], "text": row["text"],
        "lead": names.get(row["lead"] or "", ""), "enrollment": row["enrollment"],
        "priority": row["priority"], "snoozed_until": row["snoozed_until"],
        "result": row["result"], "ended_by": row["ended_by"],
    }  # fmt: skip
