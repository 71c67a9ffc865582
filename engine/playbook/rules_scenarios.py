"""Rules about `scenarios:`, a playbook's tests."""

from engine.playbook.rule import Rule


def _rule(name: str, meaning: str, wrong: str, right: str) -> Rule:
    return Rule(name, meaning, _scenario(wrong), _scenario(right), "playbook")


def _scenario(text: str) -> str:
    return f"scenarios: [{{name: it works, {text}}}]"


_SPLIT = """\
playbook: case
enroll: {when: [manual]}
steps:
  - split: offer
    arms:
      plain: {weight: 50, steps: [{tag: a}]}
      bold: {weight: 50, steps: [{tag: b}]}
scenarios:
  - name: it works
"""

SCENARIO_RULES = (
    _rule("bad-expectation", "A line of `expect` is one thing that happens, one that must not, or "
          "`only: true`.", "expect: [{tag: a, outcome: completed}]",
          "expect: [{tag: a}, {outcome: completed}]"),
    _rule("unknown-step-id", "A scenario names a step that the playbook does not have.",
          "expect: [{step: tag-b}]", "expect: [{step: tag-a}]"),
    _rule("unknown-outcome", "No end, goal or exit of the playbook has this name.",
          "expect: [{outcome: complete}]", "expect: [{outcome: completed}]"),
    Rule("unknown-arm", "A scenario names a split or an arm that the playbook does not have.",
         _SPLIT + "    arms: {offer: boldd}\n    expect: [{tag: b}]\n",
         _SPLIT + "    arms: {offer: bold}\n    expect: [{tag: b}]\n", "file"),
    _rule("nothing-expected", "A scenario that expects nothing cannot fail.",
          "lead: {score: 10}", "lead: {score: 10}, expect: [{tag: a}]"),
    _rule("time-before-start", "What happens in a scenario happens after its start.",
          "at: 2026-03-02 09:30, expect: [{tag: a, at: 2026-03-01 09:30}]",
          "at: 2026-03-02 09:30, expect: [{tag: a, at: 2026-03-02 09:30}]"),
    Rule("duplicate-scenario", "Two scenarios have the same name, and a failure would name both.",
         "scenarios: [{name: a, expect: [tag-a]}, {name: a, expect: [tag-a]}]",
         "scenarios: [{name: a, expect: [tag-a]}, {name: b, expect: [tag-a]}]", "playbook"),
    Rule("ambiguous-template", "A template that several steps send does not say which of them.",
         "playbook: case\nenroll: {when: [manual]}\nsteps:\n  - email: welcome\n  - wait: 1 day\n"
         "  - email: welcome\n    id: again\nscenarios:\n  - name: it works\n"
         "    expect: [{email: welcome}]\n",
         "playbook: case\nenroll: {when: [manual]}\nsteps:\n  - email: welcome\n  - wait: 1 day\n"
         "  - email: welcome\n    id: again\nscenarios:\n  - name: it works\n"
         "    expect: [{email: again}]\n", "file"),
)  # fmt: skip
