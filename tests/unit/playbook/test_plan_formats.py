"""Plans of every released format: read, walked as they always were, and refused when too new."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.errors import EnvironmentFault
from engine.playbook.plan import FORMAT, Op, Plan, load_plan
from tests.cases.keep_plans import FOLDER, PLAYBOOKS, plan_of, shape
from tests.cases.walking import walked

KEPT = sorted(path for path in FOLDER.glob("format-*/*.json") if path.stem != "shape")
IDS = [f"{path.parent.name} {path.stem}" for path in KEPT]


def kept(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


WALKS = [
    pytest.param(kept(path)["plan"], told["story"], told["walk"], id=f"{name}: {story}")
    for path, name in zip(KEPT, IDS, strict=True)
    for story, told in kept(path)["walks"].items()
]


@pytest.mark.parametrize(("text", "story", "walk"), WALKS)
def test_a_kept_plan_does_what_it_always_did(
    text: str, story: dict[str, Any], walk: list[str]
) -> None:
    """Every op that it passes, every effect with its parameters, and every moment are the same."""
    assert walked(load_plan(text), story) == walk


@pytest.mark.parametrize("path", KEPT, ids=IDS)
def test_a_kept_plan_keeps_its_digest(path: Path) -> None:
    """Read and written again it is the same text, so that it is no new version of its playbook."""
    text = kept(path)["plan"]
    assert load_plan(text).canonical() == text


@pytest.mark.parametrize("name", sorted(PLAYBOOKS))
def test_the_same_text_makes_the_same_plan(name: str) -> None:
    """Publishing unchanged playbooks with this release makes no new version of them.

    Another parameter of an action changes every plan that has the action: actions must go on
    reading plans without it. When they do, keep the plans anew under a new format.
    """
    text = kept(FOLDER / f"format-{FORMAT}" / f"{name}.json")["plan"]
    assert plan_of(name).canonical() == text


def test_what_a_plan_can_hold_has_not_changed_within_its_format() -> None:
    """Another op, field or default is another format.

    Releases of today would stumble over it: raise FORMAT, keep what is there, and run
    `python -m tests.cases.keep_plans`. Before the first release of a format, only run it.
    """
    written = kept(FOLDER / f"format-{FORMAT}" / "shape.json")
    assert shape() == written, f"format {FORMAT} has changed: see the test's explanation"


def test_every_format_up_to_todays_is_kept() -> None:
    """A format without plans would be read by luck."""
    assert {path.name for path in FOLDER.iterdir()} == {f"format-{n + 1}" for n in range(FORMAT)}


def test_kept_plans_have_every_op() -> None:
    """None is left out; nor is any way of beginning."""
    plans = [load_plan(kept(path)["plan"]) for path in KEPT if f"format-{FORMAT}" in str(path)]
    ops = {op.op for plan in plans for op in plan.ops}
    assert ops == {one.model_fields["op"].default for one in Op.__origin__.__args__}  # type: ignore[attr-defined]
    triggers = {trigger.kind for plan in plans for trigger in plan.enroll.triggers}
    assert triggers == {
        "event", "stage", "score", "segment", "cron", "date", "at", "manual"
    }  # fmt: skip
    assert len(plans) == len(PLAYBOOKS)


BAD: list[Any] = [
    pytest.param('{"format":2,"playbook":"tour","ops":[],"new":1}', "format 2", id="newer"),
    pytest.param('{"format":1,"playbook":"tour","ops":[{"op":"fly"}]}', "damaged: ops", id="op"),
    pytest.param('{"format":1,"playbook":"tour"', "damaged", id="cut off"),
    pytest.param('{"playbook":"tour","ops":[]}', "damaged", id="no format"),
    pytest.param("[1]", "damaged", id="a list"),
    pytest.param("", "damaged", id="nothing"),
]


@pytest.mark.parametrize(("text", "said"), BAD)
def test_what_cannot_be_read_is_told(text: str, said: str) -> None:
    """The fault first, then the next move; never a traceback."""
    with pytest.raises(EnvironmentFault, match=said) as raised:
        load_plan(text)
    assert raised.value.help


def test_a_later_field_makes_no_new_version() -> None:
    """What is not said is not written: a field that did not exist then changes no digest."""
    plan = Plan.model_validate({"playbook": "tour", "ops": [{"op": "end", "step": "e",
                                                             "outcome": "o"}]})  # fmt: skip
    assert plan.canonical() == (
        '{"format":1,"ops":[{"op":"end","outcome":"o","step":"e"}],"playbook":"tour"}'
    )
