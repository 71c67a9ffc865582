"""How long the search for duplicates takes: `python -m bench.likeness [LEADS]`.

Beside it: reading the same leads page by page and doing nothing with them.
"""

import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from engine.operations import duplicates
from engine.store import leads
from engine.store.database import Store, Transaction
from engine.store.erasures import empty_row
from engine.store.inserting import insert_many
from engine.store.schema import migrate
from tests.runtime.stage import Stage

_FAMILIES = "李王张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
_GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平"


def main(number: int) -> None:
    """Fills a store, searches it twice, and says how long each took."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'longplay.db'}"
        migrate(url)
        store = Store(url)
        Stage(store).publish("language: zh-CN\nsender: {from: a@acme.example}\n")
        for start in range(0, number, 5_000):
            store.write(lambda tx, start=start: _fill(tx, start))  # type: ignore[misc]
        print(f"{number:,} leads")
        _timed("reading them", lambda: _read(store))
        _timed("the first search", lambda: duplicates.find(store))
        _timed("the second search", lambda: duplicates.find(store))
        _timed("a page of pairs", lambda: len(duplicates.listing(store)))
        store.close()


def _fill(tx: Transaction, start: int) -> None:
    rows = []
    for n in range(start, start + 5_000):
        twin = n % 100 == 1  # one in a hundred is the one before, written otherwise
        m = n - 1 if twin else n
        name = _FAMILIES[m % 20] + _GIVEN[m // 20 % 20] + _GIVEN[m // 400 % 20]
        email = f"lead{m}{'+x' if twin else ''}@mail{m % 997}.example"
        rows.append(
            empty_row()
            | {
                "id": f"{n:020}", "email": email, "email_key": email, "full_name": name,
                "phone": f"138{m:08}", "company": f"第{m % 50_000}科技有限公司", "country": "CN",
                "stage": "lead", "created_at": datetime.now(UTC),
                "stage_entered_at": datetime.now(UTC),
            }
        )  # fmt: skip
    insert_many(tx, leads.table, rows)


def _read(store: Store) -> int:
    after, seen = "", 0
    while True:
        query = sa.select(leads.table).where(leads.table.c.id > after)
        query = query.order_by(leads.table.c.id).limit(1_000)
        rows = store.read(lambda tx, query=query: tx.conn.execute(query).all())  # type: ignore[misc]
        if not rows:
            return seen
        after, seen = rows[-1].id, seen + len(rows)


def _timed(what: str, work: object) -> None:
    began = time.perf_counter()
    answer = work()  # type: ignore[operator]
    print(f"{what}: {time.perf_counter() - began:.1f} s ({answer})", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
