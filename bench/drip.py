"""What a lead of a drip costs: CPU of all processes but the mail sink, next to two rivals.

    python -m bench.drip [--leads 5000] [--baseline 150] [--rounds 2] [--json]

Welcome mail, a wait of a second, a branch on the score, a second mail. Ours: taken in as events,
walked by the worker, rendered, tracked, sent by its two senders, in the ledger; CPU is that of
Temporal's server, the worker with its senders, and the intake in this process. The rivals: a
hand-rolled loop over a table of jobs with ready mails (`bench.by_loop`), and a hand-written
workflow per lead on the same Temporal. All send to one sink, whose CPU is left out everywhere. The
cheapest round counts, because a shared machine only ever adds.
"""

import argparse
import json
import subprocess
import time
from dataclasses import dataclass

import sqlalchemy as sa

from bench import loads, rivals
from bench.arena import PYTHON, ROOT, Arena, wait_until
from bench.ending import end
from bench.peaks import own_peak, peaks, print_peaks
from engine import garbage
from engine.mail.links import LinkSigner
from engine.operations import intake
from engine.operations.letters import Writer
from engine.operations.rewriting import rewritten
from engine.store.database import Store, Transaction

BATCH = 500
WARM = 400
LIMIT = 60
MAILS = 2


@dataclass
class Found:
    """CPU milliseconds a lead."""

    leads: int
    ours: float
    by_process: dict[str, float]
    seconds: float
    by_loop: float
    by_workflow: float
    ratio_to_loop: float
    ratio_to_workflow: float
    mails: int
    memory_mb: dict[str, float]


def measure(leads: int, by_hand: int, rounds: int) -> Found:
    """Ours, the loop and the workflows, in one set-up."""
    with Arena() as arena:
        arena.write(loads.files_of_drip())
        store = arena.publish()
        arena.start_temporal()
        arena.start_sink()
        workflow = by_workflow(arena, by_hand)
        arena.start_worker()
        rivals.Nudging(arena, store)
        one_round(arena, store, "warm", WARM)
        ours, loops = [], []
        for number in range(rounds):
            ours.append(one_round(arena, store, str(number), leads))
            loops.append(by_loop(arena, store, leads))
        taken = len({message_id for message_id, to in arena.accepted() if to.startswith("lead")})
        memory = peaks(arena) | {"this process": own_peak()}
        store.close()
    spent, seconds = min(ours, key=lambda one: sum(one[0].values()))
    total = sum(spent.values())
    return Found(
        leads=leads,
        ours=round(total, 2),
        by_process=spent,
        seconds=round(seconds, 1),
        by_loop=round(min(loops), 2),
        by_workflow=round(workflow, 1),
        ratio_to_loop=round(total / min(loops), 2),
        ratio_to_workflow=round(workflow / total, 1),
        mails=taken,
        memory_mb=memory,
    )


def by_workflow(arena: Arena, leads: int) -> float:
    """CPU milliseconds a lead of a workflow per lead: the server's and the worker's."""
    rivals.start_by_hand(arena)
    before = _spent(arena)
    rivals.run_by_hand(arena, leads, "drip")
    after = _spent(arena)
    arena.kill("baseline")
    return sum(after[name] - before[name] for name in before) / leads * 1000


def by_loop(arena: Arena, store: Store, leads: int) -> float:
    """CPU milliseconds a lead of the hand-rolled loop, with one of our mails as the ready one."""
    content = arena.folder / "ready.eml"
    content.write_bytes(_one_of(store))
    argv = [PYTHON, "-P", "-m", "bench.by_loop", "--port", str(arena.sink_port)]
    argv += ["--leads", str(leads), "--content", str(content)]
    environment = arena.environment() | {"PYTHONPATH": str(ROOT)}
    said = subprocess.run(argv, env=environment, capture_output=True, timeout=LIMIT, check=True)
    return float(json.loads(said.stdout)["cpu_ms_per_lead"])


def one_round(arena: Arena, store: Store, part: str, leads: int) -> tuple[dict[str, float], float]:
    """CPU milliseconds a lead by process, and the seconds from first event to last step."""
    wanted = store.read(_done) + leads
    before, own, began = _spent(arena), time.process_time(), time.monotonic()
    for start in range(0, leads, BATCH):
        intake.take_in(store, loads.forms(part, range(start, min(start + BATCH, leads))))
    taken_in = time.process_time() - own
    if not wait_until(lambda: store.read(_done) >= wanted, LIMIT, 0.25):
        log = (arena.folder / "worker.log").read_text()[-2000:]
        raise SystemExit(f"only {store.read(_done)} of {wanted} leads came to the end\n{log}")
    seconds, after = time.monotonic() - began, _spent(arena)
    spent = {name: after[name] - before[name] for name in before} | {"intake": taken_in}
    return {name: round(cpu / leads * 1000, 3) for name, cpu in spent.items()}, seconds


def _spent(arena: Arena) -> dict[str, float]:
    """CPU seconds of what lives, but the sink."""
    return {
        name: cpu for name, cpu in arena.cpu().items() if name in arena.processes.keys() - {"sink"}
    }


def _done(tx: Transaction) -> int:
    query = sa.text("SELECT count(*) FROM enrollment WHERE ended_at IS NOT NULL")
    return int(tx.conn.execute(query).scalar_one())


def _one_of(store: Store) -> bytes:
    """One of our mails, as it went over the wire."""
    writer = Writer(LinkSigner(["a-key-as-long-as-another"]), "http://localhost:8080")
    first = sa.text("SELECT id FROM job WHERE state = 'accepted' LIMIT 1")
    job = store.read(lambda tx: str(tx.conn.execute(first).scalar_one()))
    written = rewritten(store, writer, job)
    assert written is not None
    return written.envelope.content


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=5000)
    parser.add_argument("--baseline", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    garbage.settle()  # as the web server does, whose part this process plays
    found = measure(args.leads, args.baseline, args.rounds)
    end(found, _table, as_json=args.json)


def _table(found: Found) -> None:
    print(f"{'leads a round':>44} {found.leads:>10,}")
    print(f"{'CPU ms a lead, ours':>44} {found.ours:>10.2f}")
    for name, spent in sorted(found.by_process.items()):
        print(f"{f'of it {name}':>44} {spent:>10.3f}")
    print(f"{'CPU ms a lead, a hand-rolled loop':>44} {found.by_loop:>10.2f}")
    print(f"{'CPU ms a lead, a workflow per lead':>44} {found.by_workflow:>10.1f}")
    print(f"{'ours / the loop':>44} {found.ratio_to_loop:>10.2f}")
    print(f"{'a workflow per lead / ours':>44} {found.ratio_to_workflow:>10.1f}")
    print(f"{'seconds, ours, first event to last step':>44} {found.seconds:>10.1f}")
    print(f"{'our mails taken by the sink':>44} {found.mails:>10,}")
    print_peaks(found.memory_mb)


if __name__ == "__main__":
    main()
