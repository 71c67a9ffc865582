"""A sender's turn: what became of its last window and what goes in the next, in one transaction.

One commit a window, and no moment in which a sender has more than one window in flight.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from engine.operations import slowness
from engine.operations.clock_guard import ClockGuard
from engine.operations.reports import Sent, report
from engine.operations.windows import WINDOW, Window, claim
from engine.store import jobs, leads
from engine.store.database import Transaction

NO_NEWS: Mapping[str, float | None] = MappingProxyType({})


def take_turn(
    tx: Transaction,
    batch: str,
    token: str,
    guard: ClockGuard,
    sent: Sequence[Sent],
    *,
    first: bool,
    last: bool,
    size: int = WINDOW,
    news: Mapping[str, float | None] = NO_NEWS,
    apart: bool = False,
) -> Window:
    """Reports `sent`, then claims the next window.

    Args:
        tx: a write transaction.
        batch: the batch's id.
        token: this attempt's own.
        guard: this process's.
        sent: the last window; empty before the first.
        first: whether nothing of the batch was claimed by this attempt before.
        last: whether nothing is to be claimed any more.
        size: of the next window.
        news: destinations that turned out slow, with seconds a mail, or (None) slow no more.
        apart: whether the batch goes apart already, so that slow ones may stay in it.
    """
    slowness.tell(tx, news)
    if sent:
        if tx.is_postgres and not last:
            # All at once and in one order, before either half locks its own (runtime.md, I7).
            next_ones = {row["lead"] for row in jobs.takeable(tx, batch, size)}
            leads.lock_remembered(tx, next_ones | {one.lead for one in sent})
        report(tx, batch, token, sent, settle=last)
    if last:
        return Window()
    return claim(tx, batch, token, guard, size=size, first=first, apart=apart)
