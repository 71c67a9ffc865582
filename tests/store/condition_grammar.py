"""Generated conditions, mostly well typed, and leads with everything odd that a store may hold."""

import random
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from engine.runtime.scoring import Standing, micros

NOW = datetime(2026, 11, 21, 4, 30, 15, 250_000, tzinfo=UTC)
ZONES = ["Asia/Shanghai", "America/New_York", "Europe/Berlin", "Pacific/Kiritimati", "Asia/Kolkata"]
WORDS = [
    "", "a", "CTO", "cto", "总监", "技术总监", "Straße", "STRASSE", "İstanbul", "istanbul", "ΣΑΣ",
    "σας", "Kelvin", "kelvin", "ﬁn", "FIN", " padded\u3000", "x@Y.com", "a@b@C.de", "https://U@Ex.cn:80/p",
    "ſoft", "É", "é", "100%", "_", "it's", '"q"', "\\", "2026-11-01", "2 days", "CN", "pro", "Free",
    "🎉", "ǅ", "李", "伟", "Ann", "Lee", "ı", "\u0345", "\n", "０",
]  # fmt: skip
FIELDS = {
    "n": "integer", "m": "number", "flag": "boolean", "day": "date", "at": "datetime",
    "tips": "list", "note": "text", "plan": {"enum": ["free", "pro"]},
}  # fmt: skip
SEGMENTS = {
    "hot": "lead.score >= 10 and lead.country is defined",
    "fresh": "(lead.created_at | days_since) < 30",
    "odd": "lead.title is matching('^c.o') or segment.hot",
    "loop": "segment.loop or lead.orders > 1",
}

_numbers = st.sampled_from(
    [
        "lead.score",
        "lead.orders",
        "lead.revenue",
        "lead.n",
        "lead.m",
        "lead.scores.fit.total",
        "lead.scores.fit.behavior",
        "lead.scores.fit.fit",
        "0",
        "1",
        "2",
        "3",
        "7",
        "10",
        "2.5",
        "0.1",
        "999999999999999",
        "100",
        "(lead.tags | length)",
        "(lead.title | length)",
        "(lead.created_at | days_since)",
        "(lead.day | days_until)",
        "(lead.at | hours_since)",
        "(lead.birthday | days_since)",
        "(lead.last_seen_at | hours_until)",
        "(lead | count('order.placed'))",
        "(lead | count('order.placed', '30 days'))",
        "(lead | sum('order.placed', 'amount'))",
        "(lead | sum('order.placed', 'amount', '6 hours'))",
        "(lead.n | default(3))",
    ]
)
_texts = st.sampled_from(
    [f"lead.{name}" for name in ("title", "company", "full_name", "note", "plan", "stage", "email")]
    + [
        "lead.country",
        "lead.owner",
        "owner.name",
        "owner.manager",
        "event.form",
        "run.key",
        "(lead.company | trim)",
        "(lead.title | default('CTO'))",
        "(lead.title + lead.company)",
    ]
)


def _quoted(word: str) -> str:
    for sign, written in (("\\", "\\\\"), ("'", "\\'"), ("\n", "\\n")):
        word = word.replace(sign, written)
    return f"'{word}'"


