"""What is due and unserved: lost nudges, dead dispatchers, a lost Temporal database (I5)."""

from datetime import timedelta

from engine.operations import bulk, clocks, coming
from engine.store import enrollments, jobs
from engine.store.database import Store, Transaction

DUE = timedelta(seconds=5)
"""How long a member may be due before somebody other than its driver says so."""

IDLE = timedelta(minutes=1)
"""How long an open batch may be untouched."""

ASTRAY = timedelta(seconds=15)
"""How long a bulk enrollment may be untouched: its slices are short."""


def neglected(store: Store) -> frozenset[str]:
    """The cohorts, and the schedules' driver, that should be nudged."""
    return store.read(_neglected)


def _neglected(tx: Transaction) -> frozenset[str]:
    found = set(enrollments.neglected_cohorts(tx, tx.now - DUE))
    found |= jobs.cohorts_with_due_work(tx, IDLE)
    if clocks.overdue(tx, tx.now - DUE):
        found.add(coming.SCHEDULES)
    found |= bulk.neglected(tx, tx.now - ASTRAY)
    return frozenset(found)
