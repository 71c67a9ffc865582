"""DKIM signatures: an independent program verifies them, and sees whatever is changed."""

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import EnvironmentFault
from engine.mail.addresses import address, parse_address
from engine.mail.attachments import Attachment
from engine.mail.dkim import SigningKey, keys_for, read_key, signed
from engine.mail.message import OutgoingMessage

MESSAGE = OutgoingMessage(
    key="0" * 20,
    message_id="<00000000000000000000@acme.example>",
    date=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
    sender=parse_address("Acme 市场部 <hello@acme.example>"),
    to=address("ann@example.com", "Ann"),
    subject="新品上市 🎉",
    html="<p>Hello,\t world  </p>\n\n\n",
    text="Hello,\t world  \n \n\n",
    reply_to=parse_address("sales@acme.example"),
    unsubscribe_url="https://mail.acme.example/u/" + "t" * 36,
    list_id="trial-nurture.acme.example",
    feedback_id="hello:trial-nurture:acme",
)


_MADE: dict[str, Callable[[], PrivateKeyTypes]] = {
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "short": lambda: rsa.generate_private_key(65537, 1024),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "curve": lambda: ec.generate_private_key(ec.SECP256R1()),
}


@cache
def _pem(kind: str) -> str:
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    made = _MADE[kind]().private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
    return made.decode("ascii")


def a_key(kind: str = "rsa", domain: str = "acme.example") -> SigningKey:
    return read_key(_pem(kind), domain=domain, selector=f"lp-{kind}", name="DKIM_KEY")


def published(*keys: SigningKey) -> Callable[..., bytes | None]:
    """What DNS answers to a verifier."""
    records = {f"{key.record_name}.".encode(): key.record.encode() for key in keys}
    return lambda name, timeout=5: records.get(name)


def holds(message: bytes, *keys: SigningKey) -> bool:
    verifier = dkim.DKIM(message)
    try:
        return all(verifier.verify(n, dnsfunc=published(*keys)) for n in range(len(keys)))
    except dkim.DKIMException:
        return False  # it cannot even be judged


@pytest.mark.parametrize("kinds", [["rsa"], ["ed25519"], ["rsa", "ed25519"]], ids=" and ".join)
def test_another_program_verifies_what_we_sign(kinds: list[str]) -> None:
    """Each of several signatures by itself, over folded headers and trailing blanks."""
    keys = [a_key(kind) for kind in kinds]
    wire = signed(MESSAGE.as_bytes(), keys)
    assert wire.count(b"DKIM-Signature:") == len(keys)
    assert wire.endswith(MESSAGE.as_bytes())
    assert holds(wire, *keys)
    assert max(map(len, wire.partition(b"Date:")[0].split(b"\r\n"))) <= 78


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"From: ", b"From: evil <e@evil.example>\r\nFrom: "),
        (b"Subject: ", b"Subject: Pay now\r\nX-Was: "),
        (b"Subject: ", b"Subject: Pay now\r\nSubject: "),
        (b"Subject: ", b"X-Subject: "),
        (b"List-Unsubscribe: <https://mail", b"List-Unsubscribe: <https://evil"),
        (b"List-Unsubscribe-Post: ", b"X-Gone: "),
        (b"List-Unsubscribe-Post: ", b"List-Unsubscribe-Post: x\r\nList-Unsubscribe-Post: "),
        (b"Reply-To: ", b"Reply-To: thief@evil.example\r\nReply-To: "),
        (b"To: ", b"To: ben@example.com, "),
        (b"Hello", b"Hallo"),
        (b"boundary=\"=_", b"boundary=\"=_x"),
        (b"Message-ID: <0", b"Message-ID: <1"),
        (b"; s=lp-rsa", b"; s=lp-other"),
    ],
    ids=ascii,
)  # fmt: skip
def test_what_is_changed_on_the_way_is_seen(before: bytes, after: bytes) -> None:
    """Headers replaced, doubled or taken away, and the text: no signature holds any more."""
    key = a_key()
    wire = signed(MESSAGE.as_bytes(), [key])
    changed = wire.replace(before, after, 1)
    assert changed != wire
    assert not holds(changed, key)


