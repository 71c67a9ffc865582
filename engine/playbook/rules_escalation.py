"""Rules about escalation playbooks."""

from engine.playbook.rule import Rule

_HEAD = "playbook: case\nkind: escalation\nwatch: {stage: mql}\n"
_SCENARIO = "scenarios:\n  - name: late\n    lead: {stage: mql}\n"
_LEVEL = "levels:\n  - after: 2 days\n    steps: [{tag: late}]\n"


def _rule(name: str, meaning: str, wrong: str, right: str) -> Rule:
    return Rule(name, meaning, _HEAD + wrong, _HEAD + right, "file")


ESCALATION_RULES = (
    _rule("no-levels", "An escalation has a level: what happens after how long.",
          "levels: []\n", _LEVEL),
    _rule("levels-out-of-order", "Each level is due after the one above it.",
          _LEVEL + "  - after: 1 day\n    steps: [{tag: later}]\n",
          _LEVEL + "  - after: 4 days\n    steps: [{tag: later}]\n"),
    _rule("bad-rounds", "A number of rounds is one or more; left out, there is no end of them.",
          "clock: {rounds: 0}\n" + _LEVEL, "clock: {rounds: 3}\n" + _LEVEL),
    _rule("resets-and-stops", "An event begins another round, or it ends the watch.",
          "clock: {resets_on: [email.replied], stops_on: [email.replied]}\n" + _LEVEL,
          "clock: {resets_on: [email.replied], stops_on: [lead.contacted]}\n" + _LEVEL),
    Rule("any-and-more", "`any` means every stage that is open.",
         "playbook: case\nkind: escalation\nwatch: {stage: [any, mql]}\n" + _LEVEL,
         "playbook: case\nkind: escalation\nwatch: {stage: any}\n" + _LEVEL, "file"),
    _rule("unknown-level", "A scenario names a level of an escalation by its number.",
          _LEVEL + _SCENARIO + "    expect: [{level: 2}]\n",
          _LEVEL + _SCENARIO + "    expect: [{level: 1}]\n"),
)  # fmt: skip
