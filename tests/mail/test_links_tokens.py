"""Tokens: short, ours alone, and readable for as long as a key lives."""

import base64
import hmac
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ids import derived_id, encode, job_id
from engine.mail.links import TOKEN_LENGTH, Link, LinkKind, LinkSigner

SIGNER = LinkSigner(["a secret"])
JOB = job_id("0" * 20, 3)
job_ids = st.integers(0, (1 << 100) - 1).map(encode)
kinds = st.sampled_from(LinkKind)
indexes = st.integers(0, 0xFFFF)


@given(kinds, job_ids, indexes)
def test_a_token_says_what_was_put_into_it(kind: LinkKind, job: str, index: int) -> None:
    token = SIGNER.token(kind, job, index)
    assert len(token) == TOKEN_LENGTH == 36
    assert re.fullmatch(r"[A-Za-z0-9_-]+", token)
    assert SIGNER.read(token) == Link(kind, job, index)  # type: ignore[arg-type]


@given(kinds, job_ids, indexes, st.integers(0, 35), st.characters(max_codepoint=127))
def test_a_token_changed_in_one_character_is_not_ours(
    kind: LinkKind, job: str, index: int, at: int, char: str
) -> None:
    token = SIGNER.token(kind, job, index)
    changed = token[:at] + char + token[at + 1 :]
    assert changed == token or SIGNER.read(changed) is None


@given(st.text(max_size=50))
def test_any_text_may_come_in_place_of_a_token(text: str) -> None:
    assert SIGNER.read(text) is None


def test_the_same_link_has_the_same_token_on_every_attempt() -> None:
    assert SIGNER.token("u", JOB) == LinkSigner(["a secret"]).token(LinkKind.UNSUBSCRIBE, JOB)


def test_a_changed_key_still_reads_old_tokens_and_signs_with_the_first() -> None:
    old = SIGNER.token("c", JOB, 7)
    both = LinkSigner(["newer", "a secret"])
    assert both.read(old) == Link(LinkKind.CLICK, JOB, 7)
    assert LinkSigner(["newer"]).read(old) is None
    assert LinkSigner(["newer"]).read(both.token("c", JOB, 7)) is not None


def test_links_of_one_kind_are_no_links_of_another() -> None:
    tokens = {SIGNER.token(kind, JOB) for kind in LinkKind}
    assert len({token[:20] for token in tokens}) == len(LinkKind)


@pytest.mark.parametrize(
    "job", ["", "short", derived_id("x") + "0", "I" * 20, "u" * 20, "é" * 20], ids=repr
)
def test_what_is_no_job_id_gets_no_token(job: str) -> None:
    with pytest.raises(ValueError, match="is no job id"):
        SIGNER.token("u", job)


@pytest.mark.parametrize("index", [-1, 0x10000])
def test_an_index_out_of_range_gets_no_token(index: int) -> None:
    with pytest.raises(ValueError, match="at most 65536 links"):
        SIGNER.token("c", JOB, index)


@pytest.mark.parametrize("keys", [[], [""], ["good", b""]], ids=repr)
def test_without_a_key_nothing_is_signed(keys: list[str | bytes]) -> None:
    with pytest.raises(ValueError, match="at least one key"):
        LinkSigner(keys)


@pytest.mark.parametrize("key", ["k", "a key of some length, longer than the block of a hash " * 2])
def test_a_signature_is_an_hmac(key: str) -> None:
    """Our own way to it gives what the standard library's gives."""
    token = base64.urlsafe_b64decode(LinkSigner([key]).token(LinkKind.CLICK, "0" * 20, 7))
    own = hmac.digest(key.encode(), b"longplay link 1", "sha256")
    assert token[15:] == hmac.digest(own, token[:15], "sha256")[:12]
