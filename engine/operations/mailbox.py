"""Looking into the mailbox that bounces arrive in: one worker at a time, each letter once.

A letter is marked as seen after what it says was committed. Whoever dies between the two sees it
again, which changes nothing.
"""

import logging
from datetime import timedelta

import sqlalchemy as sa

from engine.mail.inbound.classify import classify
from engine.mail.inbound.mailbox import MailboxAddress, opened
from engine.mail.return_path import ReturnSigner
from engine.operations.returning import Taken, take_back
from engine.store.database import Store, Transaction
from engine.store.inserting import insert_new
from engine.store.sending_tables import Pace

EVERY = timedelta(minutes=1)
"""How often the mailbox is looked into, and how long a look keeps others from it."""

MOST_LETTERS = 500
_AT_ONCE = 20
_SCOPE = "mailbox"
table: sa.Table = Pace.__table__  # type: ignore[attr-defined]
_log = logging.getLogger(__name__)


def look(store: Store, address: MailboxAddress, returns: ReturnSigner) -> list[Taken] | None:
    """Takes in what is new in the mailbox; None: it is another one's turn, or not time yet.

    Raises:
        TryAgainError: the mailbox cannot be reached.
    """
    if not store.write(_take_turn):
        return None
    taken: list[Taken] = []
    with opened(address) as mailbox:
        uids = mailbox.unseen(MOST_LETTERS)
        for start in range(0, len(uids), _AT_ONCE):
            some = uids[start : start + _AT_ONCE]
            found = [classify(mailbox.letter(uid), returns) for uid in some]
            taken += take_back(store, found, door="imap")
            mailbox.mark(some)
            store.write(_keep_turn)
    if taken:
        known = sum(one.is_new for one in taken)
        _log.info("the mailbox of bounces: %s letters, %s of them new to us", len(taken), known)
    return taken


def _take_turn(tx: Transaction) -> bool:
    """Whether it is our turn: rows say when the next look may begin."""
    until = tx.now + EVERY
    if insert_new(tx, table, [{"scope": _SCOPE, "next_at": until}], key="scope"):
        return True
    due = sa.and_(table.c.scope == _SCOPE, table.c.next_at <= tx.now)
    return tx.conn.execute(sa.update(table).where(due).values(next_at=until)).rowcount > 0


def _keep_turn(tx: Transaction) -> None:
    mine = table.c.scope == _SCOPE
    tx.conn.execute(sa.update(table).where(mine).values(next_at=tx.now + EVERY))
