"""Several mail accounts: who goes by which, and what happens while one is down."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from engine.mail.transports.memory import MemoryTransport
from engine.mail.transports.port import (
    Accepted,
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
from engine.operations import brakes, braking, mail_routes
from engine.operations.doctor import examine
from engine.operations.exits import Exits
from engine.operations.explain import explain
from engine.operations.listings import list_messages
from engine.runtime.mail_routes import TRIES
from tests.runtime.stage import WORKSPACE, Stage, soundness

SECRETS = {"NEWS_URL": "smtp://ann:secret@news.example:587", "SPARE_URL": "smtp://spare.example"}
ACCOUNTS = WORKSPACE.replace(
    "sender:\n",
    "sender:\n  accounts:\n"
    "    news: {url: '${NEWS_URL}', topics: [product-tips], fallback: default}\n"
    "    spare: {url: '${SPARE_URL}'}\n",
)
LIMITED = ACCOUNTS.replace("{url: '${SPARE_URL}'", "{url: '${SPARE_URL}', rate: 20 per minute")
HELLO = "enroll: {when: [{event: form.submitted}]}\nsteps:\n  - email: note\n"
NEWS = HELLO.replace("email: note", "email: note\n    topic: product-tips")
AWAY = NotSent("nobody answers at 'news.example'", entry=True)
BUSY = Deferred(
    Reply(421, "4.3.2", "too busy"), DeferralClass.HOST, timedelta(minutes=1), entry=True
)
LOCKED = Rejected(
    Reply(535, "5.7.8", "bad password"), RejectionClass.CONFIGURATION, False, entry=True
)


class House:
    """A stage whose mail leaves by accounts that keep what they are given, or fail as told."""

    def __init__(self, stage: Stage, secrets: dict[str, str] | None = None) -> None:
        self.stage = stage
        self.answers: dict[str, Outcome | None] = {}
        self.tried: list[tuple[str, Envelope]] = []
        self.by = {"default": stage.transport}
        stage.transport._answer = self._as("default")
        exits = Exits(
            stage.transport, SECRETS if secrets is None else secrets, open_account=self.opened
        )
        stage.courier = replace(stage.courier, exits=exits)

    def opened(self, url: str) -> MemoryTransport:
        name = next(name for name in ("news", "spare") if name in url)
        self.by[name] = MemoryTransport(self._as(name))
        return self.by[name]

    def _as(self, name: str) -> Callable[[Envelope], Outcome | None]:
        def answer(envelope: Envelope) -> Outcome | None:
            self.tried.append((name, envelope))
            return self.answers.get(name)

        return answer

    def sent(self, name: str) -> list[str]:
        return sorted(one.recipient for one in self.by[name].sent) if name in self.by else []

    def fail(self, name: str, outcome: Outcome, times: int) -> None:
        """So many tries of an account fail, each of a mail of its own."""
        self.answers[name] = outcome
        for number in range(times):
            self.stage.event("form.submitted", f"early{number}")
            self.stage.work()


@pytest.fixture
def house(sqlite_stage: Stage) -> House:
    return House(sqlite_stage)


@pytest.mark.parametrize(
    ("playbook", "expected"),
    [
        (HELLO, "default"),
        (NEWS, "news"),
        (HELLO.replace("email: note", "email: note\n    via: spare"), "spare"),
        (NEWS.replace("topic: product-tips", "topic: product-tips\n    via: spare"), "spare"),
        (NEWS.replace("enroll:", "send: {via: spare}\nenroll:"), "spare"),
        (HELLO.replace("email: note", "email: note\n    via: default").replace(
            "enroll:", "send: {via: spare}\nenroll:"), "default"),
        (HELLO.replace("email: note", "email: note\n    as: transactional").replace(
            "enroll:", "send: {via: spare}\nenroll:"), "spare"),
    ],
    ids=["none", "topic", "step", "step before topic", "playbook before topic",
         "step before playbook", "transactional"],
)  # fmt: skip
def test_a_mail_leaves_by_the_account_of_its_step_its_playbook_or_its_topic(
    house: House, playbook: str, expected: str
) -> None:
    """The step's, else the playbook's, else the topic's, else the one of the settings."""
    stage = house.stage
    stage.publish(ACCOUNTS, one=playbook)
    stage.event("form.submitted")
    stage.work()
    assert house.sent(expected) == ["ann@example.com"]
    assert sum(len(one.sent) for one in house.by.values()) == 1
    assert stage.job()["via"] == expected
    assert list_messages(stage.store)[0]["via"] == expected
    assert any(f"by '{expected}'" in one.why for one in explain(stage.store, "ann@example.com"))


