"""Templates that would run away, or out of their pen."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.mail.errors import TemplateError
from engine.mail.render import Templates, render_text, render_value

SCOPE = {
    "lead": {"name": "Ann", "tags": ["x"] * 1000, "many": list(range(1001)), "text": "y" * 9000},
    "n": 10**9,
}

BOMBS = [
    ("{{ 'a' * 100000000 }}", "text cannot be calculated with '*'"),
    ("{{ '%0100000000d' % 5 }}", "text cannot be calculated with '%'"),
    ("{{ [1] * 100000000 }}", "a list cannot be calculated with '*'"),
    ("{{ 10 ** 10 ** 10 }}", "'**' is not part of templates"),
    ("{{ 7 // 2 }}", "'//' is not part of templates"),
    ("{{ 'x' | center(100000000) }}", "no filter is named 'center'"),
    ("{{ '{:100000000}'.format(1) }}", "is not part of templates"),
    ("{{ lead.name.upper() }}", "is not part of templates"),
    ("{% for i in range(10) %}x{% endfor %}", "is not part of templates"),
    ("{{ 'a' ~ 'b' }}", "'~' is not part of templates"),
    ("{% macro m() %}x{% endmacro %}", "a macro is not part of templates"),
    ("{% set x %}y{% endset %}", "a set block is not part of templates"),
    ("{% filter upper %}y{% endfilter %}", "a filter block is not part of templates"),
    ("{{ {'a': 1} }}", "a mapping is not part of templates"),
    ("{{ lead.name[0:2] }}", "a slice is not part of templates"),
    ("{% for i in lead.tags recursive %}x{% endfor %}", "a recursive loop"),
    ("{% import 'x.html' as x %}", "an import is not part of templates"),
    ("{% include n %}", "must be written out in quotes"),
    ("{{ ''.__class__.__mro__ }}", "'__mro__' begins with an underscore"),
    ("{{ lead['__class__'] }}", ""),
    ("{{ self }}", "that cannot be printed"),
    ("{{ loop }}", ""),
    ("{{ lead }}", "a record cannot be printed whole"),
    ("{{ lead.name | default(lead=1) }}", "takes plain arguments only"),
    ("{{ lead.name | upper(1, 2) }}", "is written like lead.country | upper"),
    ("{{ lead.name is odd }}", "no test is named 'odd'"),
    ("{% for i in lead.many %}x{% endfor %}", "a loop over 1,001 items"),
    ("{% for i in lead.name %}x{% endfor %}", "a loop goes over a list, not over text"),
    (
        "{% for i in lead.tags %}{% for j in lead.tags %}{% endfor %}{% endfor %}",
        "more than 20,000 rounds",
    ),
    (
        "{% for i in lead.tags %}{% for j in lead.tags if j == 'z' %}{% endfor %}{% endfor %}",
        "more than 20,000 rounds",
    ),
    (
        "{% for i in lead.tags %}{{ lead.text }}{% endfor %}",
        "longer than 200,000 characters",
    ),
    ("{% set t = lead.text + lead.text %}{{ t }}", "a text grows longer than 10,000"),
    ("{{ n * n }}{{ n * n * n }}", "a number grows too large"),
    ("{{ " + "9" * 5000 + " }}", "a tag of the text has more than 4,000 characters"),
    ("{{ " + "(" * 2000 + "1" + ")" * 2000 + " }}", ""),
    ("{{ lead.name is matching('(a+)+$') }}", "too long"),
    ("{% if %}", "expected"),
    ("{{ 'unclosed }}", "unexpected char"),
    ("x" * 200_001 + "{{ n }}", "more than 200,000 characters"),
    ("{{ lead.name - 1 }}{{ lead.name * n }}{{ lead.tags * n }}", ""),
    ("{{ n | plus('3 parsecs') }}", "no unit of time 'parsecs'"),
]


@pytest.mark.parametrize(("source", "fault"), BOMBS, ids=lambda text: text[:40])
def test_what_would_run_away_is_refused_in_no_time(source: str, fault: str) -> None:
    began = time.process_time()
    if fault or "(((" in source:
        with pytest.raises(TemplateError) as caught:
            render_text(source, SCOPE)
        assert fault in caught.value.fault
    else:
        assert render_text(source, SCOPE) == ""
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "source", ["{{ 'a' * 100000000 }}", "{{ n * n * n }}", "{{ lead.upper() }}"]
)
def test_a_lone_expression_is_bounded_too(source: str) -> None:
    with pytest.raises(TemplateError):
        render_value(source, SCOPE)


def test_a_fault_names_file_and_line() -> None:
    files = {
        "a.html": "<title>S</title>\n\n{% include '_part.html' %}",
        "_part.html": "one\ntwo\n{{ n * n * n }}",
        "b.html": "<title>\nS</title>\n\n{% bogus %}",
        "c.html": "<title>S</title>\n{% include '_gone.html' %}",
    }
    templates = Templates(files)
    with pytest.raises(TemplateError, match=r"^_part\.html:3: a number grows too large"):
        templates.render("a", SCOPE)
    with pytest.raises(TemplateError, match=r"^b\.html:4: encountered unknown tag 'bogus'"):
        templates.render("b", SCOPE)
    with pytest.raises(TemplateError, match=r"^c\.html:2: there is no template file '_gone\.html'"):
        templates.render("c", SCOPE)


def test_files_that_include_each_other_without_end_are_refused() -> None:
    files = {
        "a.html": "<title>S</title>{% include '_x.html' %}",
        "_x.html": "{% include '_y.html' %}",
        "_y.html": "{% include '_x.html' %}",
    }
    with pytest.raises(TemplateError):
        Templates(files).render("a", SCOPE)


def test_files_that_include_each_other_many_times_over_are_refused() -> None:
    """Thirty files, each including the next one twice: a thousand million times nothing."""
    files = {f"_{n}.html": f"{{% include '_{n + 1}.html' %}}" * 2 for n in range(30)}
    files |= {"_30.html": "", "a.html": "<title>S</title>{% include '_0.html' %}"}
    began = time.process_time()
    with pytest.raises(TemplateError, match="more than 20,000 steps"):
        Templates(files).render("a", SCOPE)
    assert time.process_time() - began < 2


def test_an_html_file_cannot_take_in_text_unescaped() -> None:
    files = {"a.html": "<title>S</title>{% include 'a.txt' %}", "a.txt": "{{ lead.name }}"}
    with pytest.raises(TemplateError, match="which is not HTML"):
        Templates(files).render("a", SCOPE)


@pytest.mark.parametrize("value", [object(), print, Templates], ids=["object", "function", "class"])
def test_an_object_that_strays_into_a_scope_shows_nothing_of_itself(value: object) -> None:
    assert render_text("{{ it.real }}{{ it.write }}", {"it": value}) == ""
    with pytest.raises(TemplateError, match="cannot be printed"):
        render_text("{{ it }}", {"it": value})


PIECES = [
    "{{ ",
    "{# ",
    "\n",
    " }}",
    "{% if ",
    " %}",
    "{% endif %}",
    "lead.",
    "name",
    "'a'",
    " * ",
    "9",
    " │ upper",
    "(",
    ")",
    "[",
    "]",
    " is defined",
    "{% for x in lead.tags %}",
    "{% endfor %}",
]
pieces = st.sampled_from([piece.replace("\u2502", "|") for piece in PIECES])


@settings(max_examples=200)
@given(st.lists(pieces, max_size=12).map("".join))
def test_any_text_is_filled_in_or_refused_as_a_template(source: str) -> None:
    try:
        assert isinstance(render_text(source, SCOPE), str)
    except TemplateError as error:
        assert error.fault
