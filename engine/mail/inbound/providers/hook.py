"""What all providers' reports have in common: secrets, refusals, times, and careful reading."""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from engine.errors import EnvironmentFault
from engine.mail.inbound.returned import Kind, Returned, key_of
from engine.mail.inbound.verdicts import judged
from engine.mail.return_path import ReturnSigner

MOST_REPORTS = 5_000
_AHEAD = timedelta(minutes=5)

Fields = Mapping[str, object]


class HookError(Exception):
    """A report that is not believed, or cannot be read; the text says why, and no secret."""


@dataclass(frozen=True, slots=True)
class HookSecrets:
    """What the providers' reports are checked with; empty: nothing is taken from that provider.

    Attributes:
        ses_topics: the ARNs of the SNS topics that may report.
        sendgrid_key: the public key of the signed event webhook, as SendGrid shows it.
        postmark_login: `user:password` that Postmark logs in with.
        mailgun_key: the webhook signing key.
        resend_secret: the signing secret, `whsec_…`.
    """

    ses_topics: tuple[str, ...] = ()
    sendgrid_key: str = ""
    postmark_login: str = ""
    mailgun_key: str = ""
    resend_secret: str = ""


@dataclass(frozen=True, slots=True)
class Reports:
    """How a provider's words become what came back."""

    provider: str
    returns: ReturnSigner | None = None

    def bounce(
        self,
        id: object,
        *,
        recipient: object,
        said: object = "",
        status: object = "",
        hard: bool | None = None,
        message_id: object = "",
        path: object = "",
    ) -> Returned:
        """A mail that was not delivered.

        Args:
            id: the provider's own of the report.
            recipient: the address.
            said: what the other server said.
            status: the enhanced code.
            hard: whether the provider is sure that the address is dead; None: the words decide.
            message_id: the mail's Message-ID, with or without angle brackets.
            path: the envelope's sender.
        """
        text = str(said or "")[:1_000]
        kind, cause, code = judged(text or str(status or ""), status=str(status or ""))
        if hard is True and cause in ("unknown", "hard_bounce", "mailbox", "host"):
            kind, cause = Kind.HARD_BOUNCE, "hard_bounce"
        elif hard is False and kind is Kind.HARD_BOUNCE:
            kind, cause = Kind.SOFT_BOUNCE, "unknown"
        return self._one(kind, id, recipient, message_id, path, cause, code).about(text)

    def complaint(
        self, id: object, *, recipient: object, cause: object = "abuse", message_id: object = "",
        path: object = "",
    ) -> Returned:  # fmt: skip
        """A mail that its recipient reported as spam."""
        about = str(cause or "abuse")[:40]
        return self._one(Kind.COMPLAINT, id, recipient, message_id, path, about, "")

    def delay(
        self, id: object, *, recipient: object, said: object = "", message_id: object = "",
        path: object = "",
    ) -> Returned:  # fmt: skip
        """A mail that the provider still tries to deliver."""
        text = str(said or "")[:1_000]
        _, cause, code = judged(text, gave_up=False)
        return self._one(Kind.DELAYED, id, recipient, message_id, path, cause, code).about(text)

    def _one(
        self,
        kind: Kind,
        id: object,
        recipient: object,
        message_id: object,
        path: object,
        cause: str,
        status: str,
    ) -> Returned:
        bare = str(message_id or "").strip().strip("<>")[:250]
        job = self.returns.job_in(str(path or "")) if self.returns else None
        key = key_of(self.provider, str(id))
        ids = (f"<{bare}>",) if bare else ()
        address = str(recipient or "").strip()[:320]
        return Returned(kind, key, job or "", ids, address, status, cause, is_vouched=True)


def as_fields(body: bytes | str) -> Fields:
    """A JSON object.

    Raises:
        HookError: it is something else.
    """
    found = _json(body)
    if not isinstance(found, dict):
        raise HookError("the report is no JSON object")
    return found


def as_list(body: bytes) -> list[Fields]:
    """A JSON array of objects.

    Raises:
        HookError: it is something else.
    """
    found = _json(body)
    if not isinstance(found, list):
        raise HookError("the report is no JSON array")
    return [one for one in found[:MOST_REPORTS] if isinstance(one, dict)]


def _json(body: bytes | str) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise HookError("the report is no JSON") from None


def inside(fields: Fields, *path: str) -> Fields:
    """The object at this path; empty when there is none."""
    for name in path:
        found = fields.get(name)
        fields = found if isinstance(found, Mapping) else {}
    return fields


def each(fields: Fields, name: str) -> Iterator[Fields]:
    """The objects in the list of that name."""
    found = fields.get(name)
    for one in found[:MOST_REPORTS] if isinstance(found, list) else ():
        if isinstance(one, Mapping):
            yield one


def check_age(written: str, now: datetime, within: timedelta) -> None:
    """That a signed time is near: seconds since 1970, or ISO 8601.

    Raises:
        HookError: it is long ago, or still to come.
    """
    try:
        at = datetime.fromtimestamp(int(written), UTC) if written.isdigit() else (
            datetime.fromisoformat(written))  # fmt: skip
        age = now - at
    except (ValueError, OverflowError, OSError, TypeError):
        raise HookError("the report does not say when it was signed") from None
    if age > within or age < -_AHEAD:
        raise HookError("the report was signed too long ago, or our clock is wrong")


def decoded(written: str) -> bytes:
    """What Base64 says.

    Raises:
        HookError: it is none.
    """
    try:
        return base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        raise HookError("the signature is no Base64") from None


def need_cryptography() -> None:
    """That public keys can be worked with.

    Raises:
        EnvironmentFault: the library is not installed.
    """
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise EnvironmentFault(
            "signatures of this provider cannot be checked: 'cryptography' is not installed",
            help="run: pip install 'longplay[encryption]'",
        ) from error