_written = st.sampled_from(WORDS).map(_quoted)
_cased = st.sampled_from(
    [
        "(lead.title | lower)",
        "(lead.company | upper)",
        "(lead.email | domain)",
        "(lead.note | domain)",
        "(lead.company | trim | lower)",
        "(lead.title | domain)",
    ]
)
_moments = st.sampled_from(
    [
        "lead.created_at",
        "lead.last_seen_at",
        "lead.at",
        "now",
        "(lead | last('order.placed'))",
        "(lead.at | plus('5 hours'))",
        "(lead.created_at | minus('90 minutes'))",
    ]
)
_days = st.sampled_from(
    ["lead.day", "lead.birthday", "(lead.day | plus('3 days'))", "(lead.day | minus('30 hours'))"]
)
_when = st.sampled_from(
    [
        "'2026-11-01'",
        "'2026-11-21'",
        "'2026-11-21 12:30'",
        "'2026-03-29 02:30'",
        "'2020-02-29'",
        "'2026-11-21T04:30:15Z'",
        "'2026-10-25 02:30:00+02:00'",
        "'2025-11-02'",
        "'2026-11-20'",
    ]
)
_order = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
_equal = st.sampled_from(["==", "!="])
_lists = st.sampled_from(["lead.tags", "lead.tips"])
_is = st.sampled_from(["is", "is not"])
_in = st.sampled_from(["in", "not in"])
_patterns = st.sampled_from(
    [
        "'cto|总监'",
        "'STRASSE|ß'",
        "'k'",
        "'istanbul'",
        "'σας'",
        "'^c.o'",
        "'.*fin'",
        "'é|É'",
        "'%|_'",
        "'s'",
    ]
)


