"""Letters that come back are told apart, whatever system wrote them and in whatever bytes."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.mail.inbound.classify import classify
from engine.mail.inbound.letter import MOST_BYTES
from engine.mail.inbound.returned import MOST_DETAIL, Kind
from engine.mail.return_path import ReturnSigner
from tests.mail.letters_back import COPY, JOB, LETTERS, OURS, Back, answer, dsn, plain

SIGNER = ReturnSigner(["a key for tests, nothing else"])
VERP = SIGNER.address("bounces@acme.example", JOB)


@pytest.mark.parametrize("back", LETTERS, ids=lambda back: back.id)
def test_every_kind_of_letter_is_known(back: Back) -> None:
    """Kind, code, cause and recipient are found, and the message that it is about."""
    found = classify(back.content)
    assert (found.kind, found.status, found.cause, found.recipient) == (
        back.kind, back.status, back.cause, back.recipient,
    ), found  # fmt: skip
    if back.kind is not Kind.UNRELATED:
        assert found.message_ids[0] == OURS


@pytest.mark.parametrize("back", LETTERS, ids=lambda back: back.id)
def test_a_return_path_says_enough(back: Back) -> None:
    """Without any Message-ID of ours, the address it was sent to names the message."""
    content = back.content.replace(JOB.encode(), b"elsewhere").replace(
        b"To: bounces@acme.example", f"To: {VERP.upper()}".encode()
    )
    found = classify(content, SIGNER)
    if b"To: bounces@" in back.content:
        assert (found.kind, found.job) == (back.kind, JOB)
    else:
        assert (found.kind, found.job) == (Kind.UNRELATED, "")


def test_a_bounce_that_names_no_mail_of_ours_is_nothing() -> None:
    """Backscatter: our address was forged by somebody else."""
    content = dsn("Final-Recipient: rfc822; ann@example.com\nAction: failed\nStatus: 5.1.1\n",
                  original=COPY.replace(JOB, "spam"))  # fmt: skip
    assert classify(content, SIGNER).kind is Kind.UNRELATED


@pytest.mark.parametrize("change", [(0, "z"), (25, "0"), (30, "1")], ids=["job", "mac", "end"])
def test_a_forged_return_path_is_nothing(change: tuple[int, str]) -> None:
    """One sign changed, and the token names no message."""
    token = VERP.removeprefix("bounces+").partition("@")[0]
    at, sign = change
    sign = sign if token[at] != sign else "y"
    forged = f"bounces+{token[:at]}{sign}{token[at + 1 :]}@acme.example"
    assert SIGNER.job_in(f"To: {VERP}") == JOB
    assert SIGNER.job_in(f"To: {forged}") is None


def test_return_paths_keep_within_the_standard() -> None:
    """At most 64 characters before the @; a star says where the token goes; old keys still read."""
    assert len(VERP.partition("@")[0]) <= 64
    starred = SIGNER.address("*@bounces.acme.example", JOB)
    assert starred.endswith("@bounces.acme.example")
    assert SIGNER.job_in(starred) == JOB
    assert ReturnSigner(["new", "a key for tests, nothing else"]).job_in(starred) == JOB
    assert ReturnSigner(["new"]).job_in(starred) is None


def test_the_same_letter_has_the_same_key() -> None:
    """So that what is delivered twice counts once; other letters have other keys."""
    keys = [classify(back.content).key for back in LETTERS]
    assert keys == [classify(back.content).key for back in LETTERS]
    assert classify(answer().replace(b"<answer@", b"<other@")).key != classify(answer()).key


def test_the_worst_recipient_counts() -> None:
    """A report about several says what became of the one that failed."""
    found = classify(dsn(
        "Reporting-MTA: dns; mx.example.com\n\n"
        "Final-Recipient: rfc822; list@example.com\nAction: expanded\nStatus: 2.0.0\n\n"
        "Final-Recipient: rfc822; ann@example.com\nAction: failed\nStatus: 5.1.1\n"
    ))  # fmt: skip
    assert (found.kind, found.recipient) == (Kind.HARD_BOUNCE, "ann@example.com")


def test_a_mailbox_line_in_front_does_no_harm() -> None:
    """Pipes put `From somebody date` before the first header."""
    content = b"From MAILER-DAEMON Sun Nov 22 10:00:00 2026\n" + LETTERS[0].content
    assert classify(content).kind is Kind.HARD_BOUNCE


def test_what_was_said_is_one_short_line() -> None:
    """Nothing of a stranger's text spoils a terminal or a table."""
    text = "550 5.1.1 \x1b[31mno\x07 such \u202euser\n" + "x" * 5_000
    found = classify(plain(f"{text}\n{COPY}", sender="MAILER-DAEMON@x.example",
                           subject="failure notice"))  # fmt: skip
    assert len(found.detail) <= MOST_DETAIL
    assert found.detail.isprintable()


