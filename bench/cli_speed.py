"""How long people wait for the command line: `--help`, and `validate` of 200 playbooks.

    python -m bench.cli_speed [--playbooks 200] [--json]

Whole processes, median of five; beside them, in the same run, a Python that does nothing.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.arena import ROOT


def seconds(*argv: str, runs: int = 5) -> float:
    """The median wall time of a process that must succeed."""
    taken = []
    for _ in range(runs):
        began = time.monotonic()
        subprocess.run(
            [sys.executable, *argv],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        taken.append(time.monotonic() - began)
    return statistics.median(taken)


def workspace(folder: Path, playbooks: int) -> None:
    """The starter's playbooks, over and over under other names; a score is kept by one alone."""
    shutil.copy(ROOT / "longplay.yaml", folder)
    shutil.copytree(ROOT / "templates", folder / "templates")
    every = sorted((ROOT / "playbooks").glob("*.yaml"))
    sources = [one for one in every if "kind: scoring" not in one.read_text(encoding="utf-8")]
    shutil.copytree(ROOT / "playbooks", folder / "playbooks")
    for number in range(playbooks - len(every)):
        source = sources[number % len(sources)]
        name = f"{source.stem}-{number}"
        text = source.read_text(encoding="utf-8")
        text = text.replace(f"playbook: {source.stem}", f"playbook: {name}", 1)
        (folder / "playbooks" / f"{name}.yaml").write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--playbooks", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        workspace(Path(name), args.playbooks)
        found = {
            "python_seconds": round(seconds("-c", "pass"), 3),
            "help_seconds": round(seconds("-m", "cli", "--help"), 3),
            "playbooks": args.playbooks,
            "validate_seconds": round(seconds("-m", "cli", "-C", name, "validate"), 3),
        }
    if args.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:>18}  {value}")


if __name__ == "__main__":
    main()