def test_a_workspace_without_accounts_names_none(sqlite_stage: Stage) -> None:
    """The ledger of those who have one server stays as it was."""
    stage = sqlite_stage
    stage.publish(one=NEWS)
    stage.event("form.submitted")
    stage.work()
    assert (stage.job()["via"], stage.job()["state"]) == ("", "accepted")


@pytest.mark.parametrize("fault", [AWAY, BUSY, LOCKED], ids=["away", "busy", "locked"])
def test_mail_goes_by_the_fallback_once_its_account_is_down(house: House, fault: Outcome) -> None:
    """After three tries; those that failed before go by it too, each mail once."""
    stage = house.stage
    stage.publish(ACCOUNTS, one=NEWS)
    house.fail("news", fault, TRIES)
    last = f"early{TRIES - 1}@example.com"
    assert house.sent("default") == [last]
    assert len(stage.jobs(state="deferred")) == TRIES - 1
    stage.event("form.submitted")
    stage.work()
    assert house.sent("default") == ["ann@example.com", last]
    stage.turn(seconds=25)
    stage.work()
    assert house.sent("default") == sorted(
        ["ann@example.com", *(f"early{n}@example.com" for n in range(TRIES))]
    )
    assert {row["via"] for row in stage.jobs()} == {"default"}
    soundness(stage)


def test_one_mail_finds_out_that_an_account_is_up_again(house: House) -> None:
    """While it rests nobody tries it; then one mail does, and the others do not wait for that."""
    stage = house.stage
    stage.publish(ACCOUNTS, one=NEWS)
    house.fail("news", AWAY, TRIES)
    stage.turn(seconds=31)
    stage.crowd(6)
    stage.work()
    accepted = stage.jobs(state="accepted")
    assert len(accepted) == TRIES + 6
    assert {row["via"] for row in accepted} == {"default"}
    assert len([name for name, _ in house.tried if name == "news"]) == TRIES + 1
    stage.turn(minutes=2)
    house.answers["news"] = None
    stage.crowd(6, "form.submitted")
    stage.event("form.submitted", "last")
    stage.work()
    stage.event("form.submitted", "very-last")
    stage.work()
    assert "very-last@example.com" in house.sent("news")
    assert stage.store.read(mail_routes.standing) == {}
    assert len(stage.jobs(state="accepted")) == len(stage.jobs())


def test_a_mail_in_doubt_is_never_sent_by_the_fallback(house: House) -> None:
    """It may have been taken: whatever becomes of the account, nobody sends it again."""
    stage = house.stage
    stage.publish(ACCOUNTS, one=NEWS)
    house.answers["news"] = InDoubt("the connection was lost (at the final dot)")
    stage.event("form.submitted")
    stage.work()
    house.fail("news", AWAY, TRIES + 1)
    stage.turn(hours=1)
    stage.work()
    assert "ann@example.com" not in house.sent("default")
    (doubtful,) = stage.jobs(state="in_doubt")
    assert (doubtful["via"], doubtful["address"]) == ("news", "ann@example.com")


