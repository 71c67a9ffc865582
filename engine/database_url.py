"""The spelling of `LONGPLAY_DATABASE_URL`, checked before a driver sees it; it opens nothing."""

from pathlib import Path
from urllib.parse import urlsplit

_SQLITE = "sqlite:///"


def in_folder(url: str, folder: Path) -> str:
    """`url`, with the path of a SQLite file taken as relative to `folder`."""
    return f"{_SQLITE}{folder / url.removeprefix(_SQLITE)}" if url.startswith(_SQLITE) else url


def check_database_url(url: str) -> None:
    """Passes when `url` names a file of SQLite or a database of PostgreSQL.

    Raises:
        ValueError: it does not; the text of the error says why, and never shows the password.
    """
    scheme = url.partition(":")[0] if "://" in url else ""
    if scheme == "sqlite":
        if not url.startswith("sqlite:///") or url.endswith(("/", ":memory:")):
            raise ValueError("it names no file (sqlite:/// and then the path)")
    elif scheme in ("postgresql", "postgresql+psycopg"):
        try:
            parts = urlsplit(url)
            host_or_query, _port = parts.hostname or parts.query, parts.port
        except ValueError:
            raise ValueError("its host or port cannot be read") from None
        if not host_or_query or len(parts.path) <= 1:
            raise ValueError("it must name a host and a database")
    else:
        raise ValueError("it begins with neither sqlite:/// nor postgresql://")
