"""Slack's incoming webhooks: text of 40,000 characters, one message a second."""

from datetime import datetime, timedelta

from engine.calls.channels.adapter import Adapter, Address, Notice, cut, posted
from engine.calls.client import Request
from engine.calls.verdicts import Answer, Verdict, by_status

MOST_BYTES = 39_000


def write(notice: Notice, address: Address) -> Request:
    """A text message. Three signs control Slack's markup, and are written as entities."""
    text = _escaped(cut(notice.text, MOST_BYTES))
    mention = notice.mention
    if mention and mention.handle:
        text = f"<@{_escaped(mention.handle)}> {text}"
    elif mention:
        text = f"@{_escaped(mention.name)} {text}"
    return posted(address.url, {"text": text})


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def judge(answer: Answer, now: datetime) -> Verdict:
    """Slack says it with the status; 429 comes with `Retry-After`."""
    return by_status(answer, now)


ADAPTER = Adapter(write, judge, 60, timedelta(minutes=1), MOST_BYTES)
