"""Who a lead is: addresses that are one, addresses that are none, and names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError
from engine.runtime.identity import _read, address, email_key, full_name


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Ann.Lee@Acme.Example", "ann.lee@acme.example"),
        (" ann@acme.example\u200b", "ann@acme.example"),
        ("ＡＮＮ＠ａｃｍｅ．ｅｘａｍｐｌｅ", "ann@acme.example"),
        ("mailto:ann@acme.example", "ann@acme.example"),
        ("张三@例子.中国", "张三@xn--fsqu00a.xn--fiqs8s"),
        ("ann+news@acme.test", "ann+news@acme.test"),
    ],
)
def test_spellings_of_one_address_have_one_key(text: str, key: str) -> None:
    """Case, width, invisible characters and the domain's script make no difference."""
    assert email_key(text) == key
    assert email_key(key) == key


@pytest.mark.parametrize(
    "text", ["", "ann", "ann@", "@acme.example", "a@b", "a b@c.example", "a@b..example",
             "Ann <ann@acme.example>", f"{'x' * 65}@acme.example"]
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    """With an example of one that is."""
    with pytest.raises(InputError, match="is no mail address"):
        address(text)


@given(st.one_of(st.text(), st.emails()))
def test_any_text_is_an_address_or_an_input_error(text: str) -> None:
    """And the address's key is the key of its own key."""
    try:
        key = email_key(text)
    except InputError:
        return
    assert email_key(key) == key == email_key(address(text))


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("Ann", "Lee", "Ann Lee"),
        ("伟", "李", "李伟"),
        ("Wei", "李", "Wei 李"),
        ("지민", "박", "박지민"),
        ("Ann", None, "Ann"),
        (None, "李", "李"),
        (" ", "", None),
    ],
)
def test_names_are_joined_the_way_they_are_written(
    first: str | None, last: str | None, expected: str | None
) -> None:
    """East Asian names have the family name first, and no space."""
    assert full_name(first, last) == expected


PLAIN = st.text("aZ09_+-.@x", max_size=70) | st.from_regex(
    r"[a-z+_.-]{1,8}@[a-zA-Z0-9.-]{1,12}\.(?:com|test|local|invalid|onion|arpa|x1|Co)",
    fullmatch=True,
)


@given(PLAIN)
def test_what_is_seen_at_once_to_be_an_address_is_what_the_library_says(text: str) -> None:
    """The short way and the long one never differ."""
    try:
        expected = _read(text)
    except InputError:
        with pytest.raises(InputError):
            address(text)
    else:
        assert address(text) == expected
