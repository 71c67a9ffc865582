"""How long a forecast takes: 1,000 leads for 90 days through the starter's playbooks.

python -m bench.simulate            # every playbook, leads at once and over two weeks
python -m bench.simulate win-back   # one
"""

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.operations.editions import check, read_folder
from engine.playbook.values import Value
from rehearsal.assumptions import Assumptions, MailAssumption
from rehearsal.forecast import forecast
from rehearsal.house import House, edition_of
from rehearsal.tally import Tally

LEADS = 1_000
DAYS = 90
START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
MAILS = {"any": MailAssumption(open=0.3, click=0.1, reply=0.02, unsubscribe=0.01, convert=0.03)}


def lead(number: int) -> dict[str, Value]:
    """One lead of the crowd: half of them Chinese, all of them on trial."""
    return {
        "id": f"lead{number:06}",
        "email": f"lead{number}@example.com",
        "first_name": "Ann",
        "country": "CN" if number % 2 else "US",
        "plan": "free",
        "score": 60,
        "trial_ends_at": START + timedelta(days=28, hours=number % 24),
    }


def run(name: str, arrive: str) -> tuple[Tally, float, float]:
    """A forecast, its seconds on the clock and of the processor."""
    folder = read_folder(Path(__file__).parents[1])
    checked = check(folder, {})
    plan = checked.plans[name]
    written: dict[str, object] = {"days": DAYS, "mails": MAILS}
    if arrive:
        written["arrive"] = arrive
    crowd = [lead(number) for number in range(LEADS)]
    clock, processor = time.perf_counter(), time.process_time()
    with House(edition_of(folder, checked, {name: plan})) as house:
        found = forecast(house, plan, crowd, Assumptions.model_validate(written), START)
    return found, time.perf_counter() - clock, time.process_time() - processor


def main() -> None:
    folder = read_folder(Path(__file__).parents[1])
    names = sys.argv[1:] or sorted(check(folder, {}).plans)
    print(f"{LEADS:,} leads, {DAYS} days; the baseline is the goal: 5 s")
    for name in names:
        for arrive in ("", "14 days"):
            found, seconds, processor = run(name, arrive)
            print(
                f"{name:16} {arrive or 'at once':8} {seconds:6.1f} s on the clock, "
                f"{processor:5.1f} s of one core, {sum(found.mails.values()):6,} mails"
            )


if __name__ == "__main__":
    main()
