"""The workspace and templates that cases are compiled in, and how a snippet becomes a file."""

import textwrap
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from engine.operations.editions import Folder, template_facts
from engine.operations.mail_check import check_mail
from engine.operations.mail_preview import reader_of, shelf_of_folder
from engine.operations.published import Current
from engine.playbook.compile import Compiled, compile_playbook
from engine.playbook.diagnostics import Diagnostic, Findings
from engine.playbook.lexicon import Lexicon
from engine.playbook.rule import Rule
from engine.playbook.source import parse
from engine.playbook.templates import FileFact, TemplateFacts, TemplateFault, TemplateName
from engine.playbook.validate import validate_workspace
from engine.playbook.workspace import Workspace, load_workspace

WORKSPACE = """\
workspace: acme
timezone: Asia/Shanghai
sender: {from: "Acme <hello@acme.example>"}
fields:
  lead: {employees: integer, plan: {enum: [free, pro]}, trial_ends_at: datetime, segment: text}
  deal: {contract_ends_at: date}
pipelines:
  b2b: {stages: [qualify, demo, proposal, won, lost]}
topics: [product-tips, newsletter]
caps: {marketing: [3 per day, 10 per 7 days]}
calendars: {cn: {country: CN}}
team:
  owners:
    li.wei: {teams: [cn], manager: chen.jie}
    chen.jie: {}
assignment:
  new-leads: [{among: "team:cn"}]
pools: {cn-pool: {members: "team:cn"}}
channels: {sales-room: {type: email, to: sales@acme.example}}
segments: {hot: lead.score >= 60}
events: {quote.created: {amount: number}}
"""


BESIDE = {
    "prices.pdf": FileFact("digest of prices.pdf", 90_000),
    "prices.zh-CN.pdf": FileFact("digest of prices.zh-CN.pdf", 90_000),
    "film.mp4": FileFact("", 9_000_000),
}


def facts(name: str, **known: object) -> TemplateFacts:
    file = f"{name}.html"
    digests = {file: f"digest of {file}"}
    return TemplateFacts(file, digests, beside=BESIDE, **known)  # type: ignore[arg-type]


TEMPLATES = {
    "welcome": facts("welcome"),
    "welcome-again": facts("welcome-again"),
    "offer": facts("offer"),
    "priced": facts("priced", names=(TemplateName("data.price", 3, "priced.html"),)),
    "bare": facts("bare", has_subject=False, has_unsubscribe_link=False),
    "misspelt": facts("misspelt", names=(TemplateName("lead.frist_name", 7, "misspelt.html"),)),
    "unguarded": facts("unguarded", names=(TemplateName("lead.company", 2, "unguarded.html"),)),
    "broken": facts("broken", faults=(TemplateFault("unexpected '}'", 4, "broken.html"),)),
}
HEAD = "playbook: case\nenroll: {when: [manual]}\n"


def workspace() -> Workspace:
    loaded = load_workspace(WORKSPACE)
    assert loaded.workspace is not None, loaded.diagnostics
    return loaded.workspace


def compiled(text: str, file: str = "playbooks/case.yaml") -> Compiled:
    findings = Findings()
    document = parse(text, file, findings)
    if document is None:
        return Compiled(None, findings.sorted())
    result = compile_playbook(document, Lexicon(workspace()), TEMPLATES, {"case", "other"})
    findings.extend(result.diagnostics)
    return replace(result, diagnostics=findings.sorted())


def with_steps(steps: str) -> str:
    return HEAD + "steps:\n" + textwrap.indent(steps, "  ")


def as_file(rule: Rule, snippet: str) -> str:
    """A whole file around a rule's example."""
    match rule.place:
        case "steps":
            return with_steps(snippet)
        case "condition":
            return with_steps(f"- if: |-\n    {snippet}\n  then: []")
        case "playbook":
            head = "playbook: case\n" if snippet.startswith("enroll:") else HEAD
            return f"{head}{snippet}\nsteps: [{{tag: a}}]\n"
        case _:
            return snippet


def found_in(rule: Rule, snippet: str) -> Sequence[Diagnostic]:
    if rule.place == "playbooks":
        return found_beside(*snippet.split("---\n"))
    if rule.place == "mail":
        return found_in_mail(snippet)
    text = as_file(rule, snippet)
    if rule.place == "workspace":
        return load_workspace(text).diagnostics
    return compiled(text).diagnostics


def found_beside(*playbooks: str) -> Sequence[Diagnostic]:
    """What is said of whole playbooks that stand beside each other."""
    sound = {name: facts for name, facts in TEMPLATES.items() if not facts.faults}
    files = {f"playbooks/{text.split(maxsplit=2)[1]}.yaml": text.encode() for text in playbooks}
    files["longplay.yaml"] = WORKSPACE.encode()
    return validate_workspace(files, sound).diagnostics


def found_in_mail(template: str) -> Sequence[Diagnostic]:
    """What is said of a mail of this page."""
    now = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    files = {"example.html": template}
    current = Current("a digest", workspace(), {}, {}, frozenset())
    shelf = shelf_of_folder(Folder({}, files), current, ["example"])
    readers = {"": reader_of(None, current, "", "", now)}
    return check_mail(shelf, "example", template_facts(files), (), readers, now)
