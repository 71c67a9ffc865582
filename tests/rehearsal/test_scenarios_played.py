"""Scenarios: what holds, what does not, and how the difference is told."""

import textwrap
from xml.etree import ElementTree as Tree

import pytest

from rehearsal.junit import junit
from rehearsal.suite import Suite, Verdict
from tests.rehearsal.workspaces import checked, folder, outcome_of, verdict

TOUR = """\
enroll: {when: [{event: form.submitted, if: event.form == "trial"}], if: lead.score < 90}
steps:
  - email: note
    id: hello
  - wait_for: email.clicked
    from: hello
    up_to: 2 days
    then:
      - score: +20
      - stage: mql
      - assign: new-leads
      - task: "Call {{ lead.first_name | default('them') }}"
    else:
      - tag: quiet
  - end: done
"""


def scenario(text: str, playbook: str = TOUR) -> Verdict:
    body = textwrap.indent(textwrap.dedent(text).strip(), "    ")
    return verdict(f"{playbook}scenarios:\n  - name: it works\n{body}\n")


CLICK = """\
lead: {email: ann@example.com, first_name: Ann, score: 5}
at: 2026-03-02 09:30
events:
  - {after: 1 day, event: email.clicked, from: hello}
"""
SILENCE = "lead: {email: ann@example.com}\nat: 2026-03-02 09:30\n"

HOLDS = {
    "lines in order": (CLICK, "[{email: hello}, {score: 25}, {stage: mql}, {outcome: done}]"),
    "a template for a step": (CLICK, "[{email: note}]"),
    "times": (CLICK, "[{email: hello, at: 2026-03-02 09:30}, {stage: mql, after: 1 day}]"),
    "an owner and a task": (CLICK, "[{owner: li.wei}, {task: Call Ann}]"),
    "bare steps": (CLICK, "[hello, wait_for-email-clicked, score-20, end-done]"),
    "what must not be": (CLICK, "[{not: {tag: quiet}}, {stage: mql}]"),
    "a result": (SILENCE, "[{step: wait_for-email-clicked, result: timed out}]"),
    "nothing else": (SILENCE, "[{email: hello}, {tag: quiet}, {outcome: done}, {only: true}]"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "expect"), HOLDS.values(), ids=HOLDS)
def test_what_happens_holds(given: str, expect: str) -> None:
    """A line holds when it happens behind the line before it."""
    found = scenario(f"{given}expect: {expect}")
    assert found.ok, found.diff


RECYCLING = """\
enroll: {when: [{event: form.submitted}]}
steps:
  - release: cn-pool
    cooldown: 30 days
  - assign: new-leads
"""


def test_a_lead_is_released_and_assigned_again() -> None:
    """The owner that is told is who got the lead, not that nobody had it in between."""
    found = scenario(
        """\
        lead: {email: ann@example.com}
        owner: chen.jie
        expect: [{step: release-cn-pool, result: released}, {owner: li.wei}, {outcome: completed}]
        """,
        RECYCLING,
    )
    assert found.ok, found.diff


FAILS = {
    "never": (SILENCE, "[{stage: mql}]", "it never happened"),
    "another value": (CLICK, "[{stage: sql}]", "only stage mql"),
    "wrong order": (CLICK, "[{stage: mql}, {score: 25}]", "before the line above"),
    "wrong time": (CLICK, "[{stage: mql, after: 2 days}]", "it happened at 2026-03-03 09:30"),
    "forbidden": (CLICK, "[{not: {stage: mql}}]", "it happened at 2026-03-03 09:30"),
    "more than only": (CLICK, "[{email: hello}, {only: true}]", "there is more: score-20"),
    "twice": (CLICK, "[{email: hello}, {email: hello}]", "the line above has it already"),
    "skipped": ("lead: {}\n", "[{email: hello}]", "hello  skipped"),
}


@pytest.mark.parametrize(("given", "expect", "found"), FAILS.values(), ids=FAILS)
def test_what_does_not_happen_is_told(given: str, expect: str, found: str) -> None:
    """A line that does not hold says what happened instead, with the file and the timeline."""
    judged = scenario(f"{given}expect: {expect}")
    assert not judged.ok
    assert found in judged.diff
    assert "playbooks/case.yaml:" in judged.diff
    assert "enrolled at the start" in judged.diff


def test_an_event_without_a_time_starts_the_run() -> None:
    """Then the playbook's own triggers decide."""
    start = "events: [{event: form.submitted, properties: {form: trial}}]\n"
    assert scenario(f"{SILENCE}{start}expect: [hello]").ok
    other = start.replace("trial", "newsletter")
    assert scenario(f"{SILENCE}{other}expect: [{{outcome: not-enrolled}}, {{only: true}}]").ok


