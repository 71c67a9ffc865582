"""Histories that were recorded once replay on today's code, under today's names.

A driver may be years old when a release begins to serve it. Where a replay fails, running cohorts
would: patch the driver so that old histories go the old way, and record a new one beside them.
"""

import gzip
import json
import re
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from workflows import names
from workflows.replaying import DRIVERS

HISTORIES = sorted(Path(__file__).with_name("histories").iterdir())


def text_of(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.name.split(".")[0])
async def test_a_recorded_history_replays(path: Path) -> None:
    """The same commands come out as when it was recorded."""
    replayer = Replayer(workflows=DRIVERS)
    await replayer.replay_workflow(WorkflowHistory.from_json(path.name, text_of(path)))


async def test_a_changed_history_does_not_replay() -> None:
    """The replay notices: an activity under another name is another command."""
    path = next(path for path in HISTORIES if path.name == "cohort-batches.json")
    changed = text_of(path).replace('"name": "send"', '"name": "post"')
    assert changed != text_of(path)
    replayer = Replayer(workflows=DRIVERS)
    with pytest.raises(Exception, match=r"(?i)nondeterminism"):
        await replayer.replay_workflow(WorkflowHistory.from_json("changed", changed))


def test_the_histories_tell_every_story() -> None:
    """A quiet run, batches, a failed one, the handing over, and the drivers of other work."""
    stories = {path.name.split(".")[0] for path in HISTORIES}
    assert stories >= {
        "cohort-simple", "cohort-batches", "cohort-failed-batch", "cohort-continued", "schedules",
        "bulk", "schedules-continued", "bulk-continued", "cohort-versioned",
    }  # fmt: skip


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.__name__)
def test_of_every_driver_an_end_and_a_handing_over_are_recorded(driver: type) -> None:
    """A driver whose long runs nobody recorded could break in its second thousand of events."""
    ends = set()
    for path in HISTORIES:
        events = json.loads(text_of(path))["events"]
        began = events[0]["workflowExecutionStartedEventAttributes"]
        if began["workflowType"]["name"] == driver.__temporal_workflow_definition.name:  # type: ignore[attr-defined]
            ends.add(events[-1]["eventType"])
    assert ends == {
        "EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED", "EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW"
    }  # fmt: skip


def test_durable_names_are_what_they_have_always_been() -> None:
    """Names that stand in histories, written here once more: changing one orphans every run."""
    assert names.DRIVE_COHORT == "drive_cohort"
    assert names.DRIVE_SCHEDULES == "drive_schedules"
    assert names.LOOK == "look"
    assert names.ADVANCE == "advance"
    assert names.SEND == "send"
    assert names.FIRE_SCHEDULES == "fire_schedules"
    assert names.DRIVE_BULK == "drive_bulk"
    assert names.ENROLL_IN_BULK == "enroll_in_bulk"
    assert names.BULK_PREFIX == "longplay-bulk-"
    assert names.CONTROL_QUEUE == "longplay-control"
    assert names.BULK_CONTROL_QUEUE == "longplay-control-bulk"
    assert names.EMAIL_QUEUE == "longplay-email"
    assert names.BULK_EMAIL_QUEUE == "longplay-email-bulk"
    assert names.APART_EMAIL_QUEUE == "longplay-email-apart"
    assert names.BULK_APART_EMAIL_QUEUE == "longplay-email-bulk-apart"
    assert names.NOTIFY_QUEUE == "longplay-notify"
    assert names.BULK_NOTIFY_QUEUE == "longplay-notify-bulk"
    assert names.WEBHOOK_QUEUE == "longplay-webhook"
    assert names.BULK_WEBHOOK_QUEUE == "longplay-webhook-bulk"
    assert names.SCHEDULES_ID == "longplay-schedules"


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.name.split(".")[0])
def test_histories_say_nothing_of_the_machine_they_were_made_on(path: Path) -> None:
    """No path, no host and no person is in them."""
    history = json.loads(text_of(path))
    assert history["events"]
    assert "Traceback" not in text_of(path)
    assert not re.search(r'"(/|\d+@)', text_of(path))
