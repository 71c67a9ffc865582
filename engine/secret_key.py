"""The secret key of an installation that was given none: made once, kept for its owner alone."""

import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

from engine.errors import EnvironmentFault


def kept_key(
    path: Path,
    make: Callable[[], str] = lambda: secrets.token_urlsafe(48),
    *,
    setting: str = "LONGPLAY_SECRET_KEY",
    loss: str = "links in mails already sent then die",
) -> str:
    """The key in `path`; the first process that looks makes it, and all get the same one.

    Args:
        path: the file.
        make: makes a new key.
        setting: what gives a key from outside.
        loss: what a new key costs.

    Raises:
        EnvironmentFault: it can be neither read nor made.
    """
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _put_once(path, make())
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentFault(
            f"the secret key in '{path}' cannot be kept: {error}",
            help=f"make the folder writable, or set {setting}",
        ) from error
    if not key:
        raise EnvironmentFault(
            f"the secret key in '{path}' is empty",
            help=f"bring its backup back, or delete it: {loss}",
        )
    return key


def _put_once(path: Path, text: str) -> None:
    """Writes a whole file that only its owner may read, unless another was faster."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".secret-")  # made with 0600
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(name, path)
    except FileExistsError:
        pass
    finally:
        Path(name).unlink()
