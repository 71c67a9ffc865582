"""The deals' repository, and moves of the same deal from everywhere at once; on both databases."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from engine.errors import InputError, NotFoundError
from engine.operations import editions, publish
from engine.operations.deals_view import listing, show
from engine.operations.edit_deals import change_deal, put_deal
from engine.store import deals, events, leads
from engine.store.database import Store

WORKSPACE = """\
workspace: acme
currency: CNY
fields: {deal: {competitor: text, contract_ends_at: date, seats: integer}}
pipelines:
  b2b:
    stages:
      - qualify
      - demo: {enter_if: deal.amount is defined}
      - proposal: {leave_if: deal.quote_sent_at is defined}
      - won: {closes: won}
      - lost: {closes: lost, requires: [lost_reason]}
  renewal: {stages: [due, renewed: {closes: won}, gone: {closes: lost}]}
team: {owners: {li.wei: {name: 李伟}, sam.lee: {}}}
""".replace("[due, renewed: {closes: won}, gone: {closes: lost}]",
            "[due, {renewed: {closes: won}}, {gone: {closes: lost}}]")  # fmt: skip


@pytest.fixture
def shop(store: Store) -> Store:
    """A store with pipelines published."""
    folder = editions.Folder({"longplay.yaml": WORKSPACE.encode()}, {})
    checked = editions.check(folder)
    assert checked.ok, checked.diagnostics
    publish.publish(store, editions.edition_of(folder, checked))
    return store


def made(shop: Store, **values: object) -> str:
    given = {"lead": "ann@example.com", "pipeline": "b2b", **values}
    return put_deal(shop, given, actor="tests").deal


def test_a_new_deal_has_what_nobody_said(shop: Store) -> None:
    """The first stage, the workspace's currency, the contact's company and owner."""
    contact = {"email": "wang@example.cn", "company": "西湖云", "owner": "li.wei"}
    id = put_deal(shop, {"lead": contact, "pipeline": "b2b"}, actor="tests").deal
    found = show(shop, id)
    assert (found["name"], found["stage"], found["currency"], found["owner"]) == (
        "西湖云", "qualify", "CNY", "li.wei",
    )  # fmt: skip
    assert found["lead"] == "wang@example.cn"
    assert [one["field"] for one in found["history"]] == ["created"]


def test_a_deals_own_fields_keep_their_types(shop: Store) -> None:
    """A number stays a number, a date a date; what is taken away is gone."""
    id = made(shop, seats="1,200", contract_ends_at="2027年6月30日", competitor="甲骨文")
    change_deal(shop, id, {"competitor": None}, actor="tests")
    fields = show(shop, id)["fields"]
    assert (fields["seats"], fields["contract_ends_at"]) == (1200, "2027-06-30")
    assert fields["competitor"] is None


def test_every_change_is_in_the_history(shop: Store) -> None:
    """Who, from what, to what; what is equal already is not written."""
    id = made(shop, amount=10)
    change_deal(shop, id, {"amount": 20, "owner": "李伟"}, actor="ann")
    change_deal(shop, id, {"amount": 20}, actor="ben")
    change_deal(shop, id, {"stage": "demo"}, actor="ben")
    told = [
        (one["field"], one["before"], one["after"], one["actor"])
        for one in show(shop, id)["history"]
    ]
    assert told[0] == ("stage", "qualify", "demo", "ben")
    assert sorted(told[1:3]) == [("amount", 10, 20, "ann"), ("owner", None, "li.wei", "ann")]
    assert len(told) == 4


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"stage": "demo"}, "b2b.demo is entered only if deal.amount is defined"),
        ({"stage": "lost"}, "b2b.lost requires 'lost_reason'"),
        ({"stage": "demmo"}, "the pipeline 'b2b' has no stage 'demmo'"),
        ({"stage": "renewal.due"}, "changes the pipeline; force is not set"),
        ({"pipeline": "b2c"}, "no pipeline is named 'b2c'"),
        ({"amount": "a lot"}, "'a lot' is no number for 'amount'"),
        ({"owner": "li.wie"}, "no owner is called 'li.wie'"),
        ({"competitr": "x"}, "a deal has no field 'competitr'"),
        ({"created_at": "2026-01-01"}, "'created_at' cannot be written"),
        ({"closed": "won"}, "a deal has no field 'closed'"),
        ({"name": ""}, "a deal always has a name"),
        ({"lead": "nobody"}, "there is no lead 'nobody'"),
    ],
)
def test_what_is_wrong_changes_nothing(shop: Store, values: dict[str, str], fault: str) -> None:
    """The fault is named, and not even the fields that were right are written."""
    id = made(shop)
    with pytest.raises(InputError, match=fault.replace("'", ".")):
        change_deal(shop, id, {"decision_maker": "Ann", **values}, actor="tests")
    found = show(shop, id)
    assert (found["stage"], len(found["history"])) == ("qualify", 1)
    assert "decision_maker" not in found["fields"]


def test_fields_given_with_a_move_are_there_before_it(shop: Store) -> None:
    """Why a deal was lost is said in the same breath as that it was."""
    id = made(shop)
    change_deal(shop, id, {"stage": "lost", "lost_reason": "price"}, actor="tests")
    assert show(shop, id)["closed"] == "lost"
    with pytest.raises(InputError, match="opens a deal again that is lost"):
        change_deal(shop, id, {"stage": "won"}, actor="tests")
    change_deal(shop, id, {"stage": "qualify"}, actor="tests", force=True)
    assert show(shop, id)["closed"] == ""


def test_leave_if_holds_a_deal_back_but_not_from_being_lost(shop: Store) -> None:
    """Winning waits for the quote; losing waits for nothing but its reason."""
    one, other = made(shop, stage="proposal"), made(shop, stage="proposal")
    with pytest.raises(InputError, match=r"b2b.proposal is left only if deal.quote_sent_at"):
        change_deal(shop, one, {"stage": "won"}, actor="tests")
    change_deal(shop, one, {"stage": "won", "quote_sent_at": "2026-11-01"}, actor="tests")
    change_deal(shop, other, {"stage": "lost", "lost_reason": "price"}, actor="tests")
    assert [show(shop, id)["closed"] for id in (one, other)] == ["won", "lost"]


def test_every_stay_in_a_stage_has_its_own_name(shop: Store) -> None:
    """Leaving and coming back is another stay; a change that is no move keeps it (I10)."""
    id = made(shop)

    def stay() -> object:
        return shop.read(lambda tx: deals.load(tx, [id]))[id]["entry_ref"]

    seen = [stay()]
    change_deal(shop, id, {"amount": 5}, actor="tests")
    seen.append(stay())
    for stage in ("demo", "qualify"):
        change_deal(shop, id, {"stage": stage}, actor="tests", force=True)
        seen.append(stay())
    assert seen[0] == seen[1]
    assert len({*seen}) == 3


def test_a_deal_posted_twice_with_its_id_is_one(shop: Store) -> None:
    """The second time changes it; without an id there are two."""
    first = put_deal(shop, {"id": "crm-7", "lead": "ann@example.com", "pipeline": "b2b"}, actor="t")
    again = put_deal(shop, {"id": "crm-7", "amount": 5}, actor="t")
    assert (first.created, again.created, again.deal) == (True, False, "crm-7")
    made(shop), made(shop)
    assert len(listing(shop)) == 3


def test_lists_are_filtered_and_paged(shop: Store) -> None:
    """By stage, owner, contact, state and name; a page begins after the last id."""
    kept = made(shop, name="许可", owner="li.wei", amount=1, stage="demo")
    made(shop, name="培训", lead="ben@example.com")
    lost = made(shop, stage="lost", lost_reason="x")

    def ids(**wanted: object) -> list[str]:
        return [one["id"] for one in listing(shop, **wanted)]  # type: ignore[arg-type]

    assert ids(stage="b2b.demo") == ids(stage="demo") == ids(owner="li.wei") == [kept]
    assert ids(text="许") == [kept]
    assert len(ids(lead="ann@example.com")) == 2
    assert lost not in ids(is_open=True)
    assert ids(owner="") == [one for one in ids() if one != kept]
    assert ids(limit=2) + ids(after=ids(limit=2)[-1]) == sorted(ids())
    with pytest.raises(InputError, match="no stage is called 'demoo'"):
        ids(stage="demoo")


def test_no_such_deal_is_said(shop: Store) -> None:
    """In both doors."""
    with pytest.raises(NotFoundError, match="there is no deal 'nope'"):
        show(shop, "nope")
    with pytest.raises(NotFoundError, match="there is no deal 'nope'"):
        change_deal(shop, "nope", {"amount": 1}, actor="tests")


def test_moves_of_one_deal_from_many_clients_are_all_kept(shop: Store) -> None:
    """Each move starts where the one before ended, and every one is in the history."""
    id = made(shop, amount=1)
    other = Store(shop.url)
    stages = ("demo", "qualify", "proposal")
    barrier = threading.Barrier(4)

    def push(number: int) -> int:
        store = (shop, other)[number % 2]
        barrier.wait()
        moved = 0
        for turn in range(6):
            wanted = {"stage": stages[(number + turn) % 3], "quote_sent_at": "2026-01-01"}
            moved += (
                "stage" in change_deal(store, id, wanted, actor=f"w{number}", force=True).changed
            )
        return moved

    with ThreadPoolExecutor(4) as pool:
        moved = sum(pool.map(push, range(4)))
    other.close()
    history = shop.read(lambda tx: deals.history_of(tx, id))
    steps = [one for one in history if one["field"] == "stage"][::-1]
    assert len(steps) == moved > 0
    # Of equal moments (PostgreSQL's clock is read when a transaction begins) the order is not said.
    befores = sorted([one["before"] for one in steps] + [show(shop, id)["stage"]])
    afters = sorted(["qualify"] + [one["after"] for one in steps])
    assert befores == afters
    told = shop.read(lambda tx: events.of_lead(tx, str(_contact(shop, id)), limit=500))
    assert sum(one["name"] == "deal.stage_changed" for one in told) == moved


def _contact(shop: Store, id: str) -> object:
    return shop.read(lambda tx: deals.load(tx, [id]))[id]["lead"]


def test_two_clients_that_swap_contacts_do_not_wait_for_each_other(shop: Store) -> None:
    """Locks are taken leads first, in one order; a deadlock is the database's to resolve."""
    one, two = made(shop), made(shop, lead="ben@example.com")
    barrier = threading.Barrier(2)

    def swap(first: str, second: str) -> None:
        barrier.wait()
        for turn in range(10):
            name = ("ann", "ben")[turn % 2]
            change_deal(shop, first, {"lead": f"{name}@example.com"}, actor="tests")
            change_deal(shop, second, {"amount": turn}, actor="tests")

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(swap, one, two), pool.submit(swap, two, one)]:
            done.result(timeout=60)
    assert show(shop, one)["lead"] == show(shop, two)["lead"] == "ben@example.com"


def test_the_last_activity_only_moves_forward(shop: Store) -> None:
    """Of the deal that is named, and of the open deals of a lead."""
    one, closed = made(shop), made(shop, stage="lost", lost_reason="x")
    lead = shop.read(lambda tx: leads.find(tx, "ann@example.com"))
    late, early = datetime(2026, 5, 2, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
    shop.write(lambda tx: deals.touch(tx, {}, {str(lead): late}))
    shop.write(lambda tx: deals.touch(tx, {one: early}, {}))
    found = shop.read(lambda tx: deals.load(tx, [one, closed]))
    assert found[one]["last_activity_at"] == late
    assert found[closed]["last_activity_at"] is None
