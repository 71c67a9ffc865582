"""Keeps plans of today's format, with what walking them does: `python -m tests.cases.keep_plans`.

Run it when a format is new, before its first release. What a release has kept is never written
again: plans like these are in the databases of others, under enrollments that are on their way.
"""

import json
import textwrap
from pathlib import Path
from typing import Any

from engine.playbook.plan import FORMAT, Plan, load_plan
from tests.cases.casework import compiled
from tests.cases.walking import walked

FOLDER = Path(__file__).with_name("plans")

PLAYBOOKS: dict[str, str] = {
    "drip": """
        title: Welcome
        cost: 120
        enroll:
          when: [{event: quote.created}, {stage: mql}, {score: ">= 50"}, {segment: hot}, manual]
          if: lead.employees > 3
          again: after 30 days
        exit:
          - {event: order.placed, goal: bought, value: event.amount}
          - {if: "'stop' in lead.tags", }
        steps:
          - email: welcome
            id: hello
          - wait: 2 days
          - wait_for: email.clicked
            from: hello
            up_to: 3 days
            then:
              - score: +10
              - tag: clicked
            else:
              - email: welcome-again
                if: lead.score < 40
          - notify: owner
            message: "{{ lead.email }} is warm"
          - end: done
    """,
    "loops": """
        enroll: {when: [manual]}
        steps:
          - repeat: {times: 2}
            steps:
              - tag: again
              - wait: 1 business day
                calendar: cn
          - if: lead.score > 10
            then:
              - set: {lead.segment: warm}
              - goto: last
            else:
              - choose:
                  - if: lead.plan == 'pro'
                    steps: [{stage: sql}]
                  - else: [{untag: again}]
          - task: Call {{ lead.email }}
            due: 1 day
          - unsubscribe: product-tips
            id: last
            on_error: continue
    """,
    "moments": """
        enroll:
          when:
            - {cron: "0 9 * * mon", timezone: lead}
            - {date: 3 days before lead.trial_ends_at}
            - {at: 2026-04-01 10:00, timezone: Asia/Shanghai}
        steps:
          - wait: {until: 2 days before lead.trial_ends_at}
            on_missing: skip
            on_past: skip
            then:
              - tag: soon
          - wait: {until: next monday at 09:30}
            timezone: Asia/Shanghai
          - wait_for: {if: lead.score > 60}
            up_to: 1 day
            else: [{end: cold}]
          - leave: other
    """,
    "choices": """
        enroll: {when: [{event: quote.created}], key: event.amount, again: always}
        steps:
          - split: subject-line
            arms:
              plain: {weight: 20, steps: [{tag: plain}]}
              bold: {weight: 80, steps: [{tag: bold}]}
          - split: offer
            winner: {by: order.placed, within: 2 days, sample: 10}
            arms:
              none: {weight: 50, steps: []}
              some: {weight: 50, steps: [{tag: offered}]}
          - approve: "Offer {{ lead.email }} a discount?"
            by: [owner, chen.jie]
            up_to: 2 days
            then:
              - webhook: https://crm.example.com/leads
                json: {lead: "{{ lead.id }}"}
                save: crm
              - if: run.saved.crm.level > 3
                then: [{tag: vip}]
            else:
              - enroll: other
    """,
    "deals": """
        for: deal
        calendar: cn
        enroll: {when: [{stage: b2b.proposal}]}
        exit: [{if: deal.stage == 'won', goal: won, value: deal.amount}]
        steps:
          - wait: 4 business hours
          - set: {deal.contract_ends_at: 2027-06-30}
          - stage: b2b.won
    """,
    "stalled": """
        kind: escalation
        for: deal
        watch: {pipeline: b2b, stage: proposal, if: deal.amount >= 10}
        clock: {calendar: cn, stops_on: [lead.contacted], acknowledge: 4 business hours, rounds: 2}
        levels:
          - after: 3 business days
            steps: [{notify: owner}]
          - after: 5 business days
            steps:
              - task: "Review {{ deal.name }}"
                to: manager
    """,
}  # fmt: skip

STORIES: dict[str, dict[str, dict[str, Any]]] = {
    "drip": {
        "nobody clicks": {"lead": {"score": 5, "tags": []}},
        "a click": {
            "lead": {"score": 50, "tags": []},
            "events": [{"name": "email.clicked", "source": "hello"}],
        },
        "another mail is clicked": {
            "lead": {"score": 50, "tags": []},
            "events": [{"name": "email.clicked", "source": "welcome-again"}],
        },
        "an exit that holds": {"lead": {"score": 5, "tags": ["stop"]}},
        "a mail that is refused": {
            "lead": {"score": 5, "tags": []}, "ends": {"hello": "rejected"}
        },
        "a mail that is skipped": {
            "lead": {"score": 5, "tags": []}, "ends": {"hello": "suppressed"}
        },
    },
    "loops": {
        "cold and free": {"lead": {"score": 1, "plan": "free"}},
        "cold and pro": {"lead": {"score": 1, "plan": "pro"}},
        "warm": {"lead": {"score": 11}},
    },
    "moments": {
        "with a date": {"lead": {"trial_ends_at": "2026-03-20T00:00:00+00:00", "score": 70}},
        "a date that has passed": {"lead": {"trial_ends_at": "2026-02-20T00:00:00+00:00"}},
        "no date": {"lead": {}},
    },
    "choices": {
        "sampled, and a yes": {"answers": [True]},
        "the winner, and a no": {"sampled": 10, "answers": [False]},
        "no answer": {"answers": []},
    },
    "deals": {
        "open": {"deal": {"stage": "proposal", "amount": 5}},
        "won": {"deal": {"stage": "won", "amount": 7}},
    },
    "stalled": {
        "it lies there": {"deal": {
            "stage": "proposal", "pipeline": "b2b", "amount": 20,
            "stage_entered_at": "2026-03-02T04:00:00+00:00",
            "created_at": "2026-02-02T04:00:00+00:00",
        }},
        "it is small": {"deal": {"stage": "proposal", "pipeline": "b2b", "amount": 5}},
    },
}  # fmt: skip


def plan_of(name: str) -> Plan:
    text = f"playbook: {name}\n{textwrap.dedent(PLAYBOOKS[name]).strip()}\n"
    found = compiled(text, f"playbooks/{name}.yaml")
    assert found.plan is not None, [str(one) for one in found.diagnostics]
    return found.plan


def shape() -> Any:
    """What a plan can hold, without the words that explain it."""
    return _bare(Plan.model_json_schema())


def _bare(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {
            key: _bare(value)
            for key, value in tree.items()
            if key not in {"title", "description"} or not isinstance(value, str)
        }
    return [_bare(one) for one in tree] if isinstance(tree, list) else tree


def main() -> None:
    """Writes the shape of the present format and a file for each plan."""
    folder = FOLDER / f"format-{FORMAT}"
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "shape.json", shape())
    for name in PLAYBOOKS:
        text = plan_of(name).canonical()
        walks = {
            story: {"story": given, "walk": walked(load_plan(text), given)}
            for story, given in STORIES[name].items()
        }
        _write(folder / f"{name}.json", {"plan": text, "walks": walks})


def _write(path: Path, document: Any) -> None:
    text = json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True)
    path.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
