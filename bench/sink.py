"""A mail server for load tests: it counts, misbehaves on request, and does nothing else.

    python bench/sink.py --port 2525 --log accepted.tsv --rule 451@grey --rule drop%0.01

For every message it takes, `message_id<TAB>recipient` is appended to the log before the 250 goes
out, so that the log is the truth about what was stored. A rule is an action for recipients that
begin with a prefix (`550@nobody`) or for a share of all recipients, always the same ones
(`451%0.05`). Actions: a code such as 451, 452, 550 (refused at RCPT); `greylist` (451 the first
time); `data451`, `data552` (refused after the message); `hang` (stored, never answered); `drop`
(stored, then the link is cut); `cut` (the link is cut before it is stored); `421` (said to RCPT,
then closed); `slow` (stored, answered after ten times the delay and a second more). With `once-`
before it an action befalls a recipient the first time only (`greylist` is `once-451`). Every
misdeed goes to the file of --faults as `seconds<TAB>action<TAB>message_id<TAB>recipient`.
It is one process with no thread, so its cost shows on one core.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import time
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import cast

HELLO = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 50000000\r\n"
OK = b"250 2.0.0 ok\r\n"
END = b"\r\n.\r\n"
STORED = ("hang", "drop")
ONCE = "once-"


@dataclass(frozen=True)
class Rule:
    action: str
    prefix: bytes | None = None
    share: float = 0.0

    def holds(self, recipient: bytes) -> bool:
        if self.prefix is not None:
            return recipient.startswith(self.prefix)
        return zlib.crc32(recipient) / 0xFFFFFFFF < self.share


def parse_rule(text: str) -> Rule:
    action, at, prefix = text.partition("@")
    if at:
        return Rule(action, prefix.encode())
    action, _, share = text.partition("%")
    return Rule(action, None, float(share or 1))


class Sink:
    """What all connections share: the rules, the log, the counts."""

    def __init__(self, log: str, rules: list[Rule], delay: float, faults: str = "") -> None:
        self.rules = rules
        self.delay = delay
        self.counts: Counter[str] = Counter()
        self.seen: set[bytes] = set()
        self.log = _appended(log)
        self.faults = _appended(faults)

    def action_for(self, recipient: bytes) -> str:
        """What befalls this recipient now; what befalls it once is over when it was done."""
        for rule in self.rules:
            if rule.holds(recipient):
                action = "once-451" if rule.action == "greylist" else rule.action
                if not action.startswith(ONCE):
                    return action
                return "" if recipient in self.seen else action.removeprefix(ONCE)
        return ""

    def did(self, action: str, recipient: bytes, message: bytes = b"-") -> None:
        """Counts a misdeed, and writes it down."""
        self.counts[action] += 1
        self.seen.add(recipient)
        if self.faults >= 0:
            at = f"{time.time():.3f}\t{action}\t".encode()
            os.write(self.faults, at + message + b"\t" + recipient + b"\n")

    def store(self, content: bytes, recipient: bytes) -> None:
        self.counts["stored"] += 1
        if self.log >= 0:
            os.write(self.log, message_id(content) + b"\t" + recipient + b"\n")


def _appended(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644) if path else -1


def message_id(content: bytes) -> bytes:
    head = content[: content.find(b"\r\n\r\n") + 2]
    at = head.lower().find(b"\nmessage-id:")
    if head[:11].lower() == b"message-id:":
        at = -1
    elif at < 0:
        return b"-"
    start = at + 12
    return head[start : head.find(b"\r\n", start)].strip()


class Conversation(asyncio.Protocol):
    """One connection."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.buffer = bytearray()
        self.recipient = b""
        self.in_data = False
        self.searched = 0
        self.is_busy = False
        """Whether a message is not answered yet: what comes behind it must wait for its turn."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self.sink.counts["connections"] += 1
        self.transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self.go_on()

    def go_on(self) -> None:
        answers: list[bytes] = []
        while not (self.is_busy or self.transport.is_closing()):
            step = self.message(answers) if self.in_data else self.command(answers)
            if not step:
                break
        if answers and not self.transport.is_closing():
            self.transport.write(b"".join(answers))

    def late(self) -> None:
        """The answer to a message, unless who sent it is gone."""
        self.is_busy = False
        if not self.transport.is_closing():
            self.transport.write(OK)
            self.go_on()

    def command(self, answers: list[bytes]) -> bool:
        end = self.buffer.find(b"\r\n")
        if end < 0:
            return False
        line = bytes(self.buffer[:end])
        del self.buffer[: end + 2]
        verb = line[:4].upper()
        if verb == b"RCPT":
            self.recipient = line[line.find(b"<") + 1 : line.find(b">")]
            answers.append(self.refusal() or OK)
        elif verb == b"DATA":
            self.in_data, self.searched = True, 0
            answers.append(b"354 go on\r\n")
        elif verb == b"EHLO":
            answers.append(HELLO)
        elif verb == b"QUIT":
            self.transport.write(b"".join(answers) + b"221 bye\r\n")
            self.transport.close()
        else:
            answers.append(OK)
        return True

    def refusal(self) -> bytes:
        action = self.sink.action_for(self.recipient)
        if not action.isdecimal():
            return b""
        self.sink.did(action, self.recipient)
        if action == "421":
            self.transport.write(b"421 4.3.2 closing\r\n")
            self.transport.close()
        status = {
            "451": "4.7.1 greylisted", "452": "4.2.2 mailbox full", "550": "5.1.1 unknown",
            "554": "5.7.1 refused by policy",
        }  # fmt: skip
        return f"{action} {status.get(action, action[0] + '.0.0 refused')}\r\n".encode()

    def message(self, answers: list[bytes]) -> bool:
        end = self.buffer.find(END, self.searched)
        if end < 0:
            self.searched = max(0, len(self.buffer) - 4)
            return False
        content = bytes(self.buffer[: end + 2])
        del self.buffer[: end + 5]
        self.in_data = False
        action = self.sink.action_for(self.recipient)
        if action.startswith("data"):
            self.sink.did(action, self.recipient, message_id(content))
            answers.append(f"{action[4:]} {action[4]}.6.0 refused\r\n".encode())
            return True
        if action != "cut":
            self.sink.store(content, self.recipient)
        if action in (*STORED, "cut"):
            self.sink.did(action, self.recipient, message_id(content))
            self.is_busy = True
            if action != "hang":
                self.transport.abort()
            return False
        delay = self.sink.delay
        if action == "slow":
            self.sink.did(action, self.recipient, message_id(content))
            delay = 1 + 10 * delay
        if delay:
            self.is_busy = True
            loop = asyncio.get_running_loop()
            loop.call_later(delay, self.late)
        else:
            answers.append(OK)
        return True


async def serve(host: str, port: int, sink: Sink) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Conversation(sink), host, port, backlog=512)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    print(f"listening on {server.sockets[0].getsockname()[1]}", flush=True)
    await stop.wait()
    server.close()
    print(" ".join(f"{name}={count}" for name, count in sorted(sink.counts.items())), flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description="a mail server for load tests")
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=2525, help="0 takes a free one")
    options.add_argument("--log", default="", help="file for message ids, one line a message")
    options.add_argument("--faults", default="", help="file for misdeeds, one line each")
    options.add_argument("--rule", action="append", default=[], help="451@prefix or drop%%0.01")
    options.add_argument("--delay", type=float, default=0.0, help="seconds before each 250")
    given = options.parse_args()
    rules = [parse_rule(text) for text in given.rule]
    sink = Sink(given.log, rules, given.delay, given.faults)
    with contextlib.suppress(ImportError):
        import uvloop

        uvloop.install()
    asyncio.run(serve(given.host, given.port, sink))


if __name__ == "__main__":
    main()
