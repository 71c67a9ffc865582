"""How fast a condition is asked: six terms, compiled once, beside the same thing in Python.

    python -m bench.conditions [--seconds 2] [--json]

The lambda is what somebody would write by hand who knew every value to be there.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.playbook.catalog import vocabulary
from engine.playbook.conditions import compile_condition

TEXT = (
    'lead.score >= 40 and lead.country == "CN" and lead.stage in ["lead", "mql"] '
    'and lead.plan != "pro" and "vip" not in lead.tags and lead.email is defined'
)
NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)


def by_hand(lead: Mapping[str, Any]) -> bool:
    """The condition as a Python function would have it."""
    return (
        lead["score"] >= 40
        and lead["country"] == "CN"
        and lead["stage"] in ("lead", "mql")
        and lead["plan"] != "pro"
        and "vip" not in lead["tags"]
        and lead["email"] is not None
    )


def scopes() -> list[dict[str, object]]:
    """Leads of which half pass every term, so that no term is spared."""
    return [
        {
            "lead": {
                "score": 50 if number % 2 else 45, "country": "CN", "stage": "mql", "plan": "free",
                "tags": ["cn", "trial"], "email": None if number % 4 == 0 else "ann@example.com",
                "created_at": NOW - timedelta(days=number),
            },
            "now": NOW,
        }
        for number in range(64)
    ]  # fmt: skip


def rate(ask: Callable[[Any], object], subjects: list[Any], seconds: float) -> float:
    """Evaluations a second of this processor: the median of five runs."""
    found = []
    for _ in range(5):
        asked, began = 0, time.process_time()
        while (spent := time.process_time() - began) < seconds / 5:
            for _ in range(50):
                for subject in subjects:
                    ask(subject)
            asked += 50 * len(subjects)
        found.append(asked / spent)
    return statistics.median(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    names = vocabulary(lead_fields={"plan": {"enum": ["free", "pro"]}})
    compiled = compile_condition(TEXT, names)
    every = scopes()
    assert [compiled.truth(one) for one in every] == [by_hand(one["lead"]) for one in every]  # type: ignore[arg-type]
    mine = rate(compiled.truth, every, args.seconds)
    plain = rate(by_hand, [one["lead"] for one in every], args.seconds)
    found = {
        "terms": 6,
        "evaluations_per_second": round(mine),
        "by_hand_per_second": round(plain),
        "times_the_cost_by_hand": round(plain / mine, 2),
    }
    if args.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:>24}  {value:,}")


if __name__ == "__main__":
    main()
