"""What validate can know about a template beforehand."""

import pytest

from engine.mail.facts import TemplateProblem, inspect_email, inspect_template, inspect_text

LAYOUT = (
    "<html><head><title>{% block title %}{% endblock %}</title></head><body>\n"
    "{% block content %}{% endblock %}\n"
    "{{ sender.postal_address }} <a href='{{ unsubscribe_url }}'>stop</a></body></html>"
)


def test_every_name_comes_with_its_place_and_its_use() -> None:
    source = (
        "<title>Hi {{ lead.first_name | default('you') }}</title>\n"
        "{{ lead.scor }}\n"
        "{% if lead.company %}\n{{ lead.company }}{{ lead['title'] }}{% endif %}\n"
        "{% for item in data.items %}{{ item.name }}{{ loop.index }}{% endfor %}"
        "{% set x = 1 %}{{ x }}"
    )
    facts = inspect_template({"a.html": source}, "a.html")
    assert [(use.name, use.line, use.printed, use.guarded) for use in facts.names] == [
        ("lead.first_name", 1, True, True),
        ("lead.scor", 2, True, False),
        ("lead.company", 3, False, True),
        ("lead.company", 4, True, True),
        ("lead.title", 4, True, False),
        ("data.items", 5, False, False),
    ]
    assert not facts.problems


def test_what_a_layout_has_counts_for_the_mail() -> None:
    files = {"a.html": "<title>S</title>x{% include '_b.html' %}", "_b.html": "y"}
    bare = inspect_template(files, "a.html")
    assert (bare.has_subject, bare.has_unsubscribe, bare.has_postal_address) == (True, False, False)
    assert bare.files == ("a.html", "_b.html")
    dressed = inspect_template(files | {"_layout.html": LAYOUT}, "a.html")
    assert (dressed.has_unsubscribe, dressed.has_postal_address) == (True, True)
    assert dressed.files == ("a.html", "_layout.html", "_b.html")


def test_asking_about_the_unsubscribe_link_is_not_printing_it() -> None:
    source = "<title>S</title>{% if unsubscribe_url %}x{% endif %}{{ unsubscribe_url == 'x' }}"
    assert not inspect_template({"a.html": source}, "a.html").has_unsubscribe


@pytest.mark.parametrize(
    ("source", "has_subject"),
    [
        ("<title>S</title>", True),
        ("\n <TITLE lang=en>S</TITLE>x", True),
        ("<title> </title>x", False),
        ("<p>x</p>", False),
        ("<!doctype html><html><head><title>S</title></head></html>", True),
        ("<!doctype html><html><head></head></html>", False),
        ("{% extends 'l.html' %}{% block title %}S{% endblock %}", True),
        ("{% extends 'l.html' %}{% block content %}S{% endblock %}", False),
    ],
)
def test_a_subject_is_seen_where_it_is_written(source: str, has_subject: bool) -> None:
    files = {"a.html": source, "l.html": LAYOUT}
    assert inspect_template(files, "a.html").has_subject is has_subject


@pytest.mark.parametrize(
    ("files", "place", "message"),
    [
        ({"a.html": "<title>S</title>\n{% if %}"}, ("a.html", 2), "expected"),
        ({"a.html": "<title>S</title>\n{{ x.y() }}"}, ("a.html", 2), "a call with"),
        ({"a.html": "\n\n{{ x | centre }}"}, ("a.html", 3), "no filter is named 'centre'"),
        ({"a.html": "\n{% include '_b.html' %}"}, ("a.html", 2), "no template file '_b.html'"),
        ({"a.html": "{% include '_b.html' %}", "_b.html": "\n{{ }}"}, ("_b.html", 2), "expected"),
        ({"a.html": "x{% include 'a.html' %}"}, ("a.html", 1), "includes itself"),
        ({"a.html": "x", "_layout.html": "<html>"}, ("_layout.html", 1), "no place for the mail"),
        ({"a.html": "{{ x is matching('(a+)+') }}"}, ("a.html", 1), "could take too long"),
        ({}, ("a.html", 0), "no template file 'a.html'"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_fault_is_found_with_its_place(
    files: dict[str, str], place: tuple[str, int], message: str
) -> None:
    [problem, *_] = inspect_template(files, "a.html").problems
    assert (problem.file, problem.line) == place
    assert message in problem.message


def test_all_languages_and_parts_of_a_mail_are_looked_at() -> None:
    names = ("a.html", "a.zh-CN.html", "a.txt", "ab.html", "_layout.html")
    found = inspect_email(dict.fromkeys(names, "{{ lead.x }}"), "a")
    assert [facts.file for facts in found] == ["a.html", "a.txt", "a.zh-CN.html"]


def test_a_text_of_a_playbook_is_looked_at_where_it_stands() -> None:
    facts = inspect_text("Call {{ lead.first_name }}\n{{ lead.x }}", file="p.yaml", line=7)
    assert [(use.name, use.file, use.line) for use in facts.names] == [
        ("lead.first_name", "p.yaml", 7),
        ("lead.x", "p.yaml", 8),
    ]
    [problem] = inspect_text("\n{{ lead. }}", file="p.yaml", line=7).problems
    assert problem == TemplateProblem("p.yaml", 8, problem.message)
