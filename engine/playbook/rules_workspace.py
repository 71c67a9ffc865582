"""Rules about `longplay.yaml`."""

from engine.playbook.rule import Rule


def _rule(name: str, meaning: str, wrong: str, right: str) -> Rule:
    return Rule(name, meaning, wrong, right, "workspace")


WORKSPACE_RULES = (
    _rule("bad-rate", "So many in a length of time.", "caps: {marketing: 3 a day}",
          "caps: {marketing: 3 per day}"),
    _rule("bad-destination", "Where mail goes is written as a domain, or `*` for every other one.",
          "sender: {from: a@acme.example, destinations: {QQ: 20 per minute}}",
          "sender: {from: a@acme.example, destinations: {qq.com: 20 per minute}}"),
    _rule("same-destination", "Two domains of one mailbox provider have one rate.",
          "sender: {from: a@acme.example, destinations: {qq.com: 20 per minute, "
          "foxmail.com: 5 per minute}}",
          "sender: {from: a@acme.example, destinations: {qq.com: 20 per minute, "
          "163.com: 5 per minute}}"),
    _rule("bad-date", "A date is written year-month-day.",
          "sender: {from: a@acme.example, warm_up: {from: 1.12.2026}}",
          "sender: {from: a@acme.example, warm_up: {from: 2026-12-01}}"),
    _rule("unknown-type", "A field is one of a few types.", "fields: {lead: {size: int}}",
          "fields: {lead: {size: integer}}"),
    _rule("bad-address", "No mail can go to or come from what is no address.",
          "sender: {from: Acme}", "sender: {from: hello@acme.example}"),
    _rule("bad-currency", "A currency is written by its three letters.", "currency: RMB",
          "currency: CNY"),
    _rule("unknown-country", "A country is written by its two letters; whatever else stands there "
          "would have no holidays and no law.", "calendars: {cn: {country: China}}",
          "calendars: {cn: {country: CN}}"),
    _rule("prefix-not-lawful", "Where the law says how the subject of marketing begins, a "
          "workspace may write that otherwise, but not leave it out.",
          "law: {CN: {subject_prefix: 新品}}", "law: {CN: {subject_prefix: 【广告】}}"),
    _rule("sender-without-address", "Marketing mail to the countries under `law:` must carry a "
          "postal address.", "sender: {from: a@acme.example}\nlaw: {US: {}}",
          "sender: {from: a@acme.example, postal_address: 1 Funnel Street}\nlaw: {US: {}}"),
    _rule("records-too-short", "The law wants the records of sending kept for longer.",
          "law: {CN: {}}\nretention: {messages: 90 days}",
          "law: {CN: {}}\nretention: {messages: 180 days}"),
    _rule("duplicate-name", "A name is given twice.", "lifecycle: [lead, customer, lead]",
          "lifecycle: [lead, customer]"),
    _rule("back-to-is-forward", "A stage of the lifecycle names the earlier stages that a lead may "
          "be sent back to.",
          "lifecycle: [lead, {mql: {back_to: [sql]}}, sql]",
          "lifecycle: [lead, {mql: {back_to: [lead]}}, sql]"),
    _rule("first-stage-with-criteria", "A lead begins in the first stage, or with an address in "
          "the second, as it is: what a stage takes to enter belongs to a later one.",
          "lifecycle: [visitor, {lead: {requires: [phone]}}, mql]",
          "lifecycle: [visitor, lead, {mql: {requires: [phone]}}]"),
    _rule("options-not-indented", "The options of a list item stand deeper than its name.",
          "pipelines:\n  b2b:\n    stages:\n      - demo:\n        probability: 30",
          "pipelines:\n  b2b:\n    stages:\n      - demo:\n          probability: 30"),
    _rule("own-manager", "Nobody is their own manager: escalations would end there.",
          "team: {owners: {a: {manager: a}}}", "team: {owners: {a: {}}}"),
    _rule("bad-return-path", "Mail comes back to one address, with room for what names a message.",
          "sender: {from: a@acme.example, bounces: Bounces}",
          "sender: {from: a@acme.example, bounces: bounces@acme.example}"),
    _rule("bad-mail-account", "A mail account has an address, a fallback that is another one, and "
          "topics that no other has.",
          "sender: {from: a@acme.example, accounts: {news: {fallback: default}}}",
          "sender: {from: a@acme.example, accounts: {news: {url: '${NEWS_SMTP_URL}', "
          "fallback: default}}}"),
    _rule("unknown-mail-account", "A mail account that the workspace does not name.",
          "sender: {from: a@acme.example, accounts: {news: {url: '${NEWS_SMTP_URL}', "
          "fallback: defalt}}}",
          "sender: {from: a@acme.example, accounts: {news: {url: '${NEWS_SMTP_URL}', "
          "fallback: default}}}"),
    _rule("bad-dkim-key", "A DKIM key has a selector of its own and signs for a domain.",
          "sender: {from: a@acme.example, dkim: [{selector: 'key one', key: '${DKIM_KEY}'}]}",
          "sender: {from: a@acme.example, dkim: [{selector: key-one, key: '${DKIM_KEY}'}]}"),
    _rule("sender-without-from", "Mail needs an address it comes from.",
          "sender: {reply_to: a@acme.example}", "sender: {from: a@acme.example}"),
    _rule("line-never-reached", "The first line whose `if` holds assigns; one without `if` holds "
          "for everyone, and what follows it is never asked.",
          "team: {owners: {a: {}}}\nassignment: {r: [{among: a}, {if: lead.score > 5, among: a}]}",
          "team: {owners: {a: {}}}\nassignment: {r: [{if: lead.score > 5, among: a}, {among: a}]}"),
    _rule("circular-segment", "A segment that asks for itself has no answer.",
          "segments: {hot: segment.warm, warm: segment.hot}",
          "segments: {hot: segment.warm, warm: lead.score > 20}"),
    _rule("channel-without-address", "A room is called at its `url`, an e-mail channel has a `to`.",
          "channels: {sales: {type: wecom}}",
          "channels: {sales: {type: wecom, url: '${WECOM_SALES_URL}'}}"),
    _rule("unused-key", "A key that means nothing to a channel of this type.",
          "channels: {sales: {type: wecom, url: '${WECOM_SALES_URL}', secret: '${WECOM_SECRET}'}}",
          "channels: {sales: {type: dingtalk, url: '${DING_URL}', secret: '${DING_SECRET}'}}"),
    _rule("unknown-team", "A team that nobody is in.",
          "assignment: {r: [{among: 'team:cn'}]}",
          "assignment: {r: [{among: 'team:cn'}]}\nteam: {owners: {a: {teams: [cn]}}}"),
)  # fmt: skip
