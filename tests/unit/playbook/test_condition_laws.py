"""Laws that hold for every condition there is, tried on generated ones."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.playbook.catalog import vocabulary
from engine.playbook.conditions import ConditionError, compile_condition, condition
from engine.playbook.conditions.explaining import spelled
from engine.playbook.conditions.tree import walk
from engine.playbook.values import Scope, Value

WORDS = vocabulary(lead_fields={"plan": {"enum": ["free", "pro"]}}, segments=["hot"])
NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
NAMES = [
    "lead.score", "lead.stage", "lead.plan", "lead.tags", "lead.created_at", "lead.birthday",
    "event.a", "event.b", "run.saved.c", "run.event.d", "segment.hot", "now", "owner.name",
]  # fmt: skip
LITERALS = ["1", "2.5", "true", "'free'", "'2026-11-01'", "'2 days'", "'a|b'", "['a', 1]", "[]"]
FILTERS = ["lower", "length", "domain", "days_since", "hours_until", "plus('1 month')", "trim"]
TESTS = ["defined", "not defined", "matching('a|b')", "containing('a')", "not containing(1)"]


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    arithmetic = st.sampled_from("+-*/%")
    comparison = st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "not in"])
    return st.one_of(
        st.builds("({}) {} ({})".format, inner, arithmetic | comparison, inner),
        st.builds("({}) {} ({})".format, inner, st.sampled_from(["and", "or"]), inner),
        st.builds("({}) < ({}) <= ({})".format, inner, inner, inner),
        st.builds("not ({})".format, inner),
        st.builds("-({})".format, inner),
        st.builds("({}) if ({}) else ({})".format, inner, inner, inner),
        st.builds("({}) | {}".format, inner, st.sampled_from(FILTERS)),
        st.builds("({}) | default({})".format, inner, inner),
        st.builds("({}) is {}".format, inner, st.sampled_from(TESTS)),
        st.builds("[{}, {}]".format, inner, inner),
        st.just("(lead | count('order.placed', '2 days')) > 1"),
        st.just("lead | sum('order.placed', 'amount')"),
    )


EXPRESSIONS = st.recursive(st.sampled_from(NAMES + LITERALS), _larger, max_leaves=8)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**18), 10**18),
    st.floats(),
    st.sampled_from(["", "free", "a", "A|b", "x@Y.com", "2026-11-01", "2 days"]),
    st.datetimes().map(lambda at: at.replace(tzinfo=UTC)),
    st.datetimes(),
    st.sampled_from([datetime.min, datetime.max, datetime.max.replace(tzinfo=UTC)]),
    st.dates(),
    st.timedeltas(),
)
VALUES: st.SearchStrategy[Value] = SCALARS | st.lists(SCALARS, max_size=3)


class Orders:
    """A history whose amounts are of all kinds."""

    def __init__(self, amounts: list[Value]) -> None:
        self.amounts = amounts

    def occurrences(self, event: str) -> Sequence[tuple[datetime, Mapping[str, Value]]]:
        return [
            (NOW - timedelta(days=at), {"amount": each}) for at, each in enumerate(self.amounts)
        ]


@st.composite
def scopes(draw: st.DrawFn) -> Scope:
    lead = {
        name: draw(VALUES) for name in ("score", "stage", "plan", "tags", "created_at", "birthday")
    }
    scope: dict[str, object] = {
        "lead": lead,
        "event": {"a": draw(VALUES), "b": {"c": draw(VALUES)}},
        "run": {"saved": {"c": draw(VALUES)}, "event": draw(st.none() | st.just({}))},
        "segment": {"hot": draw(st.booleans())},
        "now": NOW,
        "zone": ZoneInfo("America/New_York"),
        "history": Orders([draw(VALUES), draw(VALUES)]),
    }
    for absent in draw(st.sets(st.sampled_from(sorted(scope)))):
        del scope[absent]
    return scope


@given(EXPRESSIONS, scopes())
@settings(max_examples=300, deadline=None)
def test_asking_never_fails(text: str, scope: Scope) -> None:
    """Whatever the records hold, there is an answer, and it explains itself."""
    asked = condition(text)
    assert isinstance(asked.truth(scope), bool)
    assert asked.truth(scope) == bool(asked.value(scope))
    assert asked.explain(scope).startswith(" ".join(text.split()))


@given(EXPRESSIONS, scopes())
@settings(max_examples=200, deadline=None)
def test_checking_does_not_change_the_answer(text: str, scope: Scope) -> None:
    """What a plan asks at run time is what was checked."""
    try:
        checked = compile_condition(text, WORDS)
    except ConditionError:
        return
    assert checked.truth(scope) == condition(text).truth(scope)


@given(EXPRESSIONS)
@settings(max_examples=200, deadline=None)
def test_the_one_spelling_reads_as_the_same(text: str) -> None:
    """Spelling a tree and reading it again changes nothing."""
    once = spelled(condition(text).tree)
    assert spelled(condition(once).tree) == once
    assert [type(each) for each in walk(condition(once).tree)] == [
        type(each) for each in walk(condition(text).tree)
    ]


@given(EXPRESSIONS, st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "not in"]), scopes())
@settings(max_examples=200, deadline=None)
def test_no_comparison_with_a_missing_value_holds(text: str, operator: str, scope: Scope) -> None:
    """On either side, by any operator; and `not` of it always does."""
    for written in (f"run.saved.none {operator} ({text})", f"({text}) {operator} run.saved.none"):
        assert not condition(written).truth(scope)
        assert condition(f"not ({written})").truth(scope)


@given(EXPRESSIONS, EXPRESSIONS, scopes())
@settings(max_examples=150, deadline=None)
def test_not_and_or_obey_their_laws(one: str, other: str, scope: Scope) -> None:
    """De Morgan holds: there are two truth values, not three."""
    assert condition(f"not (({one}) and ({other}))").truth(scope) == condition(
        f"not ({one}) or not ({other})"
    ).truth(scope)


@given(EXPRESSIONS)
@settings(max_examples=100, deadline=None)
def test_every_node_knows_its_place(text: str) -> None:
    """A place lies within the text, and holds something."""
    for node in walk(condition(text).tree):
        start, end = node.span
        assert text[start:end].strip()


ANYTHING = st.text(max_size=60) | st.lists(
    st.sampled_from(
        [
            *NAMES,
            *LITERALS,
            *FILTERS,
            *TESTS,
            *"()[]|.,+-*/%<>=!'\"{}\\ ",
            " and ",
            " or ",
            " not ",
            " is ",
            " in ",
            " if ",
            " else ",
            "lambda",
            ":=",
            "_",
            "\u00a0",
            "“",
            "中",
            "\n",
            "0",
            "for x in",
            "await ",
            "f''",
            "\\d",
        ]
    ),
    max_size=14,
).map("".join)


@given(ANYTHING)
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_condition_or_has_flaws_in_it(text: str) -> None:
    """No text breaks the reader, and every finding lies in the text."""
    try:
        compile_condition(text, WORDS)
    except ConditionError as wrong:
        for flaw in wrong.flaws:
            assert flaw.message
            assert 0 <= flaw.column < flaw.end_column <= max(len(text), 1) + 1


@given(st.sampled_from(["lead.score", "lead.stage"]), st.dates(date(2000, 1, 1), date(2050, 1, 1)))
@settings(max_examples=30, deadline=None)
def test_a_date_that_is_written_compares_with_dates_only(name: str, day: date) -> None:
    """Beside text it is text."""
    scope: Scope = {"lead": {"score": day, "stage": str(day)}}
    assert condition(f"{name} == '{day}'").truth(scope)
