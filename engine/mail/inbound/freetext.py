"""Bounces in no standard form: recognized by who writes, what about, and the words in them.

Exim, qmail, QQ, NetEase (163), Exchange of old, and everybody who writes to people only.
"""

import re

from engine.mail.inbound.letter import Letter
from engine.mail.inbound.reports import address_in
from engine.mail.inbound.returned import Returned
from engine.mail.inbound.verdicts import has_code, has_words, judged

_ROBOT = re.compile(
    r"mailer-?daemon|postmaster|mail ?delivery (sub)?system|microsoftexchange|bounces?@"
    r"|系统(退信|管理员)|邮件系统|邮局系统",
    re.I,
)
_SUBJECT = re.compile(
    r"undeliver|unzustellbar|non.?remis|no entregado|delivery (status|has failed|failure|problem)"
    r"|failure notice|mail (delivery )?fail|returned mail|delivery notification"
    r"|could not be (sent|delivered)"
    r"|not delivered|message delayed|delivery (is )?delayed|warning: (message|could not)"
    r"|mail system error|returning message to sender|message (you sent )?blocked"
    r"|退信|退回|未送达|无法(送达|投递)|未能(送达|投递)|投递(失败|延迟|状态)|发送失败|邮件被拒|延迟(送达|投递)"
    r"|配信(不能|エラー|できません)|送信(エラー|できません)",
    re.I,
)
_STILL_TRYING = re.compile(
    r"(will|is) (be )?(still )?(being )?(retr(ied|y)|tr(y|ied) again|keep trying)"
    r"|will continue to (try|attempt)"
    r"|no action is required on your part|has been delayed|(is|was) delayed|not yet been delivered"
    r"|this is a warning message only|temporary problem delivering.{0,80}will"
    r"|继续(尝试)?(投递|发送|重试)|稍后(会)?重(试|新)|将在.{0,20}内?(继续)?(重试|尝试)|延迟投递|暂时无法送达",
    re.I,
)
_OVER = re.compile(
    r"permanent(ly)? (fail|error)|giving up|gave up|given up|will not be retried|timeout exceeded"
    r"|retry time(out)? (not reached|exceeded).{0,40}long|已放弃|不再(尝试|重试)|永久",
    re.I,
)
_COPY_BEGINS = re.compile(
    r"^(return-path|received|message-id):|^\W{0,12}(this is a copy of"
    r"|below this line is a copy|original message( headers)?\b|"
    r"the (header|body) (page )?of the original|included is|message header follows|"
    r"原(始)?邮件(信息|内容|摘要)?\W{0,4}$)",
    re.I | re.M,
)
_MESSAGE_ID = re.compile(r"message-id:\s{0,4}(<[^<>\s]{3,250}>)", re.I)
_MOST_LINES = 400


def plain_bounce(letter: Letter, blank: Returned) -> Returned | None:
    """What a bounce in free text says; None: the letter does not look like one."""
    failed = letter.every("x-failed-recipients")
    if not failed and not looks_like_bounce(letter):
        return None
    text = letter.text
    cut = _COPY_BEGINS.search(text)
    own = text[: cut.start()] if cut and has_words_or_code(text[: cut.start()]) else text
    said = _said(own)
    tries = _STILL_TRYING.search(own) is not None and not _OVER.search(own)
    if not said and not tries and not failed and not _SUBJECT.search(letter.first("subject")):
        return None
    kind, cause, status = judged(said or own[:1_000], gave_up=not tries)
    recipient = address_in(failed) or address_in(said) or address_in(_MESSAGE_ID.sub("", own))
    return Returned(kind, blank.key, blank.job, blank.message_ids, recipient, status, cause).about(
        said or letter.first("subject")
    )


def looks_like_bounce(letter: Letter) -> bool:
    """Whether a mail system wrote it, about mail that did not arrive."""
    robot = _ROBOT.search(letter.every("from", "sender")) is not None
    about = _SUBJECT.search(letter.first("subject")) is not None
    nobody = "<>" in letter.every("return-path").split()
    return (robot and (about or has_words_or_code(letter.text))) or (about and nobody)


def has_words_or_code(text: str) -> bool:
    """Whether a text says, in whatever way, that a mail was refused."""
    return has_code(text) or has_words(text)


def message_ids_in(text: str) -> list[str]:
    """Message-IDs that a text quotes from a head."""
    return _MESSAGE_ID.findall(text[:100_000])[:20]


def _said(text: str) -> str:
    """The lines that say why: those with a code, else those with known words, and the next one."""
    lines = [line.strip() for line in text.splitlines()[:_MOST_LINES]]
    lines = [line[:600] for line in lines if line]
    for wanted in (_has_full_code, has_code, has_words):
        for at, line in enumerate(lines):
            if wanted(line):
                return " ".join(lines[at : at + 2])
    return ""


def _has_full_code(line: str) -> bool:
    return bool(re.search(r"(?<![\d.])[45]\d\d[ \-:]{1,3}#?[45]\.\d\.\d|#[45]\.\d\.\d", line))
