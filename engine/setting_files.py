"""Secrets given as files: `NAME_FILE` names a file, and what is in it is the value of `NAME`.

So a container is told its secrets as Docker and Kubernetes hand them out, and they stand neither in
its environment nor in what `docker inspect` shows. Settings that are no secret have no such form.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from engine.errors import EnvironmentFault

SUFFIX = "_FILE"
_LARGEST = 65_536


def read_secret_file(name: str, written: str, folder: Path) -> str:
    """What the file holds, without the space around it.

    Args:
        name: the variable that names it.
        written: its path; relative to `folder`.
        folder: the workspace.

    Raises:
        EnvironmentFault: it cannot be read, is empty, or is no such text.
    """
    path = folder / Path(written).expanduser()
    help = "name a file that holds the value and nothing else, and that this user may read"
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        text = content.decode("utf-8-sig").strip()
    except OSError as error:
        raise EnvironmentFault(f"{name} is '{written}': {error.strerror}", help=help) from error
    except UnicodeDecodeError:
        raise EnvironmentFault(f"{name} is '{written}': it is not UTF-8 text", help=help) from None
    if not text or "\0" in text or len(content) > _LARGEST:
        wrong = "it is empty" if not text else f"it is no text of at most {_LARGEST} bytes"
        raise EnvironmentFault(f"{name} is '{written}': {wrong}", help=help)
    return text


def values_in_files(
    variables: Iterable[str], given: Mapping[str, str], folder: Path
) -> dict[str, str]:
    """The values of those variables that are given as files.

    Args:
        variables: the names that may be given so.
        given: the environment; an empty value is none.
        folder: the workspace.

    Raises:
        EnvironmentFault: a file cannot be used, or the value is given besides.
    """
    found = {}
    for name in variables:
        file = f"{name}{SUFFIX}"
        if not given.get(file):
            continue
        if given.get(name):
            raise EnvironmentFault(f"{name} and {file} are both set", help="unset one of them")
        found[name] = read_secret_file(file, given[file], folder)
    return found


class WithFiles(Mapping[str, str]):
    """Variables, of which `NAME` may be given as `NAME_FILE`; a file is read when it is asked for.

    Args:
        given: the variables.
        folder: what relative paths begin at.
    """

    def __init__(self, given: Mapping[str, str], folder: Path) -> None:
        self._given = given
        self._folder = folder

    def __getitem__(self, name: str) -> str:
        """The value.

        Raises:
            KeyError: it is given in neither form.
            EnvironmentFault: its file cannot be used.
        """
        file = f"{name}{SUFFIX}"
        if name in self._given or not self._given.get(file):
            return self._given[name]
        return read_secret_file(file, self._given[file], self._folder)

    def __iter__(self) -> Iterator[str]:
        """The names as they are given."""
        return iter(self._given)

    def __len__(self) -> int:
        """How many are given."""
        return len(self._given)
