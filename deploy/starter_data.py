"""Puts the starter workspace into wheels; an editable installation finds it in its own folder."""

from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STARTER = "engine/starter"


class StarterData(BuildHookInterface[BuilderConfig]):
    """Adds `longplay.yaml`, `playbooks/` and `templates/` as `engine/starter/`, and `starters/`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before a wheel is written."""
        if version == "editable":
            return
        for name in ("longplay.yaml", "playbooks", "templates"):
            build_data["force_include"][name] = f"{STARTER}/{name}"
        build_data["force_include"]["starters"] = f"{STARTER}s"
