"""WeCom (企业微信) group robots: text of 2,048 bytes at most, 20 messages a minute.

Failures come with status 200 and an `errcode`. A robot's address holds its key: it is a secret.
"""

from datetime import datetime, timedelta
from typing import Any

from engine.calls.channels.adapter import Adapter, Address, Notice, by_code, cut, posted
from engine.calls.client import Request
from engine.calls.verdicts import Answer, Verdict

MOST_BYTES = 2048
_MINUTE = timedelta(minutes=1)
_LATER = {-1: timedelta(), 45009: _MINUTE, 45033: timedelta(seconds=10), 45011: _MINUTE}
"""The system is busy; too many messages; too many at once; too often."""


def write(notice: Notice, address: Address) -> Request:
    """A text message; whoever is mentioned is pinged by id, or else by number."""
    # `<@id>` in a text pings people: what leads write must not.
    text = notice.text.replace("<@", "＜@")
    content: dict[str, Any] = {"content": cut(text, MOST_BYTES)}
    mention = notice.mention
    if mention and mention.handle:
        content["mentioned_list"] = [mention.handle]
    elif mention and mention.phone:
        content["mentioned_mobile_list"] = [mention.phone]
    elif mention:
        content["content"] = cut(f"@{mention.name} {text}", MOST_BYTES)
    return posted(address.url, {"msgtype": "text", "text": content})


def judge(answer: Answer, now: datetime) -> Verdict:
    """0 is success; a few codes mean later; the others (a wrong key, for instance) are for good."""
    return by_code(answer, now, names=("errcode",), text="errmsg", later=_LATER)


ADAPTER = Adapter(write, judge, 20, _MINUTE, MOST_BYTES)
