"""Companies as records: who belongs to one, merging and erasing, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError, NotFoundError
from engine.operations import companies_view, erasing, merging
from engine.operations.companies_view import company_timeline, duplicates, listing, show
from engine.operations.edit_companies import change_company, merge_companies, put_company
from engine.operations.edit_deals import change_deal, put_deal
from engine.operations.edit_leads import change_lead, put_lead
from engine.operations.import_companies import import_companies
from engine.store import companies, deals, leads
from tests.runtime.stage import WORKSPACE, Stage

FIELDS = "fields:\n  company: {employees: integer, tier: {enum: [a, b]}}\n"
BOOK = WORKSPACE.replace("fields:\n", FIELDS) + (
    "    sam.lee: {name: 王山}\npipelines: {b2b: {stages: [qualify, {won: {closes: won}}]}}\n"
)


@pytest.fixture
def house(stage: Stage) -> Stage:
    stage.publish(BOOK)
    return stage


def lead(stage: Stage, email: str, **fields: Any) -> str:
    return str(put_lead(stage.store, {"email": email, **fields}, actor="tests").lead)


def company(stage: Stage, id: str) -> str | None:
    found = stage.store.read(lambda tx: companies.of_lead(tx, id))
    return show(stage.store, found)["name"] if found else None


def test_a_lead_belongs_to_the_company_of_its_domain_or_its_name(house: Stage) -> None:
    """Made once for all who share it; a free mailbox tells nothing; a change moves the lead."""
    ann = lead(house, "ann@acme.example", company="Acme Ltd")
    bob = lead(house, "bob@eu.acme.example", company="Elsewhere")
    cy, dan = lead(house, "cy@qq.com", company="ACME"), lead(house, "dan@gmail.com")
    assert [company(house, one) for one in (ann, bob, cy, dan)] == ["Acme Ltd"] * 3 + [None]
    (only,) = listing(house.store)
    assert (only["domain"], only["leads"]) == ("acme.example", 3)
    change_lead(house.store, "dan@gmail.com", {"company": "西湖云"}, actor="tests")
    change_lead(house.store, "cy@qq.com", {"email": "cy@bolt.example"}, actor="tests")
    assert (company(house, dan), company(house, cy)) == ("西湖云", "ACME")
    change_lead(house.store, "dan@gmail.com", {"company": None}, actor="tests")
    assert company(house, dan) is None


def test_a_deal_is_with_the_company_that_its_contact_had(house: Stage) -> None:
    """It stays there when the person goes elsewhere; one without a company gets the first."""
    lead(house, "ann@acme.example", company="Acme")
    lead(house, "dan@gmail.com")
    put_deal(house.store, {"id": "D1", "name": "x", "lead": "ann@acme.example"}, actor="t")
    put_deal(house.store, {"id": "D2", "name": "y", "lead": "dan@gmail.com"}, actor="t")
    change_lead(house.store, "ann@acme.example", {"email": "ann@bolt.example"}, actor="t")
    change_lead(house.store, "dan@gmail.com", {"company": "西湖云"}, actor="t")
    names = {one["id"]: one["name"] for one in listing(house.store)}
    theirs = {row["id"]: names[row["company_id"]] for row in house.all(deals.table)}
    assert theirs == {"D1": "Acme", "D2": "西湖云"}


def test_leads_of_one_company_that_come_at_once_make_it_once(stage: Stage) -> None:
    """Four writers, one domain and one name."""
    stage.publish(BOOK)

    def come(number: int) -> str:
        free = number % 2
        email = f"l{number}@qq.com" if free else f"l{number}@acme.example"
        return lead(stage, email, company="Acme GmbH")

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(come, range(16)))
    assert len(set(found)) == 16
    rows = listing(stage.store)
    assert sum(row["leads"] for row in rows) == 16
    assert len([row for row in rows if row["domain"]]) == 1
    known = {row["company"] for row in stage.all(companies.key_table)}
    assert known == {row["id"] for row in rows}


def test_merged_companies_are_one_for_everybody_who_knew_either(house: Stage) -> None:
    """Leads, deals, domains and history go over; what comes later finds the survivor."""
    lead(house, "ann@acme.example", company="Acme")
    bob = lead(house, "bob@acme-labs.example", company="Acme Labs")
    put_deal(house.store, {"id": "D1", "name": "x", "lead": "bob@acme-labs.example"}, actor="t")
    change_company(house.store, "acme-labs.example", {"owner": "sam.lee", "tier": "a"}, actor="t")
    former = show(house.store, "Acme Labs")["id"]
    seen = merge_companies(house.store, "Acme", "Acme Labs", actor="t", dry_run=True)
    assert seen.fields["owner"] == (None, "sam.lee")
    assert len(listing(house.store)) == 2
    merge_companies(house.store, "Acme", "Acme Labs", actor="t", reason="one group")
    assert company(house, bob) == "Acme"
    assert company(house, lead(house, "cy@acme-labs.example")) == "Acme"
    shown = show(house.store, former)
    assert (shown["name"], shown["owner"], shown["fields"]["tier"]) == ("Acme", "sam.lee", "a")
    assert (shown["leads"], shown["deals"]) == (3, 1)
    assert shown["domains"] == ["acme-labs.example", "acme.example"]
    with pytest.raises(InputError, match="one company already"):
        merge_companies(house.store, former, "acme.example", actor="t")


def test_what_a_person_says_of_a_company_is_checked(house: Stage) -> None:
    """Types, owners, domains; another's domain is refused with the way out."""
    put_company(house.store, {"name": "Acme", "domain": "https://acme.example/x"}, actor="t")
    done = put_company(house.store, {"name": "ACME Inc", "employees": "1,200"}, actor="t")
    assert (done.created, show(house.store, "acme.example")["fields"]["employees"]) == (False, 1200)
    put_company(house.store, {"name": "Bolt", "id": "C-2", "owner": "王山"}, actor="t")
    assert show(house.store, "C-2")["owner"] == "sam.lee"
    for values, fault in [
        ({"domain": "acme.example"}, "longplay companies merge|is the domain of company"),
        ({"domain": "qq.com"}, "mailbox provider"),
        ({"owner": "nobody"}, "no owner is called"),
        ({"tier": "c"}, "tier"),
        ({"nane": "x"}, "no field 'nane'"),
        ({"name": ""}, "always has a name"),
    ]:
        with pytest.raises(InputError, match=fault):
            change_company(house.store, "C-2", values, actor="t")
    with pytest.raises(NotFoundError, match="no company 'Nobody'"):
        change_company(house.store, "Nobody", {"name": "x"}, actor="t")


