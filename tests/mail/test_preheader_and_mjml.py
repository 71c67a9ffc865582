"""The preheader, and templates in MJML."""

import sys

import pytest

from engine.mail.errors import TemplateError
from engine.mail.facts import inspect_email
from engine.mail.preheader import preheader_of
from engine.mail.render import Templates, Tracking

SCOPE = {"lead": {"first_name": "伟"}, "unsubscribe_url": "https://acme.example/u/1"}
LAYOUT = """\
<mjml><mj-head><mj-title>{% block title %}{% endblock %}</mj-title>
<mj-style>@media (prefers-color-scheme: dark) { .a div { color: #fff !important; } }</mj-style>
</mj-head>
<mj-body><mj-section><mj-column>{% block content %}{% endblock %}
<mj-text><a href="{{ unsubscribe_url }}">Stop</a></mj-text>
</mj-column></mj-section></mj-body></mjml>
"""
SPRING = """\
<title>Spring, {{ lead.first_name }}</title>
<preheader>Three things for {{ lead.first_name }}</preheader>
<mj-text css-class="a">Hello {{ lead.first_name }}</mj-text>
{% if lead.vip %}<mj-text>For you alone</mj-text>{% endif %}
<mj-image src="https://acme.example/a.png" alt="{{ lead.alt | default('A picture') }}" />
<mj-button href="https://acme.example/spring?n=1&amp;m=2">Look</mj-button>
"""


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("<title>S</title>\n<preheader>Read me first</preheader>\n<p>x</p>", "Read me first"),
        ("<title>S</title><p>x</p><preheader>Read <b>me</b>\n first</preheader>", "Read me first"),
        ("<title>S</title><preheader>{{ lead.first_name }} &amp; you</preheader>x", "伟 & you"),
        ("<html><head><title>S</title></head><body class='a'><preheader>R</preheader>x", "R"),
        ("<title>S</title><p>x</p>", ""),
        ("<title>S</title><preheader></preheader><p>x</p>", ""),
    ],
)
def test_the_preheader_comes_first_in_the_page_and_not_at_all_in_the_text(
    source: str, shown: str
) -> None:
    """Wherever it is written; the inbox shows it, and nothing of the page behind it."""
    page = Templates({"a.html": source}).render("a", SCOPE)
    assert preheader_of(page.html) == shown
    assert "preheader" not in page.html
    assert page.text.strip() == "x"
    body = page.html.partition("<body")[2].partition(">")[2]
    assert not shown or body.startswith("<div style=")


def test_mjml_has_layouts_blocks_conditions_and_a_text_part() -> None:
    """What is filled in becomes HTML afterwards; links are tracked, styles stand where they do."""
    templates = Templates({"_layout.mjml": LAYOUT, "spring.mjml": SPRING})
    tracking = Tracking(lambda at: f"https://acme.example/c/{at}", "https://acme.example/o.gif")
    page = templates.render("spring", SCOPE, tracking=tracking)
    assert page.subject == "Spring, 伟"
    assert preheader_of(page.html) == "Three things for 伟"
    assert "Hello 伟" in page.html
    assert "For you alone" not in page.html
    assert "<mj" not in page.html
    assert "@media (prefers-color-scheme: dark)" in page.html
    assert page.links == ("https://acme.example/spring?n=1&m=2",)
    assert 'href="https://acme.example/u/1"' in page.html
    assert "fonts.googleapis" not in page.html
    vip = {**SCOPE, "lead": {"first_name": "Ann", "vip": True}}
    assert "For you alone" in templates.render("spring", vip).text


@pytest.mark.parametrize(
    "value",
    ['say "hi"', "back\\slash", "it's", "a\u200db \U0001f468\u200d\U0001f469", "e\u0301", "<b>&",
     "two\nlines", "\\u{41}", "&#xfdd0;1&#xfdd1;", "\ufdd00\ufdd1"],
)  # fmt: skip
def test_values_come_through_mjml_as_they_are(value: str) -> None:
    """In texts and in attributes: quotes, backslashes, joined emoji, accents."""
    from selectolax.lexbor import LexborHTMLParser

    source = SPRING.replace("Hello {{ lead.first_name }}", "{{ lead.alt }}")
    page = Templates({"_layout.mjml": LAYOUT, "spring.mjml": source}).render(
        "spring", {"lead": {"alt": value}}
    )
    tree = LexborHTMLParser(page.html)
    plain = value.replace("\ufdd0", "").replace("\ufdd1", "")
    image = tree.css_first("img")
    text = tree.css_first("td.a")
    assert image is not None and text is not None
    assert (image.attributes["alt"] or "").split() == plain.split()
    assert text.text(deep=True).split() == plain.split()


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("<mj-sction></mj-sction>", "MJML has no 'mj-sction' there"),
        ("<mj-section><mj-column></mj-section>", "its MJML cannot be read"),
        ('<mj-include path="/etc/passwd" />', "its MJML cannot be read"),
        ("<mj-wrapper>" * 400, "more than 150 deep"),
    ],
)
def test_mjml_that_cannot_be_is_refused_by_name(source: str, fault: str) -> None:
    """It never ends the process, and never reads a file."""
    with pytest.raises(TemplateError) as caught:
        Templates({"a.mjml": "<title>S</title>" + source}).render("a", SCOPE)
    assert fault in caught.value.fault
    assert caught.value.file == "a.mjml"


def test_without_the_extra_a_mail_in_mjml_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker that lacks it must not send the source."""
    monkeypatch.setitem(sys.modules, "mrml", None)
    with pytest.raises(TemplateError, match="which is not installed") as caught:
        Templates({"a.mjml": "<title>S</title><mj-section />"}).render("a", SCOPE)
    assert "longplay[mjml]" in caught.value.help


def test_what_is_known_of_mjml_is_what_is_known_of_html() -> None:
    """Names, subjects, the way out in the layout, and every file that a plan pins."""
    files = {"_layout.mjml": LAYOUT, "spring.mjml": SPRING, "spring.zh-CN.mjml": SPRING}
    english, chinese = inspect_email(files, "spring")
    assert english.files == ("spring.mjml", "_layout.mjml")
    assert chinese.file == "spring.zh-CN.mjml"
    assert english.has_subject and english.has_unsubscribe
    assert not english.problems
    assert {one.name for one in english.names} >= {"lead.first_name", "lead.vip"}


def test_mjml_that_cannot_be_is_found_before_it_is_sent() -> None:
    """By validate, whatever the values: what it makes of nothing is looked at."""
    (found,) = inspect_email({"a.mjml": "<title>S</title>\n<mj-sction></mj-sction>"}, "a")
    (problem,) = found.problems
    assert (problem.file, problem.message) == ("a.mjml", "MJML has no 'mj-sction' there")
    assert problem.help == "did you mean 'mj-section'?"
