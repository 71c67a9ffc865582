"""What is said of finished pages: size, pictures, links, colors in light and in dark inboxes."""

import pytest

from engine.mail.contrast import contrast, faint_words
from engine.mail.page_checks import CLIPPED, check_page
from engine.mail.schemes import in_scheme, knows_dark

META = '<meta name="color-scheme" content="light dark">'


def page(body: str, head: str = META) -> str:
    hidden = '<div style="display:none">News</div>'
    return f"<html><head>{head}</head><body>{hidden}{body}<p>Words</p></body></html>"


def rules(body: str, head: str = META, text: str = "Words") -> list[str]:
    return [one.rule for one in check_page(page(body, head), text)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('<img src="https://a.example/a.png" alt="A">', []),
        ('<img src="cid:1234@longplay" alt="">', []),
        ('<img src="https://a.example/a.png">', ["picture-without-alt"]),
        ('<a href="https://a.example"><img src="https://a.example/a.png" alt=""></a>',
         ["picture-without-alt"]),
        ('<a href="https://a.example">See<img src="https://a.example/a.png" alt=""></a>', []),
        ('<img src="http://a.example/a.png" alt="A">', ["picture-not-secure"]),
        ('<img src="data:image/png;base64,AAAA" alt="A">', ["picture-as-data"]),
        ('<img src="" alt="A">', ["picture-without-address"]),
        ('<img src="a.png" alt="A">', ["picture-without-address"]),
        ('<img src="https://a.example/a.svg?v=1" alt="A">', ["picture-without-address"]),
        ('<a href="https://a.example/?a=1&amp;b=2">x1</a>', []),
        ('<a href="mailto:ann@example.com">mail</a><a href="tel:+8610">call</a>', []),
        ('<a href="">more</a>', ["link-leads-nowhere"]),
        ('<a href="#">more</a>', ["link-leads-nowhere"]),
        ('<a href="#more">more</a>', ["link-leads-nowhere"]),
        ('<a href="#more">more</a><h2 id="more">More</h2>', []),
        ('<a href="#more">more</a><a name="more"></a>', []),
        ('<a href="pricing.html">more</a>', ["link-leads-nowhere"]),
        ('<a href="www.a.example">more</a>', ["link-leads-nowhere"]),
        ('<a href="https://">more</a>', ["link-leads-nowhere"]),
        ('<a href="https:///more">more</a>', ["link-leads-nowhere"]),
        ('<a href="mailto:">more</a>', ["link-leads-nowhere"]),
        ('<a href="javascript:alert(1)">more</a>', ["link-leads-nowhere"]),
        ('<a href="https://a.example"></a>', ["link-without-words"]),
        ("<form><input></form>", ["not-in-mail", "not-in-mail"]),
        ("<script>1</script>", ["not-in-mail"]),
        ('<link rel="stylesheet" href="https://a.example/a.css">', ["not-in-mail"]),
        ("x" * CLIPPED, ["mail-clipped"]),
        ("字" * (CLIPPED // 3 + 1), ["mail-clipped"]),
        ('<p style="color:#777;background:#fff">pale</p>', ["low-contrast"]),
    ],
)  # fmt: skip
def test_a_page_is_told_what_its_readers_would_see(body: str, expected: list[str]) -> None:
    assert rules(body) == expected


def test_a_mail_without_words_a_preheader_or_dark_colors_is_told_so() -> None:
    found = check_page("<html><body><p>x</p></body></html>", " \n–")
    assert [one.rule for one in found] == ["no-text", "no-preheader", "no-dark-mode"]
    assert all(one.help for one in found)


@pytest.mark.parametrize(
    ("body", "faint"),
    [
        ("<p>black on white</p>", False),
        ('<p style="color:#767676">as WCAG has it</p>', False),
        ('<p style="color:#777777">just not</p>', True),
        ('<p style="color:#949494;font-size:24px">large</p>', False),
        ('<p style="color:#949494;font-size:18pt">large in points</p>', False),
        ('<h1 style="color:#949494">large by its element</h1>', False),
        ('<h1 style="color:#949494;font-size:12px">small all the same</h1>', True),
        ('<b style="color:#949494;font-size:19px">large and bold</b>', False),
        ('<p style="color:#949494;font-size:19px">large, not bold</p>', True),
        ('<p style="font:700 19px/1.4 Arial;color:#949494">in one line</p>', False),
        ('<table bgcolor="#000000"><tr><td>black on black</td></tr></table>', True),
        ('<table style="background:#000"><tr><td style="color:#fff">w</td></tr></table>', False),
        ('<div style="background:#000"><p style="background:rgba(255,255,255,.9)">g</p></div>',
         False),
        ('<div style="background:#000"><p style="background:rgba(255,255,255,.1)">g</p></div>',
         True),
        ('<p style="color:rgba(0,0,0,.3)">thin</p>', True),
        ('<div style="background:url(a.png)"><p style="color:#fff">who knows</p></div>', False),
        ('<p style="display:none;color:#fff">nobody reads it</p>', False),
        ('<p style="color:#fff">&nbsp;·&nbsp;</p>', False),
        ('<font color="#eeeeee">old</font>', True),
        ('<p style="color:hsl(0,0%,80%)">hue</p>', True),
        ('<p style="color:oklch(0.9 0 0)">unknown colors are passed over</p>', False),
        ('<a href="https://a.example">blue on white</a>', False),
        ('<div style="background:#000"><a href="https://a.example">blue on black</a></div>', True),
        ('<p style="color:#fff;color:#000 !important;color:#eee">which counts</p>', False),
    ],
)  # fmt: skip
def test_words_that_are_hard_to_read_are_found(body: str, faint: bool) -> None:
    """By what is really behind them, and by how large they are."""
    found = faint_words(f"<html><body>{body}</body></html>")
    assert bool(found) is faint, found
    for one in found:
        assert not one.better or one.better.startswith("#")


def test_dark_colors_are_looked_at_in_the_dark_only() -> None:
    """What `@media (prefers-color-scheme: dark)` says holds there, important or not."""
    style = (
        "<style>@media (prefers-color-scheme: dark) { .a { background: #111 !important; } "
        ".b { color: #eee !important; } } @media (max-width: 480px) { .b { color: #fff } }</style>"
    )
    body = '<div class="a" style="background:#fff;color:#222"><p>One</p><p class="b">Two</p></div>'
    (one,) = faint_words(f"<html><head>{META}{style}</head><body>{body}</body></html>")
    assert (one.words, one.scheme, one.behind) == ("One", "dark", "#111111")
    assert contrast((0, 0, 0), (1, 1, 1)) == pytest.approx(21)


def test_a_page_is_shown_in_the_scheme_that_is_asked_for() -> None:
    """Rules for the other scheme go; everything else stays."""
    style = (
        "<style>p{color:red}@media (prefers-color-scheme:dark){p{color:blue}}"
        "@media (prefers-color-scheme: light){p{color:green}}@media print{p{color:black}}</style>"
    )
    light, dark = in_scheme(style, "light"), in_scheme(style, "dark")
    assert ("green" in light, "blue" in light) == (True, False)
    assert ("green" in dark, "blue" in dark) == (False, True)
    assert "red" in dark and "@media print" in dark and "prefers-color-scheme" not in dark
    assert knows_dark(style) and knows_dark(META) and not knows_dark("<p>dark</p>")
