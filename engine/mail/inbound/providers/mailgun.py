"""Mailgun, which signs a time and a random token."""

import hashlib
import hmac
from datetime import datetime, timedelta

from engine.mail.inbound.providers.hook import Fields, HookError, Reports, check_age, inside
from engine.mail.inbound.returned import Returned

WINDOW = timedelta(days=1)
"""Mailgun repeats for eight hours what was not taken."""


def check(report: Fields, now: datetime, key: str) -> None:
    """That Mailgun signed the report.

    The body is not under the signature, so the report must have come by https.

    Raises:
        HookError: it did not.
    """
    signed = inside(report, "signature")
    at, token = str(signed.get("timestamp") or ""), str(signed.get("token") or "")
    wanted = hmac.new(key.encode(), f"{at}{token}".encode(), hashlib.sha256).hexdigest()
    if not token or not hmac.compare_digest(
        str(signed.get("signature") or "").encode(), wanted.encode()
    ):
        raise HookError("the signature is not right")
    check_age(at, now, WINDOW)


def read(report: Fields, reports: Reports) -> list[Returned]:
    """What a report that was checked says came back; other events are left out."""
    event = inside(report, "event-data")
    mail = inside(event, "message", "headers").get("message-id")
    path = inside(event, "envelope").get("sender")
    id, recipient = event.get("id"), event.get("recipient")
    if event.get("event") == "complained":
        return [reports.complaint(id, recipient=recipient, message_id=mail, path=path)]
    if event.get("event") != "failed":
        return []
    status = inside(event, "delivery-status")
    said = f"{status.get('code') or ''} {status.get('message') or status.get('description') or ''}"
    if event.get("severity") == "temporary":
        return [reports.delay(id, recipient=recipient, said=said, message_id=mail, path=path)]
    if event.get("reason") == "suppress-complaint":
        return [reports.complaint(id, recipient=recipient, message_id=mail, path=path)]
    hard = True if event.get("reason") == "suppress-bounce" else None
    return [
        reports.bounce(
            id, recipient=recipient, said=said, status=status.get("enhanced-code"), hard=hard,
            message_id=mail, path=path,
        )
    ]  # fmt: skip
