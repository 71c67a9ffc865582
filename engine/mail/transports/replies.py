"""The meaning of SMTP replies: a pure table from code, enhanced code and text to an outcome.

The enhanced code counts first, then words that providers are known for, then the basic code.
Doubtful cases are read in the lead's favor: an address is suppressed only when the reply says
that there is no such address.
"""

import re
from dataclasses import replace
from datetime import timedelta

from engine.mail.transports.port import (
    Accepted,
    DeferralClass,
    Deferred,
    InDoubt,
    NotSent,
    Rejected,
    RejectionClass,
    Reply,
)

RETRY_AFTER: dict[DeferralClass, timedelta] = {
    DeferralClass.GREYLISTED: timedelta(minutes=5),
    DeferralClass.THROTTLED: timedelta(minutes=15),
    DeferralClass.HOST: timedelta(minutes=1),
    DeferralClass.MAILBOX: timedelta(hours=4),
}

_ENHANCED = re.compile(r"^([245]\.\d{1,3}\.\d{1,3})(?=\s|$|[:;,\-])[:;,\-]?\s*")
_ENHANCED_INSIDE = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?![\d.])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")
_TEXT_LIMIT = 500

_GREYLIST = re.compile(r"gr[ea]y.?list|postgrey|灰名单|灰名單", re.I)
_MAILBOX = re.compile(
    r"over ?quota|mailbox (is )?full|quota exceeded|insufficient (system )?storage"
    r"|邮箱(空间)?(已)?满|空间不足|信箱(已)?滿|超过.{0,4}配额",
    re.I,
)
_NO_SUCH = re.compile(
    r"user (is )?unknown|unknown (user|recipient|mailbox|local)|no such (user|recipient|mailbox)"
    r"|(user|recipient|mailbox|account|address) (does not|doesn't|do not) exist"
    r"|(mailbox|user|recipient|account) (was )?not found|invalid (recipient|mailbox|rcpt)"
    r"|account (is |has been )?(disabled|suspended|deleted|inactive)"
    r"|recipient (address )?rejected: (user|access|undeliver)"
    r"|用户不存在|收件人(地址)?不存在|邮箱不存在|帐号不存在|账号不存在|帐户不存在|账户不存在"
    r"|地址不存在|无此用户|查无此(人|用户)|不存在该用户|使用者不存在|查無此人|邮箱已?(被)?注销",
    re.I,
)
_THROTTLE = re.compile(
    r"too (many|much|frequent|fast)|rate.?limit|throttl|try again later.{0,40}(rate|limit|volume)"
    r"|frequency|(connection|ip|message|sending|hourly|daily).{0,12}(limit|exceed)|unusual rate"
    r"|频率|过于频繁|发送(过快|过多|超限)|连接(数)?(过多|超限)|次数超|超过.{0,6}限制|請稍後|请稍后",
    re.I,
)
_SENDER = re.compile(
    r"spam|block(ed|list|ed using)|black.?list|\bRBL\b|DNSBL|reputation|policy|\bSPF\b|\bDKIM\b"
    r"|DMARC|unauthenticated|not (allowed|authorized|permitted)|relay(ing)? (denied|not)"
    r"|suspected|\bIP\b.{0,30}(reject|denied|refus)|PTR|reverse dns|no permission|must equal"
    r"|\b(DT|HL|IP|MI|RP|RS) ?: ?[A-Z]{3}\b"  # NetEase: 554 DT:SPM, 550 RP:TRC
    r"|垃圾|黑名单|黑名單|拒绝(服务|投递|接收)|信誉|被拒|禁止|未授权|反向解析|可疑|违规|敏感",
    re.I,
)
_CONTENT = re.compile(
    r"message (size|too (large|big))|size exceeds|too large|exceeds.{0,20}size|virus|malware"
    r"|bad header|5322|content denied|邮件(过大|太大)|病毒|超过.{0,6}大小",
    re.I,
)


def parse_reply(code: int, text: str) -> Reply:
    """A reply from its code and text; whatever bytes the server sent, it never fails."""
    lines = text.splitlines() or [""]
    match = _ENHANCED.match(lines[0].lstrip())
    enhanced = match.group(1) if match else ""
    if enhanced:
        lines = [_ENHANCED.sub("", line.lstrip(), count=1) for line in lines]
    elif code >= 400 and (inside := _ENHANCED_INSIDE.search(text)):
        enhanced = inside.group(1)
    if enhanced and enhanced[0] != str(code)[:1]:
        enhanced = ""
    clean = _CONTROL.sub(" ", " ".join(line.strip() for line in lines)).strip()
    return Reply(code, enhanced, clean[:_TEXT_LIMIT])


