"""The demo: sample leads that nobody can ever be mailed by, and that come once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.operating import prepare_all
from engine.errors import InputError
from engine.operations.demo import LEADS, plant
from engine.operations.leads_view import listing
from engine.operations.listings import list_enrollments
from engine.settings import load_settings
from engine.store.database import Store
from tests.cli.conftest import Longplay

RESERVED = ("example.com", "example.org", "example.net")


@pytest.fixture
def starter_store(workspace: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{workspace / '.longplay' / 'longplay.db'}")
    yield store
    store.close()


def test_every_sample_lead_enters_the_trial_playbook(starter_store: Store) -> None:
    """So that a visitor sees mail go out, in both languages."""
    plant(starter_store)
    leads = listing(starter_store, limit=1000)
    assert len(leads) == LEADS
    assert {lead["email"].rpartition("@")[2] for lead in leads} == set(RESERVED)
    assert {lead["fields"]["language"] for lead in leads} == {"zh-CN", "en"}
    runs = list_enrollments(starter_store, playbook="trial-nurture", limit=1000)
    assert len(runs) == LEADS


def test_planted_again_nothing_grows(starter_store: Store) -> None:
    """Stopping and starting the demo leaves one of each."""
    assert plant(starter_store) > LEADS
    assert plant(starter_store) == 0
    entered = list_enrollments(starter_store, limit=1000)
    # Others enter by the points that they have.
    by_forms = [one for one in entered if one["playbook"] == "trial-nurture"]
    assert len(by_forms) == LEADS


def test_a_workspace_with_fields_of_its_own_gets_leads_too(
    longplay: Longplay, workspace: Path, starter_store: Store
) -> None:
    """The starter's own fields are left out where nobody declared them."""
    (workspace / "longplay.yaml").write_text("workspace: plain\n")
    for path in (workspace / "playbooks").glob("*.yaml"):
        path.unlink()
    assert longplay("apply").status == 0
    plant(starter_store)
    assert len(listing(starter_store, limit=1000)) == LEADS


def test_up_needs_a_workspace_or_the_demo(longplay: Longplay, workspace: Path) -> None:
    """What to do is said; nothing is started."""
    (workspace / "longplay.yaml").unlink()
    said = longplay("up")
    assert (said.status, "longplay up --demo" in said.err) == (1, True)


def test_half_an_edit_keeps_nothing_from_starting_again(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was published before goes on, and the errors are told; a first start is refused."""
    (workspace / "playbooks" / "half.yaml").write_text("playbook: half\nsteps: [{emial: x}]\n")
    settings = load_settings(workspace)
    prepare_all(settings)
    assert "unknown-step" in capsys.readouterr().err
    for path in (workspace / ".longplay").glob("longplay.db*"):
        path.unlink()
    with pytest.raises(InputError, match="nothing was published"):
        prepare_all(settings)
