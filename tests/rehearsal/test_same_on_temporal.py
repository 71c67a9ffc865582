"""The promise of a rehearsal: on Temporal the same playbook does the same, step by step."""

import asyncio
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from temporalio.testing import WorkflowEnvironment

from engine.operations.editions import Edition, check, read_folder
from engine.operations.erasing import erase
from engine.playbook.scenarios import Scenario
from engine.store.schema import migrate
from rehearsal.house import House, Runtime, edition_of
from rehearsal.play import part_of, play
from tests.rehearsal.real_house import RealHouse
from tests.rehearsal.workspaces import checked, folder
from tests.workflows.histories_read import told_by

pytestmark = pytest.mark.xdist_group("temporal")

STARTER = read_folder(Path(__file__).parents[2])
CHECKED = check(STARTER, {})
SCENARIOS = [
    pytest.param(name, scenario, id=f"{name}-{number}")
    for name, playbook in sorted(CHECKED.playbooks.items())
    for number, scenario in enumerate(playbook.scenarios)
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A dev server's address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(60)

    binary = Path(sys.executable).with_name("temporal")
    environment = run(
        WorkflowEnvironment.start_local(
            dev_server_existing_path=str(binary), dev_server_log_level="error"
        )
    )
    yield environment.client.service_client.config.target_host
    run(environment.shutdown())
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database, to be copied."""
    path = tmp_path_factory.mktemp("empty") / "longplay.db"
    migrate(f"sqlite:///{path}")
    return path


def timeline(house: Runtime, playbook: str, scenario: Scenario) -> tuple[list[Any], list[Any], str]:
    """What happened, in order; deferrals by themselves, because they are seen, not written."""
    played = play(house, playbook, part_of(house, scenario))
    rows = [(one.at, one.step, one.did, one.facts) for one in played.rows]
    details = {(one.at, one.step, one.did): one.detail for one in played.rows}
    written = [(*row, details[row[:3]]) for row in rows if row[2] not in ("deferred", "accepted")]
    seen = sorted((row[0], row[1]) for row in rows if row[2] == "deferred")
    return written, seen, played.outcome


def both(edition: Edition, name: str, scenario: Scenario, address: str, path: Path) -> None:
    with House(edition) as house:
        rehearsed = timeline(house, name, scenario)
    with RealHouse(address, path, edition) as real:
        assert timeline(real, name, scenario) == rehearsed


@pytest.mark.parametrize(("name", "scenario"), SCENARIOS)
def test_the_starters_do_the_same(
    name: str, scenario: Scenario, address: str, empty: Path, tmp_path: Path
) -> None:
    """Every scenario of the starter has the same timeline on Temporal."""
    path = Path(shutil.copyfile(empty, tmp_path / "longplay.db"))
    edition = edition_of(STARTER, CHECKED, {name: CHECKED.plans[name]})
    both(edition, name, scenario, address, path)


SIMPLE = st.sampled_from(
    (
        "- tag: a",
        "- score: +10",
        "- wait: 3 hours",
        "- wait: 1 business day",
        "- email: note",
        '- email: other\n  window: {days: mon-fri, hours: "09:00-12:00"}',
        "- wait_for: email.clicked\n  up_to: 1 day\n  then: [{tag: b}]\n  else: [{tag: quiet}]",
        "- if: lead.score >= 10\n  then: [{stage: mql}]\n  else: [{tag: cold}]",
        "- split: offer\n  arms: {a: {weight: 1, steps: [{tag: x}]}, b: {weight: 1, steps: []}}",
        "- repeat: {times: 2}\n  steps: [{wait: 2 days}, {email: note}]",
        "- assign: new-leads",
        "- task: Call\n  to: chen.jie",
    )
)
EVENTS = st.lists(
    st.tuples(st.integers(1, 90), st.sampled_from(("email.clicked", "page.viewed"))), max_size=3
)


@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(SIMPLE, min_size=2, max_size=7, unique=True), events=EVENTS)
def test_generated_playbooks_do_the_same(
    steps: list[str],
    events: list[tuple[int, str]],
    address: str,
    empty: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Whatever the steps and whenever the events, both runtimes tell the same."""
    body = "\n".join(steps).replace("\n", "\n  ")
    text = f"enroll: {{when: [manual]}}\nexit: [{{if: lead.score > 90}}]\nsteps:\n  {body}\n"
    happening = [{"event": name, "after": f"{hours} hours"} for hours, name in events]
    scenario = Scenario.model_validate(
        {"name": "a", "lead": {"email": "ann@example.com"}, "events": happening}
    )
    given_folder = folder(case=text)
    found = checked(given_folder)
    edition = edition_of(given_folder, found, {"case": found.plans["case"]})
    path = Path(shutil.copyfile(empty, tmp_path_factory.mktemp("real") / "longplay.db"))
    both(edition, "case", scenario, address, path)


WHO = {
    "email": "zaphod.secretive@example.com", "first_name": "Zaphod", "last_name": "Beeblebrox",
    "phone": "+8613800138000", "company": "秘密的公司",
}  # fmt: skip
TELLING = """\
enroll: {when: [manual]}
steps:
  - email: note
    subject: "{{ lead.full_name }}, {{ lead.company }}"
  - task: "Call {{ lead.full_name }} at {{ lead.phone }}"
  - approve: "Mail {{ lead.email }} again?"
    up_to: 1 day
    then: []
    else: [{set: {segment: "{{ lead.email }}"}}]
  - release: cn-pool
"""


def test_temporal_keeps_nothing_of_a_person(address: str, empty: Path, tmp_path: Path) -> None:
    """Mailed, asked about, released and erased: no history ever held a word of who it was."""
    given_folder = folder(case=TELLING)
    found = checked(given_folder)
    edition = edition_of(given_folder, found, {"case": found.plans["case"]})
    path = Path(shutil.copyfile(empty, tmp_path / "longplay.db"))
    scenario = Scenario.model_validate({"name": "a", "lead": WHO})
    with RealHouse(address, path, edition) as real:
        timeline(real, "case", scenario)
        (lead,) = real.store.read(
            lambda tx: tx.conn.execute(sa.text("SELECT id FROM lead"))
        ).scalars()
        erased = erase(real.store, lead, actor="li.wei")
        assert erased.is_over
        told = "\n".join(map(told_by, real.histories()))
    assert "advance" in told
    assert "longplay-email" in told
    for word in (*WHO.values(), "beeblebrox", "secretive", "13800138000", lead):
        assert word.casefold() not in told