def test_what_the_server_says_of_a_mail_is_no_fault_of_the_account(house: House) -> None:
    """A greylisting, a full mailbox or a link lost later never sends mail by the fallback."""
    stage = house.stage
    stage.publish(ACCOUNTS, one=NEWS)
    grey = Deferred(
        Reply(451, "4.7.1", "greylisted"), DeferralClass.GREYLISTED, timedelta(minutes=5)
    )
    house.fail("news", grey, TRIES)
    house.fail("news", NotSent("the connection was lost (at the envelope)"), TRIES)
    stage.turn(hours=1)
    house.answers["news"] = None
    stage.work()
    assert house.sent("default") == []
    assert {row["via"] for row in stage.jobs()} == {"news"}


def test_a_mail_greylisted_by_way_of_the_fallback_comes_from_there_again(house: House) -> None:
    """Greylisting goes by the sending address: another account would begin it anew."""
    stage = house.stage
    stage.publish(ACCOUNTS, one=NEWS)
    house.fail("news", AWAY, TRIES)
    house.answers["default"] = Deferred(
        Reply(451, "4.7.1", "greylisted"), DeferralClass.GREYLISTED, timedelta(minutes=5)
    )
    stage.event("form.submitted")
    stage.work()
    house.answers = {}
    stage.turn(minutes=20)
    stage.work()
    assert "ann@example.com" in house.sent("default")


def test_without_a_fallback_mail_waits_for_its_account(house: House) -> None:
    """It says for what, and leaves when the account is there again."""
    stage = house.stage
    stage.publish(ACCOUNTS, one=HELLO.replace("email: note", "email: note\n    via: spare"))
    house.fail("spare", AWAY, TRIES)
    stage.event("form.submitted")
    stage.work()
    (job,) = (row for row in stage.jobs() if row["address"] == "ann@example.com")
    assert job["reason"] == f"the mail account 'spare' is down: {AWAY.detail}"
    told = [one.why for one in explain(stage.store, "ann@example.com")]
    assert any("'spare' is down" in why for why in told)
    house.answers = {}
    stage.turn(hours=1)
    stage.work()
    assert len(house.sent("spare")) == TRIES + 1


@pytest.mark.parametrize("secrets", [{}, {**SECRETS, "NEWS_URL": "https://mail.example"}], ids=repr)
def test_an_account_whose_address_is_missing_or_wrong_counts_as_down(
    sqlite_stage: Stage, secrets: dict[str, str]
) -> None:
    """The ledger names the variable, and the fallback takes the mail."""
    house, stage = House(sqlite_stage, secrets), sqlite_stage
    stage.publish(ACCOUNTS, one=NEWS)
    house.fail("news", AWAY, 1)
    assert "NEWS_URL" in stage.job()["reason"] or "SMTP address" in stage.job()["reason"]
    house.fail("news", AWAY, TRIES)
    for _ in range(2):
        stage.turn(seconds=25)
        stage.work()
    assert {"early0@example.com", "early1@example.com"} <= set(house.sent("default"))


def test_mail_by_an_account_that_is_gone_waits_and_says_so(house: House) -> None:
    """A run goes on with its plan; its mail is not sent by a server that nobody named for it."""
    stage = house.stage
    by_spare = HELLO.replace("email: note", "email: note\n    via: spare")
    stage.publish(ACCOUNTS, one=by_spare)
    stage.event("form.submitted")
    stage.publish(WORKSPACE)
    stage.work()
    assert house.sent("default") == []
    reason = "the workspace has no mail account 'spare' any more"
    assert (stage.job()["state"], stage.job()["reason"]) == ("deferred", reason)
    stage.publish(ACCOUNTS)
    stage.turn(minutes=16)
    stage.work()
    assert house.sent("spare") == ["ann@example.com"]


