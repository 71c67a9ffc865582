"""The baseline's worker: one hand-written workflow per lead, an activity a step.

It does what the playbooks of the benchmarks do: mails, and changes of a record, each in a
transaction of its own with a line in a log, on SQLite in WAL with synchronous=FULL.
"""

import asyncio
import os
import socket
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.message import EmailMessage

import aiosmtplib
from jinja2.sandbox import SandboxedEnvironment
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from bench.shapes import PAGE

QUEUE = "baseline"
CONNECTIONS = 8
SHAPES: dict[str, tuple[str, ...]] = {
    "ten-steps": (
        "mail 1", "set", "tag", "if", "score", "stage", "mail 2", "update", "untag", "end",
    ),
    # A wait of no length leaves a line in the log, as ours does.
    "no-mail": (
        "set", "tag", "if", "score", "stage", "waited", "update", "untag", "waited-too", "end",
    ),
    "drip": ("mail 1", "sleep 1", "if", "mail 2", "end"),
    "sleepers": ("sleep 2592000", "tag", "end"),
}  # fmt: skip
"""The steps of each playbook: mails, sleeps in seconds; whatever else is a change."""


class Post:
    """Builds and sends mails through a few kept connections."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        environment = SandboxedEnvironment(autoescape=True)
        self.pages = [environment.from_string(PAGE % (n, n, n)) for n in (1, 2)]
        self.idle: asyncio.LifoQueue[aiosmtplib.SMTP] = asyncio.LifoQueue()
        self.opened = 0

    async def send(self, to: str, part: int) -> None:
        message = EmailMessage()
        message["From"], message["To"] = "hello@bench.example", to
        message["Subject"] = f"Ann, part {part}"
        message["Message-ID"] = f"<{to}-{part}@bench.example>"
        names = {"lead": {"first_name": "Ann", "company": "Acme"}, "sender": {}}
        page = self.pages[part - 1].render(names, unsubscribe_url="https://www.example.com/u")
        message.set_content("Hello Ann")
        message.add_alternative(page, subtype="html")
        client = await self._client()
        try:
            await client.send_message(message)
        finally:
            self.idle.put_nowait(client)

    async def _client(self) -> aiosmtplib.SMTP:
        if self.idle.empty() and self.opened < CONNECTIONS:
            self.opened += 1
            client = aiosmtplib.SMTP(hostname=self.host, port=self.port, start_tls=False)
            await client.connect()
            return client
        return await self.idle.get()


class Records:
    """A record and a log in SQLite; one writer at a time, as SQLite has it."""

    def __init__(self, path: str) -> None:
        self.lock = threading.Lock()
        self.base = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        for statement in (
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=FULL",
            "CREATE TABLE record (email TEXT PRIMARY KEY, value TEXT)",
            "CREATE TABLE log (email TEXT, step TEXT, PRIMARY KEY (email, step))",
        ):
            self.base.execute(statement).close()

    def change(self, email: str, step: str) -> None:
        with self.lock:
            self.base.execute("BEGIN IMMEDIATE")
            self.base.execute("INSERT OR IGNORE INTO log VALUES (?, ?)", (email, step))
            self.base.execute("INSERT OR REPLACE INTO record VALUES (?, ?)", (email, step))
            self.base.execute("COMMIT")


@workflow.defn(name="hand_written")
class HandWritten:
    """The steps of one lead, an activity each."""

    @workflow.run
    async def run(self, email: str, shape: str) -> None:
        for step in SHAPES[shape]:
            name, _, rest = step.partition(" ")
            if name == "sleep":
                await workflow.sleep(timedelta(seconds=int(rest)))
            elif name == "mail":
                await _do("mail", email, rest)
            else:
                await _do("change", email, name)


async def _do(name: str, *args: str) -> None:
    await workflow.execute_activity(
        name, args=list(args), start_to_close_timeout=timedelta(seconds=30)
    )


async def main() -> None:
    smtp = os.environ["LONGPLAY_SMTP_URL"].partition("//")[2].partition("?")[0]
    host, _, port = smtp.partition(":")
    post = Post(host, int(port))
    records = Records(f"{os.environ['LONGPLAY_WORKSPACE']}/baseline.db")

    @activity.defn(name="mail")
    async def mail(email: str, part: str) -> None:
        await post.send(email, int(part))

    @activity.defn(name="change")
    def change(email: str, step: str) -> None:
        records.change(email, step)

    client = await Client.connect(f"127.0.0.1:{os.environ['LONGPLAY_EMBEDDED_TEMPORAL_PORT']}")
    with ThreadPoolExecutor(8) as threads:
        worker = Worker(
            client,
            task_queue=QUEUE,
            workflows=[HandWritten],
            activities=[mail, change],
            activity_executor=threads,
            workflow_runner=UnsandboxedWorkflowRunner(),
        )
        async with worker:
            with _ready():
                await asyncio.Event().wait()


def _ready() -> socket.socket:
    """A listening port, which tells whoever waits for it that the worker is there."""
    port = int(os.environ["LONGPLAY_WEB_ADDRESS"].rpartition(":")[2])
    return socket.create_server(("127.0.0.1", port))


if __name__ == "__main__":
    asyncio.run(main())
