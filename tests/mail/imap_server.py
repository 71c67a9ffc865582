"""A mailbox for tests: as much of IMAP4rev1 as a reader of unseen letters needs, over a socket."""

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Letters:
    """What is in the mailbox, and what its visitors did.

    `dies_after` letters were fetched the server hangs up, once.
    """

    contents: dict[int, bytes]
    seen: set[int] = field(default_factory=set)
    fetched: list[int] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    password: str = "pass word"
    dies_after: int | None = None
    port: int = 0

    @property
    def url(self) -> str:
        return f"imap://bounces%40acme.example:pass%20word@127.0.0.1:{self.port}/INBOX"


@contextmanager
def mailbox(letters: Letters) -> Iterator[Letters]:
    """Serves the letters on a free port."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"* OK ready\r\n")
            for line in self.rfile:
                tag, command, rest = re.match(rb"(\S+) (\S+) ?(.*?)\r\n", line).groups()  # type: ignore[union-attr]
                answer = self._answer(command.upper(), rest)
                if answer is None:
                    return
                self.wfile.write(answer.replace(b"TAG", tag))

        def _answer(self, command: bytes, rest: bytes) -> bytes | None:
            match command:
                case b"CAPABILITY":
                    return b"* CAPABILITY IMAP4rev1 ID\r\nTAG OK done\r\n"
                case b"LOGIN":
                    letters.logins.append(rest.decode())
                    right = rest.endswith(f'"{letters.password}"'.encode())
                    return b"TAG OK done\r\n" if right else b"TAG NO wrong password\r\n"
                case b"SELECT":
                    letters.folders.append(rest.decode())
                    return f"* {len(letters.contents)} EXISTS\r\nTAG OK done\r\n".encode()
                case b"UID":
                    return self._uid(rest)
                case b"LOGOUT":
                    return b"* BYE\r\nTAG OK done\r\n"
                case _:
                    return b"TAG OK done\r\n"

        def _uid(self, rest: bytes) -> bytes | None:
            what, uids, *_ = rest.split()
            if what == b"SEARCH":
                unseen = " ".join(str(uid) for uid in letters.contents if uid not in letters.seen)
                return f"* SEARCH {unseen}\r\nTAG OK done\r\n".encode()
            if what == b"STORE":
                letters.seen |= {int(uid) for uid in uids.split(b",")}
                return b"TAG OK done\r\n"
            if letters.dies_after is not None and len(letters.fetched) >= letters.dies_after:
                letters.dies_after = None
                return None
            letters.fetched.append(int(uids))
            content = letters.contents[int(uids)]
            head = f"* 1 FETCH (UID {int(uids)} BODY[]<0> {{{len(content)}}}\r\n".encode()
            return head + content + b")\r\nTAG OK done\r\n"

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        letters.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield letters
        finally:
            server.shutdown()
            thread.join()
