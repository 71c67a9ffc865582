"""Links that come back to us, and those that are left alone."""

import pytest

from engine.mail.tracking import track_links, with_pixel


def made(index: int) -> str:
    return f"https://go.example/c/{index}"


def test_each_address_gets_one_link_of_ours() -> None:
    page = (
        '<p><a href="https://a.example/?x=1&amp;y=2">one</a> <a href="http://b.example">two</a> '
        '<a class="x" href=" https://a.example/?x=1&amp;y=2 ">again</a></p>'
    )
    tracked, links = track_links(page, made)
    assert links == ("https://a.example/?x=1&y=2", "http://b.example")
    assert tracked.count("https://go.example/c/0") == 2
    assert tracked.count("https://go.example/c/1") == 1
    assert "a.example" not in tracked


@pytest.mark.parametrize(
    "href",
    [
        "mailto:sales@acme.example",
        "tel:+8657188880000",
        "#top",
        "",
        "/relative",
        "https://acme.example/u/abc",
        "javascript:void(0)",
    ],
)
def test_what_leads_elsewhere_is_left_alone(href: str) -> None:
    page = f'<p><a href="{href}">x</a></p>'
    assert track_links(page, made, keep={"https://acme.example/u/abc"}) == (page, ())


def test_a_link_can_ask_not_to_be_tracked() -> None:
    page = '<a data-track="no" href="https://a.example/">x</a>'
    assert track_links(page, made) == (page, ())


def test_comments_for_old_mail_programs_survive() -> None:
    page = (
        "<!DOCTYPE html><html><head></head><body><!--[if mso]><table><tr><td><![endif]-->"
        '<a href="https://a.example/">x</a><!--[if mso]></td></tr></table><![endif]-->'
        "</body></html>"
    )
    tracked, _ = track_links(page, made)
    assert tracked == page.replace("https://a.example/", made(0))


def test_the_picture_stands_at_the_end_of_the_body() -> None:
    page = with_pixel("<html><body><p>x</p></body></html>", "https://go.example/o/t.gif?a&b")
    picture = '<img src="https://go.example/o/t.gif?a&amp;b" width="1" height="1"'
    assert page.startswith(f"<html><body><p>x</p>{picture}")
    assert page.endswith("></body></html>")
