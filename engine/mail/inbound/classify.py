"""A letter that came back, as one value; pure, bounded, and never raising.

The order matters: reports in standard form, then bounces in free text, then machines, then people.
A letter that names no message of ours in any way is unrelated, whatever it says.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from engine.mail.inbound.automatic import is_automatic, is_challenge
from engine.mail.inbound.freetext import looks_like_bounce, message_ids_in, plain_bounce
from engine.mail.inbound.letter import MOST_BYTES, Letter, read_letter
from engine.mail.inbound.reports import abuse_report, address_in, delivery_report
from engine.mail.inbound.returned import Kind, Returned, key_of
from engine.mail.return_path import ReturnSigner

_ID = re.compile(r"<[^<>\s]{3,250}>")
_OURS = re.compile(r"<[0-9a-hjkmnp-tv-z]{20}@[^<>\s@]{1,200}>\Z")
_ADDRESSED = (
    "delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to", "to", "cc",
    "x-forwarded-to", "x-original-recipient",
)  # fmt: skip
_RECEIPTS = ("disposition-notification", "tlsrpt", "auth-failure")


def classify(content: bytes, returns: ReturnSigner | None = None, *, sent_to: str = "") -> Returned:
    """What a letter is.

    Args:
        content: its bytes, as they came.
        returns: knows our return paths; None: none were ever made.
        sent_to: the envelope's recipient, where the server tells it.
    """
    letter = read_letter(content)
    blank = _blank(letter, content, returns, sent_to)
    if letter.report in _RECEIPTS:
        return blank
    for read in (abuse_report, delivery_report, plain_bounce):
        found = read(letter, blank)
        if found is not None:
            return found if found.job or found.message_ids else replace(found, kind=Kind.UNRELATED)
    if not blank.job and not blank.message_ids:
        return blank
    sender = address_in(letter.first("from"))
    about = letter.first("subject")
    if is_challenge(letter):
        found = Returned(Kind.AUTO_REPLY, blank.key, blank.job, blank.message_ids, sender,
                         cause="challenge")  # fmt: skip
    elif is_automatic(letter) or "<>" in letter.every("return-path"):
        found = Returned(Kind.AUTO_REPLY, blank.key, blank.job, blank.message_ids, sender)
    else:
        found = Returned(Kind.REPLY, blank.key, blank.job, blank.message_ids, sender)
    return found.about(about)


def _blank(letter: Letter, content: bytes, returns: ReturnSigner | None, sent_to: str) -> Returned:
    """What can be said before anything is known of its kind."""
    addressed = "\n".join([sent_to, letter.every(*_ADDRESSED)])
    job = returns.job_in(addressed) if returns else None
    is_report = (
        bool(letter.report) or looks_like_bounce(letter) or letter.has("x-failed-recipients")
    )
    quoted = message_ids_in(letter.copy) if is_report else []
    if is_report:
        quoted += message_ids_in(letter.text)
        quoted += [text for part in letter.parts if part.kind == "message/feedback-report"
                   for text in message_ids_in(part.text)]  # fmt: skip
        if job is None and returns is not None:
            job = returns.job_in("\n".join([letter.copy, *(one.text for one in letter.parts)]))
    thread = (
        _ID.findall(letter.first("in-reply-to")) + _ID.findall(letter.first("references"))[::-1]
    )
    ids = [one for one in _unique([*quoted, *thread]) if _OURS.match(one)]
    own = letter.first("message-id")
    key = key_of("letter", own) if own else key_of("bytes", content[:MOST_BYTES])
    return Returned(Kind.UNRELATED, key, job or "", tuple(ids[:10]))


def _unique(found: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(found))
