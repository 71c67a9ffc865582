"""Shadows: what another version would have done, and that nothing of it is ever real."""

import socket

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel

from activities._registry import actions
from engine.errors import InputError
from engine.operations import shadows
from engine.operations.edit_deals import put_deal
from engine.playbook.actions import ACTIONS
from engine.store.database import Store
from rehearsal.shadow_report import ShadowReport, compare
from tests.runtime.stage import WORKSPACE, Stage, _edition

FORM = "enroll: {when: [{event: form.submitted}]}\n"
LIVE = """\
steps:
  - email: note
    id: hello
  - wait_for: email.clicked
    from: hello
    up_to: 2 days
    then:
      - score: +10
      - tag: clicked
    else:
      - email: other
        id: reminder
  - if: lead.score >= 10
    then: [{task: Call}]
  - end: nurtured
"""


def cast(stage: Stage, text: str, workspace: str = WORKSPACE, head: str = "") -> None:
    text = f"playbook: slow\n{head}{FORM}{text}"
    shadows.cast(stage.store, _edition(workspace, (("slow", text),)))


@pytest.mark.parametrize(("live", "shadow"), [("", "for: deal\n"), ("for: deal\n", "")])
def test_a_playbook_for_deals_has_no_shadow(sqlite_stage: Stage, live: str, shadow: str) -> None:
    """Told before anything is stored, whichever of the two versions is for deals."""
    stage = sqlite_stage
    workspace = WORKSPACE + "pipelines: {b2b: {stages: [qualify, won: {closes: won}]}}\n"
    stage.publish(workspace, slow=f"{live}{FORM}steps: [{{tag: a}}]\n")
    with pytest.raises(InputError, match="'slow' is for deals, and shadows are for leads only"):
        cast(stage, "steps: [{tag: b}]\n", workspace, shadow)
    assert shadows.cast_now(stage.store) == []


def test_runs_of_deals_since_the_cast_are_not_compared(sqlite_stage: Stage) -> None:
    """The live version became one for deals meanwhile: what it lets in is no lead's run."""
    stage = sqlite_stage
    workspace = WORKSPACE + "pipelines: {b2b: {stages: [qualify, won: {closes: won}]}}\n"
    stage.publish(workspace, slow=f"{FORM}steps: [{{tag: a}}]\n")
    cast(stage, "steps: [{tag: b}]\n", workspace)
    stage.event("form.submitted", "ann")
    stage.publish(workspace, slow=f"for: deal\n{FORM}steps: [{{tag: a}}]\n")
    put_deal(stage.store, {"name": "A", "lead": "ann@example.com"}, actor="test")
    stage.event("form.submitted", "ann")
    stage.work()
    assert len(stage.runs()) == 2
    assert told(stage).runs == 1


def told(stage: Stage) -> ShadowReport:
    return compare(stage.store, shadows.shadow_of(stage.store, "slow"))


def lived(stage: Stage) -> None:
    """Two leads enter; one clicks, the other is given another name by hand."""
    stage.event("form.submitted", "ann")
    stage.event("form.submitted", "bob", fields={"city": "杭州"})
    stage.work()
    stage.turn(hours=5)
    job = stage.jobs(lead=stage.lead("ann")["id"])[0]
    properties = {"step": "hello", "template": "note", "url": "https://www.example.com/start"}
    stage.event(
        "email.clicked", "ann", enrollment=job["enrollment"], source="hello",
        properties=properties,
    )  # fmt: skip
    stage.work()
    stage.turn(days=3)
    stage.work()


def test_the_same_decisions_are_found_to_be_the_same(sqlite_stage: Stage) -> None:
    """A version that differs in nothing that anybody decides by plays out as the live one did."""
    stage = sqlite_stage
    stage.publish(slow=FORM + LIVE)
    cast(stage, LIVE.replace("hello", "hi").replace("end: nurtured", "end: nurtured\n    note: x"))
    lived(stage)
    report = told(stage)
    assert (report.runs, report.same) == (2, 2), report.as_json()


def test_what_differs_is_counted_step_by_step(sqlite_stage: Stage) -> None:
    """No reminder any more, a higher bar: a mail that would not have gone, a task that neither."""
    stage = sqlite_stage
    stage.publish(slow=FORM + LIVE)
    shadow = LIVE.replace("      - email: other\n        id: reminder", "      - tag: quiet")
    cast(stage, shadow.replace(">= 10", ">= 20"))
    lived(stage)
    report = told(stage)
    steps = {name: one for name, one in report.steps.items() if one.differs}
    assert (report.runs, report.same) == (2, 0)
    assert steps["reminder"].only_live == 1 and steps["tag-quiet"].only_shadow == 1
    assert steps["task-call"].only_live == 1
    assert dict(steps["if-lead-score-20"].other) == {"yes → no": 1}
    assert {lead for lead, _ in report.examples} == {"ann@example.com", "bob@example.com"}


