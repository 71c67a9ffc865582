"""What pages show is what the tables hold, on both databases: histories, searches, numbers."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from engine.errors import InputError, NotFoundError
from engine.operations import editions, following, lead_search, overview, unsubscribing
from engine.operations.edit_leads import change_lead, put_lead
from engine.operations.intake import IncomingEvent, take_in
from engine.operations.lead_search import search
from engine.operations.publish import publish
from engine.operations.timeline import Moment, timeline
from engine.store import jobs, leads
from engine.store.database import Store

if TYPE_CHECKING:
    from pathlib import Path

ANN = "ann@example.com"


@pytest.fixture
def history(store: Store, edition: editions.Edition, tmp_path: "Path") -> tuple[Store, str]:
    """A store in which Ann got a mail, clicked, was changed by hand and unsubscribed."""
    from tests.web.conftest import Work

    publish(store, edition)
    work = Work(store, tmp_path)
    trial = IncomingEvent("form.submitted", {"email": ANN}, properties={"form": "trial"})
    assert take_in(store, [trial]).accepted == 1
    work.until_rest()
    work.a_minute_later()
    (job,) = store.read(jobs.page)
    link = following.link_of(store, work.courier.writer, job["id"], 0)
    assert link is not None
    following.click(store, link, machine=False)
    following.click(store, link, machine=True)
    change_lead(store, ANN, {"owner": "li.wei", "tags": ["vip"], "company": "张记"}, actor="cli")
    work.until_rest()
    unsubscribing.unsubscribe(store, job["id"])
    lead = store.read(lambda tx: leads.find(tx, ANN))
    assert lead is not None
    return store, lead


def moments(history: tuple[Store, str], size: int) -> list[Moment]:
    """The whole history, read in pages."""
    store, lead = history
    found: list[Moment] = []
    before: str | None = ""
    while before is not None:
        page = store.read(partial(timeline, lead=lead, before=before, size=size))
        found += page.moments
        before = page.before
    return found


def test_a_history_has_everything_newest_first(history: tuple[Store, str]) -> None:
    """Every ledger is in it, each thing once, with its reason."""
    found = moments(history, 100)
    assert [one.at for one in found] == sorted((one.at for one in found), reverse=True)
    kinds = {one.kind for one in found}
    assert {"event", "message", "step", "change", "owner", "entered"} <= kinds
    titles = [one.title for one in found if one.kind == "event"]
    assert set(titles) == {
        "email.unsubscribed", "email.machine_clicked", "email.clicked", "form.submitted",
    }  # fmt: skip
    assert not [one for one in found if one.kind == "change" and one.title == "owner"]
    (message,) = [one for one in found if one.kind == "message"]
    assert (message.title, message.state, message.playbook) == (
        "Welcome, and good to have you here", "accepted", "trial-nurture",
    )  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 5])
def test_pages_of_a_history_lose_and_repeat_nothing(history: tuple[Store, str], size: int) -> None:
    """Much happens in one transaction, so at one instant: pages are cut between, all the same."""
    whole = [(one.kind, one.id) for one in moments(history, 100)]
    paged = [(one.kind, one.id) for one in moments(history, size)]
    assert sorted(set(paged)) == sorted(paged)
    # A step told by its message, or an owner told twice, may stand alone on its page.
    assert [one for one in paged if one in whole] == whole


@pytest.mark.parametrize("before", ["x", "1-9-a", "-", "99999999999999999999-1-a", "1-1"])
def test_a_place_in_a_history_that_was_never_given_is_refused(store: Store, before: str) -> None:
    """Or begins somewhere; it never fails otherwise."""
    try:
        store.read(lambda tx: timeline(tx, "nobody", before=before))
    except InputError as error:
        assert "no place in a history" in error.message


def test_the_overview_counts(history: tuple[Store, str]) -> None:
    """Who entered, who is through and how, where the others stand."""
    store, _ = history
    put_lead(store, {"email": "bob@example.com"}, actor="api")
    seen = store.read(overview.overview)
    trial = next(one for one in seen.playbooks if one.name == "trial-nurture")
    assert (trial.entered, trial.active, trial.finished) == (1, 0, 1)
    assert seen.stages["lead"] == 2
    found = store.read(lambda tx: overview.playbook_count(tx, "trial-nurture"))
    assert found.outcomes == {"unsubscribed": 1}
    assert [step.step for step in found.steps][:2] == ["hello", "wait-1-minute"]
    with pytest.raises(NotFoundError, match="trial-nuture"):
        store.read(lambda tx: overview.playbook_count(tx, "trial-nuture"))


def test_where_enrollments_stand_is_counted_by_step(
    store: Store, edition: editions.Edition, tmp_path: "Path"
) -> None:
    """A waiting enrollment is counted at its wait."""
    from tests.web.conftest import Work

    publish(store, edition)
    work = Work(store, tmp_path)
    take_in(store, [IncomingEvent("form.submitted", {"email": ANN}, properties={"form": "trial"})])
    work.until_rest()
    found = store.read(lambda tx: overview.playbook_count(tx, "trial-nurture"))
    assert {step.step: step.here for step in found.steps if step.here} == {"wait-1-minute": 1}


PEOPLE = [
    {"email": "ann@example.com", "first_name": "Ann", "owner": "li.wei"},
    {"email": "bob@example.com", "company": "100% Wool"},
    {"email": "li@example.cn", "first_name": "伟", "last_name": "李", "stage": "mql"},
    {"email": "cy@example.com", "stage": "mql", "owner": "li.wei"},
]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["cy", "li", "bob", "ann"]),
        ({"text": "BOB@example.com"}, ["bob"]),
        ({"text": "example.com"}, ["cy", "bob", "ann"]),
        ({"text": "李伟"}, ["li"]),
        ({"text": "100%"}, ["bob"]),
        ({"text": "%"}, ["bob"]),
        ({"stage": "mql"}, ["cy", "li"]),
        ({"owner": "li.wei"}, ["cy", "ann"]),
        ({"owner": "li.wei", "stage": "mql"}, ["cy"]),
        ({"text": "ann", "stage": "mql"}, []),
        ({"text": "nobody"}, []),
    ],
    ids=str,
)
def test_leads_are_found(
    store: Store, edition: editions.Edition, wanted: dict[str, str], found: list[str]
) -> None:
    """By address, part of a name, stage and owner; newest first."""
    publish(store, edition)
    for one in PEOPLE:
        put_lead(store, one, actor="api")
    page = store.read(lambda tx: search(tx, **wanted))  # type: ignore[arg-type]
    assert [str(lead["email"]).partition("@")[0] for lead in page.leads] == found


def test_a_search_that_would_take_long_goes_a_stretch_at_a_time(
    store: Store, edition: editions.Edition, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each page looks through so many leads and says where to look on; none is passed over."""
    publish(store, edition)
    for n in range(11):
        put_lead(store, {"email": f"l{n}@example.com", "company": "x" * (n % 4)}, actor="api")
    monkeypatch.setattr(lead_search, "STRETCH", 3)
    seen: list[object] = []
    before: str | None = ""
    pages = 0
    while before is not None:
        page = store.read(partial(search, text="xxx", before=before))
        seen += [lead["email"] for lead in page.leads]
        before, pages = page.before, pages + 1
    assert seen == ["l7@example.com", "l3@example.com"]
    assert pages == 4


def test_two_at_once_make_one_lead(store: Store, edition: editions.Edition) -> None:
    """Of two requests that meet, one makes the lead and the other changes it."""
    publish(store, edition)

    async def both() -> list[bool]:
        made = [
            asyncio.to_thread(put_lead, store, {"email": ANN, "company": f"c{n}"}, actor="api")
            for n in range(4)
        ]
        return [one.created for one in await asyncio.gather(*made)]

    assert sorted(asyncio.run(both())) == [False, False, False, True]
    assert store.read(leads.count) == 1
    query = sa.select(sa.func.count()).select_from(leads.table)
    assert store.read(lambda tx: tx.conn.execute(query).scalar()) == 1
