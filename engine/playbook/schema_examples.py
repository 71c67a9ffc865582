"""An example for every field of the JSON Schemas, shown by editors beside the description.

Words, switches and step verbs have theirs from the schema and the step's own example; the rest
stand in the table here, by name, or by holder and name where one name means two things.
"""

from collections.abc import Mapping
from typing import Any

_AGREED = {"en": "Yes, send me your newsletter.", "zh-CN": "我同意接收贵司的邮件通讯。"}
_STEPS = [{"email": "welcome"}, {"wait": "2 days"}]
_OWNER = {"name": "李伟", "email": "li.wei@acme.example", "manager": "chen.jie", "teams": ["cn"]}
_CALENDAR = {"country": "CN", "hours": {"mon-fri": "09:00-18:00"}, "timezone": "Asia/Shanghai"}
_RULE = {"if": "lead.country == 'CN'", "among": "team:cn", "by": "round-robin"}
_WINDOW = {"days": "mon-fri", "hours": "09:00-17:30", "timezone": "lead", "calendar": "cn"}
_EXPECT = [{"email": "hello"}, {"stage": "mql"}, {"outcome": "nurtured"}]

EXAMPLES: Mapping[str, Any] = {
    # the head of a playbook
    "playbook": "trial-nurture", "title": "Trial nurture", "cost": 10000, "calendar": "cn",
    "note": "two days would be polite", "id": "hello", "if": "lead.score >= 40",
    "enroll": {"when": [{"event": "form.submitted"}, "manual"], "again": "after 90 days"},
    "when": [{"event": "form.submitted", "if": "event.form == 'trial'"}, "manual"],
    "exit": [{"event": "order.placed", "goal": "purchased", "value": "event.amount"}],
    "send": {"topic": "product-tips", "expires": "7 days"},
    "steps": _STEPS, "then": [{"score": "+10"}], "else": [{"email": "welcome-again"}],
    "goal": "purchased", "value": "event.amount", "event": "order.placed", "key": "event.order_id",
    "ExitRule.if": "lead.stage in ['opportunity', 'customer']",
    "When.score": ">= 40", "When.name": "score", "When.stage": "lead", "When.segment": "hot",
    "timezone": "Asia/Shanghai", "When.timezone": "lead", "SendWindow.timezone": "lead",
    "window": _WINDOW, "topic": "product-tips", "track": {"opens": "consent", "clicks": True},
    # steps
    "subject": "{{ lead.first_name | default('Hello') }}, one more thing",
    "step-email.from": "Acme <hello@acme.example>", "reply_to": "sales@acme.example",
    "data": {"number": "{{ event.id }}"}, "attach": ["price-list.pdf"], "pipeline": "b2b",
    "step-score.name": "score", "step-assign.to": "li.wei", "step-task.to": "manager",
    "message": "{{ lead.full_name | default('A lead') }} is ready for a call",
    "template": "welcome", "via": "email", "where": "event.amount > 100",
    "step-wait_for.from": "hello", "save": "answer", "times": 3, "while": "lead.score < 40",
    "until": "lead.stage == 'mql'", "headers": {"Authorization": "Bearer ${CRM_TOKEN}"},
    "json": {"email": "{{ lead.email }}", "score": "{{ lead.score }}"}, "by": ["manager"],
    "arms": {"plain": {"weight": 50, "steps": _STEPS}, "bold": {"weight": 50, "steps": []}},
    "weight": 2, "Arm.weight": 50, "WinnerRule.by": "email.clicked", "sample": 400,
    "winner": {"by": "email.clicked", "within": "2 days", "sample": 400},
    # escalations
    "watch": {"pipeline": "b2b", "stage": "proposal", "if": "deal.amount >= 10000"},
    "WatchRule.stage": "proposal", "WatchRule.if": "deal.amount >= 10000",
    "clock": {"calendar": "cn", "resets_on": ["deal.activity"], "acknowledge": "1 business day"},
    "starts": "entered", "resets_on": ["deal.activity", "email.replied"], "rounds": 3,
    "stops_on": ["lead.contacted"], "acknowledge": "1 business day", "backdate": True,
    "levels": [{"after": "3 business days", "steps": [{"notify": "owner"}]}],
    "LevelRule.after": "3 business days", "LevelRule.note": "the manager wants to know by then",
    "Happening.level": "2", "Expected.level": "2", "Unexpected.level": "2",
    # scenarios
    "scenarios": [{"name": "a lead who clicks", "lead": {"score": 35}, "expect": _EXPECT}],
    "Scenario.name": "a lead who clicks becomes an MQL", "Scenario.owner": "li.wei",
    "Scenario.lead": {"email": "a@example.cn", "first_name": "Ann", "score": 35},
    "ScenarioEvent.lead": {"score": 60}, "Scenario.deal": {"amount": 20000},
    "events": [{"after": "1 day", "event": "email.clicked", "from": "hello"}],
    "saved": {"answer": {"level": 3}}, "approvals": [{"step": "approve-offer", "answer": "yes"}],
    "Scenario.arms": {"subject-line": "plain"}, "level": "1", "expect": _EXPECT,
    "ScenarioEvent.from": "hello", "properties": {"amount": 100}, "Approval.step": "approve-offer",
    "Approval.answer": "yes", "email": "hello", "stage": "mql", "owner": "li.wei",
    "task": "Call Ann about the trial", "tag": "vip", "untag": "cold", "score": 10,
    "notify": "owner", "outcome": "nurtured", "step": "hello", "result": "yes",
    "not": {"email": "welcome-again"},
    # the workspace
    "workspace": "acme", "language": "zh-CN", "currency": "CNY",
    "sender": {"from": "Acme <hello@acme.example>", "reply_to": "sales@acme.example"},
    "law": {"CN": {"subject_prefix": "（广告）"}}, "subject_prefix": "（广告）",
    "consent": {"needed": "by-law"}, "needed": "by-law", "proof": "confirmed",
    "version": "2026-11", "texts": {"marketing": _AGREED}, "marketing": _AGREED,
    "open_tracking": {"en": "You may see when I open your mails."},
    "fields": {"lead": {"employees": "integer", "plan": {"enum": ["free", "pro"]}}},
    "Fields.lead": {"employees": "integer"}, "Fields.deal": {"contract_ends_at": "date"},
    "Fields.company": {"industry": "text"},
    "enum": ["free", "pro"],
    "lifecycle": ["visitor", "lead", {"mql": {"back_to": ["lead"]}}, "opportunity", "customer"],
    "about": "A lead that fits and asked for an offer: sales calls within a day.",
    "back_to": ["lead"],
    "pipelines": {"b2b": {"stages": ["qualify", {"demo": {"probability": 30}}]}},
    "stages": ["qualify", {"demo": {"probability": 30}}, {"won": {"closes": "won"}}],
    "topics": ["product-tips", "newsletter"],
    "caps": {"marketing": ["1 per day", "3 per 7 days"]}, "calendars": {"cn": _CALENDAR},
    "team": {"owners": {"li.wei": _OWNER}}, "owners": {"li.wei": _OWNER},
    "assignment": {"new-leads": [_RULE]}, "pools": {"cn-pool": {"members": "team:cn"}},
    "channels": {"sales-room": {"type": "wecom", "url": "${WECOM_SALES_URL}"}},
    "segments": {"hot": "lead.score >= 60"}, "sources": {"baidu": {"cost": "5000 per month"}},
    "Longplay workspace.events": {"quote.created": {"amount": "number"}}, "fallback": "chen.jie",
    "AssignmentRule.if": "lead.country == 'CN'", "skip": ["away", "off-hours"],
    "AssignmentRule.by": "round-robin", "quiet": "20:00-08:00",
    "country": "CN", "hours": {"mon-fri": "09:00-18:00"}, "Channel.url": "${WECOM_SALES_URL}",
    "url": "https://crm.example.com/leads", "Channel.to": "sales@acme.example",
    "secret": "${DING_SECRET}", "Owner.name": "李伟", "Owner.email": "li.wei@acme.example",
    "manager": "chen.jie", "teams": ["cn"], "capacity": 40, "wecom": "liwei", "slack": "U012AB3CD",
    "teams_id": "li.wei@acme.example", "dingtalk": "liwei", "feishu": "ou_7d8a6e6d",
    "phone": "+86 138 0013 8000", "probability": 30, "enter_if": "deal.amount is defined",
    "leave_if": "deal.quote_sent_at is defined", "requires": ["lost_reason"],
    "retention": {"events": "400 days", "messages": "730 days"},
    "Complaints.pause_at": 0.3, "Complaints.mails": 300,
    "Sender.complaints": {"pause_at": 0.3, "mails": 300},
    "accounts": {"news": {"url": "${NEWS_SMTP_URL}", "fallback": "default"}},
    "MailAccount.topics": ["newsletter"], "MailAccount.fallback": "default",
    "dkim": [{"selector": "longplay1", "key": "${DKIM_KEY}"}], "SendDefaults.via": "news",
    "step-email.via": "news",
    "Longplay playbook.score": "intent", "range": "0..100",
    "fit": [{"if": "lead.country == 'CN'", "points": 20}], "Fit.if": "lead.country == 'CN'",
    "behavior": [{"event": "email.clicked", "points": 5, "at_most": "15 per 7 days"}],
    "at_most": "15 per 7 days", "decay": {"half_life": "30 days"}, "half_life": "30 days",
    "Fading.points": -5, "Fading.every": "7 days", "idle": "14 days",
    "grades": {"A": 80, "B": 60, "C": 40}, "Threshold.name": "mql", "Threshold.at": 50,
    "Threshold.if": "lead.stage == 'lead'", "Fit.points": 20, "Behavior.points": 5,
    "thresholds": [{"name": "mql", "at": 50, "steps": [{"stage": "mql"}]}],
    "Fit.note": "a big market", "Behavior.note": "reads our mail",
    "claims": "5 per day", "holds": 200, "Sender.from": "Acme <hello@acme.example>",
    "postal_address": "1 Funnel Street, Hangzhou", "rate": "100 per minute",
    "warm_up": {"from": "2026-12-01", "start": 200, "grow": 1.5}, "WarmUp.from": "2026-12-01",
    "start": 200, "grow": 1.5, "Source.cost": "5000 per month", "choose": [
        {"if": "lead.country == 'CN'", "steps": [{"tag": "china"}]}, {"else": [{"tag": "far"}]},
    ],
}  # fmt: skip
_DESCRIPTIONS = {"enum": "the words it may be"}


def with_examples(schema: dict[str, Any], title: str) -> None:
    """Puts an example beside every field of a schema that has none of its own."""
    _fill(schema, title)


def _fill(node: Any, holder: str) -> None:
    if not isinstance(node, dict):
        return
    for name, field in node.get("properties", {}).items():
        if "description" not in field and name in _DESCRIPTIONS:
            field["description"] = _DESCRIPTIONS[name]
        if "examples" not in field:
            found = _example(field, holder, name)
            if found is not None:
                field["examples"] = found
        _fill(field, holder)
    for name, definition in node.get("$defs", {}).items():
        _fill(definition, name)
    for key in ("items", "additionalProperties"):
        _fill(node.get(key), holder)
    for each in node.get("anyOf", ()):
        _fill(each, holder)


def _example(field: Mapping[str, Any], holder: str, name: str) -> list[Any] | None:
    special = f"{holder}.{name}"
    if special in EXAMPLES:
        return [EXAMPLES[special]]
    words = [field["const"]] if "const" in field else field.get("enum")
    if words:
        return [each for each in words if each != ""]
    if field.get("type") == "boolean":
        return [not field.get("default", False)]
    return [EXAMPLES[name]] if name in EXAMPLES else None
