"""What was mailed, read out of whatever somebody else kept: the ids of our messages in it.

A log of a mail server, a provider's export, a folder of mails, or the ledger of another store: a
Message-ID of ours is known by its looks wherever it stands, so that no format has to be named.
"""

import gzip
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from engine.errors import EnvironmentFault, InputError
from engine.store import snapshots

_CHUNK = 1 << 20
_LONGEST = 320
_ID = rb"[0-9a-hjkmnp-tv-z]{20}"
_SQLITE = b"SQLite format 3\0"
_GZIP = b"\x1f\x8b"


def mailed_in(paths: Iterable[Path], domain: str) -> Iterator[str]:
    """The ids of the jobs whose messages are named in these files, some of them more than once.

    Args:
        paths: files, folders of files, and `longplay.db` of another store.
        domain: of the sender: what our Message-IDs end with.

    Raises:
        InputError: there is no such file.
        EnvironmentFault: one cannot be read.
    """
    looks = re.compile(
        rb"(?<![0-9a-z])(" + _ID + rb")@" + re.escape(domain.encode()) + rb"(?![\w.-])"
    )
    for path in paths:
        if not path.exists():
            raise InputError(f"there is no '{path}'")
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                yield from _mailed(file, looks)


def _mailed(file: Path, looks: re.Pattern[bytes]) -> Iterator[str]:
    try:
        with file.open("rb") as content:
            begins = content.read(16)
        if begins == _SQLITE:
            # All messages stand in a ledger, those too that did not go.
            yield from snapshots.mailed_in(file)
            return
        with file.open("rb") as content:
            packed = begins.startswith(_GZIP)
            read = gzip.GzipFile(fileobj=content).read if packed else content.read
            yield from _named(read, looks)
    except (OSError, EOFError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise EnvironmentFault(f"'{file}' cannot be read: {why}") from error


def _named(read: Callable[[int], bytes], looks: re.Pattern[bytes]) -> Iterator[str]:
    """Chunk by chunk, because logs are long; each begins with the end of the one before."""
    left = b""
    while chunk := read(_CHUNK):
        text = left + chunk
        for found in looks.finditer(text):
            yield found.group(1).decode()
        left = text[-_LONGEST:]