def _arithmetic(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/%"), inner),
        st.builds("(-{})".format, inner),
        st.builds("({} if lead.flag else {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("({} | default({}))".format, inner, inner),
    )


_sums = st.recursive(_numbers, _arithmetic, max_leaves=3)
_anything = st.one_of(
    _numbers, _texts, _written, _cased, _moments, _days, _when, _lists, st.just("lead.flag")
)
_items = st.lists(_written, min_size=1, max_size=4).map(lambda each: f"[{', '.join(each)}]")
_mixed = st.lists(_anything, max_size=3).map(lambda each: f"[{', '.join(each)}]")
_terms = st.one_of(
    st.builds("{} {} {}".format, _sums, _order, _sums),
    st.builds("{} {} {}".format, _texts, _order, _written | _texts),
    st.builds("{} {} {}".format, _cased, _equal, _written),
    st.builds("{} {} {}".format, _moments, _order, _when | _moments),
    st.builds("{} {} {}".format, _days, _order, _when | _days | st.just("now")),
    st.builds("{} <= {} < {}".format, _when, _moments, _when),
    st.builds(
        "({} - {}) {} {}".format,
        _moments,
        _moments,
        _order,
        st.sampled_from(["'2 days'", "'3 hours'"]),
    ),
    st.builds("({} - {}) > '40 days'".format, _days, _days),
    st.builds("{} {} {}".format, _texts | _cased | _written, _in, _items),
    st.builds("{} {} {}".format, _anything, _in, _mixed),
    st.builds("{} {} {}".format, _written | _texts, _in, _lists | _texts),
    st.builds("{} {} containing({})".format, _texts | _lists, _is, _written),
    st.builds("{} {} matching({})".format, _texts, _is, _patterns),
    st.builds("{} {} defined".format, _anything, _is),
    st.builds("lead.flag {} {}".format, _equal, st.sampled_from(["true", "false", "segment.hot"])),
    st.builds("{} {} {}".format, _anything, _order | _in, _anything),
    st.sampled_from([f"segment.{name}" for name in SEGMENTS]),
    _anything,
)
CONDITIONS = st.recursive(
    _terms,
    lambda inner: st.one_of(
        st.builds("({}) and ({})".format, inner, inner),
        st.builds("({}) or ({})".format, inner, inner),
        st.builds("not ({})".format, inner),
        st.builds("({}) if ({}) else ({})".format, inner, inner, inner),
    ),
    max_leaves=3,
)


_OF_DEALS = {
    "title": "name", "company": "lost_reason", "score": "amount", "stage": "stage",
    "owner": "owner", "tags": "tags", "created_at": "created_at", "n": "n", "m": "m",
    "last_seen_at": "expected_close_at", "flag": "flag", "day": "day", "at": "at", "tips": "tips",
    "note": "note", "plan": "plan", "country": "currency",
}  # fmt: skip
_NAMES = re.compile(r"lead\.([a-z_]+)")


def _about_deals(text: str, dice: random.Random) -> str:
    """The condition with most of the lead's names turned into names of a deal."""

    def turned(found: re.Match[str]) -> str:
        name = _OF_DEALS.get(found[1])
        return f"deal.{name}" if name and dice.random() < 0.8 else found[0]

    return _NAMES.sub(turned, text)


DEAL_CONDITIONS = st.builds(_about_deals, CONDITIONS, st.randoms(use_true_random=False))
"""Conditions about deals and their primary contacts."""


def deals(size: int, seed: int) -> list[dict[str, Any]]:
    """Values of so many deals, without their contacts."""
    given = leads(size, seed)
    return [
        {_OF_DEALS[name]: value for name, value in one.items() if name in _OF_DEALS}
        for one in given
    ]


def leads(size: int, seed: int) -> list[dict[str, Any]]:
    """Values of so many leads; a third of everything is missing."""
    dice = random.Random(seed)
    return [_lead(dice, number) for number in range(size)]


def _lead(dice: random.Random, number: int) -> dict[str, Any]:
    def perhaps(value: Any) -> Any:
        return value if dice.random() < 0.67 else None

    def moment() -> datetime:
        by = dice.choice([0, 1, 86_400, 3_600, 86_400 * 29, 86_400 * 30, dice.randrange(10**8)])
        return NOW + timedelta(seconds=by * dice.choice([1, -1]), microseconds=dice.choice([0, 1]))

    def standing() -> dict[str, Any]:
        found = Standing(
            fit=dice.choice([0, 10, -5.5]),
            behavior=dice.choice([0, 1, 7.25, 40, -12, dice.random() * 100]),
            at=micros(NOW) - dice.choice([0, 1, 86_400_000_000, dice.randrange(10**15), -5]),
            half_life=dice.choice([0, 86_400, 2_592_000, 3_601]),
            low=dice.choice([None, 0]),
            high=dice.choice([None, 10, 100]),
        )
        return found.as_json()

    values = {
        name: perhaps(dice.choice(WORDS).strip() or None)
        for name in ("title", "company", "note", "first_name", "last_name", "city")
    }
    if number % 20 == 0:
        values["title"] = "a" * 1_200 + "cto"  # beyond what a pattern looks at
    values |= {
        "email": perhaps(f"User{number}@{dice.choice(['qq.com', 'gmail.com', 'acme.cn'])}"),
        "full_name": dice.choice([None, None, "李伟", "Ann Lee"]),
        "country": perhaps(dice.choice(["CN", "US", "cn"])),
        "timezone": perhaps(dice.choice(ZONES)),
        "owner": perhaps(dice.choice(["li.wei", "sam.lee", "gone"])),
        "stage": dice.choice(["visitor", "lead", "mql"]),
        "score": dice.choice([0, 10, 12.5, -3, 2**53 - 1, 7]),
        "scores": dice.choice([{}, {"fit": standing()}, {"score": standing()},
                               {"fit": standing(), "score": standing()}]),
        "orders": dice.choice([0, 1, 3, 100]),
        "revenue": dice.choice([0, 0.1, 99.5, 1e12, 3]),
        "tags": dice.sample(["a", "CTO", "总监", "it's", "É", "Straße", "pro"], dice.randrange(4)),
        "birthday": perhaps(date(1980, 1, 1) + timedelta(days=dice.randrange(20_000))),
        "created_at": moment(),
        "last_seen_at": perhaps(moment()),
        "n": perhaps(dice.choice([0, 1, -7, 3, 2**53, -(2**53)])),
        "m": perhaps(dice.choice([0, 2.5, -0.1, 3, 1e200, 1e-200, 2**53])),
        "flag": perhaps(dice.random() < 0.5),
        "day": perhaps(dice.choice([NOW.date(), date(2020, 2, 29), date(2026, 11, 1)])),
        "at": perhaps(dice.choice([moment(), NOW, datetime(2026, 3, 29, 1, 30, tzinfo=UTC)])),
        "tips": perhaps(dice.sample(WORDS[1:8], 2)),
        "plan": perhaps(dice.choice(["free", "pro"])),
    }  # fmt: skip
    return {name: value for name, value in values.items() if value is not None}
