"""The workspaces that benchmarks and kill tests run."""

WORKSPACE = """\
workspace: bench
timezone: Asia/Shanghai
sender:
  from: "Bench <hello@bench.example>"
  postal_address: "1 Funnel Street"
fields:
  lead: {segment: text}
"""

PAGE = """\
<title>{{ lead.first_name | default("Hello") }}, part %s</title>
<h1>Hello {{ lead.first_name | default("there") }}</h1>
<p>Since you told us about {{ lead.company | default("your team") }}, here is part %s.
Most teams of your size begin with one playbook, watch it for a week, and then write the next.</p>
<p><a href="https://www.example.com/start?part=%s">Begin here</a>, or
<a href="https://www.example.com/docs">read on</a>.</p>
<p style="color:#667">{{ sender.postal_address }} ·
<a href="{{ unsubscribe_url }}">unsubscribe</a></p>
"""

TEN_STEPS = """\
playbook: ten-steps
enroll:
  when:
    - event: form.submitted
    - manual
steps:
  - email: first
  - set: {segment: new}
  - tag: one
  - if: lead.score >= 0
    then:
      - score: +10
  - stage: mql
  - email: second
  - update: {segment: "'warm'"}
  - untag: one
  - end: done
"""


def files() -> dict[str, str]:
    """A workspace of one playbook of ten steps, two of them mails."""
    return {
        "longplay.yaml": WORKSPACE,
        "playbooks/ten-steps.yaml": TEN_STEPS,
        "templates/email/first.html": PAGE % (1, 1, 1),
        "templates/email/second.html": PAGE % (2, 2, 2),
    }


ONE_MAIL = """\
playbook: one-mail
enroll:
  when:
    - event: form.submitted
  again: never
steps:
  - email: first
  - end: done
"""


def files_of_one_mail() -> dict[str, str]:
    """A playbook that sends one mail and ends."""
    return {
        "longplay.yaml": WORKSPACE,
        "playbooks/one-mail.yaml": ONE_MAIL,
        "templates/email/first.html": PAGE % (1, 1, 1),
    }


UNDER_FIRE = """\
playbook: under-fire
enroll:
  when:
    - event: form.submitted
  again: never
steps:
  - email: first
    id: hello
  - wait: 4 seconds
  - wait_for: email.clicked
    from: hello
    up_to: 6 seconds
    then:
      - score: +10
      - tag: clicked
    else:
      - email: second
        id: reminder
      - tag: reminded
  - assign: all
  - set: {segment: warm}
  - wait: 3 seconds
  - if: lead.score >= 10
    then:
      - stage: mql
    else:
      - update: {segment: "'cold'"}
  - email: third
    id: last
  - end: done
"""

TEAM = """\
team:
  owners:
    li.wei: {name: 李伟, email: li.wei@bench.example, teams: [cn]}
    sam.lee: {name: Sam Lee, email: sam@bench.example, teams: [cn]}
assignment:
  all:
    - {among: "team:cn", by: round-robin, fallback: li.wei}
"""


def files_under_fire() -> dict[str, str]:
    """Ten steps with waits, a branch on a click, an assignment, and two or three mails."""
    return {
        "longplay.yaml": WORKSPACE + TEAM,
        "playbooks/under-fire.yaml": UNDER_FIRE,
        "templates/email/first.html": PAGE % (1, 1, 1),
        "templates/email/second.html": PAGE % (2, 2, 2),
        "templates/email/third.html": PAGE % (3, 3, 3),
    }


CHAOS = """\
playbook: under-fire
enroll:
  when:
    - event: form.submitted
  again: never
steps:
  - email: first
    id: hello
  - wait: 4 seconds
  - wait_for: email.clicked
    from: hello
    up_to: 6 seconds
    then:
      - score: +10
      - tag: clicked
    else:
      - email: second
        id: reminder
      - tag: reminded
  - webhook: ${CRM_URL}/leads/{{ lead.first_name }}
    id: tell
    json: {email: "{{ lead.email }}", score: "{{ lead.score }}"}
  - assign: all
  - split: tone
    arms:
      plain: {weight: 50, steps: [{tag: plain}]}
      bold: {weight: 50, steps: [{tag: bold}, {wait: 2 seconds}]}
  - wait: 3 seconds
  - if: lead.score >= 10
    then:
      - stage: mql
    else:
      - update: {segment: "'cold'"}
  - email: third
    id: last
  - end: done
"""


def files_of_chaos(hooks: str) -> dict[str, str]:
    """Waits, a branch on a click, a split, a call to `hooks`, and two or three mails."""
    return {
        **files_under_fire(),
        "playbooks/under-fire.yaml": CHAOS,
        ".env": f"CRM_URL={hooks}\nLONGPLAY_WEBHOOK_ALLOW_PRIVATE=true\n",
    }
