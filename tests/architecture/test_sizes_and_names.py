"""Small rooms with clear doors: how long things may be, and what they may be called."""

import ast
import importlib
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = (
    *("engine", "workflows", "activities", "rehearsal", "web", "commands"),
    *("cli.py", "worker.py"),
)

LONGEST_MODULE = 600
LONG_MODULE = 400
LONGEST_FUNCTION = 60
LONG_FUNCTION = 35
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "base", "types", "misc"}


def sources(*folders: str) -> list[Path]:
    """Every Python file of ours below the folders."""
    found: list[Path] = []
    for folder in folders:
        path = ROOT / folder
        found += [path] if path.suffix == ".py" else sorted(path.rglob("*.py"))
    return [path for path in found if path.exists()]


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def functions(path: Path) -> list[tuple[str, int]]:
    """Name with place, and length, of every function of a file."""
    return [
        (f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    ]


def test_no_module_is_too_long() -> None:
    """Nothing passes the hard limit, and what passes the soft one stays the exception."""
    sizes = {str(path.relative_to(ROOT)): lines(path) for path in sources(*CODE, "tests")}
    assert {name: size for name, size in sizes.items() if size > LONGEST_MODULE} == {}
    long = {name: size for name, size in sizes.items() if size > LONG_MODULE}
    assert len(long) <= len(sizes) // 20, f"over {LONG_MODULE} lines: {long}"


def test_no_function_is_too_long() -> None:
    """No function passes the hard limit, and nine of ten are short."""
    sizes = [function for path in sources(*CODE, "tests") for function in functions(path)]
    assert [(name, size) for name, size in sizes if size > LONGEST_FUNCTION] == []
    assert statistics.quantiles([size for _, size in sizes], n=10)[-1] <= LONG_FUNCTION


def test_no_module_has_a_vague_name() -> None:
    """A module is named for what it owns."""
    assert [path for path in sources(*CODE) if path.stem in VAGUE_NAMES] == []


def test_every_module_says_what_it_owns() -> None:
    """Each module opens with a docstring."""
    mute = [
        str(path.relative_to(ROOT))
        for path in sources(*CODE, "tests")
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert mute == []


ACTIONS = [path for path in sources("activities") if not path.name.startswith("_")]


@pytest.mark.parametrize("path", ACTIONS, ids=lambda path: path.stem)
def test_a_file_an_action_and_its_name_are_one(path: Path) -> None:
    """File name = YAML name = Temporal activity name, so that a search always lands."""
    action = importlib.import_module(f"activities.{path.stem}").ACTION
    # A trailing underscore keeps a file from being named like a keyword of Python.
    assert action.name == path.stem.removesuffix("_")


def test_no_two_test_files_share_a_name() -> None:
    """A failing test is found by its file's name alone."""
    names = [path.name for path in sources("tests") if path.name.startswith("test_")]
    assert sorted({name for name in names if names.count(name) > 1}) == []
