"""What is wrong with a condition: every fault named, placed, and mended where it can be."""

import pytest

from engine.playbook.catalog import vocabulary
from engine.playbook.conditions import ConditionError, Flaw, Vocabulary, compile_condition

WORDS = vocabulary(
    lead_fields={"employees": "integer", "plan": {"enum": ["free", "pro"]}, "vip": "boolean"},
    deal_fields={"contract_ends_at": "date"},
    events={"quote.created": {"amount": "number"}},
    segments=["hot"],
    scores=["fit"],
    lifecycle=["visitor", "lead", "mql", "opportunity"],
    event="page.viewed",
)

FLAWS = [
    # what is blamed, the rule, what the help says
    ("lead.scor > 3", "lead.scor", "unknown-name", "did you mean 'lead.score'?"),
    ("score > 3", "score", "unknown-name", "did you mean 'lead.score'?"),
    ("lead.country == CN", "CN", "unknown-name", 'text stands in quotes: "CN"'),
    ("segment.hott", "segment.hott", "unknown-name", "did you mean 'segment.hot'?"),
    ("lead.scores.fat.total > 1", "lead.scores.fat.total", "unknown-name", "lead.scores.fit"),
    ("lead.stage.name == 'a'", "lead.stage.name", "unknown-name", "owner.name"),
    ("event.pth == '/'", "event.pth", "unknown-name", "did you mean 'event.path'?"),
    ("deal.amount > 3", "deal.amount", "unknown-name", "for: deal"),
    ("lead._secret", "lead._secret", "private-name", "no name does"),
    ("now.year > 3", "now.year", "unknown-name", ""),
    ("lead.email | lowr", "lowr", "unknown-filter", "did you mean 'lower'?"),
    ("lead.email | defined", "defined", "unknown-filter", "write 'is defined'"),
    ("lead.score | 3", "3", "unknown-filter", "write 'or' for either"),
    ("lead.email is defned", "defned", "unknown-test", "did you mean 'defined'?"),
    (
        "lead.email is none",
        "lead.email is none",
        "unknown-test",
        "write 'lead.email is not defined'",
    ),
    ("lead.vip is true", "lead.vip is true", "unknown-test", "write 'lead.vip == true'"),
    ("lead.email == none", "none", "none-compared", "write 'lead.email is not defined'"),
    ("lead.email != None", "None", "none-compared", "write 'lead.email is defined'"),
    ("lead.email in [none]", "none", "none-compared", "leave it out"),
    (
        "lead | count('order.place')",
        "'order.place'",
        "unknown-event",
        "did you mean 'order.placed'?",
    ),
    ("lead | sum('quote.created', 'amunt')", "'amunt'", "unknown-name", "'amount'"),
    ("lead | sum('page.viewed', 'path')", "'path'", "type-mismatch", ""),
    ("lead | count('order.placed', '3 m')", "'3 m'", "wrong-duration", "'3 minutes'"),
    ("lead | count('order.placed', '3 months')", "'3 months'", "wrong-duration", "'30 days'"),
    ("lead | count(lead.stage)", "lead.stage", "wrong-arguments", 'count("order.placed"'),
    (
        "lead.email | count('order.placed')",
        "count('order.placed')",
        "type-mismatch",
        "lead | count",
    ),
    (
        "lead.created_at | plus('1 business day')",
        "'1 business day'",
        "wrong-duration",
        "days or hours",
    ),
    ("lead.created_at | plus", "plus", "wrong-arguments", "plus("),
    ("lead.score | lower", "lower", "type-mismatch", "lead.title | lower"),
    ("lead.email is matching", "matching", "wrong-arguments", "matching("),
    ("lead.email is matching(lead.title)", "lead.title", "wrong-arguments", ""),
    ("lead.email is matching('(')", "'('", "wrong-pattern", ""),
    (
        "lead.email is matching('(a+)+b')",
        "'(a+)+b'",
        "wrong-pattern",
        "repeat nothing that repeats",
    ),
    ("lead.title is matching(r'x')", "r'x'", "run-together", ""),
    ("lead.score is containing(1)", "containing(1)", "type-mismatch", "lead.company"),
    ("lead.title is containing(1)", "1", "type-mismatch", ""),
    ('lead.score > "40"', 'lead.score > "40"', "type-mismatch", "leave the quotes out: 40"),
    ("lead.phone == 138", "lead.phone == 138", "type-mismatch", 'in quotes: "138"'),
    ("lead.vip == 'yes'", "lead.vip == 'yes'", "type-mismatch", "true or false"),
    ("lead.vip > false", "false", "type-mismatch", ""),
    ("lead.created_at > 'soon'", "lead.created_at > 'soon'", "type-mismatch", '"2026-12-01"'),
    ("lead.created_at > 30", "lead.created_at > 30", "type-mismatch", "days_since"),
    ("lead.stage < lead.score", "lead.stage < lead.score", "type-mismatch", ""),
    ("lead.score + lead.stage > 1", "lead.score + lead.stage", "type-mismatch", ""),
    ("lead.created_at + 3 > now", "lead.created_at + 3", "type-mismatch", "plus("),
    ("-lead.stage == 'a'", "-lead.stage", "type-mismatch", ""),
    ("lead.stage in 'mql'", "'mql'", "type-mismatch", "write 'in ['mql']'"),
    ("3 in lead.title", "lead.title", "type-mismatch", "brackets"),
    ("lead.stage == 'mqls'", "'mqls'", "unknown-value", "did you mean 'mql'?"),
    ("'fre' == lead.plan", "'fre'", "unknown-value", "did you mean 'free'?"),
    ("lead.plan not in ['free', 'por']", "'por'", "unknown-value", "did you mean 'pro'?"),
    ("(lead.plan | default('free')) == 'por'", "'por'", "unknown-value", "did you mean 'pro'?"),
    ("lead.score = 4", "=", "unknown-operator", "write 'lead.score == 4'"),
    ("lead.score === 4", "===", "unknown-operator", "write 'lead.score == 4'"),
    ("lead.vip && true", "&&", "unknown-operator", "write 'lead.vip and true'"),
    ("!lead.vip", "!", "unknown-operator", "write 'not lead.vip'"),
    ("lead.vip OR true", "OR", "unknown-operator", "write 'lead.vip or true'"),
    ("lead.score ** 2 > 3", "**", "unknown-operator", "+ - * / %"),
    ("lead.tags contains 'vip'", "contains", "unknown-operator", "is containing(…)"),
    (
        "lead.tags is containing 'a'",
        "containing 'a'",
        "test-without-parentheses",
        "containing('a')",
    ),
    ("lead.score is in [1]", "is in", "is-in", "write 'in'"),
    ("lead.score 4", "4", "missing-operator", ""),
    ("lead.country == “CN”", "“", "full-width", "write 'lead.country == \"CN\"'"),
    ("lead.score ＞ 4", "＞", "full-width", "write 'lead.score > 4'"),
    ("lead.country == 中国", "中国", "unquoted-text", 'write "中国"'),
    ("lead.score\u00a0> 4", "\u00a0", "odd-space", "write 'lead.score > 4'"),
    ("{{ lead.vip }}", "{{", "braces", "leave {{ }} out"),
    ("lead.country == 'CN", "'", "unclosed-quote", ""),
    ("lead.score > 10,000", "000", "thousands-comma", "without commas"),
    ("lead.score > 10,500", "lead.score > 10,500", "unknown-syntax", "numbers without commas"),
    ("lead.score > 010", "010", "leading-zero", "write 10"),
    ("lead.score > 10k", "10k", "run-together", ""),
    ("(lead.score > 3", "(", "unbalanced", ""),
    ("lead.score > 3)", ")", "unbalanced", ""),
    ("lead.score >", ">", "incomplete", ""),
    ("lead.score > > 3", ">", "unexpected", "operators"),
    ("len(lead.tags) > 1", "len(lead.tags)", "call", "write 'lead.tags | length'"),
    ("now() > lead.created_at", "now()", "call", "write 'now'"),
    ("lead.tags[0] == 'a'", "lead.tags[0]", "unknown-syntax", "after a dot"),
    ("('a').b", "('a').b", "unknown-syntax", ""),
    ("1 if lead.vip", "1 if lead.vip", "if-without-else", "a if c else b"),
    ("", "", "empty-condition", ""),
]

