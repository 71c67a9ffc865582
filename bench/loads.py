"""The workspaces of the load benchmarks, and the events that fill them."""

from collections.abc import Iterable, Mapping, Sequence

from bench.shapes import PAGE, WORKSPACE
from engine.operations.intake import IncomingEvent

STEPS = 10
"""Lines of the step log that a lead leaves behind in `files_of_steps`."""

NO_MAIL = """\
playbook: no-mail
enroll:
  when:
    - event: form.submitted
steps:
  - set: {segment: new}
  - tag: one
  - if: lead.score >= 0
    then:
      - score: +10
  - stage: mql
  - wait: {until: created_at}
  - update: {segment: "'warm'"}
  - untag: one
  - wait: {until: created_at}
  - end: done
"""

DRIP = """\
playbook: drip
enroll:
  when:
    - event: form.submitted
  again: never
steps:
  - email: first
  - wait: 1 second
  - if: lead.score >= 10
    then:
      - tag: hot
    else:
      - email: second
  - end: done
"""

SLEEP = """\
playbook: sleepers
enroll:
  when:
    - event: form.submitted
    - manual
  again: never
steps:
  - wait: 30 days
  - tag: awake
  - end: done
"""

BUSY = """\
playbook: busy-trial
enroll:
  when:
    - event: form.submitted
      if: event.form == 'trial'
    - score: ">= 1000"
  again: never
exit:
  - event: order.placed
    goal: bought
steps:
  - wait_for: page.viewed
    where: event.path == '/pricing'
    up_to: 14 days
  - tag: seen
  - end: done
"""

BUSY_TOO = """\
playbook: busy-demo
enroll:
  when:
    - event: form.submitted
      if: event.form == 'demo'
    - event: page.viewed
      if: event.path == '/demo'
  again: never
steps:
  - wait: 30 days
  - end: done
"""

POINTS = """\
playbook: points
kind: scoring
range: 0..100
fit:
  - if: lead.title is matching("cto|vp|总监|总经理")
    points: 20
  - if: (lead.email | domain) in ["gmail.com", "qq.com", "163.com"]
    points: -10
behavior:
  - event: form.submitted
    points: 10
  - event: page.viewed
    if: event.path == "/pricing"
    points: 10
    at_most: 30 per 7 days
decay: {half_life: 30 days}
grades: {A: 80, B: 60, C: 40, D: 0}
thresholds:
  - name: ready
    at: 50
    steps:
      - stage: mql
"""


def files_of_steps() -> dict[str, str]:
    """Ten steps without mail: conditions, updates, tags, a stage, a score, waits of no length."""
    return {"longplay.yaml": WORKSPACE, "playbooks/no-mail.yaml": NO_MAIL}


def files_of_drip() -> dict[str, str]:
    """A welcome mail, a wait, a branch on the score, a second mail."""
    return {
        "longplay.yaml": WORKSPACE,
        "playbooks/drip.yaml": DRIP,
        "templates/email/first.html": PAGE % (1, 1, 1),
        "templates/email/second.html": PAGE % (2, 2, 2),
    }


def files_of_sleepers() -> dict[str, str]:
    """A wait of a month, a tag, the end."""
    return {"longplay.yaml": WORKSPACE, "playbooks/sleepers.yaml": SLEEP}


def files_of_intake() -> dict[str, str]:
    """Two playbooks whose triggers, exits and waits look at every event, and one that scores it."""
    return {
        "longplay.yaml": WORKSPACE,
        "playbooks/busy-trial.yaml": BUSY,
        "playbooks/busy-demo.yaml": BUSY_TOO,
        "playbooks/points.yaml": POINTS,
    }


def forms(part: str, numbers: Iterable[int], **properties: str) -> list[IncomingEvent]:
    """One form each of leads that nobody knew; `part` keeps one round's leads from another's."""
    return [
        IncomingEvent("form.submitted", lead(part, n), id=f"form-{part}-{n}", properties=properties)
        for n in numbers
    ]


def views(part: str, numbers: Iterable[int], path: str) -> list[IncomingEvent]:
    """One page view each of leads that `forms` made."""
    return [
        IncomingEvent(
            "page.viewed",
            {"email": str(lead(part, n)["email"])},
            id=f"view-{path}-{part}-{n}",
            properties={"path": path},
        )
        for n in numbers
    ]


def mixed_forms(part: str, numbers: Iterable[int], kinds: Sequence[str]) -> list[IncomingEvent]:
    """Forms of several kinds in turn."""
    return [one for n in numbers for one in forms(part, (n,), form=kinds[n % len(kinds)])]


def mixed_views(part: str, numbers: Iterable[int], paths: Sequence[str]) -> list[IncomingEvent]:
    """Views of several pages in turn, each of a path as often for every kind of form."""
    return [one for n in numbers for one in views(part, (n,), paths[n // len(paths) % len(paths)])]


def lead(part: str, number: int) -> Mapping[str, str]:
    """What a form says of a lead."""
    return {
        "email": f"lead{part}-{number}@example.com",
        "first_name": f"Ann {number}",
        "company": f"Company {number}",
    }
