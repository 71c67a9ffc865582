"""Archives of an embedded installation: what is in one, how it is written, when it is refused.

A tar file, compressed, for its owner alone: a manifest with the release's format, counts and
checksums, then the databases and the workspace's files. Secrets are not in it: neither `.env` nor
the keys of `LONGPLAY_HOME`, of which the manifest knows no more than a check value.
"""

import gzip
import hashlib
import io
import json
import os
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from engine.errors import EnvironmentFault, InputError

FORMAT = 1
"""Of archives: one with another number is refused."""

STORE = "longplay.db"
TEMPORAL = "temporal.db"
MANIFEST = "manifest.json"
WORKSPACE = "workspace/"

_CHUNK = 1 << 20
_MOST_MANIFEST = 20_000_000


@dataclass(frozen=True)
class Manifest:
    """What an archive says of itself.

    Attributes:
        format: `FORMAT` of the release that wrote it.
        release: that release's version.
        revision: of the store's tables.
        copied_at: the one moment that both databases are of.
        workspace: the folder's name.
        key_check: tells whether a signing key is the one of then; no key can be had from it.
        counts: table → rows, by database.
        files: name → (bytes, SHA-256).
    """

    format: int
    release: str
    revision: str
    copied_at: datetime
    workspace: str
    key_check: str
    counts: Mapping[str, Mapping[str, int]]
    files: Mapping[str, tuple[int, str]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """What stands in the archive."""
        return {
            "format": self.format, "release": self.release, "revision": self.revision,
            "copied_at": self.copied_at.isoformat(), "workspace": self.workspace,
            "key_check": self.key_check, "counts": self.counts,
            "files": {
                name: {"bytes": size, "sha256": digest}
                for name, (size, digest) in self.files.items()
            },
        }  # fmt: skip


def key_check(key: str, salt: bytes = b"") -> str:
    """Tells one signing key from another: slow to make, and far too short to lead back to one."""
    salt = salt or os.urandom(16)
    made = hashlib.scrypt(key.encode(), salt=salt, n=2**14, r=8, p=1, dklen=4)
    return f"{salt.hex()}:{made.hex()}"


def is_key_of(check: str, key: str) -> bool:
    """Whether a check value was made of this key."""
    salt, _, _made = check.partition(":")
    try:
        return bool(salt) and key_check(key, bytes.fromhex(salt)) == check
    except ValueError:
        return False


def write(path: Path, manifest: Manifest, parts: Mapping[str, Path]) -> Manifest:
    """Writes an archive, whole or not at all.

    Args:
        path: where; nothing may be there.
        manifest: without `files`.
        parts: name in the archive → file.

    Raises:
        EnvironmentFault: it cannot be written.
    """
    files = {name: (part.stat().st_size, _digest(part)) for name, part in sorted(parts.items())}
    told = Manifest(**{**manifest.__dict__, "files": files})
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".longplay-")  # with 0600
    try:
        with os.fdopen(descriptor, "wb") as out:
            with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1, mtime=0) as packed:
                _pack(packed, told, parts)
            out.flush()
            os.fsync(out.fileno())
        os.link(unfinished, path)
    except FileExistsError:
        raise EnvironmentFault(
            f"'{path}' is there already", help="name another file, or a folder"
        ) from None
    except OSError as error:
        raise EnvironmentFault(f"'{path}' cannot be written: {error.strerror}") from error
    finally:
        Path(unfinished).unlink(missing_ok=True)
    return told


def _pack(out: gzip.GzipFile, manifest: Manifest, parts: Mapping[str, Path]) -> None:
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        text = json.dumps(manifest.as_json(), ensure_ascii=False, indent=2).encode()
        tar.addfile(_entry(MANIFEST, len(text), manifest), io.BytesIO(text))
        for name in manifest.files:
            with parts[name].open("rb") as content:
                tar.addfile(_entry(name, manifest.files[name][0], manifest), content)


def _entry(name: str, size: int, manifest: Manifest) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    entry.mtime = int(manifest.copied_at.timestamp())
    return entry


def unpack(path: Path, into: Path) -> Manifest:
    """Checks a whole archive, and puts what is in it into a folder that is empty.

    Raises:
        InputError: it is damaged, incomplete, or not of this release's format.
        EnvironmentFault: it cannot be read.
    """
    with _reading(path) as tar:
        manifest = _manifest(path, tar)
        left = dict(manifest.files)
        while entry := tar.next():
            if not entry.isreg() or entry.name not in left:
                raise _damaged(path, f"it holds '{entry.name[:60]}', which its manifest does not")
            size, digest = left.pop(entry.name)
            content = tar.extractfile(entry)
            if entry.size != size or content is None:
                raise _damaged(path, f"'{entry.name}' has {entry.size} bytes instead of {size}")
            if _written(content, _place(path, into, entry.name)) != digest:
                raise _damaged(path, f"'{entry.name}' is not what was written")
        if left:
            raise _damaged(path, f"'{next(iter(left))}' is missing")
    return manifest


@contextmanager
def _reading(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with path.open("rb") as raw, gzip.GzipFile(fileobj=raw, mode="rb") as packed:
            with tarfile.open(fileobj=packed, mode="r|") as tar:
                yield tar
            packed.read()  # the checksum of all stands at the end
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(path, str(error) or "it ends too early") from error
    except OSError as error:
        raise EnvironmentFault(f"'{path}' cannot be read: {error.strerror or error}") from error


def _manifest(path: Path, tar: tarfile.TarFile) -> Manifest:
    entry = tar.next()
    content = tar.extractfile(entry) if entry and entry.name == MANIFEST else None
    if entry is None or content is None or entry.size > _MOST_MANIFEST:
        raise _damaged(path, "it does not begin with a manifest")
    try:
        told = json.loads(content.read())
        found = int(told["format"])
        if found != FORMAT:
            raise InputError(
                f"'{path}' has the format {found}, this release reads {FORMAT}",
                help="restore it with the release that wrote it: "
                f"{str(told.get('release', 'a newer one'))[:40]}",
            )
        return Manifest(
            found, str(told["release"]), str(told["revision"]),
            datetime.fromisoformat(told["copied_at"]), str(told["workspace"]),
            str(told["key_check"]), told["counts"],
            {name: (int(one["bytes"]), str(one["sha256"])) for name, one in told["files"].items()},
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, "its manifest cannot be read") from error


def _place(path: Path, into: Path, name: str) -> Path:
    """Where a file goes; never outside of the folder, whatever it is called."""
    place = (into / name).resolve()
    is_known = name in {STORE, TEMPORAL} or name.startswith(WORKSPACE)
    if not is_known or into.resolve() not in place.parents:
        raise _damaged(path, f"'{name[:60]}' has no place in it")
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def _written(content: Any, place: Path) -> str:
    made = hashlib.sha256()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(place, flags, 0o600), "wb") as out:
        for chunk in _chunks(content):
            made.update(chunk)
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    return made.hexdigest()


def _digest(path: Path) -> str:
    made = hashlib.sha256()
    with path.open("rb") as content:
        for chunk in _chunks(content):
            made.update(chunk)
    return made.hexdigest()


def _chunks(content: BinaryIO) -> Iterator[bytes]:
    read: Callable[[int], bytes] = content.read
    while chunk := read(_CHUNK):
        yield chunk


def _damaged(path: Path, why: str) -> InputError:
    return InputError(f"the archive '{path}' is damaged: {why}", help="take another one")