MENDED = [
    ("lead.score + lead.email | length > 3", "lead.score + (lead.email | length) > 3"),
    ("lead.last_seen_at | days_since > 30", "(lead.last_seen_at | days_since) > 30"),
    ("30 < lead.last_seen_at | days_since", "30 < (lead.last_seen_at | days_since)"),
    ("lead.email | length + 1 > 3", "(lead.email | length) + 1 > 3"),
    ("lead.email | trim | length > 3", "(lead.email | trim | length) > 3"),
    ("lead.score + 1 is defined", "lead.score + (1 is defined)"),
    ("lead.vip == lead.email is defined", "lead.vip == (lead.email is defined)"),
]


def flaws_of(text: str, words: Vocabulary = WORDS) -> tuple[Flaw, ...]:
    with pytest.raises(ConditionError) as caught:
        compile_condition(text, words)
    return caught.value.flaws


@pytest.mark.parametrize(("text", "blamed", "rule", "help"), FLAWS, ids=[each[0] for each in FLAWS])
def test_a_fault_is_named_and_placed(text: str, blamed: str, rule: str, help: str) -> None:
    """The first finding has the rule, the place and the help."""
    flaw = flaws_of(text)[0]
    assert flaw.rule == rule
    assert text[flaw.column : flaw.end_column] == blamed
    assert help in flaw.help
    assert flaw.message


