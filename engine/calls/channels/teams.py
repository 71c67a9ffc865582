"""Microsoft Teams, by a workflow's webhook: an Adaptive Card of 28 KB, four messages a second.

The older connectors answer 200 even when Teams refused, and say so in the text.
"""

from datetime import datetime, timedelta
from typing import Any

from engine.calls.channels.adapter import Adapter, Address, Notice, fitting, posted
from engine.calls.client import Request
from engine.calls.verdicts import Again, Answer, Refused, Taken, Verdict, by_status

MOST_BYTES = 20_000
_CARD = "application/vnd.microsoft.card.adaptive"
_SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"
_FAILED = "delivery failed"


def write(notice: Notice, address: Address) -> Request:
    """A card with the text, a block for each paragraph."""
    text = notice.text.replace("<at>", "＜at>")
    card: dict[str, Any] = {"$schema": _SCHEMA, "type": "AdaptiveCard", "version": "1.4"}
    mention = notice.mention
    if mention:
        text = f"<at>{mention.name}</at> {text}" if mention.handle else f"@{mention.name} {text}"
    if mention and mention.handle:
        pinged = {"id": mention.handle, "name": mention.name}
        tag = f"<at>{mention.name}</at>"
        card["msteams"] = {"entities": [{"type": "mention", "text": tag, "mentioned": pinged}]}
    card["body"] = [
        {"type": "TextBlock", "text": part, "wrap": True}
        for part in _parts(fitting(text, MOST_BYTES))
    ]
    attachment = {"contentType": _CARD, "contentUrl": None, "content": card}
    return posted(address.url, {"type": "message", "attachments": [attachment]})


def _parts(text: str) -> list[str]:
    """Lines as blocks of their own, because a card runs single ones together."""
    lines = [line for line in text.splitlines() if line.strip()]
    return [*lines[:40], *([" ".join(lines[40:])] if len(lines) > 40 else [])] or [" "]


def judge(answer: Answer, now: datetime) -> Verdict:
    """The status; of a connector's 200 also the text."""
    found = by_status(answer, now)
    said = answer.text.lower()
    if isinstance(found, Taken) and _FAILED in said:
        if "429" in said or " 5" in said.partition("error")[2]:
            return Again(answer.shown, timedelta(minutes=1))
        return Refused(answer.shown)
    return found


ADAPTER = Adapter(write, judge, 120, timedelta(minutes=1), MOST_BYTES)
