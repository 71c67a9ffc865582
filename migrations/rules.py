"""What a revision may do while workers of the release before are at work: expand, never contract.

It reads a revision's text and runs nothing. A revision that must take something away says so with
`WORKS_FROM`, the oldest revision whose code never asks for it, and comes a release later.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

WORKS_FROM = "WORKS_FROM"
"""The name by which a revision says the oldest code that goes on working after it."""

_TAKES_AWAY = {
    "drop_table": "drops a table that older code reads",
    "drop_column": "drops a column that older code reads",
    "drop_constraint": "drops a rule that older code relies on",
    "rename_table": "renames a table under older code",
}
_UNIQUE = ("create_unique_constraint", "create_check_constraint", "create_foreign_key",
           "create_exclude_constraint", "create_primary_key")  # fmt: skip
_RAW = ("drop ", "rename ", "set not null", "alter column", "truncate", "delete from")


@dataclass(frozen=True, slots=True)
class Fault:
    """What a revision does that older code does not survive."""

    line: int
    why: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.why}"


def faults(source: str) -> list[Fault]:
    """What of a revision's `upgrade` breaks code of the revision before; empty: nothing does.

    A revision that names `WORKS_FROM` may do everything: older code is refused after it.
    """
    tree = ast.parse(source)
    if any(_names(node, WORKS_FROM) for node in tree.body):
        return []
    upgrade = next(
        (one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == "upgrade"),
        None,
    )
    if upgrade is None:
        return [Fault(1, "has no upgrade()")]
    calls = [one for one in ast.walk(upgrade) if isinstance(one, ast.Call)]
    made = {_text(one.args[0]) for one in calls if _verb(one) == "create_table" and one.args}
    found = [fault for one in calls for fault in _of_call(one, made)]
    return sorted(found, key=lambda fault: fault.line)


def _of_call(call: ast.Call, made: set[str]) -> Iterator[Fault]:
    verb = _verb(call)
    if verb in _TAKES_AWAY:
        yield Fault(call.lineno, _TAKES_AWAY[verb])
    elif verb == "alter_column":
        yield from _of_alter(call)
    elif verb == "add_column":
        yield from (fault for one in ast.walk(call) if _verb(one) == "Column"
                    for fault in _of_new_column(one))  # fmt: skip
    elif verb in _UNIQUE:
        yield Fault(call.lineno, "adds a rule that rows written by older code may break")
    elif verb == "create_index" and _is_true(call, "unique") and not _is_on(call, made):
        yield Fault(call.lineno, "adds a unique index that rows written by older code may break")
    elif verb == "execute":
        words = " ".join(_strings(call)).lower()
        yield from (
            Fault(call.lineno, f"runs SQL with '{raw.strip()}'") for raw in _RAW if raw in words
        )


def _of_alter(call: ast.Call) -> Iterator[Fault]:
    given = {one.arg: one.value for one in call.keywords}
    if "new_column_name" in given:
        yield Fault(call.lineno, "renames a column under older code")
    if "type_" in given:
        yield Fault(call.lineno, "changes a column's type under older code")
    nullable = given.get("nullable")
    if isinstance(nullable, ast.Constant) and nullable.value is False:
        yield Fault(call.lineno, "forbids NULL where older code writes it")
    default = given.get("server_default")
    if isinstance(default, ast.Constant) and default.value is None:
        yield Fault(call.lineno, "takes a default away that older code relies on")


def _of_new_column(call: ast.AST) -> Iterator[Fault]:
    if not isinstance(call, ast.Call):
        return
    given = {one.arg: one.value for one in call.keywords}
    nullable = given.get("nullable")
    required = isinstance(nullable, ast.Constant) and nullable.value is False
    if required and "server_default" not in given:
        yield Fault(call.lineno, "adds a column without NULL and without server_default: "
                    "older code does not fill it in")  # fmt: skip


def _verb(node: ast.AST) -> str:
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _names(node: ast.AST, name: str) -> bool:
    targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
    return any(isinstance(one, ast.Name) and one.id == name for one in targets)


def _is_true(call: ast.Call, name: str) -> bool:
    return any(
        one.arg == name and isinstance(one.value, ast.Constant) and one.value.value is True
        for one in call.keywords
    )


def _is_on(call: ast.Call, tables: set[str]) -> bool:
    return len(call.args) > 1 and _text(call.args[1]) in tables


def _text(node: ast.AST) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ""


def _strings(call: ast.Call) -> list[str]:
    return [
        one.value
        for one in ast.walk(call)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]
