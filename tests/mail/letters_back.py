"""Letters that come back, as mail systems write them: every kind once, about mails of example.com.

Written after RFC 3464, RFC 5965 and RFC 3834 and after the published forms of mail systems.
"""

from dataclasses import dataclass
from email.header import Header
from zlib import crc32

from engine.mail.inbound.returned import Kind

JOB = "0123456789abcdefghjk"
OURS = f"<{JOB}@acme.example>"
HARD, SOFT, DELAYED = Kind.HARD_BOUNCE, Kind.SOFT_BOUNCE, Kind.DELAYED
COMPLAINT, REPLY, AUTO = Kind.COMPLAINT, Kind.REPLY, Kind.AUTO_REPLY

COPY = f"""\
Return-Path: <bounces@acme.example>
From: Acme <hello@acme.example>
To: ann@example.com
Subject: Hello
Message-ID: {OURS}
"""


@dataclass(frozen=True)
class Back:
    """A letter, and what it is."""

    id: str
    content: bytes
    kind: Kind
    status: str = ""
    cause: str = ""
    recipient: str = "ann@example.com"


def crlf(text: str, charset: str = "utf-8") -> bytes:
    return text.replace("\n", "\r\n").encode(charset)


def dsn(
    report: str,
    *,
    sender: str = "MAILER-DAEMON@mx.example.com",
    subject: str = "Undelivered Mail Returned to Sender",
    text: str = "This mail could not be delivered.",
    copy: str = "message/rfc822",
    original: str = COPY,
) -> bytes:
    """A multipart/report of RFC 6522 around a report of RFC 3464."""
    return crlf(
        f"""\
Return-Path: <>
From: {sender}
To: bounces@acme.example
Subject: {subject}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
 boundary="=_edge"
Message-ID: <20261122.{crc32(report.encode())}@mx.example.com>

This is a MIME-encapsulated message.

--=_edge
Content-Type: text/plain; charset=utf-8

{text}

--=_edge
Content-Type: message/delivery-status

{report}
--=_edge
Content-Type: {copy}

{original}
Hello Ann

--=_edge--
"""
    )


def plain(
    text: str, *, sender: str, subject: str, headers: str = "", charset: str = "utf-8"
) -> bytes:
    """A bounce in free text."""
    name, _, address = sender.rpartition("<")
    return crlf(
        f"""\
Return-Path: <>
From: {Header(name, charset).encode()} <{address.rstrip(">")}>
To: bounces@acme.example
Subject: {Header(subject, charset).encode()}
{headers}MIME-Version: 1.0
Content-Type: text/plain; charset={charset}
Content-Transfer-Encoding: 8bit

{text}
""",
        charset,
    )


def answer(
    text: str = "Thank you, tell me more.",
    *,
    subject: str = "Re: Hello",
    headers: str = "",
    thread: str = f"In-Reply-To: {OURS}\n",
    charset: str = "utf-8",
) -> bytes:
    """A letter from Ann."""
    return crlf(
        f"""\
From: Ann <ann@example.com>
To: sales@acme.example
Subject: {Header(subject, charset).encode()}
Message-ID: <answer@example.com>
{thread}{headers}Content-Type: text/plain; charset={charset}

{text}
""",
        charset,
    )


def arf(about: str, *, headers: str = "") -> bytes:
    """A complaint of RFC 5965."""
    return crlf(
        f"""\
From: <abusedesk@example.net>
To: <abuse@acme.example>
Subject: FW: Hello
MIME-Version: 1.0
Message-ID: <arf-{about}@example.net>
Content-Type: multipart/report; report-type=feedback-report;
 boundary="part1"

--part1
Content-Type: text/plain; charset="US-ASCII"

This is an email abuse report for a message received from 192.0.2.1.

--part1
Content-Type: message/feedback-report

Feedback-Type: {about}
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <bounces@acme.example>
Original-Rcpt-To: <ann@example.com>
{headers}
--part1
Content-Type: message/rfc822
Content-Disposition: inline

{COPY}
Hello Ann
--part1--
"""
    )


