"""SendGrid's signed event webhook: ECDSA over the time and the body."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from engine.mail.inbound.providers.hook import (
    HookError,
    Reports,
    as_list,
    check_age,
    decoded,
    need_cryptography,
)
from engine.mail.inbound.returned import Returned

WINDOW = timedelta(days=1)
"""SendGrid repeats what was not taken for so long."""

_HEADER = "x-twilio-email-event-webhook-"
_DROPPED_DEAD = ("bounced address", "invalid")
_DROPPED_SPAM = "spam reporting address"


def check(headers: Mapping[str, str], body: bytes, now: datetime, public_key: str) -> None:
    """That SendGrid signed the body.

    Raises:
        HookError: it did not.
        EnvironmentFault: signatures cannot be checked here.
    """
    need_cryptography()
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    at = headers.get(f"{_HEADER}timestamp", "")
    signature = decoded(headers.get(f"{_HEADER}signature", ""))
    try:
        key = load_der_public_key(decoded(public_key))
    except (ValueError, UnsupportedAlgorithm):
        raise HookError("LONGPLAY_HOOK_SENDGRID_KEY is no public key") from None
    if not isinstance(key, EllipticCurvePublicKey):
        raise HookError("LONGPLAY_HOOK_SENDGRID_KEY is a key of another kind")
    try:
        key.verify(signature, at.encode() + body, ECDSA(SHA256()))
    except InvalidSignature:
        raise HookError("the signature is not right") from None
    check_age(at, now, WINDOW)


def read(body: bytes, reports: Reports) -> list[Returned]:
    """What a body that was checked says came back; other events are left out."""
    found = []
    for one in as_list(body):
        id, recipient, mail = one.get("sg_event_id"), one.get("email"), one.get("smtp-id")
        reason = str(one.get("reason") or "")
        match one.get("event"):
            case "bounce":
                hard = False if one.get("type") == "blocked" else None
                found.append(reports.bounce(id, recipient=recipient, message_id=mail, hard=hard,
                                            said=reason, status=one.get("status")))  # fmt: skip
            case "dropped" if reason.lower().startswith(_DROPPED_DEAD):
                found.append(reports.bounce(id, recipient=recipient, message_id=mail, hard=True,
                                            said=f"550 {reason}"))  # fmt: skip
            case "spamreport":
                found.append(reports.complaint(id, recipient=recipient, message_id=mail))
            case "dropped" if reason.lower().startswith(_DROPPED_SPAM):
                found.append(reports.complaint(id, recipient=recipient, message_id=mail))
            case "deferred":
                said = one.get("response") or reason
                found.append(reports.delay(id, recipient=recipient, message_id=mail, said=said))
    return found
