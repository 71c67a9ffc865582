"""Backing an embedded installation up while it works, and bringing it back.

What is brought back is made ready aside and put in its place last, with the brake on: at no moment
does a store stand there that would mail what the lost one has mailed.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.errors import EnvironmentFault, InputError
from engine.operations import after_restore, archives
from engine.operations.archives import STORE, TEMPORAL, WORKSPACE, Manifest
from engine.store import snapshots
from engine.store.database import Store
from engine.store.schema import knows_revision, migrate, schema_revision

LIVES = timedelta(seconds=30)
"""How old the last sign of life of a worker is at least before its store is put aside."""

LEFT = timedelta(days=1)
"""How old something half done is that nobody works on any more."""

_ASIDE = ".longplay-"
_BESIDE = ("", "-wal", "-shm", "-journal")
_FOLDERS = ("playbooks", "templates")
_FILE = "longplay.yaml"

Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class House:
    """Where an installation lives.

    Attributes:
        home: the folder of its data.
        workspace: the folder of its playbooks.
        store: the file of its store.
        temporal: the file of its Temporal.
        key: what signs its links.
        release: which Longplay this is.
    """

    home: Path
    workspace: Path
    store: Path
    temporal: Path
    key: str
    release: str


@dataclass(frozen=True)
class Restored:
    """What came of bringing an archive back.

    Attributes:
        manifest: of the archive.
        lost_at: until when mail may have gone that the store does not know.
        put_aside: where what was there before lies now; None: nothing was.
        workspace: whether the workspace's files were written, too.
        same_key: whether links in mails of then still work.
    """

    manifest: Manifest
    lost_at: datetime
    put_aside: Path | None
    workspace: bool
    same_key: bool


def back_up(
    store: Store, house: House, target: Path, *, temporal: bool = True,
    tell: Tell = lambda done, every: None,
) -> tuple[Path, Manifest]:  # fmt: skip
    """Writes an archive of everything but secrets, as it is at one moment, while all goes on.

    Args:
        store: the installation's store.
        house: where it lives.
        target: the archive, or the folder that it is to lie in.
        temporal: whether Temporal's file goes with it, where there is one.
        tell: hears how many pages are copied, of how many.

    Raises:
        EnvironmentFault: something cannot be read or written.
    """
    folder = target if target.is_dir() else target.parent
    if not folder.is_dir():
        raise EnvironmentFault(f"there is no folder '{folder}'", help="make it first")
    with _aside(folder) as staging:
        wanted = [(house.store, staging / STORE)]
        if temporal and house.temporal.exists():
            wanted.append((house.temporal, staging / TEMPORAL))
        moment = snapshots.copy_at_once(store, wanted, tell=tell)
        parts = {copy.name: copy for _, copy in wanted} | _workspace_files(house.workspace)
        manifest = Manifest(
            archives.FORMAT, house.release, schema_revision(store) or "", moment,
            house.workspace.name, archives.key_check(house.key),
            {copy.name: snapshots.counts(copy) for _, copy in wanted},
        )  # fmt: skip
        path = target / _named(moment) if target.is_dir() else target
        return path, archives.write(path, manifest, parts)


def check(archive: Path, folder: Path) -> Manifest:
    """Passes when an archive is whole, sound, and fit for this release; nothing is changed.

    Raises:
        LongplayError: it is not.
    """
    with _aside(folder) as staging:
        return _unpacked(archive, staging)


def bring_back(
    archive: Path, house: House, *, replace: bool = False, temporal: bool = True,
    lost_at: datetime | None = None, actor: str = "",
) -> Restored:  # fmt: skip
    """Puts what is in an archive in the place of an installation that is gone, its brake on.

    Args:
        archive: the file.
        house: where to.
        replace: puts aside what is there.
        temporal: whether Temporal's file is brought back, too.
        lost_at: when the lost store mailed last, at the latest; now, when None.
        actor: who does it.

    Raises:
        LongplayError: the archive is not fit, something is there, or is running.
    """
    _require_room(house, replace=replace)
    house.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _aside(house.home) as staging:
        manifest = _unpacked(archive, staging)
        lost_at = _prepare(staging / STORE, manifest, lost_at, actor)
        put_aside = _put_aside(house, datetime.now(UTC))
        if temporal and (staging / TEMPORAL).exists():
            (staging / TEMPORAL).rename(house.temporal)
        house.store.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.move(staging / STORE, house.store)
        _settle_on_disk(house.store.parent)
        written = _write_workspace(staging / WORKSPACE.rstrip("/"), house.workspace)
    same = archives.is_key_of(manifest.key_check, house.key)
    return Restored(manifest, lost_at, put_aside, written, same)


def _unpacked(archive: Path, staging: Path) -> Manifest:
    manifest = archives.unpack(archive, staging)
    for name, told in manifest.counts.items():
        if name not in manifest.files:
            raise InputError(f"the archive '{archive}' is damaged: '{name}' is missing")
        snapshots.require_sound(staging / name)
        found = snapshots.counts(staging / name)
        if dict(told) != found:
            differing = next(t for t in {*told, *found} if told.get(t) != found.get(t))
            raise InputError(
                f"the archive '{archive}' is damaged: '{differing}' has {found.get(differing)} "
                f"rows instead of {told.get(differing)}",
                help="take another one",
            )
    if STORE not in manifest.counts:
        raise InputError(f"the archive '{archive}' is damaged: '{STORE}' is missing")
    revision = snapshots.revision(staging / STORE)
    if not knows_revision(revision):
        raise InputError(
            f"the archive '{archive}' has tables of revision '{revision}', which this release "
            "does not know",
            help=f"restore it with release {manifest.release[:40]}, which wrote it, or a later one",
        )
    return manifest


def _prepare(path: Path, manifest: Manifest, lost_at: datetime | None, actor: str) -> datetime:
    """Makes the copy fit for this release, and safe to be started: the brake is on in it."""
    store = Store(f"sqlite:///{path}")
    try:
        migrate(store)
        store.write(
            lambda tx: after_restore.begin(
                tx, copied_at=manifest.copied_at, lost_at=lost_at, actor=actor
            )
        )
        found = store.read(after_restore.standing)
        assert found is not None
        store.empty_log()
        return found.lost_at
    finally:
        store.close()


def _require_room(house: House, *, replace: bool) -> None:
    there = [path for path in (house.store, house.temporal) if path.exists()]
    if there and not replace:
        raise InputError(
            f"'{there[0]}' is there already",
            help="restore into an empty LONGPLAY_HOME, or put aside what is there with --replace",
        )
    seen = snapshots.last_sign_of_life(house.store) if house.store.exists() else None
    if seen is not None and datetime.now(UTC) - seen < LIVES:
        raise EnvironmentFault(
            f"a worker of '{house.store}' gave a sign of life just now",
            help="stop every longplay worker, then try again in half a minute",
        )


def _put_aside(house: House, now: datetime) -> Path | None:
    """Moves what is there into a folder beside it; a log goes along with its database."""
    there = [
        path
        for file in (house.store, house.temporal)
        for path in (file.with_name(file.name + end) for end in _BESIDE)
        if path.exists()
    ]
    if not there:
        return None
    folder = house.home / f"before-restore-{now:%Y%m%dT%H%M%S%f}"
    folder.mkdir(mode=0o700)
    for path in there:
        shutil.move(path, folder / path.name)
    return folder


def _workspace_files(folder: Path) -> dict[str, Path]:
    """The workspace's own files; nothing hidden, as `.env` is, and nothing that lies elsewhere."""
    if not (folder / _FILE).is_file():
        return {}
    found = [folder / _FILE]
    for name in _FOLDERS:
        found += sorted((folder / name).rglob("*"))
    return {
        f"{WORKSPACE}{path.relative_to(folder).as_posix()}": path
        for path in found
        if path.is_file()
        and not path.is_symlink()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


def _write_workspace(source: Path, folder: Path) -> bool:
    """Writes the workspace's files where there is no workspace."""
    if (folder / _FILE).exists() or not (source / _FILE).is_file():
        return False
    for path in sorted(source.rglob("*")):
        if path.is_file():
            place = folder / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.exists():
                shutil.copyfile(path, place)
    return True


@contextmanager
def _aside(folder: Path) -> Iterator[Path]:
    """A folder for its owner alone, gone afterwards; what a killed one left goes, too."""
    try:
        _clear_left(folder)
        with tempfile.TemporaryDirectory(dir=folder, prefix=_ASIDE) as name:
            yield Path(name)
    except OSError as error:
        raise EnvironmentFault(
            f"'{error.filename or folder}' cannot be written: {error.strerror or error}",
            help="is the disk full, or the folder somebody else's?",
        ) from error


def _clear_left(folder: Path) -> None:
    long_ago = time.time() - LEFT.total_seconds()
    for path in folder.glob(f"{_ASIDE}*"):
        if path.lstat().st_mtime < long_ago:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _settle_on_disk(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _named(moment: datetime) -> str:
    return f"longplay-{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}.tar.gz"
