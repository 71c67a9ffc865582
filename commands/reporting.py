"""What is kept of a fault that nobody foresaw: its traceback, in a file for whoever mends it."""

import os
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

_MOST = 100_000


def keep(error: BaseException, arguments: Sequence[str], home: Path | None) -> Path:
    """Writes the traceback and answers where; into `home`, or where temporary files go.

    The arguments may hold addresses, so only the command's words are kept, and only the owner of
    the file may read it.
    """
    now = datetime.now(UTC)
    words = " ".join(word for word in arguments if word.isascii() and word.isalpha())
    text = _without_secrets("".join(traceback.format_exception(error))[-_MOST:])
    name = f"fault-{now:%Y%m%d-%H%M%S}-{os.getpid()}.log"
    for folder in filter(None, (home, Path(tempfile.gettempdir()))):
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / name
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(f"{now.isoformat()} longplay {words}\n{text}")
            return path
    return Path(os.devnull)


def _without_secrets(text: str) -> str:
    from engine.logs import Redaction

    return Redaction().text(text)
