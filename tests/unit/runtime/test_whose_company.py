"""Which company a lead belongs to, decided from what it says."""

from itertools import count

import pytest

from engine.errors import InputError
from engine.runtime.companies import (
    Company,
    Placing,
    alike,
    folded_name,
    main_label,
    read_domain,
    signs_of,
)
from engine.runtime.free_mail import FREE_MAIL


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Acme Co., Ltd.", "ACME", True),
        ("Acme, Inc.", "acme inc", True),
        ("Müller GmbH", "Muller", True),
        ("杭州西湖云有限公司", "杭州西湖云", True),
        ("阿里巴巴（中国）有限公司", "阿里巴巴中国", True),
        ("ＡＣＭＥ　Ltd", "acme", True),
        ("杭州西湖云有限公司", "上海西湖云有限公司", False),
        ("Acme Labs", "Acme", False),
        ("Limited", "Inc", False),
    ],
)
def test_names_meet_but_for_spelling_and_legal_form(one: str, other: str, same: bool) -> None:
    """Whether two names are kept as one company's."""
    assert (folded_name(one) == folded_name(other)) is same


@pytest.mark.parametrize(
    ("key", "name", "domains", "folded"),
    [
        ("ann@acme.example", "Acme Ltd", ("acme.example",), "acme"),
        ("ann@mail.acme.co.uk", None, ("mail.acme.co.uk", "acme.co.uk", "co.uk"), ""),
        ("ann@qq.com", "示例科技有限公司", (), "示例科技"),
        ("ann@163.com", "  个人 ", (), ""),
        ("ann@gmail.com", "n/a", (), ""),
        (None, None, (), ""),
        (None, "X", (), ""),
    ],
)
def test_signs(key: str | None, name: str | None, domains: tuple[str, ...], folded: str) -> None:
    """A mailbox that anybody can have says nothing, nor does what people write for no company."""
    signs = signs_of(key, name)
    assert (signs.domains, signs.key) == (domains, folded)


def test_free_domains_are_written_as_addresses_have_them() -> None:
    """Lower case, with a dot."""
    assert all(one == one.lower() and "." in one and " " not in one for one in FREE_MAIL)
    assert {"gmail.com", "qq.com", "163.com", "126.com", "foxmail.com", "sina.com"} <= FREE_MAIL


def placing(*known: Company) -> Placing:
    numbers = count(1)
    keys = {f"domain:{one.domain}": one.id for one in known if one.domain}
    keys |= {f"name:{folded_name(one.name)}": one.id for one in known}
    return Placing(keys, {one.id: one for one in known}, lambda: f"new{next(numbers)}")


ACME = Company("A", "Acme", "acme.example")
BARE = Company("B", "bare.example", "bare.example")
NAMED = Company("N", "西湖云", None)


@pytest.mark.parametrize(
    ("key", "name", "company"),
    [
        ("ann@acme.example", "Whatever Ltd", "A"),
        ("ann@eu.acme.example", None, "A"),
        ("ann@qq.com", "ACME Inc.", "A"),
        ("ann@acme-labs.example", "Acme", "new1"),
        ("ann@xihu.example", "西湖云有限公司", "N"),
        ("ann@gmail.com", None, None),
        ("ann@fresh.example", None, "new1"),
        (None, "Fresh", "new1"),
    ],
    ids=[
        "domain first", "below a domain", "name alone", "same name, other domain",
        "a name learns its domain", "nothing", "new domain", "new name",
    ],
)  # fmt: skip
def test_where_a_lead_belongs(key: str | None, name: str | None, company: str | None) -> None:
    """The domain is believed first; a new company is made where nobody is known."""
    assert placing(ACME, NAMED).place(signs_of(key, name)) == company


def test_leads_of_one_batch_meet_in_one_new_company() -> None:
    """The second finds what the first made; a name learned on the way counts too."""
    one = placing()
    leads = [("a@neu.example", None), ("b@neu.example", "Neu GmbH"), (None, "NEU"), (None, "Alt")]
    assert [one.place(signs_of(*lead)) for lead in leads] == ["new1", "new1", "new1", "new2"]
    assert one.new["new1"] == Company("new1", "Neu GmbH", "neu.example")
    assert one.keys == {"domain:neu.example": "new1", "name:neu": "new1", "name:alt": "new2"}


def test_a_company_known_by_its_domain_is_called_as_the_first_lead_says() -> None:
    """And by no later one."""
    one = placing(BARE)
    one.place(signs_of("a@bare.example", "Bare Necessities"))
    one.place(signs_of("b@bare.example", "Bear"))
    assert one.companies["B"].name == "Bare Necessities"
    assert one.changed == {"B"}


@pytest.mark.parametrize(
    ("given", "domain"),
    [
        ("acme.example", "acme.example"),
        ("https://www.Acme.example/about?x=1", "acme.example"),
        ("ann@acme.example", "acme.example"),
        ("acme.example:8080", "acme.example"),
        ("示例.中国", "xn--fsq092h.xn--fiqs8s"),
    ],
)
def test_domains_as_people_write_them(given: str, domain: str) -> None:
    """An address of a site, or of a person, names one too."""
    assert read_domain(given) == domain


@pytest.mark.parametrize("given", ["acme", "-a.example", "qq.com", "http://", "a b.example"])
def test_what_is_no_domain_of_a_company(given: str) -> None:
    """It is refused, and said why."""
    with pytest.raises(InputError, match=r"no domain|mailbox provider"):
        read_domain(given)


@pytest.mark.parametrize(
    ("domain", "label"),
    [("acme.example", "acme"), ("acme.com.cn", "acme"), ("mail.acme.co.uk", "acme"), ("x", "")],
)
def test_a_domain_without_its_ending(domain: str, label: str) -> None:
    """What acme.example and acme.com.cn have in common."""
    assert main_label(domain) == label


def test_how_sure_it_is_that_two_are_one() -> None:
    """The same name but for place and form, and the same domain but for its ending, are strong."""
    pairs = [
        ({"name": "上海西湖云科技有限公司"}, {"name": "西湖云"}),
        ({"name": "Acme", "domain": "acme.example"}, {"name": "Acme Ltd", "domain": "acme.cn"}),
        ({"name": "Acme", "domain": "acme.example"}, {"name": "Acme Ltd", "domain": "cmea.cn"}),
        ({"name": "Acme", "domain": "acme.example"}, {"name": "Bolt", "domain": "bolt.example"}),
    ]
    scores = [alike(*pair)[0] for pair in pairs]
    assert scores == [80, 94, 64, 0]
