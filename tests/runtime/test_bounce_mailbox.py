"""The mailbox of bounces: each letter counts once, whoever dies and however many look."""

import pytest

from engine.errors import EnvironmentFault, TryAgainError
from engine.mail.inbound.mailbox import opened, parse_imap_url
from engine.mail.return_path import ReturnSigner
from engine.operations.mailbox import look
from tests.mail.imap_server import Letters, mailbox
from tests.mail.letters_back import JOB, LETTERS
from tests.runtime.stage import Stage

SIGNER = ReturnSigner(["a key for tests, nothing else"])
ONE_MAIL = "enroll: {when: [{event: form.submitted}]}\nsteps: [{email: note}, {wait: 9 days}]\n"


def about(stage: Stage, size: int) -> dict[int, bytes]:
    """A bounce of each of the mails that went."""
    postfix = LETTERS[0].content
    made = [postfix.replace(JOB.encode(), job["id"].encode()) for job in stage.jobs()]
    return dict(enumerate(made[:size], start=1))


@pytest.fixture
def mailed(sqlite_stage: Stage) -> Stage:
    """Thirty leads have got a mail."""
    sqlite_stage.publish(note=ONE_MAIL)
    sqlite_stage.crowd(30)
    sqlite_stage.work()
    return sqlite_stage


def test_each_letter_counts_once(mailed: Stage) -> None:
    """Also when the server hangs up in the middle, and what was read comes again."""
    with mailbox(Letters(about(mailed, 30), dies_after=25)) as letters:
        address = parse_imap_url(letters.url)
        with pytest.raises(TryAgainError, match="the mailbox of bounces@acme"):
            look(mailed.store, address, SIGNER)
        assert look(mailed.store, address, SIGNER) is None
        mailed.turn(minutes=2)
        taken = look(mailed.store, address, SIGNER)
        assert taken is not None
        assert [len(letters.seen), len(taken), sum(one.is_new for one in taken)] == [30, 10, 10]
        assert letters.fetched[20:25] == letters.fetched[25:30]
        mailed.turn(minutes=2)
        assert look(mailed.store, address, SIGNER) == []
    assert {job["state"] for job in mailed.jobs()} == {"bounced"}


def test_what_was_kept_and_not_marked_changes_nothing(mailed: Stage) -> None:
    """A worker that is killed before it marks a letter sees it again."""
    with mailbox(Letters(about(mailed, 3))) as letters:
        address = parse_imap_url(letters.url)
        look(mailed.store, address, SIGNER)
        letters.seen.clear()
        mailed.turn(minutes=2)
        taken = look(mailed.store, address, SIGNER)
        assert taken is not None
        assert [one.is_new for one in taken] == [False] * 3


def test_a_wrong_password_is_told_without_it(mailed: Stage) -> None:
    """The fault names the mailbox, never the password."""
    with mailbox(Letters({}, password="another")) as letters:
        address = parse_imap_url(letters.url)
        with pytest.raises(TryAgainError) as fault, opened(address):
            pass
        assert "wrong password" in fault.value.message
        assert "pass word" not in fault.value.message + str(address) + repr(address)


def test_nobody_there_is_a_fault_that_passes() -> None:
    """A refused connection, and a password that IMAP cannot carry."""
    for url in ("imap://a:b@127.0.0.1:9/INBOX", "imap://a:密码@127.0.0.1:9/INBOX"):
        with pytest.raises(TryAgainError), opened(parse_imap_url(url)):
            pass


def test_folders_have_any_name(mailed: Stage) -> None:
    """In the UTF-7 of the protocol, where it is not ASCII."""
    with mailbox(Letters({})) as letters:
        with opened(parse_imap_url(letters.url.replace("INBOX", "%E9%80%80%E4%BF%A1/a%20%26%20b"))):
            pass
        with opened(parse_imap_url(letters.url.replace("INBOX", ""))):
            pass
        assert letters.folders == ['"&kABP4Q-/a &- b"', '"INBOX"']


BAD = ["", "http://a@b", "imaps://imap.example", "imaps://:x@", "imaps://a@b:port/", "imaps://["]


@pytest.mark.parametrize("url", BAD)
def test_addresses_of_mailboxes_are_read_with_care(url: str) -> None:
    """What names none is refused, with how to write it."""
    with pytest.raises(EnvironmentFault) as fault:
        parse_imap_url(url)
    assert "imaps://user:password" in (fault.value.help or "")