def test_a_file_of_companies_is_taken_in_twice_as_once(house: Stage, tmp_path: Path) -> None:
    """GBK, Chinese headings; a bad row is told of; leads that come later belong to them."""
    file = tmp_path / "客户.csv"
    rows = ["公司名称,网站,负责人,employees", "西湖云有限公司,www.xihu.example,王山,50",
            "南山医药,,sam.lee,", "坏的,qq.com,,", ",,王山,1"]  # fmt: skip
    file.write_bytes("\n".join(rows).encode("gbk"))
    first, again = (import_companies(house.store, file) for _ in range(2))
    assert (first.created, first.rejected, again.unchanged, again.created) == (2, 2, 2, 0)
    assert first.encoding.casefold().startswith("gb")
    assert company(house, lead(house, "a@xihu.example")) == "西湖云有限公司"
    assert company(house, lead(house, "b@qq.com", company="南山医药公司")) == "南山医药"


def test_duplicates_share_a_name_but_for_place_and_form_or_a_domain_but_for_its_ending(
    house: Stage,
) -> None:
    """Each pair once, with reasons; pairs that a person called two are not shown again."""
    for name, domain in [("上海西湖云科技有限公司", None), ("西湖云", "xihu.example"),
                         ("Acme", "acme.example"), ("Acmeus", "acme.com.cn"),
                         ("Bolt", "bolt.example")]:  # fmt: skip
        put_company(house.store, {"name": name, "domain": domain}, actor="t")
    pairs = duplicates(house.store)
    names = [{one["one"]["name"], one["other"]["name"]} for one in pairs]
    assert names == [{"上海西湖云科技有限公司", "西湖云"}, {"Acme", "Acmeus"}]
    assert duplicates(house.store, limit=1, after=pairs[0]["id"]) == pairs[1:]
    companies_view.set_distinct(house.store, pairs[0]["other"]["id"], pairs[0]["one"]["id"])
    assert duplicates(house.store) == pairs[1:]


