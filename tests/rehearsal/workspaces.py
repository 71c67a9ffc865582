"""A workspace in memory whose playbooks are rehearsed, and how one is put together."""

from engine.operations.editions import Folder, check
from engine.playbook.validate import Checked
from rehearsal.suite import Outcome, Suite, Verdict

WORKSPACE = """\
workspace: acme
timezone: Asia/Shanghai
sender:
  from: "Acme <hello@acme.example>"
  postal_address: "1 Funnel Street"
fields:
  lead: {segment: text, trial_ends_at: datetime}
topics: [product-tips]
pipelines: {b2b: {stages: [qualify, proposal, won]}}
caps: {marketing: [1 per day]}
calendars:
  cn: {country: CN, hours: {mon-fri: "09:00-18:00"}, timezone: Asia/Shanghai}
calendar: cn
team:
  owners:
    li.wei: {name: 李伟, email: li.wei@acme.example, manager: chen.jie, teams: [cn]}
    chen.jie: {name: 陈杰, email: chen@acme.example}
assignment:
  new-leads: [{among: "team:cn", by: round-robin, fallback: chen.jie}]
pools: {cn-pool: {members: "team:cn"}}
events: {quote.created: {amount: number}}
"""

PAGE = """\
<title>Hello</title><p>Dear {{ lead.first_name | default("friend") }}</p>
<p>{{ sender.postal_address }} <a href="{{ unsubscribe_url }}">unsubscribe</a></p>
"""


def folder(**playbooks: str) -> Folder:
    """Playbooks without their first line; `_` in a name is a hyphen."""
    files = {"longplay.yaml": WORKSPACE.encode()}
    for key, text in playbooks.items():
        name = key.replace("_", "-")
        files[f"playbooks/{name}.yaml"] = f"playbook: {name}\n{text}".encode()
    return Folder(files, {"note.html": PAGE, "other.html": PAGE.replace("Hello", "Other")})


def checked(given: Folder) -> Checked:
    found = check(given, {})
    assert found.ok, [str(one) for one in found.diagnostics]
    return found


def outcome_of(text: str, word: str = "") -> Outcome:
    """What testing one playbook gives."""
    given = folder(case=text)
    return Suite(given, checked(given), word=word).run()


def verdict(text: str) -> Verdict:
    """The verdict about the one scenario of a playbook."""
    (one,) = outcome_of(text).verdicts
    return one