POSTFIX = dsn(
    """\
Reporting-MTA: dns; mail.acme.example
X-Postfix-Queue-ID: 4BcXyZ
X-Postfix-Sender: rfc822; bounces@acme.example
Arrival-Date: Sun, 22 Nov 2026 10:00:00 +0800 (CST)

Final-Recipient: rfc822; ann@example.com
Original-Recipient: rfc822;ann@example.com
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.com
Diagnostic-Code: smtp; 550 5.1.1 <ann@example.com>: Recipient address
    rejected: User unknown in virtual mailbox table
"""
)
GMAIL = dsn(
    """\
Reporting-MTA: dns; googlemail.com
Received-From-MTA: dns; bounces@acme.example

Final-Recipient: rfc822; ann@example.com
Action: failed
Status: 5.1.1
Remote-MTA: dns; gmail-smtp-in.example.com. (192.0.2.27, the server for the domain.)
Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist.
 550-5.1.1 double-checking the recipient's email address for typos or
 550 5.1.1 unnecessary spaces. For more information, go to https://support.example.com
Last-Attempt-Date: Sat, 21 Nov 2026 18:00:00 -0800 (PST)
""",
    sender="Mail Delivery Subsystem <mailer-daemon@googlemail.example>",
    subject="Delivery Status Notification (Failure)",
    text="** Address not found **\n\nYour message wasn't delivered to ann@example.com",
)
FULL = dsn(
    """\
Reporting-MTA: dns; googlemail.com

Final-Recipient: rfc822; ann@example.com
Action: failed
Status: 5.2.2
Diagnostic-Code: smtp; 552-5.2.2 The recipient's inbox is out of storage space.
 552 5.2.2 Please direct the recipient to https://support.example.com
""",
    copy="text/rfc822-headers",
)
OUTLOOK = dsn(
    """\
Reporting-MTA: dns;SA1PR01.prod.example.com
Received-From-MTA: dns;mail.acme.example
Arrival-Date: Sun, 22 Nov 2026 02:00:00 +0000

Final-Recipient: rfc822;ann@example.com
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient
 ann@example.com not found by SMTP address lookup
""",
    sender="postmaster@outlook.example",
    subject="Undeliverable: Hello",
)
OUTLOOK_POLICY = dsn(
    """\
Reporting-MTA: dns;SA1PR01.prod.example.com

Final-Recipient: rfc822;ann@example.com
Action: failed
Status: 5.7.515
Diagnostic-Code: smtp;550 5.7.515 Access denied, sending domain acme.example does
 not meet the required authentication level.
""",
    sender="postmaster@outlook.example",
    subject="Undeliverable: Hello",
)
NO_DOMAIN = dsn(
    """\
Reporting-MTA: dns; mail.acme.example

Final-Recipient: rfc822; ann@example.com
Action: failed
Status: 5.4.4
Diagnostic-Code: X-Postfix; Host or domain name not found. Name service error
    for name=example.com type=AAAA: Host not found
"""
)
GIVEN_UP = dsn(
    """\
Reporting-MTA: dns; mail.acme.example

Final-Recipient: rfc822; ann@example.com
Action: failed
Status: 4.4.1
Diagnostic-Code: X-Postfix; connect to mx.example.com[192.0.2.9]:25: Connection
    timed out
"""
)
SLOW = dsn(
    """\
Reporting-MTA: dns; mail.acme.example

Final-Recipient: rfc822; ann@example.com
Action: delayed
Status: 4.4.1
Diagnostic-Code: X-Postfix; connect to mx.example.com[192.0.2.9]:25: Connection
    timed out
Will-Retry-Until: Thu, 26 Nov 2026 10:00:00 +0800 (CST)
""",
    subject="Delayed Mail (still being retried)",
)
DELIVERED = dsn(
    """\
Reporting-MTA: dns; mail.acme.example

Final-Recipient: rfc822; ann@example.com
Action: delivered
Status: 2.0.0
""",
    subject="Successful Mail Delivery Report",
)
SENDMAIL = dsn(
    """\
Reporting-MTA: dns; mail.acme.example
Arrival-Date: Sun, 22 Nov 2026 10:00:00 +0800

Final-Recipient: RFC822; ann@example.com
Action: failed
Status: 5.0.0
Remote-MTA: DNS; mx.example.com
Diagnostic-Code: SMTP; 550 ann@example.com... User unknown
Last-Attempt-Date: Sun, 22 Nov 2026 10:00:02 +0800
""",
    sender="Mail Delivery Subsystem <MAILER-DAEMON@mail.acme.example>",
    subject="Returned mail: see transcript for details",
)
QQ_DSN = dsn(
    """\
Reporting-MTA: dns; newxmesmtplogicsvrszb.qq.example

Final-Recipient: rfc822; ann@example.com
Action: failed
Status: 5.0.0
Diagnostic-Code: smtp; 550 Mailbox not found. http://service.example/detail/122
""",
    sender="PostMaster@qq.example",
    subject=Header("系统退信", "gb18030").encode(),
)
EXIM = plain(
    f"""\
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  ann@example.com
    host mx.example.com [192.0.2.25]
    SMTP error from remote mail server after RCPT TO:<ann@example.com>:
    550 5.1.1 unknown or illegal alias: ann@example.com

------ This is a copy of the message, including all the headers. ------

{COPY}
Hello Ann, version 4.96.2
""",
    sender="Mail Delivery System <Mailer-Daemon@mail.acme.example>",
    subject="Mail delivery failed: returning message to sender",
    headers="X-Failed-Recipients: ann@example.com\nAuto-Submitted: auto-replied\n",
)
EXIM_SLOW = plain(
    f"""\
This message was created automatically by mail delivery software.
A message that you sent has not yet been delivered to one or more of its
recipients after more than 24 hours on the queue on mail.acme.example.

The message identifier is:     1abcDE-000000-AB
The subject of the message is: Hello
Message-ID: {OURS}

The address to which the message has not yet been delivered is:

  ann@example.com
    Delay reason: SMTP error from remote mail server: 451 4.3.0 try later

No action is required on your part. Delivery attempts will continue for
some time, and this warning may be repeated at intervals.
""",
    sender="Mail Delivery System <Mailer-Daemon@mail.acme.example>",
    subject="Warning: message 1abcDE-000000-AB delayed 24 hours",
)
QMAIL = plain(
    f"""\
Hi. This is the qmail-send program at mail.acme.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<ann@example.com>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

{COPY}
Hello Ann
""",
    sender="MAILER-DAEMON@mail.acme.example",
    subject="failure notice",
)
QMAIL_SLOW_HOST = plain(
    f"""\
Hi. This is the qmail-send program at mail.acme.example.
I'm afraid I wasn't able to deliver your message to the following addresses.

<ann@example.com>:
CNAME lookup failed temporarily. (#4.4.3)
I'm not going to try again; this message has been in the queue too long.

--- Below this line is a copy of the message.

{COPY}
Hello Ann
""",
    sender="MAILER-DAEMON@mail.acme.example",
    subject="failure notice",
)
QQ = plain(
    f"""\
抱歉，您的邮件被退回来了……

原邮件信息：
时间：2026-11-22 10:00:00
主题：Hello
收件人：ann@example.com

退信原因：收件人邮件地址（ann@example.com）不存在，邮件无法送达。
host mx3.qq.example[192.0.2.80] said: 550 Mailbox not found (in reply to RCPT TO command)

建议解决方案：请联系您的收件人，重新核实邮箱地址。

{COPY}
""",
    sender="邮箱团队<postmaster@qq.example>",
    subject="系统退信",
    charset="gb18030",
)
NETEASE = plain(
    f"""\
您好，

很抱歉，您发送的邮件未能送达。
收件人：ann@example.com
退信代码：550
SMTP error, RCPT TO: Host 163mx01.mxmail.netease.example said 550 User not found: ann@example.com

----- 原邮件 -----
{COPY}
""",
    sender="Postmaster<Postmaster@163.example>",
    subject="系统退信/Systems bounce",
    charset="gbk",
)
NETEASE_SPAM = plain(
    f"""\
您好，您发送的邮件被退回。
收件人：ann@example.com
554 DT:SPM 163 smtp10,DsCowABXm6F 垃圾邮件

{COPY}
""",
    sender="Postmaster<Postmaster@163.example>",
    subject="系统退信",
    charset="gbk",
)
EXCHANGE_OLD = plain(
    f"""\
Your message

  To:      ann@example.com
  Subject: Hello

did not reach the following recipient(s):

ann@example.com on Sun, 22 Nov 2026 10:00:00 +0800
    The e-mail account does not exist at the organization this message was sent to.
    <mail.example.com #5.1.1 smtp;550 5.1.1 User unknown>

{COPY}
""",
    sender="System Administrator<postmaster@example.com>",
    subject="Undeliverable: Hello",
)
JAPANESE = plain(
    f"""\
以下の宛先へのメールを配信できませんでした。

  <ann@example.com>
  550 5.1.1 宛先が見つかりません

{COPY}
""",
    sender="Mail Delivery System <MAILER-DAEMON@example.com>",
    subject="配信不能",
    charset="iso-2022-jp",
)
LETTERS = (
    Back("postfix", POSTFIX, HARD, "5.1.1", "hard_bounce"),
    Back("gmail", GMAIL, HARD, "5.1.1", "hard_bounce"),
    Back("gmail, mailbox full", FULL, SOFT, "5.2.2", "mailbox"),
    Back("outlook", OUTLOOK, HARD, "5.1.10", "hard_bounce"),
    Back("outlook, our authentication", OUTLOOK_POLICY, SOFT, "5.7.515", "sender_fault"),
    Back("postfix, no such domain", NO_DOMAIN, HARD, "5.4.4", "hard_bounce"),
    Back("postfix, given up", GIVEN_UP, SOFT, "4.4.1", "host"),
    Back("postfix, delayed", SLOW, DELAYED, "4.4.1", "host"),
    Back("postfix, delivered", DELIVERED, Kind.UNRELATED, "2.0.0", "delivered"),
    Back("sendmail", SENDMAIL, HARD, "5.0.0", "hard_bounce"),
    Back("qq, as a report", QQ_DSN, HARD, "5.0.0", "hard_bounce"),
    Back("exim", EXIM, HARD, "5.1.1", "hard_bounce"),
    Back("exim, delayed", EXIM_SLOW, DELAYED, "4.3.0", "host"),
    Back("qmail", QMAIL, HARD, "5.1.1", "hard_bounce"),
    Back("qmail, given up", QMAIL_SLOW_HOST, SOFT, "4.4.3", "host"),
    Back("qq, in words, gb18030", QQ, HARD, "", "hard_bounce"),
    Back("163, in words, gbk", NETEASE, HARD, "", "hard_bounce"),
    Back("163, taken for spam", NETEASE_SPAM, SOFT, "", "sender_fault"),
    Back("exchange of old", EXCHANGE_OLD, HARD, "5.1.1", "hard_bounce"),
    Back("in japanese, iso-2022-jp", JAPANESE, HARD, "5.1.1", "hard_bounce"),
    Back("complaint", arf("abuse"), COMPLAINT, cause="abuse"),
    Back("complaint, opt-out", arf("opt-out"), COMPLAINT, cause="opt-out"),
    Back("complaint taken back", arf("not-spam"), Kind.UNRELATED, cause="not-spam"),
    Back("reply", answer(), REPLY),
    Back("reply down a thread", answer(
        thread=f"In-Reply-To: <x@example.com>\nReferences: {OURS}\n <x@example.com>\n"), REPLY),
    Back("reply in chinese, gbk", answer("好的，请联系我。", subject="回复: 你好", charset="gbk"),
         REPLY),
    Back("reply about a bounce", answer("I got 550 5.1.1 from you", subject="Re: Undelivered?"),
         REPLY),
    Back("out of office, RFC 3834",
         answer("Back on Monday.", headers="Auto-Submitted: auto-replied (vacation)\n"), AUTO),
    Back("out of office, outlook", answer(
        subject="Automatic reply: Hello", headers="X-Auto-Response-Suppress: All\n"), AUTO),
    Back("out of office, by subject", answer(subject="Out of Office: Hello"), AUTO),
    Back("自动回复", answer("您好，我正在休假。", subject="自动回复: Hello", charset="gb2312"),
         AUTO),
    Back("外出", answer(subject="外出通知", charset="utf-8"), AUTO),
    Back("qq, auto reply", answer(headers="X-QQ-Auto-Reply: 1\n"), AUTO),
    Back("challenge", answer(subject="Please confirm your message to ann@example.com"), AUTO,
         cause="challenge"),
    Back("challenge by header", answer(headers="X-Boxbe-Challenge: yes\n"), AUTO,
         cause="challenge"),
    Back("a newsletter", answer(thread="", headers="Precedence: bulk\n"), Kind.UNRELATED,
         recipient=""),
    Back("a stranger's question", answer(thread=""), Kind.UNRELATED, recipient=""),
    Back("a thread of others", answer(thread="In-Reply-To: <somebody@example.net>\n"),
         Kind.UNRELATED, recipient=""),
)  # fmt: skip
