"""The demo's deals: two dozen, spread over the stages of the workspace's first pipeline.

They have ids of their own: planting them twice changes nothing, and moves nothing back.
"""

from contextlib import suppress

from engine.errors import InputError
from engine.operations import published
from engine.operations.edit_deals import put_deal
from engine.store import deals
from engine.store.database import Store

DEALS = 24

_NAMES = ("年度许可", "Annual licenses", "实施服务", "Onboarding", "扩容", "Renewal")
_REASONS = ("price", "no budget", "价格")


def plant_deals(store: Store, contacts: list[str]) -> int:
    """Opens the sample deals of these leads; answers how many were new.

    A workspace without a pipeline gets none; a stage that asks for more than the demo knows is
    left out.
    """
    workspace = store.read(published.current).workspace
    if not workspace.pipelines or not contacts:
        return 0
    pipeline, rules = next(iter(workspace.pipelines.items()))
    ids = [f"demo-deal-{number:02d}" for number in range(DEALS)]
    known = store.read(lambda tx: deals.contacts_of(tx, ids))
    made = 0
    for number, id in enumerate(ids):
        if id in known:
            continue
        stage = rules.stages[number % len(rules.stages)]
        values: dict[str, object] = {
            "id": id, "lead": contacts[number * 7 % len(contacts)], "pipeline": pipeline,
            "name": _NAMES[number % len(_NAMES)], "stage": stage.name,
            "amount": 5_000 + number * 3_700 % 90_000, "decision_maker": "CTO",
        }  # fmt: skip
        if stage.closes == "lost":
            values["lost_reason"] = _REASONS[number % len(_REASONS)]
        with suppress(InputError):
            made += put_deal(store, values, actor="demo").created
    return made
