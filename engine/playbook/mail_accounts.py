"""How `longplay.yaml` names the servers that mail leaves by, and the keys that it is signed with.

Addresses with passwords and private keys stand in the environment: here is only where to look.
"""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from engine.playbook.fields import Frozen, Name, Names, Text
from engine.playbook.workspace_values import RateText
from engine.playbook.written import flaw, text

DEFAULT_ACCOUNT = "default"
"""The account of `LONGPLAY_SMTP_URL`, which all mail goes by that names no other."""

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_SELECTOR = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\Z")
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+\Z")
_VARIABLE = re.compile(r"\$\{\w+\}")
_URL = re.compile(r"smtps?://[^\s/]+/?(?:\?\S*)?\Z")


def account_url(value: object) -> str:
    """`${NAME}`, or an address with no password in it."""
    found = text(value).strip()
    if not found or found.startswith("${"):
        return found
    if not _URL.match(found):
        raise flaw(
            "bad-mail-account",
            f"'{_VARIABLE.sub('…', found)[:60]}' is no address of a mail server",
            "write `${NAME}`, and set NAME=smtp://user:password@mail.example:587?starttls=required",
        )
    password = found.partition("://")[2].rpartition("@")[0].partition(":")[2]
    if password and not _VARIABLE.search(password):
        raise flaw(
            "secret-in-the-clear",
            "the password of a mail server can be read by everybody here",
            "put the whole address into the environment and write `${NAME}`",
        )
    return found


def selector_name(value: object) -> str:
    """The name under which a public key is published."""
    return _named(value, _SELECTOR, "selector", "write it like `longplay1`")


def signing_domain(value: object) -> str:
    """The domain that a key signs for; empty: that of `from`."""
    found = text(value).strip()
    return _named(found, _DOMAIN, "domain", "write it like `acme.example`") if found else ""


def _named(value: object, shape: re.Pattern[str], what: str, hint: str) -> str:
    found = text(value).strip().lower()
    if not shape.match(found):
        raise flaw("bad-dkim-key", f"'{found}' is no {what} of a DKIM key", hint)
    return found


def private_key(value: object) -> str:
    """`${NAME}`: the key itself never stands in a file that is shared."""
    found = text(value).strip()
    if not re.fullmatch(_VARIABLE, found):
        raise flaw(
            "secret-in-the-clear",
            "a private key can be read by everybody here",
            "put it, or the path of its file, into the environment and write `${NAME}`",
        )
    return found


def _text_of(example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "examples": [example]})


class MailAccount(Frozen):
    """A server that mail leaves by, as one user of it."""

    url: Annotated[str, BeforeValidator(account_url), _text_of("${NEWS_SMTP_URL}")] = Field(
        "", description="its address, as `${NAME}`; that of `default` is `LONGPLAY_SMTP_URL`"
    )
    topics: Names = Field((), description="mail about these topics goes by it")
    rate: RateText | None = Field(None, description="mails at most; left out: no limit of its own")
    fallback: Name = Field("", description="the account that mail goes by while this one is down")


class DkimKey(Frozen):
    """A key that mail is signed with."""

    selector: Annotated[str, BeforeValidator(selector_name), _text_of("longplay1")] = Field(
        description="the name its public half is published under"
    )
    key: Annotated[Text, BeforeValidator(private_key), _text_of("${DKIM_KEY}")] = Field(
        description="the private key, PEM or Base64, or the path of its file, as `${NAME}`"
    )
    domain: Annotated[str, BeforeValidator(signing_domain), _text_of("acme.example")] = Field(
        "", description="the domain it signs for; left out: that of `from`"
    )
