"""The starter workspace's templates, as they would go out."""

from pathlib import Path

import pytest

from engine.mail.facts import inspect_email
from engine.mail.render import Templates
from engine.mail.sources import Sources

FOLDER = Path(__file__).parents[2] / "templates" / "email"
FILES = {
    path.relative_to(FOLDER).as_posix(): path.read_text(encoding="utf-8")
    for path in FOLDER.rglob("*")
    if path.suffix in (".html", ".txt")
}
SCOPE = {
    "lead": {"first_name": "李伟"},
    "sender": {"postal_address": "1 Funnel Street"},
    "unsubscribe_url": "https://acme.example/u/token",
    "confirm_url": "https://acme.example/p/token",
}
ASKING = "confirm-subscription"
"""It asks whether mail is wanted: there is nothing yet to unsubscribe from."""


@pytest.mark.parametrize("name", Sources(FILES).names())
def test_each_says_how_to_stop_it_in_both_its_parts(name: str) -> None:
    """Or, where it asks whether mail is wanted at all, how to say yes."""
    assert all(not facts.problems and facts.has_subject for facts in inspect_email(FILES, name))
    for language in ("en", "zh-CN"):
        mail = Templates(FILES).render(name, SCOPE, languages=[language])
        for part in (mail.html, mail.text):
            assert f"https://acme.example/{'p' if name == ASKING else 'u'}/token" in part
            assert "1 Funnel Street" in part
        assert mail.subject
