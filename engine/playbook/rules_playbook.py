"""Rules about a playbook's head: its name, triggers, exits and defaults."""

from engine.playbook.rule import Rule


def _rule(name: str, meaning: str, wrong: str = "", right: str = "") -> Rule:
    return Rule(name, meaning, wrong, right, "playbook" if wrong else "none")


_PAIR = """\
playbook: one
enroll: {{when: [manual]{}}}
steps:
  {}
---
playbook: two
enroll: {{when: [manual]{}}}
steps:
  {}
"""
PLAYBOOK_RULES = (
    _rule("unknown-key", "A key that is not known here, which would be passed over elsewhere.",
          "calender: cn", "calendar: cn"),
    _rule("name-differs-from-file", "A playbook has the name of its file."),
    _rule("duplicate-playbook", "Two files have the same stem, in whatever folders."),
    _rule("missing-variable", "`${NAME}` is not set where this was checked."),
    _rule("no-trigger", "Nothing starts the playbook by itself; if that is meant, it says so.",
          "enroll: {again: always}", "enroll: {when: [manual]}"),
    _rule("bad-trigger", "An item of `when` has one trigger, and what goes with it.",
          "enroll: {when: [{score: '40'}]}", "enroll: {when: [{score: '>= 40'}]}"),
    _rule("bad-exit", "An exit is an event, a condition, or both.", "exit: [{goal: done}]",
          "exit: [{goal: done, event: order.placed}]"),
    _rule("bad-cron", "Five fields: minute, hour, day, month, weekday.",
          "enroll: {when: [{cron: '0 9 * *'}], again: always}",
          "enroll: {when: [{cron: '0 9 * * MON'}], again: always}"),
    _rule("cron-once", "With `again: never` a weekly trigger reaches each record once.",
          "enroll: {when: [{cron: '0 9 * * MON'}]}",
          "enroll: {when: [{cron: '0 9 * * MON'}], again: after 30 days}"),
    _rule("nobody-enters", "What a trigger says and the conditions beside it exclude each other.",
          "enroll: {when: [{stage: mql, if: lead.stage == 'sql'}]}",
          "enroll: {when: [{stage: mql, if: lead.score > 20}]}"),
    _rule("exit-holds-at-entry", "Whoever may enter has met an exit already, and is not enrolled.",
          "enroll: {when: [{stage: customer}]}\nexit: [{if: lead.stage == 'customer'}]",
          "enroll: {when: [{stage: customer}]}\nexit: [{if: lead.stage == 'advocate'}]"),
    Rule("fields-fought-over", "Two playbooks that may run for the same record set one field, the "
         "stage or the owner to different values.",
         _PAIR.format("", "- set: {segment: cold}", "", "- set: {segment: hot}"),
         _PAIR.format(", if: lead.plan == 'free'", "- set: {segment: cold}",
                      ", if: lead.plan == 'pro'", "- set: {segment: hot}"), "playbooks"),
    Rule("enroll-each-other", "Playbooks start each other round and round, without an end.",
         _PAIR.format(", again: always", "- enroll: two", ", again: always", "- enroll: one"),
         _PAIR.format(", again: always", "- enroll: two", "", "- enroll: one"), "playbooks"),
    _rule("yearly-once", "With `again: never` a yearly trigger reaches each record in one year.",
          "enroll: {when: [{date: lead.birthday, every: year}]}",
          "enroll: {when: [{date: lead.birthday, every: year}], again: always}"),
    _rule("birthday-has-passed", "The day of birth never comes again; its anniversaries do.",
          "enroll: {when: [{date: lead.birthday}]}",
          "enroll: {when: [{date: lead.birthday, every: year}], again: always}"),
    _rule("unknown-segment", "A segment that the workspace does not define.",
          "enroll: {when: [{segment: hott}]}", "enroll: {when: [{segment: hot}]}"),
    _rule("unknown-timezone", "A time zone is named like `Asia/Shanghai`.",
          "enroll: {when: [{at: '2026-11-01 10:00', timezone: Beijing}]}",
          "enroll: {when: [{at: '2026-11-01 10:00', timezone: Asia/Shanghai}]}"),
)  # fmt: skip
