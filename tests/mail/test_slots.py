"""Values put into a page after the work on it: the mail is the one that would have come anyway."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from engine.mail.drafts import Wish, draft_of
from engine.mail.render import RenderedEmail, Templates, Tracking
from engine.mail.sandbox import TemplateEnvironment, pieces_within, scope_of
from engine.mail.slots import Filling, mark, page_of

UNSUBSCRIBE = "https://acme.example/u/token"
TRACKING = Tracking(click=lambda index: f"https://acme.example/c/{index}?a=1&b=2")
PLACES = {
    "text": "<p>Dear {{ v }}, and {{ w }}!</p>",
    "title": "<title>For {{ v }}</title><p>x</p>",
    "address": '<a href="{{ v }}">go</a> <a href="https://x.example/{{ v }}?to={{ w }}">on</a>',
    "address written out": '<a href="{{ v }}">{{ v }}</a><a href="mailto:{{ w }}">{{ w }}</a>',
    "unsubscribe": '<a href="{{ unsubscribe_url }}">{{ v }}</a><a href="{{ v }}">x</a>',
    "unquoted address": "<a href={{ v }}x>go</a>",
    "description": '<p><img src="https://x.example/i.gif" alt="{{ v }} and {{ w }}"></p>',
    "style": '<p style="color: {{ v }}">x</p><a href="https://x.example" style="x:{{ w }}">y</a>',
    "style sheet": "<style>p { color: {{ v }} } a { x: y }</style><p>{{ w }}</p>",
    "tracking switch": '<a href="https://x.example/{{ w }}" data-track="{{ v }}">go</a>',
    "comment": "<p>a<!-- {{ v }} --><!--[if mso]><a href='{{ w }}'>x</a><![endif]-->b</p>",
    "raw text": "<p>a</p><textarea>{{ v }}</textarea><script>{{ w }}</script><p>{{ v }}</p>",
    "beside spaces": "<p> {{ v }} </p><p>{{ v }}{{ w }}</p><ul><li>{{ w }}</ul>",
    "choice": "{% if v == 'a' %}<p>{{ w }}</p>{% else %}<h1>{{ v }}</h1>{% endif %}",
}
WORDS = (
    "", "a", "Ann Lee", "Ann  Lee", " a", "a ", "a\nb", "李伟", "a&b", "<b>", 'say "x"', "it's",
    "no", "http", "mailto:", "HTTP://", "M", "https://x y",
    "https://x.example/a?b=1&c=2", "http://", "HTTPS://x.example", "mailto:ann@x.example", "#top",
    "javascript:x", "a\xa0b", "a\u3000b", "-->", "red;display:none", "\ufdd0", "\ufdd00\ufdd1",
    "&amp;", UNSUBSCRIBE, "ann@x.example", "{{ w }}", "\x07", "s", "c0",
)  # fmt: skip
VALUES = st.sampled_from(WORDS) | st.text(max_size=12)
WISH = Wish(subject=False, clicks=True, pixel=False, text=True)


def by_slots(source: str, scope: Mapping[str, object]) -> RenderedEmail:
    files = {"a.html": f"<!doctype html><html><body>{source}</body></html>"}
    subject = None if "<title" in source else "given"
    return Templates(files).render("a", scope, subject=subject, tracking=TRACKING)


def by_hand(source: str, scope: Mapping[str, object]) -> RenderedEmail:
    """The same mail, worked out from the page as it stands."""
    env = TemplateEnvironment(loader=None, html=True)
    template = env.from_string(f"<!doctype html><html><body>{source}</body></html>")
    context = template.new_context(scope_of(scope))
    page = "".join(pieces_within(template.root_render_func(context)))
    page = page.replace("\ufdd0", "").replace("\ufdd1", "")
    draft = draft_of(page, WISH, (UNSUBSCRIBE,), "a.html")
    clicks = [f"https://acme.example/c/{at}?a=1&b=2" for at in range(len(draft.links))]
    subject = draft.subject_for({}) or "given"
    html = draft.html_for({}, subject, clicks, "")
    return RenderedEmail(subject, html, draft.text_for({}), "a.html", draft.links_for({}))


@pytest.mark.parametrize("source", PLACES.values(), ids=PLACES.keys())
@given(v=VALUES, w=VALUES)
@settings(max_examples=60, deadline=None)
def test_a_mail_is_the_same_with_slots_and_without(source: str, v: str, w: str) -> None:
    """Wherever a value stands and whatever it is, nobody can tell that the page was kept."""
    scope = {"v": v, "w": w, "unsubscribe_url": UNSUBSCRIBE}
    found, expected = by_slots(source, scope), by_hand(source, scope)
    assert found.subject == expected.subject
    assert found.text == expected.text
    assert found.links == expected.links
    assert tree(found.html) == tree(expected.html)


def tree(html: str) -> str | None:
    return LexborHTMLParser(html).html


def test_a_page_is_worked_on_once_for_all_plain_values() -> None:
    """Another name, another address to unsubscribe: the same draft."""
    source = "<title>For {{ v }}</title><style>p{color:red}</style><p>{{ v }}</p>"
    templates = Templates({"a.html": source + '<a href="{{ unsubscribe_url }}">leave</a>'})
    for name in ("Ann", "李伟", "O'Neil & Sons"):
        scope = {"v": name, "unsubscribe_url": f"https://acme.example/u/{name}"}
        mail = templates.render("a", scope, tracking=TRACKING)
        assert mail.subject == f"For {name}"
        assert mail.links == ()
    assert len(templates._drafts) == 1


def test_a_value_that_says_what_a_slot_says_fills_nothing() -> None:
    """The marks of slots are taken out of whatever a lead or a template brings."""
    page = page_of(["<p>", f"{mark(0)}", "</p>"])
    assert not Filling("\ufdd0 torn").is_sound
    assert by_slots("<p>{{ v }}{{ w }}</p>", {"v": "secret", "w": mark(0)}).text == "secret0\n"
    assert page.values == {}
