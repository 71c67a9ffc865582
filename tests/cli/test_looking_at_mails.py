"""Looking at mails before they are sent: `longplay mail preview` and `longplay mail check`."""

from pathlib import Path

import pytest

from tests.cli.conftest import Longplay

PNG = b"\x89PNG\r\n\x1a\n"
SPRING = """\
<title>Spring at {{ lead.company }}</title>
<preheader>News for {{ lead.first_name | default("you") }}</preheader>
<p>Price: {{ data.price }}</p><p><a href="pricing.html">More</a></p>
<img src="images/logo.png"><p style="color:#bbb">So pale</p>
"""
PLAYBOOK = """\
playbook: spring
enroll: {when: [manual]}
steps:
  - email: spring
    subject: {zh-CN: 春季价格, en: Prices of spring}
    attach: prices.pdf
    data: {price: "{{ lead.employees | default(5) }} EUR"}
"""


@pytest.fixture
def spring(workspace: Path) -> Path:
    """A mail with a picture, an attachment and a few flaws, which one step sends."""
    base = workspace / "templates/email"
    (base / "images").mkdir()
    (base / "images/logo.png").write_bytes(PNG)
    (base / "prices.pdf").write_bytes(b"%PDF")
    (base / "spring.html").write_text(SPRING, encoding="utf-8")
    (workspace / "playbooks/spring.yaml").write_text(PLAYBOOK, encoding="utf-8")
    return workspace


def test_a_mail_is_shown_as_its_step_sends_it(longplay: Longplay, spring: Path) -> None:
    """With its subject, values, pictures and files; for a sample, no database is needed."""
    said = longplay("mail", "preview", "spring", "--json").json
    assert said["subject"] == "Prices of spring"
    assert (said["template"], said["step"]) == ("spring", "spring/email-spring")
    assert "Price: 42 EUR" in said["text"]
    assert "data:image/png;base64," in said["html"]
    assert [(one["filename"], one["in_page"]) for one in said["attachments"]] == [
        ("logo.png", True), ("prices.pdf", False),
    ]  # fmt: skip
    names = [one["name"] for one in said["headers"]]
    assert "List-Unsubscribe" in names
    chinese = longplay("mail", "preview", "templates/email/spring.html", "--language", "zh-CN")
    assert chinese.status == 0
    assert "春季价格" in chinese.out
    assert "李伟" in chinese.out


def test_a_mail_is_shown_for_a_lead_of_ours(longplay: Longplay, spring: Path) -> None:
    """What the lead lacks is named; the page goes into a file."""
    leads = spring / "leads.csv"
    leads.write_text("email,first_name\nbo@example.com,Bo\n", encoding="utf-8")
    longplay("leads", "import", str(leads))
    page = spring / "page.html"
    said = longplay("mail", "preview", "spring", "--lead", "bo@example.com", "--html", str(page))
    assert said.status == 0
    assert "bo@example.com" in said.out and "lead.company" in said.out
    assert "News for Bo" in page.read_text(encoding="utf-8")
    checked = longplay("mail", "check", "spring", "--lead", "bo@example.com", "--json").json
    (found,) = [one for one in checked["problems"] if one["rule"] == "prints-nothing"]
    assert (found["file"], found["line"]) == ("templates/email/spring.html", 1)


def test_what_is_wrong_with_a_mail_is_told_at_its_place(longplay: Longplay, spring: Path) -> None:
    """In the template, or in the layout around it; warnings are no failure."""
    said = longplay("mail", "check", "spring", "--json")
    found = {(one["rule"], one["line"]) for one in said.json["problems"]}
    assert found == {
        ("may-be-missing", 1), ("link-leads-nowhere", 3), ("picture-without-alt", 4),
        ("low-contrast", 4),
    }  # fmt: skip
    assert (said.status, said.json["ok"]) == (0, True)
    for_people = longplay("mail", "check", "spring").out
    assert "templates/email/spring.html:4:" in for_people
    assert "1 mail, " in for_people


def test_the_starter_mails_are_as_they_should_be(longplay: Longplay) -> None:
    """In both languages, in light and in dark inboxes."""
    said = longplay("mail", "check", "--json")
    assert (said.status, said.json) == (0, {"ok": True, "problems": []})


def test_a_template_that_nothing_sends_is_checked_as_if_something_did(
    longplay: Longplay, workspace: Path
) -> None:
    """Its names too, and whether it has a way out."""
    bare = "<!doctype html><html><head><title>S</title></head><body>{{ lead.frist_name }}</body>"
    (workspace / "templates/email/bare.html").write_text(bare, encoding="utf-8")
    said = longplay("mail", "check", "bare", "--json")
    rules = {one["rule"] for one in said.json["problems"]}
    assert {"unknown-name", "email-without-unsubscribe", "no-dark-mode"} <= rules
    assert said.status == 1


@pytest.mark.parametrize(
    ("arguments", "fault", "help"),
    [
        (("preview", "sprin"), "there is no template 'sprin'", "did you mean 'spring'?"),
        (("check", "sprin"), "there is no template 'sprin'", "did you mean 'spring'?"),
        (("preview", "spring", "--lead", "x@example.com"), "there is no lead", "leads list"),
        (("preview", "spring", "--step", "trial-nurture"), "does not send 'spring'",
         "it is sent by spring/email-spring"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_named(
    longplay: Longplay, spring: Path, arguments: tuple[str, ...], fault: str, help: str
) -> None:
    said = longplay("mail", *arguments)
    assert said.status == 1
    assert fault in said.err and help in said.err


@pytest.mark.parametrize("source", ["<b>" * 400, "{% include 'gone.html' %}"], ids=["deep", "gone"])
def test_a_template_that_cannot_be_made_is_told_so(
    longplay: Longplay, workspace: Path, source: str
) -> None:
    """By both commands, with its file, and without a traceback."""
    (workspace / "templates/email/bad.html").write_text("<title>S</title>" + source)
    shown = longplay("mail", "preview", "bad")
    checked = longplay("mail", "check", "bad", "--json")
    assert shown.status == 1
    assert "bad.html" in shown.err
    rules = {one["rule"] for one in checked.json["problems"]}
    assert rules & {"template-syntax", "no-sample"}
