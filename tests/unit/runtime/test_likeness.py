"""Are two leads one person: keys they share, and how sure what they share makes."""

from typing import Any

import pytest

from engine.runtime.likeness import (
    LIKELY,
    SURE,
    company_key,
    keys_of,
    likeness,
    name_key,
    number_of,
    plain_address,
)


def lead(**known: Any) -> dict[str, Any]:
    return known


@pytest.mark.parametrize(
    ("one", "other", "least", "most"),
    [
        pytest.param(
            lead(email="ann.lee@gmail.com"), lead(email="annlee+news@googlemail.com"), SURE, 100,
            id="variants of one mailbox",
        ),
        pytest.param(
            lead(full_name="李小华", company="北京汇智科技有限公司", phone="138 0013 8000"),
            lead(full_name="李小华", company="汇智", phone="+86 13800138000"), SURE, 100,
            id="the same person in Chinese",
        ),
        pytest.param(
            lead(full_name="Ann Lee", company="Acme Inc."),
            lead(full_name="LEE, Ann", company="ACME Corporation"), LIKELY, SURE,
            id="names turned around, forms of company left out",
        ),
        pytest.param(
            lead(full_name="李华", phone="010 88886666"),
            lead(full_name="张伟", phone="010-8888-6666"), 1, LIKELY,
            id="colleagues at one number",
        ),
        pytest.param(
            lead(full_name="李华", company="汇智科技", email="li@a.cn"),
            lead(full_name="李华", company="蓝海", email="hua@b.cn"), 0, LIKELY,
            id="a common name at two companies",
        ),
        pytest.param(
            lead(email="info@a.cn"), lead(email="info@b.cn"), 0, LIKELY, id="info at two domains"
        ),
        pytest.param(
            lead(full_name="Ann Lee", company="Acme", birthday="1990-01-01"),
            lead(full_name="Ann Lee", company="Acme", birthday="1971-05-05"), 0, LIKELY,
            id="born on other days",
        ),
        pytest.param(lead(), lead(), 0, 0, id="nothing is known"),
    ],
)  # fmt: skip
def test_how_sure_it_is(one: dict[str, Any], other: dict[str, Any], least: int, most: int) -> None:
    """What is shared adds, what contradicts takes away; both ways round alike."""
    found = likeness(one, other, "CN")
    assert least <= found.score <= most, found
    assert found.score == likeness(other, one, "CN").score


@pytest.mark.parametrize(
    ("phone", "region", "number"),
    [
        ("１３８ 0013 8000", "CN", "+8613800138000"),
        ("+1 (415) 555-2671", "", "+14155552671"),
        ("0086 138 0013 8000", "CN", "+8613800138000"),
        ("13800138000", "", ""),
        ("call me", "CN", ""),
        ("1", "CN", ""),
    ],
)
def test_numbers_are_read_as_people_write_them(phone: str, region: str, number: str) -> None:
    """One spelling for each number; nothing for what is none, or has no country."""
    assert number_of(phone, region) == number


@pytest.mark.parametrize(
    ("email", "plain"),
    [
        ("Ann.Lee+x@Gmail.com", "annlee@gmail.com"),
        ("ann.lee+x@acme.example", "ann.lee@acme.example"),
        ("+x@acme.example", "+x@acme.example"),
        ("ann-shop@yahoo.com", "ann@yahoo.com"),
    ],
)
def test_variants_of_an_address_are_one_key(email: str, plain: str) -> None:
    """Tags go everywhere, dots only where they mean nothing."""
    assert plain_address(email) == plain


def test_names_and_companies_are_compared_without_their_dress() -> None:
    """Case, accents, order, the form of the company and its place make no difference."""
    assert name_key("José  GARCÍA") == name_key("Garcia, Jose") == "garcia jose"
    assert company_key("上海蓝海网络技术有限公司") == company_key("蓝海") == "蓝海"
    assert company_key("Acme Holdings Ltd") == company_key("acme") == "acme"
    assert company_key("有限公司") == "有限公司"


def test_what_is_not_known_makes_no_key() -> None:
    """A name alone, a company alone, a number without a country: nothing to compare by."""
    assert list(keys_of(lead(full_name="李华"))) == []
    assert list(keys_of(lead(company="Acme", phone="123"))) == []
