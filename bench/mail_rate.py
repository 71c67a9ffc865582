"""Mail rate: personalized mails through the whole path, next to a bare loop to the same sink.

    python -m bench.mail_rate [--mails 3000] [--rounds 2] [--json]

The bare loop is eight pooled aiosmtplib connections that hand over prebuilt bytes with `sendmail`,
and do nothing else; the message is one of ours. The whole path is what `longplay up` runs:
Temporal's real dev server on a file, one worker, a SQLite store with synchronous=FULL. Its clock
starts when the leads' events have been taken in and the driver is nudged, and stops when the
ledger says of the last mail that it was accepted. Within it, for every lead: the walk of the
playbook up to its mail, the decision to send (consent, caps, brake, window), the commit before
the first byte, the template with its links, its text part and its headers, SMTP, and the record
of the outcome. Enrolling is not counted, nor is what the enrollments do after their mail.

Both sides run uvloop and send to one sink in a process of its own. Bare rounds go before and after
the whole path; the best one counts.
"""

import argparse
import asyncio
import time
from dataclasses import dataclass, field

import aiosmtplib
import sqlalchemy as sa
import uvloop

from bench import shapes
from bench.arena import Arena, wait_until
from bench.ending import end
from bench.throughput import nudge_all
from engine.mail.links import LinkSigner
from engine.operations import intake
from engine.operations.intake import IncomingEvent
from engine.operations.letters import Writer
from engine.operations.rewriting import rewritten
from engine.store.database import Store, Transaction

CONNECTIONS = 8
BARE = "bare@bench.example"
_ANY_MAIL = "SELECT id FROM job WHERE state = 'accepted' LIMIT 1"


@dataclass
class Measured:
    """Both rates, and what the whole path cost."""

    mails: int
    bare_per_second: float
    path_per_second: float
    ratio: float
    bytes_per_mail: int
    path_cpu_ms: dict[str, float] = field(default_factory=dict)
    """CPU milliseconds a mail, by process."""


async def bare_loop(port: int, count: int, content: bytes) -> float:
    """Mails a second of a loop that only hands over what is ready."""
    numbers = iter(range(count))

    async def sender() -> None:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False)
        await client.connect()
        for number in numbers:
            await client.sendmail(BARE, [f"lead{number}@bare.example"], content)
        await client.quit()

    began = time.perf_counter()
    await asyncio.gather(*(sender() for _ in range(CONNECTIONS)))
    return count / (time.perf_counter() - began)


def one_of(store: Store) -> bytes:
    """One of our mails, as it went over the wire."""
    writer = Writer(LinkSigner(["a-key-as-long-as-another"]), "http://localhost:8080")
    job = store.read(lambda tx: str(tx.conn.execute(sa.text(_ANY_MAIL)).scalar_one()))
    written = rewritten(store, writer, job)
    assert written is not None
    return written.envelope.content


def whole_path(arena: Arena, store: Store, mails: int, part: int) -> tuple[float, dict[str, float]]:
    """Mails a second from the nudge to the last acceptance in the ledger, and CPU by process."""
    nudged: set[str] = set()
    store.on_commit(nudged.update)
    for start in range(0, mails, 500):
        numbers = range(start, min(start + 500, mails))
        intake.take_in(store, [_event(part, number) for number in numbers])
    sent_before, taken_before = store.read(_accepted), arena.accepted_count()
    before, began = arena.cpu(), time.monotonic()
    asyncio.run(nudge_all(arena, nudged))
    # The sink is looked at while it goes on, because counting the ledger costs what is measured.
    wait_until(lambda: arena.accepted_count() >= taken_before + mails, 300, 0.02)
    done = wait_until(lambda: store.read(_accepted) >= sent_before + mails, 30, 0.02)
    seconds = time.monotonic() - began
    after = arena.cpu()
    if not done:
        raise SystemExit(f"only {store.read(_accepted) - sent_before} of {mails} mails were sent")
    wait_until(lambda: store.read(_open) == 0, 60)
    return mails / seconds, {
        name: round((after[name] - before.get(name, 0.0)) / mails * 1000, 3) for name in after
    }


def _event(part: int, number: int) -> IncomingEvent:
    lead = {
        "email": f"lead{part}-{number}@example.com",
        "first_name": f"Ann {number}",
        "company": f"Company {number}",
    }
    return IncomingEvent("form.submitted", lead, id=f"form-{part}-{number}")


def _accepted(tx: Transaction) -> int:
    query = sa.text("SELECT count(*) FROM job WHERE state = 'accepted'")
    return int(tx.conn.execute(query).scalar_one())


def _open(tx: Transaction) -> int:
    query = sa.text("SELECT count(*) FROM enrollment WHERE ended_at IS NULL")
    return int(tx.conn.execute(query).scalar_one())


def measure(mails: int, rounds: int) -> Measured:
    """Rounds of both sides, in turn, in one set-up."""
    with Arena() as arena:
        arena.write(shapes.files_of_one_mail())
        store = arena.publish()
        arena.start_temporal()
        arena.start_sink()
        arena.start_worker()
        time.sleep(3)
        whole_path(arena, store, 200, 0)  # everything is imported and connected then
        content = one_of(store)
        bares, paths = [uvloop.run(bare_loop(arena.sink_port, mails, content))], []
        for part in range(1, rounds + 1):
            paths.append(whole_path(arena, store, mails, part))
            bares.append(uvloop.run(bare_loop(arena.sink_port, mails, content)))
        store.close()
    rate, cpu = max(paths)
    return Measured(
        mails=mails,
        bare_per_second=round(max(bares)),
        path_per_second=round(rate),
        ratio=round(rate / max(bares), 2),
        bytes_per_mail=len(content),
        path_cpu_ms=cpu,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mails", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found = measure(args.mails, args.rounds)
    end(found, _table, as_json=args.json)


def _table(found: Measured) -> None:
    print(f"{'mails in a round':>36} {found.mails:>10,}")
    print(f"{'bytes of a mail':>36} {found.bytes_per_mail:>10,}")
    print(f"{'bare loop, mails a second':>36} {found.bare_per_second:>10,.0f}")
    print(f"{'whole path, mails a second':>36} {found.path_per_second:>10,.0f}")
    print(f"{'whole path / bare loop':>36} {found.ratio:>10.2f}")
    for name, spent in sorted(found.path_cpu_ms.items()):
        print(f"{f'CPU ms a mail, {name}':>36} {spent:>10.3f}")


if __name__ == "__main__":
    main()
