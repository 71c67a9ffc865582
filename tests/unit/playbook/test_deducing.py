"""What follows from a condition alone: certain for every record, and said where it is certain."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.playbook.catalog import vocabulary
from engine.playbook.condition_checks import doubts
from engine.playbook.conditions import CompiledCondition, compile_condition
from engine.playbook.conditions.deducing import excludes, implies, nevers, ways

WORDS = vocabulary(
    lead_fields={"plan": {"enum": ["free", "pro"]}, "vip": "boolean"}, lifecycle=["lead", "mql"]
)
NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)


def read(text: str) -> CompiledCondition:
    return compile_condition(text, WORDS)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("lead.score > 5 and lead.score < 3", ["lead.score < 3"]),
        ("lead.score > 5 and lead.score < 6", ["lead.score < 6"]),
        ("lead.plan != 'free' and lead.plan != 'pro'", ["lead.plan != 'pro'"]),
        ("lead.stage == 'mql' and lead.stage == 'lead'", ["lead.stage == 'lead'"]),
        ("lead.city == 'a' or lead.city == 'b' and lead.city == 'c'", ["lead.city == 'c'"]),
        ("lead.score is not defined and lead.score > 3", ["lead.score > 3"]),
        ("not lead.score and lead.score > 3", ["lead.score > 3"]),
        ("(lead | count('order.placed')) < 0", ["(lead | count('order.placed')) < 0"]),
        ("5 < lead.score < 3", ["5 < lead.score < 3"]),
        ("lead.city in []", ["lead.city in []"]),
        ("lead.birthday < now and lead.birthday > now", ["lead.birthday > now"]),
        ("lead.created_at > '2026-12-01' and lead.created_at < '2026-11-01'",
         ["lead.created_at < '2026-11-01'"]),
        ("lead.vip and not lead.vip", ["not lead.vip"]),
        ("lead.country == 'china'", ["'china'"]),
        ("lead.country in ['CN', 'us']", ["'us'"]),
        ("(lead.email | domain | lower) == 'QQ.com'", ["'QQ.com'"]),
    ],
)  # fmt: skip
def test_what_never_holds_is_doubtful(text: str, parts: list[str]) -> None:
    """The smallest part that no record meets is named."""
    assert [text[slice(*doubt.span)] for doubt in doubts(read(text))] == parts


@pytest.mark.parametrize(
    "text",
    [
        "lead.score > 5 and lead.score < 7",
        "lead.score > 5 or lead.score < 3",
        "not (lead.score > 5) and lead.score is not defined",
        "not (lead.score > 5) and not (lead.score <= 5)",
        "lead.revenue > 5 and lead.revenue < 6",
        "lead.stage in ['lead'] or lead.stage == 'mql'",
        "lead.country == 'CN' and lead.city == '杭州'",
        "(lead | count('order.placed', '90 days')) >= 2 and (lead | count('order.placed')) < 9",
        "lead.created_at >= '2026-12-01' and lead.created_at <= '2026-12-01'",
        "false",
        "lead.title is matching('cto') and lead.title is not matching('vp')",
    ],
)
def test_what_may_hold_is_not_doubtful(text: str) -> None:
    """A condition that some record meets is left in peace."""
    assert doubts(read(text)) == []


@pytest.mark.parametrize(
    ("one", "two", "follows"),
    [
        ("lead.score >= 40", "lead.score >= 20", True),
        ("lead.score >= 20", "lead.score >= 40", False),
        ("lead.stage == 'mql'", "lead.stage in ['mql', 'lead']", True),
        ("lead.score > 5 and lead.city == 'x'", "lead.city is defined", True),
        ("not (lead.score > 5)", "lead.score <= 5", False),
        ("lead.city == 'x'", "lead.city == 'x' or lead.score > 1", True),
    ],
)
def test_what_follows(one: str, two: str, follows: bool) -> None:
    """One condition holds whenever the other does, missing values thought of."""
    assert implies(read(one).tree, read(two).tree) is follows


TERMS = st.one_of(
    st.builds(
        "lead.score {} {}".format, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
        st.integers(0, 4),
    ),
    st.builds("{} {} lead.score".format, st.integers(0, 4), st.sampled_from(["<", ">="])),
    st.builds("{} < lead.score <= {}".format, st.integers(0, 4), st.integers(0, 4)),
    st.builds("lead.plan {} '{}'".format, st.sampled_from(["==", "!="]),
              st.sampled_from(["free", "pro"])),
    st.sampled_from([
        "lead.score in [1, 2]", "lead.score not in [1, 2]", "lead.score is defined",
        "lead.score is not defined", "lead.score", "lead.plan", "lead.vip", "lead.vip == true",
        "lead.plan in ['free']", "lead.plan is not defined", "lead.score < lead.revenue",
        "lead.revenue <= lead.score", "lead.score == lead.revenue", "lead.birthday < '2026-01-02'",
        "lead.birthday >= '2026-01-02'", "lead.city is containing('a')", "true", "false",
        "(lead.city | length) > 1", "(lead.city | length) < 2", "lead.city == ''",
    ]),
)  # fmt: skip
CONDITIONS = st.recursive(
    TERMS,
    lambda inner: st.one_of(
        st.builds("({}) and ({})".format, inner, inner),
        st.builds("({}) or ({})".format, inner, inner),
        st.builds("not ({})".format, inner),
    ),
    max_leaves=6,
)
LEADS = st.fixed_dictionaries(
    {},
    optional={
        "score": st.integers(-1, 5),
        "revenue": st.integers(-1, 5) | st.floats(0, 4),
        "plan": st.sampled_from(["free", "pro"]),
        "vip": st.booleans(),
        "birthday": st.dates(date(2025, 12, 31), date(2026, 1, 4)),
        "city": st.sampled_from(["", "a", "ab", "b"]),
    },
)


@settings(max_examples=200, deadline=None)
@given(CONDITIONS, st.lists(LEADS, min_size=6, max_size=6))
def test_nothing_false_is_concluded(text: str, leads: list[dict[str, object]]) -> None:
    """What is said never to hold holds for no record, and its opposite for every one."""
    condition = read(text)
    for lead in leads:
        holds = condition.truth({"lead": lead, "now": NOW, "zone": UTC})
        assert ways(condition.tree) or not holds
        assert ways(condition.tree, negated=True) or holds


@settings(max_examples=200, deadline=None)
@given(CONDITIONS, CONDITIONS, st.lists(LEADS, min_size=6, max_size=6))
def test_implications_hold(one: str, two: str, leads: list[dict[str, object]]) -> None:
    """Where one condition is said to imply or to exclude another, every record agrees."""
    left, right = read(one), read(two)
    follows, apart = implies(left.tree, right.tree), excludes(left.tree, right.tree)
    assume(follows or apart)
    for lead in leads:
        scope = {"lead": lead, "now": NOW, "zone": UTC}
        if left.truth(scope):
            assert not follows or right.truth(scope)
            assert not apart or not right.truth(scope)


def test_parts_are_found_inside() -> None:
    """An impossible part is found below `or` and `not`, and named once."""
    text = "lead.city == 'x' or not (lead.score > 5 and lead.score < 3)"
    (found,) = nevers(read(text).tree)
    assert text[slice(*found.part.span)] == "lead.score < 3"
