"""`backup` and `restore`: an archive that is whole or refused, and an installation that waits."""

import gzip
import io
import json
import shutil
import sqlite3
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Longplay

SECRET = "a-secret-that-nobody-may-read"


@pytest.fixture
def archive(longplay: Longplay, ann: str, workspace: Path, tmp_path: Path) -> Path:
    """Of a workspace with Ann in it, and with secrets beside it."""
    (workspace / ".env").write_text(f"LONGPLAY_API_KEYS={SECRET}\n")
    (workspace / "playbooks" / ".draft").write_text(SECRET)
    said = longplay("backup", str(tmp_path), "--json")
    assert said.status == 0, said.err
    assert said.json["counts"]["longplay.db"]["lead"] == 1
    return Path(said.json["archive"])


def members(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]


def packed(archive: Path, parts: dict[str, bytes]) -> None:
    archive.unlink()
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in parts.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


def test_an_archive_holds_all_but_secrets_for_its_owner_alone(
    archive: Path, workspace: Path
) -> None:
    """Databases and the workspace's files; neither `.env` nor keys, in whatever shape."""
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    found = members(archive)
    assert next(iter(found)) == "manifest.json"
    assert {"longplay.db", "workspace/longplay.yaml"} <= set(found)
    assert not any(".env" in name or "/." in name or "key" in name for name in found)
    key = (workspace / ".longplay" / "secret.key").read_text().strip()
    for content in found.values():
        assert SECRET.encode() not in content
        assert key.encode() not in content


def test_everything_destroyed_is_restored_and_waits(
    longplay: Longplay, archive: Path, workspace: Path, ann: str
) -> None:
    """The same counts, the brake on, and the doctor says why; `resume` lets mail leave."""
    key = (workspace / ".longplay" / "secret.key").read_bytes()
    shutil.rmtree(workspace)
    (workspace / ".longplay").mkdir(parents=True)
    (workspace / ".longplay" / "secret.key").write_bytes(key)
    assert longplay("restore", str(archive), "--check").status == 0
    assert not (workspace / ".longplay" / "longplay.db").exists()
    said = longplay("restore", str(archive), "--json")
    assert said.status == 0, said.out
    assert said.json["workspace"] and said.json["same_key"]
    assert said.json["restored"]["enrollments"] == 1
    assert (workspace / "playbooks" / "trial-nurture.yaml").is_file()
    assert longplay("enrollments", "list", "--json").json[0]["id"] == ann
    checks = {one["name"]: one for one in longplay("doctor", "--json").json["checks"]}
    assert not checks["restored"]["ok"]
    assert "1 enrollments may have gone on" in checks["restored"]["detail"]
    assert longplay("pause", "--json").json["everything"]
    assert longplay("resume", "--json").json["paused"] is False
    assert longplay("restored", "show", "--json").json["held"] == 0
    assert longplay("restored", "end", "--json").json["ended"]
    assert "not restored" in longplay("restored", "show").err


def test_a_restore_touches_nothing_that_is_there(
    longplay: Longplay, archive: Path, workspace: Path
) -> None:
    """Unless told to; then what was there lies beside it, and its ledger can be given."""
    store = workspace / ".longplay" / "longplay.db"
    before = store.read_bytes()
    said = longplay("restore", str(archive))
    assert (said.status, "is there already" in said.err) == (1, True)
    assert store.read_bytes() == before
    said = longplay("restore", str(archive), "--replace", "--json")
    assert said.status == 0, said.out
    aside = Path(said.json["put_aside"])
    with sqlite3.connect(aside / "longplay.db") as old:
        (count,) = old.execute("SELECT count(*) FROM lead").fetchone()
    old.close()
    assert count == 1
    told = longplay("restored", "sent", str(aside / "longplay.db"), "--json")
    assert told.json == {"new": 0, "settled": 0, "restored": told.json["restored"]}
    assert longplay("restored", "sent", str(aside / "longplay.db"), "--complete").status == 1
    assert longplay("restored", "release", "--json").json == {"released": 0}


def test_a_store_whose_worker_lives_is_not_put_aside(
    longplay: Longplay, archive: Path, workspace: Path
) -> None:
    """It would go on writing into a file that nobody looks at any more."""
    with sqlite3.connect(workspace / ".longplay" / "longplay.db") as store:
        store.execute(
            "INSERT INTO heartbeat (process, kind, at, detail) "
            "VALUES ('x:1', 'worker', unixepoch() * 1000000, '')"
        )
    store.close()
    said = longplay("restore", str(archive), "--replace")
    assert (said.status, "sign of life" in said.err) == (2, True)


