"""Resend, which signs as Svix does: an id, a time and the body."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta

from engine.mail.inbound.providers.hook import (
    HookError,
    Reports,
    as_fields,
    check_age,
    each,
    inside,
)
from engine.mail.inbound.returned import Returned

WINDOW = timedelta(minutes=5)
_PREFIX = "whsec_"


def check(headers: Mapping[str, str], body: bytes, now: datetime, secret: str) -> None:
    """That Resend signed the body.

    Raises:
        HookError: it did not.
    """
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise HookError("LONGPLAY_HOOK_RESEND_SECRET is no signing secret") from None
    id, at = headers.get("svix-id", ""), headers.get("svix-timestamp", "")
    content = b".".join((id.encode(), at.encode(), body))
    wanted = base64.b64encode(hmac.digest(key, content, hashlib.sha256))
    given = [one.partition(",")[2] for one in headers.get("svix-signature", "").split()[:10]]
    if sum(hmac.compare_digest(one.encode(), wanted) for one in given) == 0:
        raise HookError("the signature is not right")
    check_age(at, now, WINDOW)


def read(body: bytes, reports: Reports) -> list[Returned]:
    """What a body that was checked says came back; other events are left out."""
    event = as_fields(body)
    data = inside(event, "data")
    to = data.get("to")
    recipient = (to[0] if to else "") if isinstance(to, list) else to
    ids = [one.get("value") for one in each(data, "headers")
           if str(one.get("name")).lower() == "message-id"]  # fmt: skip
    mail = ids[0] if ids else data.get("message_id")
    id = data.get("email_id")
    match event.get("type"):
        case "email.bounced":
            bounce = inside(data, "bounce")
            hard = {"Permanent": True, "Transient": False}.get(str(bounce.get("type")))
            said = bounce.get("message")
            return [reports.bounce(id, recipient=recipient, said=said, hard=hard, message_id=mail)]
        case "email.complained":
            return [reports.complaint(id, recipient=recipient, message_id=mail)]
        case "email.delivery_delayed":
            return [reports.delay(id, recipient=recipient, message_id=mail)]
        case _:
            return []
