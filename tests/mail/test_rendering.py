"""Templates and texts, filled in as a reader sees them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from engine.mail.errors import TemplateError
from engine.mail.render import Templates, Tracking, render_text, render_value
from engine.playbook.conditions import condition

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LEAD = {
    "first_name": "李伟",
    "email": "Li@Acme.example",
    "score": 42,
    "company": "Acme & <Sons>",
    "tags": ["vip", "cn"],
    "last_seen_at": NOW - timedelta(days=3, hours=2),
    "title": None,
    "amount": 5.0,
    "paid": True,
    "birthday": date(1990, 3, 2),
}


class Orders:
    """Two orders, 10 and 100 days ago."""

    def occurrences(self, event: str) -> list[tuple[datetime, Mapping[str, object]]]:
        if event != "order.placed":
            return []
        return [(NOW - timedelta(days=ago), {"amount": ago}) for ago in (100, 10)]


SCOPE: Mapping[str, object] = {
    "lead": LEAD,
    "now": NOW,
    "zone": ZoneInfo("Asia/Shanghai"),
    "history": Orders(),
    "event": {},
    "data": {"items": [{"name": "A", "price": 3}, {"name": "B", "price": 4}]},
    "sender": {"postal_address": "1 Funnel Street"},
    "unsubscribe_url": "https://acme.example/u/t?x=1&y=2",
}
LAYOUT = (
    "<!doctype html><html><head><title>{% block title %}{% endblock %}</title>"
    "<style>p { color: red } @media (max-width: 600px) { p { color: blue } }</style></head>"
    "<body>{% block content %}{% endblock %}"
    '<p>{{ sender.postal_address }} <a href="{{ unsubscribe_url }}">stop</a></p></body></html>'
)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("no marks { at } all", "no marks { at } all"),
        ("Hi {{ lead.first_name }}!", "Hi 李伟!"),
        ("{{ lead.missing }}{{ nowhere.at.all }}{{ event.x.y }}{{ lead.title }}", ""),
        ("{{ lead.title | default('friend') }}", "friend"),
        ("{{ lead.missing.deep | default('none') | upper }}", "NONE"),
        ("{{ lead.email | lower }} {{ lead.email | domain }}", "li@acme.example acme.example"),
        ("{{ ' x ' | trim | length }}", "1"),
        ("{{ lead.last_seen_at | days_since }} {{ lead.last_seen_at | hours_since }}", "3 74"),
        ("{{ lead.missing | days_since }}", ""),
        ("{{ now | plus('14 days') }}", "2026-03-16 17:30"),
        ("{{ now | minus('1 day 4 hours') | hours_until }}", "-28"),
        ("{{ lead | count('order.placed', '90 days') }}", "1"),
        ("{{ lead | sum('order.placed', 'amount', '1 week') }}", "0"),
        ("{{ lead | last('order.placed') }}", "2026-02-20 17:30"),
        ("{{ lead.score + 8 }} {{ lead.score / 4 }} {{ -lead.score % 5 }}", "50 10.5 3"),
        ("{{ lead.score + lead.missing }}{{ lead.score / 0 }}", ""),
        ("{{ lead.amount }} {{ lead.paid }} {{ lead.birthday }}", "5 true 1990-03-02"),
        ("{{ lead.tags }} {{ lead.tags[0] }}{{ lead.tags[9] }}", "vip, cn vip"),
        ("{{ now }}", "2026-03-02 17:30"),
        ("{% if lead.score >= 40 and 'vip' in lead.tags %}hot{% else %}cold{% endif %}", "hot"),
        ("{{ 'x' if lead.missing < 5 or lead.missing >= 5 else 'neither' }}", "neither"),
        ("{{ 'x' if lead.missing != 'a' or lead.missing not in ['a'] else 'no' }}", "no"),
        ("{{ 'yes' if not lead.missing == 1 }}", "yes"),
        ("{{ 'yes' if 'a' < 1 else 'no' }}", "no"),
        ("{{ 'yes' if 10 < lead.score <= 42 else 'no' }}", "yes"),
        ("{{ 'd' if lead.score is defined }}{{ 'd' if lead.title is defined }}", "d"),
        ("{{ 'm' if lead.first_name is matching('李|王') }}", "m"),
        ("{{ 'c' if lead.tags is containing('vip') }}", "c"),
        ("{% for i in data.items if i.price > 3 %}{{ loop.index }}{{ i.name }}{% endfor %}", "1B"),
        ("{% for i in lead.missing %}x{% else %}none{% endfor %}", "none"),
        ("{% set a = lead.score * 2 %}{{ a }}{% with b = 1 %}{{ b }}{% endwith %}", "841"),
        ("{{ lead.__class__ }}", None),
        ("a < b & c {{ lead.company }}", "a < b & c Acme & <Sons>"),
    ],
)
def test_texts_are_filled_in_as_conditions_would_read_them(
    source: str, expected: str | None
) -> None:
    if expected is None:
        with pytest.raises(TemplateError, match="underscore"):
            render_text(source, SCOPE)
    else:
        assert render_text(source, SCOPE) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ lead.score }}", 42),
        (" {{ lead.score + 0.5 }} ", 42.5),
        ("{{ lead.tags }}", ["vip", "cn"]),
        ("{{ lead.last_seen_at }}", LEAD["last_seen_at"]),
        ("{{ lead.paid }}", True),
        ("{{ lead.missing }}", None),
        ("{{ lead.score > 40 }}", True),
        ("{{ lead }}", LEAD),
        ("{{ 7 }}", 7),
        ("n: {{ lead.score }}", "n: 42"),
        ("{{ lead.score }}{{ lead.score }}", "4242"),
        ("{% if true %}x{% endif %}", "x"),
        ("plain", "plain"),
    ],
)
def test_a_lone_expression_keeps_its_type(source: str, expected: object) -> None:
    assert render_value(source, SCOPE) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "lead.score",
        "lead.missing",
        "lead.missing.deeper",
        "lead.score >= 40 and lead.first_name != 'x'",
        "lead.score == '42'",
        "lead.score == true",
        "lead.paid == true",
        "lead.paid == 1",
        "lead.paid + 1",
        "-lead.paid",
        "lead.score + 1.5 - 2 * 3 / 4 % 5",
        "lead.score / 0",
        "lead.first_name + lead.score",
        "lead.first_name * 3",
        "lead.first_name - 1",
        "lead.first_name < 3",
        "lead.missing != 1",
        "lead.missing not in ['a']",
        "not lead.missing",
        "not (lead.missing == 1)",
        "'VIP' in lead.tags",
        "'vip' in lead.tags",
        "lead.score in [41, 42.0]",
        "lead.first_name in '李伟好'",
        "1 in lead.company",
        "lead.tags == ['vip', 'cn']",
        "lead.birthday < '1990-03-03'",
        "lead.birthday in ['1990-03-02']",
        "lead.last_seen_at > '2026-02-27 10:00'",
        "lead.last_seen_at > lead.birthday",
        "now - lead.last_seen_at > '3 days'",
        "now - lead.last_seen_at",
        "lead.last_seen_at | plus('2 months')",
        "lead.birthday | minus('1 week')",
        "(lead.birthday | days_since) > 13000",
        "lead.last_seen_at | hours_until",
        "lead.score | days_since",
        "lead.score | upper",
        "lead.title | default('x') | length",
        "lead | count('order.placed', '90 days')",
        "lead | sum('order.placed', 'amount')",
        "lead.missing | default(7)",
        "lead.tags is containing('VIP')",
        "lead.company is containing('sons')",
        "lead.company is not matching('^acme')",
        "lead.missing is defined",
        "'a' if lead.missing else 'b'",
        "lead.missing or 'x'",
        "30 < lead.score < 40",
    ],
)
def test_an_expression_has_the_value_it_has_as_a_condition(expression: str) -> None:
    assert render_value(f"{{{{ {expression} }}}}", SCOPE) == condition(expression).value(SCOPE)


def test_a_mail_is_put_into_its_layout_with_its_styles_on_its_elements() -> None:
    source = "<title>欢迎, {{ lead.company }} &amp; co</title>\n<p>Hello {{ lead.company }}</p>"
    mail = Templates({"welcome.html": source, "_layout.html": LAYOUT}).render("welcome", SCOPE)
    assert mail.subject == "欢迎, Acme & <Sons> & co"
    assert '<p style="color: red;">Hello Acme &amp; &lt;Sons&gt;</p>' in mail.html
    assert "<title>欢迎, Acme &amp; &lt;Sons&gt; &amp; co</title>" in mail.html
    assert "@media (max-width: 600px)" in mail.html
    assert 'href="https://acme.example/u/t?x=1&amp;y=2"' in mail.html
    assert mail.text == (
        "Hello Acme & <Sons>\n\n1 Funnel Street stop (https://acme.example/u/t?x=1&y=2)\n"
    )
    assert (mail.template, mail.links) == ("welcome.html", ())


def test_a_mail_without_a_layout_is_still_a_whole_page() -> None:
    mail = Templates({"a.html": "<title>S</title><p>B</p>"}).render("a", SCOPE)
    assert mail.html.lower().startswith("<!doctype html><html><head>")
    assert mail.html.endswith("<body><p>B</p></body></html>")


def test_a_step_can_replace_the_subject() -> None:
    mail = Templates({"a.html": "<title>S</title><p>B</p>"}).render("a", {}, subject="a <b>\n c")
    assert mail.subject == "a <b> c"
    assert "<title>a &lt;b&gt; c</title>" in mail.html


def test_a_template_can_extend_a_layout_of_its_choice() -> None:
    files = {
        "plain.html": "<html><head><title>{% block title %}T{% endblock %}</title></head>"
        "<body>{% block content %}{% endblock %}</body></html>",
        "a.html": '{% extends "plain.html" %}{% block title %}Hi {{ lead.score }}{% endblock %}'
        '{% block content %}{% include "_part.html" %}{% endblock %}',
        "_part.html": "<b>{{ lead.company }}</b>",
        "_layout.html": LAYOUT,
    }
    mail = Templates(files).render("a", SCOPE)
    assert mail.subject == "Hi 42"
    assert "<body><b>Acme &amp; &lt;Sons&gt;</b></body>" in mail.html


def test_a_text_part_that_is_written_is_used_as_it_is() -> None:
    files = {"a.html": "<title>S</title><p>B</p>", "a.txt": "{{ lead.company }}\n-- \n"}
    assert Templates(files).render("a", SCOPE).text == "Acme & <Sons>\n-- \n"


def test_links_are_tracked_but_the_one_to_unsubscribe_is_not() -> None:
    files = {"a.html": '<title>S</title><a href="https://x.example">x</a>', "_layout.html": LAYOUT}
    tracking = Tracking(lambda index: f"https://go.example/c/{index}", "https://go.example/o.gif")
    mail = Templates(files).render("a", SCOPE, tracking=tracking)
    assert mail.links == ("https://x.example",)
    assert 'href="https://go.example/c/0"' in mail.html
    assert 'href="https://acme.example/u/t?x=1&amp;y=2"' in mail.html
    assert 'src="https://go.example/o.gif"' in mail.html
    assert "x (https://x.example)" in mail.text


def test_no_style_sheet_is_fetched_from_anywhere(tmp_path: Path) -> None:
    sheet = tmp_path / "style.css"
    sheet.write_text("p { color: green }", encoding="utf-8")
    for href in (str(sheet), sheet.as_uri(), "http://127.0.0.1:9/style.css"):
        link = f'<link rel="stylesheet" href="{href}"><style>b{{}}</style>'
        mail = Templates({"a.html": f"<title>S</title>{link}<p>B</p>"}).render("a", {})
        assert "green" not in mail.html


@pytest.mark.parametrize(
    ("languages", "expected"),
    [
        (["zh-TW"], "a.zh.html"),
        (["zh-CN"], "a.zh-CN.html"),
        (["zh_cn"], "a.zh-CN.html"),
        (["ZH-cn", "de"], "a.zh-CN.html"),
        (["fr", "de-AT"], "a.de.html"),
        ([None, "", "de"], "a.de.html"),
        (["fr"], "a.html"),
        ([], "a.html"),
    ],
    ids=str,
)
def test_the_language_is_the_leads_then_the_workspaces_then_any(
    languages: list[str | None], expected: str
) -> None:
    names = ("a.html", "a.zh.html", "a.zh-CN.html", "a.de.html")
    files = {name: f"<title>{name}</title>x" for name in names}
    mail = Templates(files).render("a", {}, languages=languages)
    assert (mail.template, mail.subject) == (expected, expected)


def test_a_layout_and_a_text_part_belong_to_their_own_language() -> None:
    page = "<html><head><title>{{% block title %}}{{% endblock %}}</title></head><body>{}</body>"
    files = {
        "_layout.html": page.format("any"),
        "_layout.zh.html": page.format("中"),
        "a.html": "<title>S</title>",
        "a.txt": "for all",
        "a.zh-CN.html": "<title>题</title>",
    }
    templates = Templates(files)
    assert templates.render("a", {}, languages=["zh-CN"]).text == "中\n"
    assert templates.render("a", {}, languages=["en"]).text == "for all"
    assert "any" in templates.render("a", {}).html


def test_names_may_lie_in_folders() -> None:
    files = {"offers/spring.html": "<title>S</title>x", "offers/_part.html": "y"}
    templates = Templates(files)
    assert templates.render("offers/spring", {}).template == "offers/spring.html"
    assert templates.sources.names() == ("offers/spring",)


def test_a_template_that_is_not_there_is_named() -> None:
    with pytest.raises(TemplateError, match="no template 'welcom'"):
        Templates({}).render("welcom", {})


def test_a_mail_whose_subject_comes_out_empty_is_not_sent() -> None:
    templates = Templates({"a.html": "<title>{{ lead.missing }}</title>x"})
    with pytest.raises(TemplateError, match=r"a\.html:1: the subject is empty"):
        templates.render("a", SCOPE)
