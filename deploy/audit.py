"""Are advisories known about what is locked? `python -m deploy.audit [LOCK…]`, as CI asks.

Advisories live outside: without them nothing can be said, which is said, and is no fault of a
change. Exit status 1: one is known.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

LOCKS = ("deploy/requirements.txt",)
PATIENCE = 90
NOTHING = "NOT AUDITED, the advisories cannot be reached"
_ROOT = Path(__file__).resolve().parents[1]
_AUDIT = ("-m", "pip_audit", "--disable-pip", "--no-deps", "--format", "json",
          "--progress-spinner", "off", "--timeout", "10")  # fmt: skip


def audit(lock: Path) -> tuple[int, str]:
    """The exit status for one lock, and what to say of it.

    One package is asked about first: an index that knows no advisories is not asked about all.
    """
    first = next(line for line in lock.read_text().splitlines() if "==" in line)
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / lock.name
        probe.write_text(first.partition(" ")[0] + "\n")
        status, said = _asked(probe)
    return (status, said) if NOTHING in said else _asked(lock)


def _asked(lock: Path) -> tuple[int, str]:
    command = [sys.executable, *_AUDIT, "--requirement", str(lock)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        return verdict(lock.name, done.stdout, done.stderr)
    except subprocess.TimeoutExpired:
        return verdict(lock.name, "", f"no answer within {PATIENCE} seconds")


def verdict(name: str, out: str, err: str) -> tuple[int, str]:
    """What an auditor's answer means; without one nothing was audited."""
    try:
        told: list[dict[str, Any]] = json.loads(out)["dependencies"]
    except (ValueError, KeyError, TypeError):
        why = (err.strip().splitlines() or ["no answer"])[-1][:200]
        return 0, f"{name}: {NOTHING}: {why}"
    known = [
        f"  {one['name']} {one['version']}: {each['id']}"
        + (f", mended in {', '.join(each['fix_versions'])}" if each.get("fix_versions") else "")
        for one in told
        for each in one.get("vulns", ())
    ]
    unknown = sum("skip_reason" in one for one in told)
    if unknown == len(told):
        why = told[0].get("skip_reason", "") if told else "it is empty"
        return 0, f"{name}: {NOTHING}: {str(why)[:200]}"
    head = f"{name}: {len(told) - unknown} packages audited, {len(known)} advisories"
    head += f", {unknown} not found" if unknown else ""
    return (1 if known else 0), "\n".join([head, *known])


def main(locks: list[str]) -> int:
    """Audits each lock; answers the worst status."""
    worst = 0
    for lock in locks or LOCKS:
        status, said = audit(_ROOT / lock)
        print(said)
        worst = max(worst, status)
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
