"""Letters that a mail server pipes into `longplay mail receive`."""

import io
import sys

import pytest

from tests.cli.conftest import Longplay
from tests.mail.imap_server import Letters, mailbox
from tests.mail.letters_back import LETTERS, POSTFIX, Back


@pytest.fixture
def piped(longplay: Longplay, monkeypatch: pytest.MonkeyPatch) -> Longplay:
    """`longplay` with the bytes of the first argument on standard input."""

    def run(*arguments: str) -> object:
        content, *others = arguments
        raw = content.encode("latin-1")
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        return longplay("mail", "receive", *others)

    return run  # type: ignore[return-value]


def test_a_letter_is_told_apart_without_a_trace(piped: Longplay) -> None:
    """`--dry-run` says what it is, in one line or as JSON."""
    said = piped(POSTFIX.decode("latin-1"), "--dry-run")
    assert (said.status, said.out) == (0, "hard bounce · 5.1.1 · ann@example.com\n")
    document = piped(POSTFIX.decode("latin-1"), "--dry-run", "--json").json
    assert (document["kind"], document["cause"], document["new"]) == (
        "hard_bounce", "hard_bounce", False,
    )  # fmt: skip


@pytest.mark.parametrize("back", LETTERS[::6], ids=lambda back: back.id)
def test_what_names_no_message_of_ours_is_taken_and_forgotten(piped: Longplay, back: Back) -> None:
    """Status 0, or the mail server would send a bounce about it."""
    said = piped(back.content.decode("latin-1"))
    assert (said.status, said.err) == (0, "")
    assert "no message of ours" in said.out


def test_bytes_of_any_kind_are_taken(piped: Longplay) -> None:
    """A letter of ten megabytes is read to its end."""
    assert piped("\xff\x00\x80" * 3_500_000).status == 0


def test_a_server_keeps_what_cannot_be_taken(
    piped: Longplay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status 75: a database that is away is no reason to lose a letter."""
    monkeypatch.setenv("LONGPLAY_DATABASE_URL", "postgresql://u:p@127.0.0.1:9/none")
    said = piped(POSTFIX.decode("latin-1"))
    assert said.status == 75
    assert "Traceback" not in said.err


def test_a_mailbox_is_looked_into_at_once(
    longplay: Longplay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`mail fetch` does what workers do; twice within a minute is once."""
    assert "LONGPLAY_BOUNCE_IMAP_URL is not set" in longplay("mail", "fetch").err
    with mailbox(Letters({1: POSTFIX, 2: b"hello"})) as letters:
        monkeypatch.setenv("LONGPLAY_BOUNCE_IMAP_URL", letters.url)
        assert longplay("mail", "fetch", "--json").json == {"letters": 2, "new": 0}
        again = longplay("mail", "fetch")
        assert (again.out, letters.fetched) == ("0 letters, 0 of them new\n", [1, 2])
        assert "within the last minute" in again.err
