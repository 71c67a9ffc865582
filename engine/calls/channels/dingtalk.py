"""DingTalk (钉钉) group robots: signed in the address, 20,000 bytes, 20 messages a minute.

Whoever sends more is shut out for ten minutes. Failures come with status 200 and an `errcode`.
"""

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from engine.calls.channels.adapter import Adapter, Address, Notice, by_code, fitting, posted
from engine.calls.client import Request
from engine.calls.verdicts import Answer, Verdict

MOST_BYTES = 18_000
"""Of text; the whole body may have 20,000."""

_LATER = {-1: timedelta(), 130101: timedelta(minutes=10), 410100: timedelta(minutes=10)}
"""The system is busy; sent too fast: then the robot is silenced for ten minutes."""


def write(notice: Notice, address: Address) -> Request:
    """A text message; whoever is mentioned must also stand in the text."""
    text, at = notice.text, {}
    mention = notice.mention
    if mention:
        known = mention.handle or mention.phone
        text = f"@{known or mention.name} {text}"
        if known:
            at = {"atUserIds" if mention.handle else "atMobiles": [known]}
    payload: dict[str, Any] = {"msgtype": "text", "text": {"content": fitting(text, MOST_BYTES)}}
    if at:
        payload["at"] = {**at, "isAtAll": False}
    return posted(_signed(address, notice.at), payload)


def _signed(address: Address, at: datetime) -> str:
    """The address with the time in milliseconds and the signature, if the robot has a secret."""
    if not address.secret:
        return address.url
    millis = str(int(at.timestamp() * 1000))
    content = f"{millis}\n{address.secret}".encode()
    digest = hmac.new(address.secret.encode(), content, hashlib.sha256).digest()
    query = urlencode({"timestamp": millis, "sign": base64.b64encode(digest).decode()})
    return f"{address.url}{'&' if '?' in address.url else '?'}{query}"


def judge(answer: Answer, now: datetime) -> Verdict:
    """0 is success; 310000 (keyword, signature or address not allowed) and others are for good."""
    return by_code(answer, now, names=("errcode",), text="errmsg", later=_LATER)


ADAPTER = Adapter(write, judge, 20, timedelta(minutes=1), MOST_BYTES)
