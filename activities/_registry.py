"""The actions there are: one file each, found by name."""

import importlib
import pkgutil
from functools import cache

import activities
from activities._action import Action, Inline, Outgoing


@cache
def actions() -> dict[str, Action]:
    """Every action by its name.

    Raises:
        RuntimeError: a file's action has another name than the file.
    """
    found: dict[str, Action] = {}
    for module in pkgutil.iter_modules(activities.__path__):
        if module.name.startswith("_"):
            continue
        action = importlib.import_module(f"activities.{module.name}").ACTION
        file_name = module.name.removesuffix("_")
        if action.name != file_name:
            raise RuntimeError(f"activities/{module.name}.py holds the action '{action.name}'")
        found[action.name] = action
    return found


def inline(name: str) -> Inline | None:
    """The inline action of that name."""
    action = actions().get(name)
    return action if isinstance(action, Inline) else None


def outgoing(name: str) -> Outgoing | None:
    """The outgoing action of that name."""
    action = actions().get(name)
    return action if isinstance(action, Outgoing) else None
