"""Whose fault a bounce is: from a status, a reply's code and words, to hard or soft and a cause.

The words and codes of SMTP replies are `engine.mail.transports.replies`'s; a report adds codes of
its own, and says also that a message was given up after days of trying.
"""

import re

from engine.mail.inbound.returned import Kind
from engine.mail.transports import replies
from engine.mail.transports.port import Deferred, Rejected, RejectionClass, Reply

_STATUS = re.compile(r"(?<![\d.])([245]\.[0-7]\.\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\d.:/#-])([45][0-7]\d)(?=[\s\-:,;)]|$)")
_NO_HOST = re.compile(
    r"(host|domain)( name)? (was |is )?not found|NXDOMAIN|(no such|unknown) (host|domain)"
    r"|domain .{0,80}(does not|doesn't) exist|unrouteable (mail )?(address|domain)"
    r"|域名(不存在|错误|无法解析)|无法找到(收件人)?域名|找不到.{0,10}域名",
    re.I,
)
_NOBODY = re.compile(
    r"no mailbox here by that name|(mailbox|user|account|address) (is )?unavailable or does not"
    r"|address (couldn't|could not|wasn't) be? ?found|doesn't have (a|an) .{0,40}account"
    r"|(e-?mail|address).{0,80}(couldn't|could not|cannot) be found|recipientnotfound"
    r"|not a valid (mailbox|recipient|user)|does not like recipient"
    r"|address no longer (accepts|exists)|user .{0,60} (not found|unknown|doesn't exist)"
    r"|mailbox (unavailable|not available)\b.{0,40}(not found|unknown|no such)"
    r"|宛先.{0,20}(見つかりません|存在しません)|收件人邮件地址.{0,4}不存在|该用户不存在"
    r"|(收件人|收信人|对方|邮箱|帐号|账号|用户).{0,16}不存在",
    re.I,
)
SOFT_CAUSES = frozenset({"mailbox", "host", "unknown", "greylisted"})
"""Causes that speak about the address: repeated, they suppress it. The others are our own fault."""


def judged(text: str, *, status: str = "", gave_up: bool = True) -> tuple[Kind, str, str]:
    """What a bounce says: its kind, the cause, and the enhanced code.

    Args:
        text: what the other server said, in one line or a few.
        status: the enhanced code, where it is given apart.
        gave_up: whether delivery is over; else it is only delayed.
    """
    reply = _reply(text, status)
    if not gave_up:
        return Kind.DELAYED, _deferral(reply), reply.enhanced
    if _NO_HOST.search(text) and not reply.enhanced.startswith(("4.", "5.7.")):
        return Kind.HARD_BOUNCE, RejectionClass.HARD_BOUNCE.value, reply.enhanced
    outcome = replies.classify(reply)
    if isinstance(outcome, Rejected):
        if outcome.cause is RejectionClass.UNKNOWN and _NOBODY.search(text):
            return Kind.HARD_BOUNCE, RejectionClass.HARD_BOUNCE.value, reply.enhanced
        hard = outcome.cause is RejectionClass.HARD_BOUNCE
        return Kind.HARD_BOUNCE if hard else Kind.SOFT_BOUNCE, outcome.cause.value, reply.enhanced
    return Kind.SOFT_BOUNCE, _deferral(reply), reply.enhanced


def has_code(text: str) -> bool:
    """Whether a text holds an SMTP code."""
    return _STATUS.search(text) is not None or _CODE.search(text) is not None


def has_words(text: str) -> bool:
    """Whether a text says in words that there is no such recipient."""
    return bool(_NOBODY.search(text) or _NO_HOST.search(text))


def _deferral(reply: Reply) -> str:
    outcome = replies.classify(reply)
    return outcome.cause.value if isinstance(outcome, Deferred | Rejected) else "unknown"


def _reply(text: str, status: str) -> Reply:
    """The reply in a text. A status that says nothing (`5.0.0`) gives way to one in the text."""
    inside = [found for found in _STATUS.findall(text) if found[0] in "45"]
    says_nothing = not _STATUS.match(status) or status.endswith(".0.0")
    if says_nothing and inside:
        status = inside[0]
    code = _CODE.search(text)
    number = int(code[1]) if code else 450 if status.startswith("4") else 550
    if status and status[0] in "45" and status[0] != str(number)[0]:
        number = 450 if status[0] == "4" else 550
    if number == 421 and not status:
        number = 450
    enhanced = "" if not status or status[0] not in "45" or status.endswith(".0.0") else status
    return Reply(number, enhanced, " ".join(text.split())[:500])
