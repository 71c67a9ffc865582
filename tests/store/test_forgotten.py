"""Addresses that were erased stay off the mailing list, known by a salted hash alone."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.errors import InputError
from engine.operations import suppressing
from engine.operations.import_leads import import_leads
from engine.operations.lead_rows import RowRules
from engine.operations.publish import publish
from engine.operations.suppression_files import export_suppressions, import_suppressions
from engine.store import consents, forgotten, leads, suppressions
from engine.store.database import Store, Transaction

ANN = "ann@example.com"


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, small_edition: object) -> Store:
    """A store with a workspace published, on each of the databases."""
    made: Store = request.getfixturevalue(f"{request.param}_store")
    publish(made, small_edition)  # type: ignore[arg-type]
    return made


@pytest.fixture(scope="module")
def small_edition() -> object:
    from engine.operations import editions

    files = {"longplay.yaml": b"workspace: acme\ntopics: [tips]\n"}
    folder = editions.Folder(files, {})
    return editions.edition_of(folder, editions.check(folder))


def listed(store: Store) -> set[tuple[object, object, object]]:
    """(address, topic, reason) of the plain list."""
    rows = store.read(lambda tx: suppressions.listing(tx, limit=1000))
    return {(row["email_key"], row["topic"], row["reason"]) for row in rows}


def forget(store: Store, *addresses: str) -> None:
    store.write(lambda tx: forgotten.forget(tx, addresses))


def everything_written(store: Store) -> str:
    """All text of the tables that outlive a lead."""

    def read(tx: Transaction) -> str:
        tables = (suppressions.table, forgotten.table, consents.table)
        return str([tx.conn.execute(sa.select(table)).all() for table in tables])

    return store.read(read)


def test_nothing_of_an_erased_address_can_be_read(store: Store) -> None:
    """Neither the address nor its name stands anywhere, and the same address is still known."""
    suppressing.add(store, ANN, reason="complained")
    forget(store, ANN, "Ann@Example.COM", "never-listed@example.com")
    assert "ann" not in everything_written(store).casefold()
    known = store.read(lambda tx: forgotten.known(tx, [ANN, "ANN@EXAMPLE.COM", "bo@example.com"]))
    assert known == {ANN, "ANN@EXAMPLE.COM"}
    assert listed(store) == set()


def test_who_comes_back_finds_its_suppressions_in_force(store: Store) -> None:
    """By a form, or by another lead's changed address: no mail that was refused before."""
    suppressing.add(store, ANN, reason="bounced")
    suppressing.add(store, ANN, reason="unsubscribed", topic="tips")
    forget(store, ANN, "bo@example.com")
    store.write(lambda tx: leads.create_many(tx, [{"email": ANN}], actor="intake"))
    assert listed(store) == {
        (ANN, "", "bounced"), (ANN, "tips", "unsubscribed"), (ANN, "", "unsubscribed")
    }  # fmt: skip
    (made,) = store.write(lambda tx: leads.create_many(tx, [{"phone": "12345"}], actor="x"))
    store.write(lambda tx: leads.save_many(tx, {made.id: {"email": "bo@example.com"}}, actor="x"))
    assert ("bo@example.com", "", "unsubscribed") in listed(store)


def test_an_import_takes_nobody_in_again_who_was_erased(store: Store, tmp_path: Path) -> None:
    """The row is refused with the reason; who signed up anew is changed as ever."""
    forget(store, ANN, "bo@example.com")
    store.write(lambda tx: leads.create_many(tx, [{"email": "bo@example.com"}], actor="intake"))
    path = tmp_path / "leads.csv"
    path.write_text(f"email,company\n{ANN},A\nbo@example.com,B\ncy@example.com,C\n")
    found = import_leads(store, path, RowRules())
    assert (found.created, found.updated, found.rejected) == (1, 1, 1)
    assert found.errors_file is not None
    assert "was erased" in found.errors_file.read_text(encoding="utf-8-sig")


def test_two_stores_hash_differently(sqlite_store: Store, postgres_store: Store) -> None:
    """The salt is each store's own, so that hashes tell nothing elsewhere."""
    for store in (sqlite_store, postgres_store):
        forget(store, ANN)
    one, other = (
        store.read(lambda tx: forgotten.listing(tx)[0]["hash"])
        for store in (sqlite_store, postgres_store)
    )
    assert one != other


