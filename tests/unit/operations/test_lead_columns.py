"""What the columns of a file mean, and what countries and languages are called."""

import pytest

from engine.errors import InputError
from engine.operations.lead_columns import field_named, map_columns
from engine.operations.places import country_code, language_tag
from engine.runtime.fields import field_types

CUSTOM = field_types({"employees": "integer", "plan": "text"})


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("email", "email"),
        ("E-mail Address", "email"),
        ("电子邮箱", "email"),
        ("邮箱*", "email"),
        ("First Name", "first_name"),
        ("firstName", "first_name"),
        ("名", "first_name"),
        ("姓", "last_name"),
        ("姓名", "full_name"),
        ("手机号码", "phone"),
        ("ｐｈｏｎｅ", "phone"),
        ("国家/地区", "country"),
        ("Lifecycle Stage", "stage"),
        ("负责人", "owner"),
        ("Employees", "employees"),
        ("lead.plan", "plan"),
        ("score", None),
        ("favourite colour", None),
    ],
)
def test_a_heading_means_a_field(heading: str, name: str | None) -> None:
    """Exact names, spellings of them, and what people call them in two languages."""
    assert field_named(heading, CUSTOM) == name


def test_unknown_columns_are_refused_or_left_out() -> None:
    """Never dropped without a word; what Longplay works out itself is left out and told."""
    with pytest.raises(InputError) as caught:
        map_columns(["email", "employes"], CUSTOM)
    assert "did you mean 'employees'" in caught.value.help
    assert "--ignore-unknown" in caught.value.help
    columns = map_columns(["email", "colour", "score"], CUSTOM, ignore_unknown=True)
    assert (columns.fields, columns.left_out) == ({"email": "email"}, ("colour", "score"))
    assert map_columns(["email", "score", ""], CUSTOM).left_out == ("score",)


def test_two_columns_for_one_field_are_refused() -> None:
    """Which one counts would be a guess."""
    with pytest.raises(InputError, match="'email' and '邮箱' both mean 'email'"):
        map_columns(["email", "邮箱"], CUSTOM)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("中国", "CN"), ("China", "CN"), ("cn", "CN"), ("CN", "CN"), ("美国", "US"), ("USA", "US"),
        ("United Kingdom", "GB"), ("uk", "GB"), ("Deutschland", "DE"), ("日本", "JP"),
        ("中国香港", "HK"), ("Atlantis", "Atlantis"),
    ],
)  # fmt: skip
def test_countries_become_codes(text: str, code: str) -> None:
    """What is no country that is known stays as it is written."""
    assert country_code(text) == code


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("中文", "zh-CN"), ("Chinese", "zh-CN"), ("繁體中文", "zh-TW"), ("英语", "en"),
        ("English", "en"), ("zh_CN", "zh-CN"), ("EN-us", "en-US"), ("zh-hant-tw", "zh-Hant-TW"),
        ("Klingonisch?", "Klingonisch?"),
    ],
)  # fmt: skip
def test_languages_become_tags(text: str, tag: str) -> None:
    """The same for languages."""
    assert language_tag(text) == tag
