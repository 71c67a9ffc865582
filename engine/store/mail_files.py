"""Files that go with mails, by the digest of their content: kept once, and for good."""

from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from engine.store.database import Transaction
from engine.store.mail_file_tables import MailFile

table: sa.Table = MailFile.__table__  # type: ignore[attr-defined]


def keep(tx: Transaction, files: Mapping[str, bytes]) -> None:
    """Keeps files by digest; those that are there already are not sent again."""
    known = tx.conn.execute(sa.select(table.c.digest).where(table.c.digest.in_(files))).scalars()
    insert = postgresql.insert if tx.is_postgres else sqlite.insert
    for digest in sorted(files.keys() - set(known)):
        row = insert(table).values(digest=digest, content=files[digest])
        tx.conn.execute(row.on_conflict_do_nothing())


def contents(tx: Transaction, digests: Iterable[str]) -> dict[str, bytes]:
    """The files of these digests; absent ones are left out."""
    query = sa.select(table.c.digest, table.c.content)
    rows = tx.conn.execute(query.where(table.c.digest.in_(sorted(set(digests)))))
    return {digest: bytes(content) for digest, content in rows}
