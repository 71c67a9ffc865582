"""How a consent stands, and what may rest on it: as tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.playbook.consents import ASSUMED, ConsentRules
from engine.playbook.countries import COUNTRIES
from engine.playbook.jurisdictions import JURISDICTIONS, STRICTEST, is_known, jurisdiction_of
from engine.runtime.consenting import STATES, may_see_opens, state_after, withheld

BY_LAW = ConsentRules()
ALWAYS = ConsentRules(needed="always")
PROVEN = ConsentRules(proof="confirmed")


@pytest.mark.parametrize(
    ("rules", "lead", "why"),
    [
        pytest.param(ASSUMED, {"country": "DE"}, "", id="assumed: never looked at"),
        pytest.param(BY_LAW, {"country": "US"}, "", id="opt-out country"),
        pytest.param(BY_LAW, {"country": "us"}, "", id="small letters"),
        pytest.param(BY_LAW, {"country": "DE"}, "law of DE asks", id="opt-in country"),
        pytest.param(BY_LAW, {"country": "CN"}, "law of CN asks", id="China"),
        pytest.param(BY_LAW, {"country": "DE", "consent": "asked"}, "DE", id="only asked"),
        pytest.param(BY_LAW, {"country": "DE", "consent": "given"}, "", id="given"),
        pytest.param(BY_LAW, {"country": "DE", "consent": "confirmed"}, "", id="confirmed"),
        pytest.param(BY_LAW, {"country": "DE", "consent": "withdrawn"}, "DE", id="withdrawn"),
        pytest.param(BY_LAW, {"country": "US", "consent": "withdrawn"}, "US", id="objected"),
        pytest.param(BY_LAW, {"country": "DE", "orders": 1}, "", id="a customer"),
        pytest.param(
            BY_LAW, {"country": "DE", "orders": 1, "consent": "withdrawn"}, "DE",
            id="a customer who objected",
        ),
        pytest.param(BY_LAW, {"country": "CN", "orders": 9}, "CN", id="no exception in China"),
        pytest.param(BY_LAW, {}, "not known", id="no country: the strictest"),
        pytest.param(BY_LAW, {"country": None}, "not known", id="missing country"),
        pytest.param(BY_LAW, {"country": "NG"}, "no rules are known for NG", id="no entry"),
        pytest.param(BY_LAW, {"country": "Atlantis"}, "no rules are known", id="no country at all"),
        pytest.param(ALWAYS, {"country": "US"}, "no consent", id="always"),
        pytest.param(ALWAYS, {"country": "US", "consent": "given"}, "", id="always, given"),
        pytest.param(PROVEN, {"country": "DE", "consent": "given"}, "no confirmed", id="unproven"),
        pytest.param(PROVEN, {"country": "DE", "consent": "confirmed"}, "", id="proven"),
    ],
)  # fmt: skip
def test_marketing_waits_for_a_consent_where_the_law_asks(
    rules: ConsentRules, lead: dict[str, object], why: str
) -> None:
    """The reason names the country; empty means that it may go."""
    found = withheld(rules, lead)  # type: ignore[arg-type]
    assert (why in found) if why else found == ""


@pytest.mark.parametrize(
    ("track", "lead", "may"),
    [
        (False, {"open_consent": "given"}, False),
        ("consent", {"country": "US"}, False),
        ("consent", {"open_consent": "given"}, True),
        ("consent", {"country": "DE", "open_consent": "confirmed"}, True),
        ("consent", {"open_consent": "asked"}, False),
        (True, {"country": "US"}, True),
        (True, {"id": "a"}, True),
        (True, {"country": "FR"}, False),
        (True, {"country": "GB"}, False),
        (True, {"country": "FR", "open_consent": "given"}, True),
        (True, {"country": "US", "open_consent": "withdrawn"}, False),
        (True, {}, False),
    ],
)
def test_openings_have_a_consent_of_their_own(
    track: object, lead: dict[str, object], may: bool
) -> None:
    """The consent to marketing counts for nothing here, and an erased lead is not looked at."""
    assert may_see_opens(track, lead) is may  # type: ignore[arg-type]
    if lead:
        with_marketing = {**lead, "consent": "confirmed"}
        assert may_see_opens(track, with_marketing) is may  # type: ignore[arg-type]


@given(st.lists(st.sampled_from(STATES), min_size=1, max_size=8))
def test_what_was_said_last_holds(said: list[str]) -> None:
    """A withdrawal holds until a new yes; a yes until a withdrawal; asking changes neither."""
    state: object = None
    for one in said:
        state = state_after(state, one)
    answers = [one for one in said if one != "asked"]
    if not answers:
        assert state == "asked"
    elif answers[-1] == "withdrawn":
        assert state == "withdrawn"
    else:
        since = answers[len(answers) - 1 - answers[::-1].index("withdrawn"):] if (
            "withdrawn" in answers
        ) else answers  # fmt: skip
        assert state == ("confirmed" if "confirmed" in since else "given")


def test_every_law_names_its_source_and_real_countries() -> None:
    """No country is in two entries, and the strictest is as strict as any."""
    codes = [code for one in JURISDICTIONS for code in one.countries]
    assert len(codes) == len(set(codes))
    assert set(codes) <= COUNTRIES
    assert all(one.source and one.name for one in JURISDICTIONS)
    assert STRICTEST.consent == "opt-in" and STRICTEST.opens and not STRICTEST.customers


@pytest.mark.parametrize(
    ("country", "prefix"), [("CN", "（广告）"), ("KR", "(광고)"), ("US", ""), ("DE", "")]
)
def test_prefixes_belong_to_countries(country: str, prefix: str) -> None:
    """A mark that the subject must begin with is taken for itself."""
    assert is_known(country)
    law = jurisdiction_of(country)
    assert law.subject_prefix == prefix
    assert not prefix or prefix.strip("（）() :").startswith(law.marks)
