"""Signatures: whoever has the key can check them, and nothing else passes."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calls.signing import PREFIX, SecretError, new_secret, read_secret, signed

keys = st.binary(min_size=24, max_size=64)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


def checked(headers: dict[str, str], body: bytes, key: bytes) -> bool:
    """The receiver's half, written from the published convention."""
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mine = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    given_ = [one.split(",", 1) for one in headers["webhook-signature"].split(" ")]
    return any(kind == "v1" and hmac.compare_digest(mine, text) for kind, text in given_)


@given(st.binary(max_size=500), st.lists(keys, min_size=1, max_size=3), moments)
def test_each_key_alone_verifies(body: bytes, several: list[bytes], at: datetime) -> None:
    """While a key is being replaced, receivers with the old one and the new one both pass."""
    headers = dict(signed("job1", at, body, several))
    assert all(checked(headers, body, key) for key in several)


@given(st.binary(max_size=200), keys, keys, moments)
def test_anything_changed_fails(body: bytes, key: bytes, other: bytes, at: datetime) -> None:
    """Another key, body, id or time does not verify."""
    headers = dict(signed("job1", at, body, [key]))
    assert (other == key) == checked(headers, body, other)
    assert not checked(headers, body + b"x", key)
    assert not checked({**headers, "webhook-id": "job2"}, body, key)
    later = str(int(headers["webhook-timestamp"]) + 1)
    assert not checked({**headers, "webhook-timestamp": later}, body, key)


def test_the_published_example() -> None:
    """The worked example that libraries of the convention test themselves with."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = dict(
        signed("msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}', [read_secret(secret)])
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(keys)
def test_a_secret_is_read_as_it_is_written(key: bytes) -> None:
    assert read_secret(PREFIX + base64.b64encode(key).decode()) == key


def test_new_secrets_can_be_used_and_differ() -> None:
    first, second = new_secret(), new_secret()
    assert first != second
    assert len(read_secret(first)) == 32


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "begins with 'whsec_'"),
        ("whsec_not base64!", "no Base64"),
        ("whsec_" + base64.b64encode(b"short").decode(), "5 bytes, not 24 to 64"),
        ("whsec_" + base64.b64encode(b"x" * 65).decode(), "65 bytes, not 24 to 64"),
        ("whsec_密钥", "no Base64"),
    ],
)
def test_secrets_that_nobody_could_use(written: str, fault: str) -> None:
    with pytest.raises(SecretError, match=fault):
        read_secret(written)
