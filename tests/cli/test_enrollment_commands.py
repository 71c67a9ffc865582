"""Commands about enrollments, messages, the inbox and the brake."""

import pytest

from tests.cli.conftest import Longplay


def test_enrollments_are_listed_as_promised(longplay: Longplay, ann: str) -> None:
    """The keys that scripts rely on, and filters by playbook, lead and state."""
    (row,) = longplay("enrollments", "list", "--json").json
    assert set(row) == {
        "id", "playbook", "digest", "lead", "deal", "key", "state", "step", "until", "entered_at",
        "ended_at", "outcome", "reason",
    }  # fmt: skip
    assert (row["lead"], row["state"], row["step"]) == ("ann@example.com", "pending", "hello")
    assert row["entered_at"].endswith("+00:00")
    for option in (["--playbook", "win-back"], ["--state", "finished"]):
        assert longplay("enrollments", "list", "--json", *option).json == []
    assert len(longplay("enrollments", "list", "--json", "--lead", "ann@example.com").json) == 1


def test_enrolling_by_hand_keeps_its_json_promise(longplay: Longplay, ann: str) -> None:
    """How many, and why the others were not."""
    longplay("event", "page.viewed", "--lead", "bob@example.com")
    found = longplay("enroll", "trial-nurture", "--where", "lead.score < 50", "--json").json
    assert found == {"enrolled": 1, "skipped": {"already-in": 1}}
    said = longplay("enroll", "order-thanks", "--lead", "ann@example.com", "--key", "k", "--json")
    assert said.json["enrolled"] == 1


def test_an_enrollment_is_taken_in_hand(longplay: Longplay, ann: str) -> None:
    """Held, let go, cancelled; what does not fit its state is refused."""

    def state(verb: str) -> str:
        return str(longplay("enrollments", verb, ann, "--json").json["state"])

    assert state("pause") == "held"
    assert longplay("enrollments", "pause", ann).status == 1
    assert state("resume") == "pending"
    assert longplay("enrollments", "retry", ann).status == 1
    assert state("cancel") == "finished"
    assert longplay("enrollments", "show", ann, "--json").json["outcome"] == "cancelled"


@pytest.mark.parametrize("verb", ["show", "pause", "resume", "skip", "cancel", "retry"])
def test_an_enrollment_that_is_not_there_is_told(longplay: Longplay, verb: str) -> None:
    """Whatever is asked of it."""
    assert longplay("enrollments", verb, "nothing").status == 1


def test_a_state_that_does_not_exist_is_told(longplay: Longplay) -> None:
    """With the one that was probably meant; for enrollments and messages."""
    assert "did you mean 'waiting'?" in longplay("enrollments", "list", "--state", "wating").err
    assert "did you mean 'in_doubt'?" in longplay("messages", "list", "--state", "indoubt").err


def test_explain_keeps_its_json_promise(longplay: Longplay, ann: str) -> None:
    """Decisions in the order of time, each with its reasons."""
    found = longplay("explain", "--lead", "ann@example.com", "--json").json["decisions"]
    assert all(set(one) == {"at", "what", "why"} for one in found)
    assert [one["at"] for one in found] == sorted(one["at"] for one in found)
    whats = [one["what"] for one in found]
    assert "enrolled in trial-nurture" in whats and "not enrolled in win-back" in whats
    mine = longplay("explain", "--lead", "ann@example.com", "--playbook", "trial-nurture", "--json")
    assert all("trial-nurture" in one["what"] for one in mine.json["decisions"])


def test_the_brake_is_pulled_and_let_go(longplay: Longplay) -> None:
    """For one playbook or for all; doctor says that it is on."""
    one = longplay("pause", "trial-nurture", "--json").json
    held = {"playbooks": ["trial-nurture"], "accounts": []}
    assert one == {"paused": True, "everything": False} | held
    assert longplay("pause", "--json").json["everything"] is True
    checks = {one["name"]: one for one in longplay("doctor", "--json").json["checks"]}
    assert "all mail" in checks["brake"]["detail"]
    assert longplay("resume", "--json").json["everything"] is False
    assert longplay("resume", "trial-nurture", "--json").json["paused"] is False


def test_doctor_keeps_its_json_promise(longplay: Longplay, ann: str) -> None:
    """One verdict, and every check with what it found; nothing runs here, so not all is well."""
    said = longplay("doctor", "--json")
    assert said.status == 2
    assert set(said.json) == {"ok", "checks"}
    assert all(set(one) == {"name", "ok", "detail"} for one in said.json["checks"])
    failed = {one["name"] for one in said.json["checks"] if not one["ok"]}
    assert failed == {"temporal", "mail"}


def test_an_empty_inbox_and_ledger_are_empty_lists(longplay: Longplay, ann: str) -> None:
    """Nothing is not an error."""
    assert longplay("inbox", "--json").json == []
    assert longplay("messages", "list", "--json").json == []
    assert longplay("inbox", "--owner", "nobody").status == 1


def test_many_enrollments_are_taken_in_hand_at_once(longplay: Longplay, ann: str) -> None:
    """By playbook and state, with counts; what means nobody or everybody by accident is refused."""
    longplay("event", "page.viewed", "--lead", "bob@example.com")
    longplay("enroll", "trial-nurture", "--where", "lead.score < 5")
    paused = longplay("enrollments", "pause", "--playbook", "trial-nurture", "--json").json
    assert paused == {"verb": "pause", "changed": 2, "by_state": {"pending": 2}}
    again = longplay("enrollments", "pause", "--everything", "--json").json
    assert again["changed"] == 0
    said = longplay("enrollments", "resume", "--everything")
    assert "resumed: 2 (2 held)" in said.out
    assert longplay("enrollments", "cancel").status == 1
    assert longplay("enrollments", "cancel", ann, "--everything").status == 1
    assert longplay("enrollments", "resume", "--everything", "--state", "active").status == 1
    assert longplay("enrollments", "pause", "--playbook", "trial-nurtur").status == 1
    assert longplay("enrollments", "cancel", "--everything", "--json").json["changed"] == 2
    assert longplay("inbox", "retry", "--all", "--json").json["changed"] == 0
    assert longplay("inbox", "retry").status == 1


def test_a_pause_says_what_becomes_of_the_clocks(longplay: Longplay, ann: str) -> None:
    """Those of held enrollments stand still; under the brake they run on."""
    held = longplay("enrollments", "pause", ann)
    assert "clocks stand still" in held.out + held.err
    braked = longplay("pause")
    assert "clocks and waits run on" in braked.out + braked.err
