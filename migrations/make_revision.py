"""Writes the next revision from what the tables declare: `python -m migrations.make_revision`.

`--first` throws the revisions away and writes the first one anew, as long as none was released.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command

from engine.store.database import Store, Transaction
from engine.store.schema import alembic_config, migrate

_VERSIONS = Path(__file__).parent / "versions"


def main() -> None:
    """Compares a freshly migrated SQLite database with the tables and writes the difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("message", nargs="?", default="The first schema")
    parser.add_argument("--first", action="store_true", help="write revision 0001 anew")
    options = parser.parse_args()
    if options.first:
        for revision in _VERSIONS.glob("*.py"):
            revision.unlink()
    number = f"{len(list(_VERSIONS.glob('[0-9]*.py'))) + 1:04}"
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/compare.db")
        if number != "0001":
            migrate(store)
        store.write(lambda tx: _write(tx, number, options.message))
        store.close()
    for path in _VERSIONS.glob(f"{number}_*.py"):
        _tidy(path)
        sys.stdout.write(f"{path}\n")


def _write(tx: Transaction, number: str, message: str) -> None:
    command.revision(alembic_config(tx.conn), message, autogenerate=True, rev_id=number)


def _tidy(path: Path) -> None:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.strip().startswith("# ###")))
    subprocess.run(["ruff", "check", "--fix", "--silent", path], check=False)
    subprocess.run(["ruff", "format", "--quiet", path], check=True)


if __name__ == "__main__":
    main()