def classify(reply: Reply) -> Accepted | Deferred | Rejected | NotSent:
    """What a reply to a command, or to the finished message, came to."""
    match reply.code // 100:
        case 2:
            return Accepted(reply)
        case 4:
            cause = _deferral(reply)
            return Deferred(reply, cause, RETRY_AFTER[cause])
        case 5:
            cause_for_good = _rejection(reply)
            if cause_for_good is None:
                mailbox = DeferralClass.MAILBOX
                return Deferred(reply, mailbox, RETRY_AFTER[mailbox])
            suppress = cause_for_good is RejectionClass.HARD_BOUNCE
            return Rejected(reply, cause_for_good, suppress)
        case _:
            return NotSent(f"the server's answer makes no sense: '{reply}'")


def classify_final(reply: Reply) -> Accepted | Deferred | Rejected | InDoubt:
    """What the reply to the finished message came to: nonsense there leaves it in doubt."""
    outcome = classify(reply)
    if isinstance(outcome, NotSent):
        return InDoubt(outcome.detail)
    return outcome


def refused_entry(reply: Reply) -> Deferred | Rejected | NotSent:
    """A refusal while connecting says nothing about the lead: it is the host's, or ours."""
    match classify(reply):
        case Deferred(cause=DeferralClass.THROTTLED) as deferred:
            return replace(deferred, entry=True)
        case Deferred():
            return Deferred(reply, DeferralClass.HOST, RETRY_AFTER[DeferralClass.HOST], entry=True)
        case Rejected(cause=RejectionClass.CONFIGURATION) as rejected:
            return replace(rejected, entry=True)
        case Rejected():
            return Rejected(reply, RejectionClass.SENDER_FAULT, suppress=False, entry=True)
        case _:
            return NotSent(f"the server's answer makes no sense: '{reply}'", entry=True)


def _deferral(reply: Reply) -> DeferralClass:
    if _GREYLIST.search(reply.text):
        return DeferralClass.GREYLISTED
    status = reply.enhanced
    if status.startswith("4.2.") or (not status and _MAILBOX.search(reply.text)):
        return DeferralClass.MAILBOX
    if _THROTTLE.search(reply.text) or status in ("4.7.28", "4.7.32"):
        return DeferralClass.THROTTLED
    if status == "4.7.1" and reply.code in (450, 451):
        return DeferralClass.GREYLISTED
    if status.startswith("4.7."):
        return DeferralClass.THROTTLED
    if reply.code == 421:
        return DeferralClass.HOST
    if not status and _SENDER.search(reply.text):
        return DeferralClass.THROTTLED
    if not status and reply.code in (450, 452):
        return DeferralClass.MAILBOX
    return DeferralClass.HOST


_BY_STATUS: tuple[tuple[str, RejectionClass | None], ...] = (
    (r"5\.1\.(1|2|3|6|10)", RejectionClass.HARD_BOUNCE),
    (r"5\.1\.(7|8|9)", RejectionClass.SENDER_FAULT),
    (r"5\.2\.[12]", None),
    (r"5\.2\.3", RejectionClass.CONTENT),
    (r"5\.4\.1", RejectionClass.HARD_BOUNCE),
    (r"5\.3\.4", RejectionClass.CONTENT),
    (r"5\.5\.[1-6]", RejectionClass.CONFIGURATION),
    (r"5\.6\.\d+", RejectionClass.CONTENT),
    (r"5\.7\.8", RejectionClass.CONFIGURATION),
    (r"5\.7\.\d+", RejectionClass.SENDER_FAULT),
)
_STATUS_TABLE = tuple((re.compile(pattern + r"\Z"), cause) for pattern, cause in _BY_STATUS)

_CONFIGURATION_CODES = frozenset({500, 501, 502, 503, 504, 530, 534, 535, 538, 555})


def _rejection(reply: Reply) -> RejectionClass | None:
    """The class of a 5xx; None for a mailbox that is full or closed, which may open again."""
    if reply.enhanced:
        for pattern, cause in _STATUS_TABLE:
            if pattern.match(reply.enhanced):
                if cause is RejectionClass.SENDER_FAULT and _says_no_such_address(reply):
                    return RejectionClass.HARD_BOUNCE
                return cause
    if reply.code in _CONFIGURATION_CODES:
        return RejectionClass.CONFIGURATION
    return _by_words(reply)


def _says_no_such_address(reply: Reply) -> bool:
    """Some providers file a missing mailbox under policy: `550 5.7.1 用户不存在`."""
    return _NO_SUCH.search(reply.text) is not None


def _by_words(reply: Reply) -> RejectionClass | None:
    text = reply.text
    if _MAILBOX.search(text):
        return None
    if _NO_SUCH.search(text):
        return RejectionClass.HARD_BOUNCE
    if _CONTENT.search(text):
        return RejectionClass.CONTENT
    if _SENDER.search(text) or _THROTTLE.search(text):
        return RejectionClass.SENDER_FAULT
    if reply.code == 552:
        return None
    return RejectionClass.UNKNOWN
