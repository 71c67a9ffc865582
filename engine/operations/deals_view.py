"""Deals as people and scripts see them: one in full with its history, or a page of many."""

from collections.abc import Mapping
from typing import Any

from engine.errors import InputError, NotFoundError
from engine.operations import published
from engine.operations.lead_changes import found_lead
from engine.operations.leads_view import names_of
from engine.operations.published import Current
from engine.operations.scopes import load_deals
from engine.operations.selecting import selection
from engine.playbook.spelling import did_you_mean
from engine.playbook.values import Value
from engine.runtime.deal_fields import DEAL_BUILT_IN
from engine.runtime.deal_moves import place_named
from engine.runtime.fields import to_json
from engine.store import companies, deals
from engine.store.database import Store, Transaction

ON_TOP = (
    "id", "name", "lead", "pipeline", "stage", "amount", "currency", "owner", "tags",
    "stage_entered_at", "closed",
)  # fmt: skip


def show(store: Store, deal: str) -> dict[str, Any]:
    """A deal in full: its fields, and every change with who made it and why, newest first.

    Raises:
        NotFoundError: there is none with this id.
    """

    def read(tx: Transaction) -> dict[str, Any]:
        facts = found_deal(tx, deal)
        shown = shape(tx, published.current(tx), [facts])[0]
        company = companies.of_deal(tx, deal)
        return {
            **shown,
            "company_id": company,
            "history": [_line(one) for one in deals.history_of(tx, deal)],
        }

    return store.read(read)


def listing(
    store: Store,
    *,
    pipeline: str = "",
    stage: str = "",
    owner: str | None = None,
    lead: str = "",
    text: str = "",
    is_open: bool = False,
    where: str = "",
    after: str | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """A page of deals in the order of their ids; the next begins `after` the last id.

    Raises:
        InputError: there is no such pipeline, stage or lead; the condition `where` is wrong.
    """

    def read(tx: Transaction) -> list[dict[str, Any]]:
        current = published.current(tx)
        wanted = filters(current, pipeline, stage)
        narrowed = deals.filters(
            owner=owner, text=text, is_open=is_open,
            lead=str(found_lead(tx, lead)) if lead else "", **wanted,
        )  # fmt: skip
        chosen = selection(current, where, "deal")
        ids = chosen.page(tx, after or "", limit, also=narrowed)
        known = load_deals(tx, current, ids)
        return shape(tx, current, [known[id] for id in ids])

    return store.read(read)


def filters(current: Current, pipeline: str, stage: str) -> dict[str, str]:
    """The pipeline and the stage that are meant; `b2b.proposal` names both.

    Raises:
        InputError: there is none of that name.
    """
    pipelines = current.workspace.pipelines
    if pipeline and pipeline not in pipelines:
        raise InputError(
            f"no pipeline is named '{pipeline[:60]}'", help=did_you_mean(pipeline, pipelines)
        )
    before, dot, _ = stage.partition(".")
    if pipeline or (dot and before in pipelines):
        place = place_named(pipelines, stage, pipeline) if stage else None
        return {
            "pipeline": place.pipeline if place else pipeline,
            "stage": place.stage if place else "",
        }
    known = [one.name for each in pipelines.values() for one in each.stages]
    if stage and stage not in known:
        raise InputError(f"no stage is called '{stage[:60]}'", help=did_you_mean(stage, known))
    return {"pipeline": "", "stage": stage}


def found_deal(tx: Transaction, deal: str) -> dict[str, Value]:
    """The deal of this id.

    Raises:
        NotFoundError: there is none.
    """
    found = load_deals(tx, published.current(tx), [deal]).get(deal)
    if found is None:
        raise NotFoundError(
            f"there is no deal '{deal[:200]}'", help="list them with: longplay deals list"
        )
    return found


def shape(tx: Transaction, current: Current, page: list[dict[str, Value]]) -> list[dict[str, Any]]:
    """Deals in the form of the contract; `lead` is the address, or the id of one without."""
    names = names_of(tx, [str(one["lead"]) for one in page])
    return [_shape(one, current, names) for one in page]


def _shape(
    facts: Mapping[str, Value], current: Current, names: Mapping[str, str]
) -> dict[str, Any]:
    shown: dict[str, Any] = {name: to_json(facts.get(name)) for name in ON_TOP}
    shown["lead"] = names[str(facts["lead"])]
    shown["fields"] = {
        name: to_json(facts[name])
        for name in (*DEAL_BUILT_IN, *current.deal_fields)
        if name not in ON_TOP and (name in current.deal_fields or facts.get(name) is not None)
    }
    return shown


def _line(change: Mapping[str, Any]) -> dict[str, Any]:
    return {name: change[name] for name in ("at", "field", "before", "after", "actor", "reason")}
