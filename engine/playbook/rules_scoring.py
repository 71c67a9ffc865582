"""Rules about scoring playbooks."""

from engine.playbook.rule import Rule

_HEAD = "playbook: case\nkind: scoring\n"
_CLICK = "behavior:\n  - event: email.clicked\n    points: 5\n"


def _rule(name: str, meaning: str, wrong: str, right: str) -> Rule:
    return Rule(name, meaning, _HEAD + wrong, _HEAD + right, "file")


def _click_rule(name: str, meaning: str, wrong: str, right: str) -> Rule:
    return _rule(name, meaning, f"{wrong}\n{_CLICK}", f"{right}\n{_CLICK}")


def _two(other: str) -> str:
    one = f"playbook: one\nkind: scoring\n{_CLICK}"
    return f"{one}---\nplaybook: two\nkind: scoring\n{other}{_CLICK}"


SCORING_RULES = (
    _rule("no-points", "A scoring playbook gives points, for what leads are or for what they do.",
          "range: 0..100", "range: 0..100\n" + _CLICK),
    _click_rule("bad-range", "The total is read between two numbers, the lower one first.",
             "range: 100..0", "range: 0..100"),
    _rule("bad-points", "A rule adds points or takes some; none at all do nothing.",
          "behavior:\n  - event: email.clicked\n    points: 0", _CLICK),
    _rule("bad-limit", "A limit of points is so many in a length of time.",
          _CLICK + "    at_most: 15 a week", _CLICK + "    at_most: 15 per week"),
    _rule("limit-below-points", "A limit that one event exceeds cuts every event's points.",
          _CLICK + "    at_most: 3 per 7 days", _CLICK + "    at_most: 15 per 7 days"),
    _rule("duplicate-rule", "Two rules of the same event and condition are one rule.",
          _CLICK + "  - event: email.clicked\n    points: 3",
          _CLICK + "  - event: email.replied\n    points: 3"),
    _click_rule("bad-decay", "Points fade by half-life, or by points taken from whoever is idle.",
             "decay: {points: -5, every: 7 days}",
             "decay: {points: -5, every: 7 days, idle: 14 days}"),
    _rule("score-of-itself", "Fit is a part of the score, and cannot ask for it.",
          "fit:\n  - if: lead.score > 20\n    points: 5",
          "fit:\n  - if: lead.orders > 2\n    points: 5"),
    _rule("fit-by-time", "Fit is worked out when the lead changes; what time alone changes goes "
          "unnoticed until then.",
          "fit:\n  - if: (lead.created_at | days_since) > 30\n    points: 5",
          "fit:\n  - if: lead.country == 'CN'\n    points: 5"),
    _click_rule("bad-grades", "Each grade begins at a total of its own.",
             "grades: {A: 80, B: 80}", "grades: {A: 80, B: 60}"),
    _click_rule("level-out-of-range", "A grade or threshold begins at a total that there can be.",
             "range: 0..100\nthresholds: [{name: mql, at: 120, steps: [{tag: hot}]}]",
             "range: 0..100\nthresholds: [{name: mql, at: 50, steps: [{tag: hot}]}]"),
    _click_rule("duplicate-threshold", "Each threshold has a name of its own.",
             "thresholds: [{name: hot, at: 50, steps: [{tag: a}]}, "
             "{name: hot, at: 80, steps: [{tag: b}]}]",
             "thresholds: [{name: hot, at: 50, steps: [{tag: a}]}, "
             "{name: burning, at: 80, steps: [{tag: b}]}]"),
    Rule("duplicate-score", "A score is kept by one playbook.", _two(""),
         _two("score: intent\n"), "playbooks"),
)  # fmt: skip
