"""Postmark, which logs in with a user and a password of our choosing; it signs nothing."""

import base64
import hmac
from collections.abc import Mapping

from engine.mail.inbound.providers.hook import HookError, Reports, as_fields
from engine.mail.inbound.returned import Returned

_HARD = {"HardBounce", "BadEmailAddress", "AddressChange"}
_IGNORED = {"AutoResponder", "Subscribe", "Unsubscribe", "OpenRelayTest", "TestMessage"}


def check(headers: Mapping[str, str], login: str) -> None:
    """That the login is ours.

    Raises:
        HookError: it is not.
    """
    given = headers.get("authorization", "")
    wanted = "Basic " + base64.b64encode(login.encode()).decode()
    if not hmac.compare_digest(given.encode(), wanted.encode()):
        raise HookError("the login is not right")


def read(body: bytes, reports: Reports) -> list[Returned]:
    """What a body that was checked says came back; other records are left out."""
    record = as_fields(body)
    id, recipient, kind = record.get("ID"), record.get("Email"), str(record.get("Type"))
    if record.get("RecordType") == "SpamComplaint" or kind == "SpamComplaint":
        return [reports.complaint(id, recipient=recipient)]
    if record.get("RecordType") != "Bounce" or kind in _IGNORED:
        return []
    said = record.get("Details") or record.get("Description")
    if kind in {"DnsError", "Transient"}:
        return [reports.bounce(id, recipient=recipient, said=said, hard=False)]
    hard = True if kind in _HARD else False if kind == "SoftBounce" else None
    return [reports.bounce(id, recipient=recipient, said=said, hard=hard)]