def test_the_rules_of_entry_hold_by_hand_too() -> None:
    """Whoever `enroll.if` keeps out is not enrolled, and the reason is told."""
    found = scenario("lead: {email: a@example.com, score: 95}\nexpect: [hello]")
    assert "not enrolled  enroll.if: lead.score < 90 (lead.score is 95)" in found.diff


def test_nobody_clicks_a_mail_that_has_not_gone() -> None:
    """An event on a mail is nothing before that mail has gone."""
    text = """\
    enroll: {when: [manual]}
    steps:
      - wait: 2 days
      - email: note
        id: hello
      - wait_for: email.clicked
        from: hello
        up_to: 1 day
        else: [{tag: quiet}]
    scenarios:
      - name: too early
        lead: {email: ann@example.com}
        events: [{after: 1 day, event: email.clicked, from: hello}]
        expect: [{tag: quiet}]
    """
    assert verdict(textwrap.dedent(text)).ok


def test_only_the_one_playbook_runs() -> None:
    """Another playbook that listens to the same event takes no part."""
    other = "enroll: {when: [{event: form.submitted}]}\nsteps: [{tag: other}]\n"
    start = "events: [{event: form.submitted, properties: {form: trial}}]"
    rest = (
        f"expect: [hello, {{not: {{tag: other}}}}]\n    {start}\n    lead: {{email: a@example.com}}"
    )
    given = folder(other=other, case=f"{TOUR}scenarios:\n  - name: alone\n    {rest}\n")
    assert Suite(given, checked(given)).run().failed == 0


def test_scenarios_do_not_know_of_each_other() -> None:
    """Each begins in an empty house, so one address may be in all of them."""
    expect = "[hello, {tag: quiet}, {outcome: done}, {only: true}]"
    one = f"lead: {{email: a@example.com}}, expect: {expect}"
    text = f"{TOUR}scenarios:\n  - {{name: one, {one}}}\n  - {{name: two, {one}}}\n"
    assert outcome_of(text).failed == 0


def test_a_word_chooses() -> None:
    """With `-k` only those play whose name has the word."""
    one = "expect: [hello]"
    text = f"{TOUR}scenarios:\n  - {{name: 第一, {one}}}\n  - {{name: two, {one}}}\n"
    assert [each.name for each in outcome_of(text, "第一").verdicts] == ["第一"]


def test_windows_caps_and_expiry_are_those_of_production() -> None:
    """A mail outside its window is deferred; over the cap it waits; the timeline says why."""
    text = """\
    enroll: {when: [manual]}
    send: {window: {days: mon-fri, hours: "09:00-18:00", calendar: cn}}
    steps:
      - email: note
      - email: other
    scenarios:
      - name: on a holiday
        lead: {email: ann@example.com}
        at: 2026-10-01 10:00
        expect:
          - {email: note, at: 2026-10-08 09:00}
          - {email: other, at: 2026-10-09 09:00}
          - {outcome: exited}
    """
    found = verdict(textwrap.dedent(text).replace("outcome: exited", "outcome: left"))
    assert "outside the send window" in found.diff
    assert "2026-10-08 09:00  email-note  accepted" in found.diff
    assert "2026-10-09 09:00  email-other  accepted" in found.diff


def test_coverage_names_steps_and_ways() -> None:
    """A step that nobody reaches is named by its number and id; so is a way that nobody goes."""
    (found,) = outcome_of(
        f"{TOUR}scenarios: [{{name: a, lead: {{}}, expect: [hello]}}]\n"
    ).coverages
    said = [gap.said for gap in found.gaps]
    assert "step 3 `score-20` is reached by no scenario" in said
    assert "step 2 `wait_for-email-clicked`: in no scenario it happens" in said
    assert (found.steps, found.missed) == (8, 4)


def test_a_playbook_with_errors_fails() -> None:
    """What cannot be compiled cannot be tested, and is not passed over."""
    given = folder(case="steps: [{emial: note}]\n")
    from engine.operations.editions import check  # not `checked`: it is wrong on purpose

    (found,) = Suite(given, check(given, {})).run().verdicts
    assert not found.ok
    assert "no step named 'emial'" in found.diff


def test_verdicts_as_junit() -> None:
    """JUnit has a suite a playbook, a case a scenario, and the difference as the failure."""
    good = Verdict("a", "第一", "playbooks/a.yaml", 7, "", 0.1)
    bad = Verdict("a", "two\x00", "playbooks/a.yaml", 9, "expected  <stage>\nbut  not\x1b\n", 0.2)
    root = Tree.fromstring(junit([good, bad]))
    (suite,) = root
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("2", "1")
    assert [case.attrib["name"] for case in suite] == ["第一", "two\N{REPLACEMENT CHARACTER}"]
    (failure,) = suite.iter("failure")
    assert failure.attrib["message"] == "expected  <stage>"
