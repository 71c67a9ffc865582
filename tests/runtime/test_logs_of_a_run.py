"""What a run with faults writes into the log: one JSON object a line, ids, and nobody's data."""

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from engine.log_context import About, bound
from engine.logs import set_up_logs
from engine.mail.transports.memory import MemoryTransport
from engine.mail.transports.port import (
    DeferralClass,
    Deferred,
    Envelope,
    InDoubt,
    NotSent,
    Outcome,
    Rejected,
    RejectionClass,
    Reply,
)
from engine.operations import heartbeats
from engine.store import enrollments
from tests.runtime.stage import Stage, soundness

PLAYBOOK = """\
enroll: {when: [{event: form.submitted}]}
steps:
  - task: "{{ lead.first_name | default('–') }}"
  - {email: note, as: transactional, subject: "{{ 1 / lead.orders }}"}
  - tag: sent
"""
REFUSE = """\
CREATE TRIGGER refuse BEFORE INSERT ON task WHEN NEW.subject = '毒药'
BEGIN SELECT RAISE(ABORT, 'refused'); END
"""


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = list(root.handlers), root.level
    for name in list(logging.root.manager.loggerDict):
        logging.getLogger(name).disabled = False  # a library that other tests use turns them off
    set_up_logs("json", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def _answers(envelope: Envelope) -> Outcome | None:
    """Every fault that a mail server has, each with the address in its words."""
    told = f"<{envelope.recipient}>"
    number = int("".join(filter(str.isdigit, envelope.recipient)) or 0) % 6
    faults: dict[int, Outcome] = {
        1: Deferred(Reply(451, "4.7.1", told), DeferralClass.GREYLISTED, timedelta(minutes=1)),
        2: Rejected(Reply(550, "5.1.1", told), RejectionClass.HARD_BOUNCE, suppress=True),
        3: InDoubt(f"the link to {told} broke"),
        4: NotSent(f"no connection for {told}"),
        5: Rejected(Reply(554, "5.7.1", told), RejectionClass.CONTENT, suppress=False),
    }
    return faults.get(number)


def test_a_run_with_faults_names_ids_and_nobody(sqlite_stage: Stage, lines: io.StringIO) -> None:
    """Bounces, doubts, a poison template and a refusing database: each is found by its ids."""
    stage = sqlite_stage
    stage.publish(care=PLAYBOOK)
    stage.transport = MemoryTransport(_answers)
    stage.courier = replace(stage.courier, transport=stage.transport)
    with stage.store.engine.begin() as conn:
        conn.exec_driver_sql(REFUSE)
    for number in range(24):
        name = "毒药" if number == 7 else f"李雷{number}"
        fields = {"first_name": name, "phone": f"+8613912345{number:03}"}
        stage.event("form.submitted", f"lei.li{number}", fields=fields)
        if number != 11:
            stage.event("order.placed", f"lei.li{number}", properties={"amount": 2})
    stage.work()
    stage.turn(hours=1)
    stage.work()
    soundness(stage)
    heartbeats.beat(stage.store, "here:1", "worker")
    written = lines.getvalue()
    for secret in ("lei.li", "李雷", "毒药", "8613912345"):
        assert secret not in written
    told = [json.loads(line) for line in written.splitlines()]
    runs = {row["id"]: row for row in stage.all(enrollments.table)}
    stopped = {id for id, row in runs.items() if row["state"] == "stopped"}
    assert len(stopped) == 5
    assert stopped <= {one.get("enrollment") for one in told}
    about = [one for one in told if one["logger"].startswith("activities")]
    assert about and all(one["playbook"] == "care" and one["enrollment"] in runs for one in about)


def test_ids_are_bound_within_their_block_alone() -> None:
    """An inner block adds to the outer one, and leaves nothing behind, however it ends."""
    with About(enrollment="e", playbook="p"):
        with pytest.raises(ValueError, match="x"), About(message="m"):
            assert bound() == {"enrollment": "e", "playbook": "p", "message": "m"}
            raise ValueError("x")
        assert bound() == {"enrollment": "e", "playbook": "p"}
    assert bound() == {}