def test_links_that_will_not_work_are_told_of(
    longplay: Longplay, archive: Path, workspace: Path
) -> None:
    """The signing key is not in an archive: without it, links in mails of then are dead."""
    shutil.rmtree(workspace / ".longplay")
    said = longplay("restore", str(archive))
    assert said.status == 0
    assert "links in mails that were sent do not work" in said.err


def _cut(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-2000])


def _flip(archive: Path) -> None:
    raw = bytearray(gzip.decompress(archive.read_bytes()))
    raw[raw.index(b"SQLite format 3") + 5_000] ^= 255
    archive.write_bytes(gzip.compress(bytes(raw), 1))


def _no_archive(archive: Path) -> None:
    archive.write_bytes(b"hello\n" * 100)


def _empty(archive: Path) -> None:
    archive.write_bytes(b"")


def _newer(archive: Path) -> None:
    parts = members(archive)
    manifest = json.loads(parts["manifest.json"]) | {"format": 2, "release": "9.9"}
    packed(archive, parts | {"manifest.json": json.dumps(manifest).encode()})


def _other_tables(archive: Path) -> None:
    _changed(archive, "UPDATE alembic_version SET version_num = '0099'")


def _fewer_rows(archive: Path) -> None:
    _changed(archive, "DELETE FROM lead")


def _changed(archive: Path, statement: str) -> None:
    """A database that was tampered with, checksum and all."""
    import hashlib

    parts = members(archive)
    place = archive.with_name("tampered.db")
    place.write_bytes(parts["longplay.db"])
    with sqlite3.connect(place) as store:
        store.execute(statement)
    store.close()
    content = place.read_bytes()
    manifest = json.loads(parts["manifest.json"])
    digest = hashlib.sha256(content).hexdigest()
    manifest["files"]["longplay.db"] = {"bytes": len(content), "sha256": digest}
    told = {"manifest.json": json.dumps(manifest).encode(), "longplay.db": content}
    packed(archive, parts | told)


def _escapes(archive: Path) -> None:
    parts = members(archive)
    manifest = json.loads(parts["manifest.json"])
    name = "workspace/../../../escaped"
    manifest["files"][name] = manifest["files"]["workspace/longplay.yaml"]
    told = {"manifest.json": json.dumps(manifest).encode()}
    packed(archive, parts | told | {name: parts["workspace/longplay.yaml"]})


def _lacks_one(archive: Path) -> None:
    parts = members(archive)
    del parts["workspace/longplay.yaml"]
    packed(archive, parts)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_cut, "is damaged"), (_flip, "is not what was written"), (_no_archive, "is damaged"),
        (_empty, "is damaged"), (_newer, "has the format 2"), (_other_tables, "revision '0099'"),
        (_fewer_rows, "'lead' has 0 rows instead of 1"), (_escapes, "has no place in it"),
        (_lacks_one, "is missing"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)  # fmt: skip
def test_what_is_not_fit_is_refused_and_nothing_is_left_behind(
    longplay: Longplay, archive: Path, workspace: Path,
    harm: Callable[[Path], None], said: str,
) -> None:  # fmt: skip
    """By name, before anything is touched."""
    shutil.rmtree(workspace / ".longplay")
    harm(archive)
    told = longplay("restore", str(archive))
    assert told.status == 1
    assert said in told.err
    assert not (workspace / ".longplay" / "longplay.db").exists()
    assert not list((workspace / ".longplay").glob(".longplay-*"))
    assert not (workspace.parent / "escaped").exists()


def test_an_archive_is_never_written_over(longplay: Longplay, archive: Path) -> None:
    """Nor is half of one ever left."""
    before = archive.read_bytes()
    said = longplay("backup", str(archive))
    assert (said.status, "is there already" in said.err) == (2, True)
    assert archive.read_bytes() == before
    assert not list(archive.parent.glob(".longplay-*"))


def test_postgresql_has_means_of_its_own(
    longplay: Longplay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command says which."""
    monkeypatch.setenv("LONGPLAY_DATABASE_URL", "postgresql://x:y@127.0.0.1:1/z")
    said = longplay("backup", str(tmp_path))
    assert said.status == 2
    assert "pg_dump" in said.err