@pytest.mark.parametrize(("text", "mended"), MENDED, ids=[each[0] for each in MENDED])
def test_a_filter_beside_an_operator_asks_for_parentheses(text: str, mended: str) -> None:
    """The help shows the whole condition with the parentheses that Jinja2 would read."""
    flaw = flaws_of(text)[0]
    assert flaw.rule == "needs-parentheses"
    assert flaw.help == f"write '{mended}'"


@pytest.mark.parametrize("mended", [each[1] for each in MENDED[:5]])
def test_the_mended_text_is_accepted(mended: str) -> None:
    """What the help shows can be pasted."""
    assert compile_condition(mended, WORDS).text == mended


def test_every_fault_is_found_at_once() -> None:
    """Three mistakes are three findings, in the order of the text."""
    found = flaws_of("lead.scor > 3 and lead.email | lowr and lead.plan == 'fre'")
    assert [each.rule for each in found] == ["unknown-name", "unknown-filter", "unknown-value"]


def test_a_fault_is_not_blamed_for_what_follows_from_it() -> None:
    """An unknown name is no type mismatch as well."""
    assert [each.rule for each in flaws_of("lead.scor | length == 3 or lead.scor + 'a' > 3")] == [
        "needs-parentheses",
        "unknown-name",
        "unknown-name",
    ]


def test_a_deal_is_known_where_the_playbook_is_for_deals() -> None:
    """Which roots exist depends on where the condition stands."""
    words = vocabulary(record="deal", deal_fields={"contract_ends_at": "date"}, has_event=False)
    assert compile_condition("deal.contract_ends_at < now", words).type.kind == "boolean"
    assert flaws_of("event.form == 'a'", words)[0].help == "no event is looked at here"


@pytest.mark.parametrize(
    "text",
    [
        "(" * 40 + "1" + ")" * 40,
        "not " * 300 + "true",
        "-" * 1500 + "1",
        "1" + "+1" * 900,
        "lead" + ".a" * 900,
        "true and " * 300,
    ],
    ids=["parentheses", "not", "minus", "plus", "dots", "and"],
)
def test_what_is_nested_too_deeply_is_refused(text: str) -> None:
    """A condition is bounded; nothing overflows."""
    assert flaws_of(text)


def test_a_condition_is_not_longer_than_two_thousand_characters() -> None:
    """The help says what to do instead."""
    flaw = flaws_of("lead.vip or " * 200 + "true")[0]
    assert flaw.rule == "condition-too-long"
    assert "segment" in flaw.help
