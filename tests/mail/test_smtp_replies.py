"""What replies mean, in every dialect we know of."""

import pytest

from engine.mail.transports.port import Accepted, Deferred, InDoubt, NotSent, Rejected, Reply
from engine.mail.transports.replies import classify, classify_final, parse_reply

TABLE = [
    # code, text, class, suppress
    (250, "2.0.0 Ok: queued as 4711", "accepted", False),
    (251, "will forward", "accepted", False),
    (421, "4.3.2 Service shutting down", "host", False),
    (421, "4.7.0 Try again later, closing connection", "throttled", False),
    (421, "4.7.28 Our system has detected an unusual rate of unsolicited mail", "throttled", False),
    (421, "RP:TRC 163 smtp12, too many connections", "throttled", False),
    (421, "closing transmission channel", "host", False),
    (450, "4.7.1 <ann@acme.example>: Recipient address rejected: Greylisted", "greylisted", False),
    (450, "4.2.0 Greylisted, see http://postgrey.example/help", "greylisted", False),
    (451, "4.7.1 Please try again later", "greylisted", False),
    (451, "灰名单，请稍后再试", "greylisted", False),
    (451, "4.7.32 From header not aligned with SPF or DKIM", "throttled", False),
    (451, "MI:SFQ 163 发信过于频繁", "throttled", False),
    (450, "4.7.650 The mail server has been temporarily rate limited", "throttled", False),
    (451, "4.3.0 Local error in processing", "host", False),
    (451, "Internal error", "host", False),
    (452, "4.2.2 The recipient's inbox is out of storage space", "mailbox", False),
    (450, "4.2.1 mailbox temporarily disabled", "mailbox", False),
    (452, "邮箱空间不足", "mailbox", False),
    (452, "4.5.3 Too many recipients", "throttled", False),
    (452, "4.3.1 Insufficient system storage", "host", False),
    (552, "5.2.2 Mailbox full", "mailbox", False),
    (550, "5.2.1 The email account is disabled", "mailbox", False),
    (550, "用户邮箱已满", "mailbox", False),
    (550, "5.1.1 User unknown", "hard_bounce", True),
    (550, "5.1.2 Bad destination system", "hard_bounce", True),
    (553, "5.1.3 Bad address syntax", "hard_bounce", True),
    (550, "5.1.6 Mailbox has moved", "hard_bounce", True),
    (556, "5.1.10 Recipient address has null MX", "hard_bounce", True),
    (550, "5.4.1 Recipient address rejected: Access denied", "hard_bounce", True),
    (550, "User not found: nobody@163.example", "hard_bounce", True),
    (550, "Mailbox not found. http://service.mail.qq.example/cgi-bin/help", "hard_bounce", True),
    (550, "收件人不存在", "hard_bounce", True),
    (550, "5.7.1 用户不存在", "hard_bounce", True),
    (550, "Invalid User: 账号不存在", "hard_bounce", True),
    (
        550,
        "5.7.515 Access denied, sending domain does not comply",
        "sender_fault",
        False,
    ),
    (550, "5.7.25 The IP address sending this message has no PTR record", "sender_fault", False),
    (550, "5.7.26 Unauthenticated email is not accepted", "sender_fault", False),
    (554, "5.7.1 Service unavailable; client host blocked using dnsbl", "sender_fault", False),
    (
        554,
        "DT:SPM 163 smtp8,DMCowADX please see http://mail.163.example",
        "sender_fault",
        False,
    ),
    (550, "Connection frequency limited", "sender_fault", False),
    (550, "Suspected spam message rejected 垃圾邮件", "sender_fault", False),
    (554, "IP 在黑名单中", "sender_fault", False),
    (553, "Mail from must equal authorized user", "sender_fault", False),
    (550, "5.1.8 Bad sender's system address", "sender_fault", False),
    (530, "5.7.0 Must issue a STARTTLS command first", "sender_fault", False),
    (535, "5.7.8 Authentication credentials invalid", "configuration", False),
    (535, "Error: 登录失败，请检查授权码", "configuration", False),
    (503, "5.5.1 Bad sequence of commands", "configuration", False),
    (501, "Syntax error", "configuration", False),
    (555, "MAIL FROM/RCPT TO parameters not recognized", "configuration", False),
    (552, "5.3.4 Message size exceeds fixed limit", "content", False),
    (554, "5.6.0 Invalid header found", "content", False),
    (550, "Mail content denied. http://service.mail.qq.example", "content", False),
    (552, "邮件过大", "content", False),
    (550, "Requested action not taken", "unknown", False),
    (554, "Transaction failed", "unknown", False),
    (550, "", "unknown", False),
    (550, "5.5.0 Requested action not taken: mailbox unavailable", "unknown", False),
]


def named(code: int, text: str) -> tuple[str, bool]:
    match classify(parse_reply(code, text)):
        case Accepted():
            return "accepted", False
        case Deferred(cause=cause, retry_after=wait):
            assert wait.total_seconds() > 0
            return cause.value, False
        case Rejected(cause=cause_for_good, suppress=suppress):
            return cause_for_good.value, suppress
        case NotSent():
            return "not sent", False


@pytest.mark.parametrize(("code", "text", "expected", "suppress"), TABLE, ids=lambda v: str(v)[:40])
def test_a_reply_says_whose_fault_it_is(
    code: int, text: str, expected: str, suppress: bool
) -> None:
    assert named(code, text) == (expected, suppress)


@pytest.mark.parametrize("code", [-1, 0, 99, 199, 354, 600, 999])
def test_nonsense_leaves_a_finished_message_in_doubt(code: int) -> None:
    reply = parse_reply(code, "what?")
    assert isinstance(classify(reply), NotSent)
    assert isinstance(classify_final(reply), InDoubt)


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (250, "2.0.0 Ok", Reply(250, "2.0.0", "Ok")),
        (550, "5.1.1 User\n5.1.1 unknown", Reply(550, "5.1.1", "User unknown")),
        (550, "rejected (#5.1.1)", Reply(550, "5.1.1", "rejected (#5.1.1)")),
        (450, "5.1.1 says two things", Reply(450, "", "says two things")),
        (550, "10.5.1.1 is an address", Reply(550, "", "10.5.1.1 is an address")),
        (250, "", Reply(250, "", "")),
        (550, "\udcc4\udce3 \x00\x1b[31m", Reply(550, "", "[31m")),
        (550, "x" * 900, Reply(550, "", "x" * 500)),
    ],
    ids=lambda v: ascii(v)[:30],
)
def test_a_reply_is_taken_apart_whatever_its_bytes(code: int, text: str, expected: Reply) -> None:
    assert parse_reply(code, text) == expected
    str(expected).encode("utf-8")
