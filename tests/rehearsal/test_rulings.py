"""What the language promises, sentence by sentence, as playbooks whose scenarios must hold."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.suite import Suite
from tests.rehearsal.workspaces import WORKSPACE, checked, folder

RULINGS: list[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("rulings.yaml").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("ruling", RULINGS, ids=lambda ruling: ruling["says"])
def test_the_language_keeps_its_word(ruling: dict[str, Any]) -> None:
    """Every scenario of a ruling holds."""
    given = folder(case=ruling["playbook"])
    workspace = WORKSPACE.replace("{segment: text,", "{segment: text, employees: integer,").replace(
        "[product-tips]", "[product-tips, newsletter]"
    )
    given.files["longplay.yaml"] = workspace.encode()  # type: ignore[index]
    found = Suite(given, checked(given)).run()
    assert found.verdicts
    assert [f"{one.name}: {one.diff}" for one in found.verdicts if not one.ok] == []
