"""Playbooks and workspaces grown from the JSON Schemas: well formed, and sense only by chance.

Each field takes its own example, one of another field, or what does not belong there at all.
"""

import random
from collections.abc import Mapping
from typing import Any

import yaml

from engine.playbook.jsonschema import playbook_schema, workspace_schema

STRANGE: tuple[Any, ...] = (
    None, True, -1, 0, 10**18, 1.5, "", "x", "lead.score >", "{{ lead.scor }}", "{% if %}", "4 m",
    "0 0 31 2 *", "2026-02-30", [], {}, [[]], {"a": None}, "业务", "\u00a0", "team:nobody", "a.b",
    "lead.score > 5 and lead.score < 3", "run.saved.x", "99 business days", "forever", "${X}",
)  # fmt: skip
_DEEPEST = 7


class Grower:
    """Grows documents from one schema."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema
        self.definitions: Mapping[str, Any] = schema["$defs"]

    def text(self, chance: random.Random) -> str:
        """A document as YAML."""
        grown = self._grown(self.schema, chance, 0)
        if isinstance(grown, dict) and "playbook" in self.schema["properties"]:
            grown = {**grown, "playbook": "case", "steps": self._steps(chance)}
        style = chance.choice([None, True, False])
        return yaml.safe_dump(grown, allow_unicode=True, sort_keys=False, default_flow_style=style)

    def _steps(self, chance: random.Random) -> Any:
        return [
            self._grown({"$ref": f"#/$defs/{name}"}, chance, 1)
            for name in chance.choices([n for n in self.definitions if n.startswith("step-")], k=6)
        ]

    def _grown(self, field: Mapping[str, Any], chance: random.Random, depth: int) -> Any:
        if "$ref" in field:
            return self._grown(self.definitions[field["$ref"].rpartition("/")[2]], chance, depth)
        dice = chance.random()
        if dice < 0.04:
            return chance.choice(STRANGE)
        if "examples" in field and (dice < 0.7 or depth > _DEEPEST):
            return chance.choice(field["examples"])
        if "anyOf" in field and "properties" not in field:
            return self._grown(chance.choice(field["anyOf"]), chance, depth)
        if field.get("type") == "array" and depth <= _DEEPEST:
            item = field.get("items", {})
            return [self._grown(item, chance, depth + 1) for _ in range(chance.randrange(4))]
        if "properties" in field and depth <= _DEEPEST:
            return self._mapping(field, chance, depth)
        if "enum" in field or "const" in field:
            return chance.choice(field.get("enum") or [field["const"]])
        return chance.choice(STRANGE)

    def _mapping(self, field: Mapping[str, Any], chance: random.Random, depth: int) -> Any:
        needed = field.get("required", ())
        keys = [key for key in field["properties"] if key in needed or chance.random() < 0.35]
        if chance.random() < 0.05:
            keys = keys[1:]
        return {key: self._grown(field["properties"][key], chance, depth + 1) for key in keys}


PLAYBOOKS = Grower(playbook_schema())
WORKSPACES = Grower(workspace_schema())
