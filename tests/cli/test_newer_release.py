"""A release that meets what a newer one has published: told by name, and nobody is touched."""

import json
import sqlite3
from pathlib import Path

import pytest

from engine.operations import published
from tests.cli.conftest import Longplay

SAID = "the plan of 'trial-nurture' was published by a newer release: it has format 99"


@pytest.fixture
def newer(longplay: Longplay, ann: str, workspace: Path) -> Path:
    """A lead is under way, then a newer release publishes another version of the playbook."""
    published._plans.clear()  # what this process knows by heart another process does not
    with sqlite3.connect(workspace / ".longplay" / "longplay.db") as store:
        ((body, columns),) = store.execute(
            "SELECT body, digest FROM plan WHERE playbook = 'trial-nurture'"
        ).fetchall()
        plan = json.loads(body) | {"format": 99, "moods": ["calm"]}
        digest = columns[::-1]
        store.execute(
            "INSERT INTO plan SELECT ?, playbook, 99, ?, created_at FROM plan WHERE digest = ?",
            (digest, json.dumps(plan), columns),
        )
        store.execute("UPDATE published SET revision = 'another'")
    store.close()
    return workspace


@pytest.mark.parametrize(
    "command", [("worker",), ("web",), ("apply",), ("plan",)], ids=lambda words: words[0]
)
def test_commands_that_need_the_plans_say_what_is_wrong(
    longplay: Longplay, newer: Path, command: tuple[str, ...]
) -> None:
    """Status 2, the format that it has, and what to do; never a traceback."""
    said = longplay(*command)
    assert said.status == 2
    assert SAID in said.err
    assert "run the newer release" in said.err


def test_an_event_is_not_taken_in_and_lost(longplay: Longplay, newer: Path) -> None:
    """The newer plan may listen for it, and this release would not keep it."""
    said = longplay("event", "page.viewed", "--lead", "ann@example.com")
    assert said.status == 2
    assert SAID in said.err


def test_the_doctor_names_it(longplay: Longplay, newer: Path) -> None:
    """As a finding, beside what else there is."""
    said = longplay("doctor", "--json")
    (found,) = [one for one in said.json["checks"] if one["name"] == "workspace"]
    assert not found["ok"]
    assert SAID in found["detail"]


def test_whoever_is_under_way_waits(longplay: Longplay, newer: Path, ann: str) -> None:
    """Nothing of the enrollment has changed by any of it."""
    longplay("apply")
    longplay("event", "order.placed", "--lead", "ann@example.com")
    with sqlite3.connect(newer / ".longplay" / "longplay.db") as store:
        rows = store.execute("SELECT state FROM enrollment WHERE id = ?", (ann,)).fetchall()
    store.close()
    assert rows == [("pending",)]