def test_the_timeline_of_a_company_tells_of_its_deals_and_leads(house: Stage) -> None:
    """Newest first, a page at a time."""
    ann = lead(house, "ann@acme.example", company="Acme")
    put_deal(house.store, {"id": "D1", "name": "x", "lead": ann}, actor="t")
    house.turn(minutes=1)
    change_deal(house.store, "D1", {"stage": "won"}, actor="t")
    id = show(house.store, "Acme")["id"]
    page = house.store.read(lambda tx: company_timeline(tx, id, size=2))
    told, before = list(page.moments), page.before
    while before:
        page = house.store.read(lambda tx, at=before: company_timeline(tx, id, before=at, size=2))  # type: ignore[misc]
        told, before = told + list(page.moments), page.before
    titles = [one.title for one in told]
    assert {"stage", "deal.won"} <= set(titles[:2])
    assert titles[-1] == "created" or "created" in titles[-3:]
    assert len({one.id for one in told}) == len(told)


def test_an_erased_person_leaves_no_company_that_only_it_told_of(house: Stage) -> None:
    """A colleague, or a person who kept it, keeps the company; without what names the erased."""
    lead(house, "zoe@zoe-beeble.example", full_name="Zoe Beeble", company="Zoe Beeble")
    ann = lead(house, "ann@acme.example", full_name="Ann Lee", company="Ann Lee Partners")
    bob = lead(house, "bob@acme.example")
    change_company(house.store, "acme.example", {"tier": "a"}, actor="t")
    for name in ("zoe@zoe-beeble.example", "ann@acme.example"):
        erasing.erase(house.store, name, actor="t")
    (kept,) = house.all(companies.table)
    assert (kept["domain"], kept["name"]) == ("acme.example", "acme.example")
    assert company(house, bob) == "acme.example"
    for table in (companies.table, companies.key_table, companies.change_table):
        for row in house.all(table):
            assert not any(word in repr(row).casefold() for word in ("beeble", "ann lee", "annlee"))
    assert house.all(leads.table, id=ann) == []


def test_a_lead_without_a_company_gets_that_of_the_one_merged_into_it(house: Stage) -> None:
    """Its own is not taken away."""
    private, work = lead(house, "ann@gmail.com"), lead(house, "ann@acme.example")
    merging.merge(house.store, private, work, actor="t")
    assert company(house, private) == "acme.example"


def test_the_owner_of_a_company_keeps_the_account(house: Stage) -> None:
    """Before whoever has most of its leads; not if he may not get it."""
    rule = "assignment: {new: [{among: [li.wei]}]}\n"
    flow = (
        "enroll: {when: [{event: form.submitted}], again: always}\n"
        "steps: [{assign: new, keep_account_owner: true, exclude_current: true}]\n"
    )
    house.publish(BOOK + rule, a=flow)
    put_company(house.store, {"name": "示例", "owner": "sam.lee"}, actor="t")
    lead(house, "ann@example.com", company="示例有限公司")
    lead(house, "bob@example.com", company="示例", owner="li.wei")
    house.event("form.submitted")
    house.work()
    assert house.lead()["owner"] == "sam.lee"
    house.event("form.submitted")
    house.work()
    assert house.lead()["owner"] == "li.wei"
