"""What findings mean, in 简体中文, for terminals that speak it; the English stays beside it."""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

_FILE = Path(__file__).with_name("rules_zh.yaml")


def is_asked_for(environment: Mapping[str, str] | None = None) -> bool:
    """Whether the terminal's messages are Chinese, as POSIX says: LC_ALL, LC_MESSAGES, LANG.

    Args:
        environment: the variables; None: this process's.
    """
    names = os.environ if environment is None else environment
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if names.get(name):
            return names[name].lower().startswith("zh")
    return False


@cache
def meanings() -> Mapping[str, str]:
    """What each rule means, by its name."""
    found: Mapping[str, str] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return found


def explained(text: str, rule: str) -> str:
    """A finding as it is printed, and below it what its rule means, where that is asked for."""
    meaning = meanings().get(rule) if is_asked_for() else None
    return f"{text}\n  说明：{meaning}" if meaning else text