def test_notices_go_by_the_default_account_and_calls_by_none(house: House) -> None:
    """What our own people get is mail; what a room gets is not."""
    stage = house.stage
    rooms = ACCOUNTS + "channels: {room: {type: webhook, url: 'https://room.example/x'}}\n"
    tells = (
        "enroll: {when: [{event: form.submitted}]}\nsteps:\n  - notify: %s\n    message: hello\n"
    )
    stage.publish(rooms, one=tells % "li.wei", two=tells % "room")
    braking.pull(stage.store, via="default")
    stage.event("form.submitted")
    stage.work()
    braked = {row["playbook"]: (row["via"], row["reason"] == "paused") for row in stage.jobs()}
    assert braked == {"one": ("default", True), "two": ("", False)}


def test_the_doctor_tells_of_an_account_that_is_down(house: House) -> None:
    """With its fallback, and since when."""
    stage = house.stage
    stage.publish(ACCOUNTS, one=NEWS)
    assert _accounts(stage) == (True, "default, news, spare: all are up")
    house.fail("news", AWAY, TRIES)
    ok, detail = _accounts(stage)
    assert not ok
    assert "'news' is down: nobody answers at 'news.example'" in detail
    assert "mail goes by 'default'" in detail
    stage.turn(minutes=1)
    stage.event("form.submitted")
    stage.work()
    (notice,) = stage.tasks(kind="notice")
    assert notice["subject"] == "the mail account 'news' is down"
    assert "goes by 'default' meanwhile" in notice["text"]


def _accounts(stage: Stage) -> tuple[bool, str]:
    (found,) = (one for one in examine(stage.store) if one.name == "mail-accounts")
    return found.ok, found.detail


def test_the_brake_holds_one_accounts_mail(house: House) -> None:
    """It waits, does not go by the fallback either, and leaves when the brake is off."""
    stage = house.stage
    stage.publish(ACCOUNTS, one=NEWS, two=HELLO)
    braking.pull(stage.store, via="news")
    stage.event("form.submitted")
    stage.work()
    assert [row["via"] for row in stage.jobs(state="accepted")] == ["default"]
    (held,) = stage.jobs(state="deferred")
    assert (held["reason"], held["via"]) == ("paused", "news")
    assert stage.store.read(brakes.on) == {"via:news"}
    assert braking.let_go(stage.store, via="news") == (True, frozenset())
    stage.work()
    assert house.sent("news") == ["ann@example.com"]


def test_an_account_has_a_rate_of_its_own(house: House) -> None:
    """Three at once, the others in their turn; mail by another account does not wait."""
    stage = house.stage
    by_spare = HELLO.replace("email: note", "email: note\n    via: spare")
    stage.publish(LIMITED, one=by_spare, two=HELLO)
    stage.crowd(10)
    stage.work()
    assert len(house.sent("default")) == 10
    assert len(house.sent("spare")) == 3
    waiting = {row["reason"] for row in stage.jobs(state="deferred")}
    assert waiting == {"waits for its turn: 'spare' takes 20 mails per minute"}


def test_accounts_do_not_lose_or_double_a_mail_while_they_come_and_go(stage: Stage) -> None:
    """Fifty mails, and an account that is away in three of four looks: each arrives once."""
    house = House(stage)
    stage.publish(ACCOUNTS, one=NEWS)
    stage.crowd(50)
    for look in range(24):
        house.answers["news"] = None if look % 4 == 3 else AWAY
        house.answers["default"] = BUSY if look % 3 == 1 else None
        stage.work()
        stage.turn(seconds=40)
    house.answers = {}
    stage.turn(hours=1)
    stage.work()
    everywhere = [name for one in house.by for name in house.sent(one)]
    assert sorted(everywhere) == sorted(f"lead{n}@example.com" for n in range(50))
    assert {row["state"] for row in stage.jobs()} == {"accepted"}
    soundness(stage)


def test_accepted_is_not_taken_for_refused_entry() -> None:
    assert not mail_routes.was_refused_entry(Accepted(Reply(250, "", "ok")))
