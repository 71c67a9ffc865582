"""The reasons that the ledger gives in sentences, as words of a small fixed set.

Metrics and `longplay top` count by them: a sentence of a mail server's may hold an address.
"""

from engine.operations.pacer import GOES_APART, HAS_PLACE, HAS_SLOT

OTHER = "other"

_DEFERRED = {
    "the enrollment is paused": "enrollment_paused",
    "paused": "brake",
    "outside the send window": "window",
    "over the cap": "cap",
    HAS_SLOT: "rate",
    HAS_PLACE: "room",
    GOES_APART: "slow",
    "the mail account": "account_down",
    "by '": "account_down",
    "greylisted:": "greylisted",
    "throttled:": "throttled",
    "host:": "host",
    "mailbox:": "mailbox",
    "sender_fault:": "sender_fault",
    "configuration:": "configuration",
    "in doubt": "in_doubt",
    "answered ": "answer",
    "it is busy": "busy",
    "no answer": "not_sent",
    "no connection": "not_sent",
    "the connection broke": "not_sent",
    "the sender ran out of time": "not_sent",
}
_SKIPPED = {
    "the enrollment has left this step": "left_step",
    "the lead has no address": "no_address",
    "expired": "expired",
    "over the cap": "cap",
    "unsubscribed": "unsubscribed",
    "the address is suppressed": "suppressed",
    "no consent": "no_consent",
    "no confirmed consent": "no_consent",
}
LONGEST = max(map(len, [*_DEFERRED, *_SKIPPED]))
"""Characters of a sentence that say which word it is."""


def why_deferred(reason: str) -> str:
    """What a message waits for."""
    return _first(_DEFERRED, reason)


def why_skipped(reason: str) -> str:
    """Why a message is never sent."""
    return _first(_SKIPPED, reason)


def _first(words: dict[str, str], reason: str) -> str:
    return next((word for start, word in words.items() if reason.startswith(start)), OTHER)
