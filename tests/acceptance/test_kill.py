"""The kill test of `bench/kill.py` in small: whatever dies, nothing is lost or doubled."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.xdist_group("kills"), pytest.mark.timeout(300)]


@pytest.mark.parametrize("seed", [7])
def test_every_lead_finishes_and_gets_each_mail_once_though_everything_is_killed(seed: int) -> None:
    """Worker, web server and Temporal die at random; the ledger and the mail server agree."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "bench.kill",
            "--json",
            f"--seed={seed}",
            "--leads=150",
            "--kills=6",
        ],
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=280,
    )
    assert done.stdout, done.stderr.decode()
    verdict = json.loads(done.stdout)
    assert verdict["faults"] == [], done.stderr.decode()
    assert verdict["finished"] == 150
    assert verdict["accepted_twice"] == 0
    assert sum(verdict["kills"].values()) == 6


def test_every_level_fires_once_though_the_worker_and_temporal_are_killed() -> None:
    """Each is recorded once; its notice has one id, and was taken by the mail server."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.escalations", "--json", "--kills=3", "--deals=40"],
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=280,
    )
    assert done.stdout, done.stderr.decode()
    verdict = json.loads(done.stdout)
    assert verdict["faults"] == [], done.stderr.decode()
    assert (verdict["watched"], verdict["fired"]) == (40, verdict["notices"])