@pytest.mark.parametrize(
    "change",
    [
        lambda wire: b"Received: from relay\r\n\tby mx; now\r\n" + wire,
        lambda wire: wire.replace(b"Subject: ", b"SUBJECT:  ", 1),
        lambda wire: wire + b"\r\n\r\n",
        lambda wire: wire.replace(b"To: Ann <", b"To:\r\n Ann  <", 1),
    ],
    ids=["a trace header", "another case", "blank lines at the end", "folded anew"],
)
def test_what_relays_may_do_does_no_harm(change: Callable[[bytes], bytes]) -> None:
    key = a_key()
    wire = change(signed(MESSAGE.as_bytes(), [key]))
    assert holds(wire, key)


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=200)
LINES = st.text("ab \t\n.-=中🎉", max_size=200)


@settings(max_examples=120, deadline=None)
@given(TEXTS | LINES, LINES, st.binary(max_size=300))
def test_any_message_is_signed_so_that_it_verifies(text: str, html: str, file: bytes) -> None:
    """Blanks and blank lines anywhere, no text at all, attachments."""
    key = a_key("ed25519")
    subject = re.sub(r"[\x00-\x1f\x7f]", "", html)
    message = replace(
        MESSAGE, text=text, html=html, subject=subject, attachments=(Attachment("a.bin", file),)
    )
    assert holds(signed(message.as_bytes(), [key]), key)


@pytest.mark.parametrize(
    "body", [b"", b"\r\n", b" \r\n", b"a", b"a\r\n\r\n\r\n", b"\r\n\r\na \r\n"]
)
def test_bodies_at_the_edges_are_read_as_the_standard_reads_them(body: bytes) -> None:
    key = a_key("ed25519")
    wire = signed(b"From: a@acme.example\r\nDate: never\r\n\r\n" + body, [key])
    assert holds(wire, key)


def test_a_repeat_is_the_same_to_the_last_byte() -> None:
    """The time of signing is the message's own, whatever the clock says."""
    keys = [a_key("rsa"), a_key("ed25519")]
    wire = signed(MESSAGE.as_bytes(), keys)
    assert wire == signed(MESSAGE.as_bytes(), keys)
    assert b" t=1772443800;" in wire


def test_without_a_key_nothing_is_changed() -> None:
    assert signed(MESSAGE.as_bytes(), []) == MESSAGE.as_bytes()


def test_a_mail_is_signed_by_the_keys_of_its_own_domain() -> None:
    """A subdomain's too; of a stranger's domain all there are sign, which aligns with nothing."""
    acme, other = a_key(domain="acme.example"), a_key(domain="other.example")
    assert list(keys_for("a@news.acme.example", [acme, other])) == [acme]
    assert list(keys_for("a@OTHER.example", [acme, other])) == [other]
    assert list(keys_for("a@notacme.example", [acme, other])) == [acme, other]
    wire = signed(MESSAGE.as_bytes(), [other, acme])
    assert (b"d=acme.example" in wire, b"d=other.example" in wire) == (True, False)


def test_a_key_is_read_in_every_form_that_people_keep_it_in(tmp_path: Path) -> None:
    """PEM, PEM in one line, Base64 of DER, an Ed25519 seed, and a file of any of them."""
    pem = _pem("rsa")
    der = "".join(pem.splitlines()[1:-1])
    file = tmp_path / "dkim.pem"
    file.write_text(pem)
    traditional = serialization.load_pem_private_key(pem.encode(), None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    written = [pem, pem.replace("\n", "\\n"), der, str(file), f" {pem} ", traditional.decode()]
    found = {read_key(one, domain="d", selector="s", name="K").public for one in written}
    assert found == {a_key().public}
    seed = base64.b64encode(bytes(range(32))).decode()
    assert read_key(seed, domain="d", selector="s", name="K").algorithm == "ed25519-sha256"


@pytest.mark.parametrize(
    "written",
    ["nonsense", "/no/such/file.pem",
     "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
     base64.b64encode(b"x" * 31).decode(), "键", "-----BEGIN PUBLIC KEY-----"],
    ids=ascii,
)  # fmt: skip
def test_what_is_no_key_is_refused_without_being_shown(written: str) -> None:
    with pytest.raises(EnvironmentFault) as refused:
        read_key(written, domain="acme.example", selector="s", name="DKIM_KEY")
    assert "'DKIM_KEY'" in str(refused.value)
    assert written not in str(refused.value)


def test_a_key_of_another_kind_or_too_short_is_refused() -> None:
    with pytest.raises(EnvironmentFault, match="no private key that DKIM can sign with"):
        a_key("curve")
    assert a_key("short").bits == 1024


def test_a_key_shows_nothing_of_itself() -> None:
    assert repr(a_key()).count("private") == 0
