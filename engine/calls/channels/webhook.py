"""A place of one's own: the notice as JSON, signed as the `webhook` step's calls are."""

from datetime import datetime, timedelta

from engine.calls.channels.adapter import Adapter, Address, Notice, as_json, cut
from engine.calls.client import Request
from engine.calls.signing import read_secret, signed
from engine.calls.verdicts import Answer, Verdict, by_status

MOST_BYTES = 100_000


def write(notice: Notice, address: Address) -> Request:
    """`type`, `timestamp` and `data`, after the Standard Webhooks convention."""
    mention = notice.mention
    body = as_json(
        {
            "type": "notice",
            "timestamp": notice.written_at.isoformat(timespec="seconds"),
            "data": {
                "text": cut(notice.text, MOST_BYTES),
                "mention": mention.name if mention else None,
                **notice.about,
            },
        }
    )
    keys = (read_secret(address.secret),) if address.secret else address.keys
    headers = (
        ("content-type", "application/json; charset=utf-8"),
        *signed(notice.id, notice.at, body, keys),
    )
    return Request("POST", address.url, headers, body)


def judge(answer: Answer, now: datetime) -> Verdict:
    """Whatever the status says."""
    return by_status(answer, now)


ADAPTER = Adapter(write, judge, 600, timedelta(minutes=1), MOST_BYTES)