@pytest.mark.parametrize("encoding", ["", "gbk", "utf-16"])
def test_the_list_goes_out_and_comes_in_whole(
    store: Store, tmp_path: Path, encoding: str, sqlite_store: Store, small_edition: object
) -> None:
    """With reasons, times and hashes; the same file again adds nothing."""
    suppressing.add(store, ANN, reason="unsubscribed", topic="tips")
    suppressing.add(store, ANN, reason="bounced")
    suppressing.add(store, "李伟@例子.公司", reason="manual")
    suppressing.add(store, "gone@example.com", reason="complained")
    forget(store, "gone@example.com")
    path = tmp_path / "list.csv"
    assert export_suppressions(store, path, encoding=encoding) == 5
    times = {row["at"] for row in store.read(suppressions.listing)}
    target = Store(f"sqlite:///{tmp_path / 'other.db'}")
    _fill(target, small_edition)
    for created in (5, 0):
        found = import_suppressions(target, path, topics=["tips"], language="zh-CN")
        assert (found.created, found.rejected, found.rows) == (created, 0, 5)
    assert listed(target) == listed(store)
    assert {row["at"] for row in target.read(suppressions.listing)} == times
    assert target.read(lambda tx: forgotten.known(tx, ["gone@example.com"]))
    target.close()


def _fill(target: Store, edition: object) -> None:
    from engine.store.schema import migrate

    migrate(target)
    publish(target, edition)  # type: ignore[arg-type]


def test_lists_of_other_systems_are_understood(store: Store, tmp_path: Path) -> None:
    """Other words for columns and reasons, Chinese ones in GBK among them."""
    path = tmp_path / "退订名单.csv"
    text = (
        "邮箱,原因,时间\nann@example.com,退订,2026-01-05 10:00\nbo@example.cn,硬退信,\n"
        "cy@example.com,spam complaint,2026/01/06\nnot an address,退订,\ndi@example.com,搬家,\n"
        "ed@example.com,,\n"
    )
    path.write_bytes(text.encode("gbk"))
    found = import_suppressions(store, path, language="zh-CN")
    assert (found.created, found.rejected, found.encoding) == (4, 2, "gb18030")
    assert {(email, reason) for email, _, reason in listed(store)} == {
        (ANN, "unsubscribed"), ("bo@example.cn", "bounced"), ("cy@example.com", "complained"),
        ("ed@example.com", "unsubscribed"),
    }  # fmt: skip


def test_a_hash_of_another_house_is_refused(store: Store, tmp_path: Path) -> None:
    """It would match nobody, and nobody would know."""
    forget(store, ANN)
    path = tmp_path / "list.csv"
    path.write_text(f"email,reason,hash,salt\n,erased,{'a' * 64},{'b' * 64}\n")
    found = import_suppressions(store, path)
    assert (found.created, found.rejected) == (0, 1)


@pytest.mark.parametrize(
    ("text", "part"),
    [("name,city\nAnn,Rome\n", "no column"), ("", "is empty")],
)
def test_a_file_without_addresses_is_refused(
    sqlite_store: Store, tmp_path: Path, text: str, part: str
) -> None:
    """Nothing is imported."""
    path = tmp_path / "list.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=part):
        import_suppressions(sqlite_store, path)


def test_what_a_file_says_of_consents_becomes_lines(store: Store, tmp_path: Path) -> None:
    """English and Chinese columns; twice is once; a cell that says nothing rejects its row."""
    path = tmp_path / "客户.csv"
    text = (
        "邮箱,国家,同意,同意时间,同意来源,打开追踪同意\n"
        "ann@example.com,DE,是,2026-01-05 10:00,展会,否\n"
        "bo@example.cn,CN,已确认,,,\n"
        "cy@example.com,US,否,2026-02-01 09:00,电话,\n"
        "di@example.com,US,,,,\n"
        "ed@example.com,US,也许,,,\n"
    )
    path.write_bytes(text.encode("gbk"))
    for created, updated in ((4, 0), (0, 0)):
        found = import_leads(store, path, RowRules(), language="zh-CN")
        assert (found.created, found.updated, found.rejected) == (created, updated, 1)
    rows = store.read(consents.page)
    assert sorted((row["email"], row["purpose"], row["state"]) for row in rows) == [
        ("ann@example.com", "marketing", "given"),
        ("ann@example.com", "open_tracking", "withdrawn"),
        ("bo@example.cn", "marketing", "confirmed"),
        ("cy@example.com", "marketing", "withdrawn"),
    ]
    assert {row["source"] for row in rows} == {"展会", "file 客户.csv", "电话"}
    assert ("cy@example.com", "", "unsubscribed") in listed(store)