NESTED = b"".join(
    b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3_000)
)
HOSTILE = {
    "empty": b"",
    "nothing but zeros": b"\0" * 100_000,
    "nested": NESTED,
    "nested messages": b"Content-Type: message/rfc822\n\n" * 5_000,
    "no end of a boundary": b'Content-Type: multipart/report; boundary="' + b"a" * 300_000,
    "many parts": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 100_000,
    "many headers": b"X: y\n" * 100_000 + b"\n",
    "one long header": b"Subject: " + b"=?gbk?b?xOM=?=" * 30_000 + b"\n\n",
    "a codec that is slow": b"Content-Type: text/plain; charset=punycode\n\n" + b"a-" * 200_000,
    "a codec of no text": b"Content-Type: text/plain; charset=zlib\n\nx",
    "a charset that is none": b"Content-Type: text/plain; charset=\xff\xfe\n\n\xff",
    "bad base64": b"Content-Transfer-Encoding: base64\n\n!!!!" + b"A" * 99_999,
    "bad words": b"Subject: =?utf-8?b?A?= =?utf-8?q?=ZZ?= =?x?x?x?=\n\nx",
    "surrogates": "Subject: \ud800\n\n\udfff".encode("utf-8", "surrogatepass"),
    "style without end": b"Content-Type: text/html\n\n" + b"<style>" * 60_000,
    "angle brackets": b"Content-Type: text/html\n\n" + b"<" * 400_000,
    "a report without end": b"From: mailer-daemon@x\nContent-Type: message/delivery-status\n\n"
    + b"Final-Recipient: rfc822; a@b\nAction: failed\n" * 20_000,
    "words without end": b"From: mailer-daemon@x\nSubject: failure notice\n\n"
    + b"user user address e-mail mailbox " * 20_000,
    "spaces": b"From: mailer-daemon@x\nSubject: failure notice" + b" " * 300_000 + b"\n\n x",
    "digits": b"From: mailer-daemon@x\nSubject: failure notice\n\n" + b"5.1." * 100_000,
    "domain domain": b"From: mailer-daemon@x\nSubject: failure notice\n\n" + b"domain " * 70_000,
    "chinese": "From: mailer-daemon@x\nSubject: 退信\n\n".encode() + "收件人将在".encode() * 30_000,
    "ids": b"References: " + b"<a@b> " * 100_000 + b"\n\n",
    "too long": b"a: b\n\n" + b"x" * (4 * MOST_BYTES),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_hostile_letters_cost_little(content: bytes) -> None:
    """Whatever is in them, they are nothing to us, and soon found to be."""
    began = time.perf_counter()
    assert classify(content, SIGNER).kind is Kind.UNRELATED
    assert time.perf_counter() - began < 3  # of a busy machine; a second at most elsewhere


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(LETTERS), st.data())
def test_broken_letters_never_raise(back: Back, data: st.DataObject) -> None:
    """Cut, with bytes changed, or with others put in: an answer comes, and it can be stored."""
    content = bytearray(back.content)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content)))
        cut = data.draw(st.integers(0, 40))
        content[at : at + cut] = data.draw(st.binary(max_size=40))
    found = classify(bytes(content), SIGNER)
    for text in (found.detail, found.recipient, found.status, found.cause, *found.message_ids):
        text.encode("utf-8")


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=2_000))
def test_any_bytes_are_a_letter(content: bytes) -> None:
    """Never an exception, never a message of ours."""
    assert classify(content, SIGNER).kind is Kind.UNRELATED
