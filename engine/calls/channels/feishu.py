"""Feishu (飞书) and Lark group robots: signed in the body, 20 KB, 100 messages a minute.

The key of the signature is the time and the secret together, and what is signed is empty. Failures
come with status 200 and a `code`.
"""

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any

from engine.calls.channels.adapter import Adapter, Address, Notice, by_code, fitting, posted
from engine.calls.client import Request
from engine.calls.verdicts import Again, Answer, Refused, Verdict

MOST_BYTES = 18_000
_LATER = {11232: timedelta(minutes=1), 11233: timedelta(minutes=1)}
"""Too many messages, from one robot or from the whole tenant."""


def write(notice: Notice, address: Address) -> Request:
    """A text message; whoever is mentioned is pinged by the id that Feishu knows."""
    # A tag `<at user_id="all">` in a text pings everybody: what leads write must not.
    text = notice.text.replace("<at", "＜at")
    mention = notice.mention
    if mention and mention.handle:
        handle = mention.handle.replace('"', "")
        text = f'<at user_id="{handle}">{mention.name.replace("<", "＜")}</at> {text}'
    elif mention:
        text = f"@{mention.name} {text}"
    payload: dict[str, Any] = {"msg_type": "text", "content": {"text": fitting(text, MOST_BYTES)}}
    if address.secret:
        seconds = str(int(notice.at.timestamp()))
        payload = {"timestamp": seconds, "sign": _sign(seconds, address.secret), **payload}
    return posted(address.url, payload)


def _sign(seconds: str, secret: str) -> str:
    key = f"{seconds}\n{secret}".encode()
    return base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()


def judge(answer: Answer, now: datetime) -> Verdict:
    """0 is success; 9499 means a wrong body, or too many requests: its text says which."""
    found = by_code(answer, now, names=("code", "StatusCode"), text="msg", later=_LATER)
    if isinstance(found, Refused) and "9499" in found.why and "too many" in found.why.lower():
        return Again(found.why, timedelta(minutes=1))
    return found


ADAPTER = Adapter(write, judge, 100, timedelta(minutes=1), MOST_BYTES)