def test_who_would_not_have_been_let_in_is_told(sqlite_stage: Stage) -> None:
    """The shadow's own conditions of entry are asked, with the lead as it was."""
    stage = sqlite_stage
    stage.publish(slow=FORM + LIVE)
    text = LIVE.replace("steps:", "exit: [{if: lead.city == '杭州'}]\nsteps:", 1)
    cast(stage, text)
    lived(stage)
    assert [one for one in told(stage).outcomes if "not enrolled" in one] != []


def test_a_change_by_hand_happens_to_the_shadow_at_its_time(sqlite_stage: Stage) -> None:
    """What a person changed after the entry is not known before it."""
    stage = sqlite_stage
    waits = "steps:\n  - wait: 1 day\n  - if: lead.city == '上海'\n    then: [{tag: here}]\n"
    stage.publish(slow=FORM + waits)
    cast(stage, waits.replace("then: [{tag: here}]", "then: [{tag: here}, {tag: more}]"))
    stage.event("form.submitted", "ann")
    stage.work()
    stage.turn(hours=1)
    stage.event("page.viewed", "ann", fields={"city": "上海"})
    stage.turn(days=2)
    stage.work()
    steps = {name: one for name, one in told(stage).steps.items() if one.differs}
    assert list(steps) == ["tag-more"]


PIPELINES = """\
pipelines:
  b2b:
    stages:
      - qualify: {probability: 10}
      - won: {closes: won}
      - lost: {closes: lost}
pools: {open: {members: li.wei}}
"""
EVERYTHING = """\
send: {topic: product-tips}
steps:
  - email: note
  - notify: li.wei
    message: hello
  - set: {segment: cold}
  - update: {segment: lead.city}
  - tag: shadow
  - untag: clicked
  - stage: mql
  - score: +50
  - assign: {to: li.wei}
  - release: open
  - task: A shadow's task
  - enroll: other
  - leave: other
  - webhook: http://127.0.0.1:%d/leads
    json: {lead: "{{ lead.id }}"}
  - deal: {name: Licenses, amount: 12000, stage: b2b.qualify}
  - approve: Shall we?
    by: li.wei
    up_to: 1 second
    else: [{tag: unasked}]
  - unsubscribe: all
"""
TRIED = {
    line.split("- ")[1].split(":")[0] for line in EVERYTHING.splitlines() if line[:4] == "  - "
}


def everything(store: Store) -> dict[str, list[tuple[str, ...]]]:
    """Every row of every table."""
    found = {}
    for table in SQLModel.metadata.sorted_tables:
        query = sa.select(table).order_by(*table.primary_key.columns)
        rows = store.read(lambda tx, query=query: tx.conn.execute(query).all())  # type: ignore[misc]
        found[table.name] = [tuple(map(str, row)) for row in rows]
    return found


def test_a_shadow_changes_nothing_and_reaches_nobody(stage: Stage) -> None:
    """Every action tried: not one row of the real store is another, nothing was sent or called."""
    other = "enroll: {when: [manual]}\nsteps:\n  - wait: 9 days\n"
    workspace = WORKSPACE + PIPELINES
    slow = "steps:\n  - wait: 1 minute\n"
    stage.publish(workspace, slow=FORM + slow, other=other)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        text = EVERYTHING % listening.getsockname()[1]
        edition = _edition(
            workspace,
            (("slow", f"playbook: slow\n{FORM}{text}"), ("other", f"playbook: other\n{other}")),
        )
        shadows.cast(stage.store, edition)
        stage.event("form.submitted", "ann", fields={"city": "杭州"})
        stage.turn(minutes=2)
        stage.work()
        before = everything(stage.store)
        report = told(stage)
        with pytest.raises(TimeoutError):
            listening.accept()
    assert {one.verb for one in report.steps.values() if one.only_shadow} == TRIED
    assert everything(stage.store) == before
    assert stage.transport.sent == []


def test_every_action_that_there_is_has_been_tried() -> None:
    """A new action must be added to the list above."""
    assert set(ACTIONS) | set(actions()) <= TRIED


def test_a_shadow_that_is_the_live_version_cannot_be_cast(sqlite_stage: Stage) -> None:
    """There is nothing to compare."""
    stage = sqlite_stage
    stage.publish(slow=FORM + LIVE)
    with pytest.raises(InputError, match="differs from its live version"):
        cast(stage, LIVE)


def test_casting_a_shadow_publishes_nothing(sqlite_stage: Stage) -> None:
    """Leads enter on the live version as before."""
    stage = sqlite_stage
    stage.publish(slow=FORM + LIVE)
    cast(stage, LIVE.replace("email: note", "email: other"))
    stage.event("form.submitted")
    stage.work()
    assert [job["step"] for job in stage.jobs()] == ["hello"]
    shadows.end(stage.store, "slow")
    assert shadows.cast_now(stage.store) == []
