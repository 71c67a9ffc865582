"""Secrets that are given as files: `LONGPLAY_…_FILE`, and `NAME_FILE` for what playbooks name."""

import os
from pathlib import Path

import pytest

from engine.errors import EnvironmentFault
from engine.place_settings import environment
from engine.settings import load_settings, setting_pages

SECRET = "hunter2hunter2hunter2"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("LONGPLAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


VALUES = {
    "LONGPLAY_DATABASE_URL": "postgresql://longplay:secret@db.example/longplay",
    "LONGPLAY_TEMPORAL_API_KEY": SECRET,
    "LONGPLAY_PAYLOAD_KEY": "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=",
    "LONGPLAY_BOUNCE_IMAP_URL": "imaps://me:secret@imap.example/INBOX",
    "LONGPLAY_HOOK_POSTMARK_LOGIN": "postmark:a-long-password",
    "LONGPLAY_HOOK_MAILGUN_KEY": SECRET,
    "LONGPLAY_HOOK_RESEND_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "LONGPLAY_SMTP_URL": "smtp://me:secret@mail.example:587",
    "LONGPLAY_SECRET_KEY": SECRET,
    "LONGPLAY_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "LONGPLAY_API_KEYS": "one-key,another-key",
}


@pytest.mark.parametrize(
    "ending", ["", "\n", "\r\n", " \n\n"], ids=["bare", "line", "windows", "spaces"]
)
def test_every_secret_may_be_a_file(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read from files is what the variables themselves would have said."""
    for name, value in VALUES.items():
        monkeypatch.setenv(name, value)
    expected = load_settings()
    for name, value in VALUES.items():
        monkeypatch.delenv(name)
        (tmp_path / name).write_bytes(value.encode() + ending.encode())
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
    found = load_settings()
    assert found == expected
    assert found.warnings == ()


def test_the_table_above_names_every_secret() -> None:
    """A new secret setting comes with a case here."""
    secrets = {page.variable for page in setting_pages() if page.secret}
    assert secrets <= set(VALUES), "give the new one a value above"


def test_a_path_may_begin_at_the_workspace_and_stand_in_its_file(tmp_path: Path) -> None:
    """`.env` may name files, too, relative to the workspace."""
    (tmp_path / "key").write_text(SECRET)
    (tmp_path / ".env").write_text("LONGPLAY_SECRET_KEY_FILE=key\n")
    assert load_settings().signing_key() == SECRET


def test_an_empty_name_of_a_file_is_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """`LONGPLAY_SECRET_KEY_FILE=` means that there is none."""
    monkeypatch.setenv("LONGPLAY_SECRET_KEY_FILE", "")
    assert load_settings().secret_key is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        (b" \n", "it is empty"),
        ("密钥密钥".encode("gbk"), "it is not UTF-8 text"),
        (b"a\0b", "it is no text"),
        (b"x" * 70_000, "it is no text of at most"),
    ],
    ids=["missing", "empty", "gbk", "nul", "huge"],
)
def test_a_file_that_cannot_be_used_is_named_without_its_content(
    content: bytes | None, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable, the path, why, and never what was in it."""
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    monkeypatch.setenv("LONGPLAY_SECRET_KEY_FILE", "key")
    with pytest.raises(EnvironmentFault, match=reason) as fault:
        load_settings()
    assert fault.value.message.startswith("LONGPLAY_SECRET_KEY_FILE is 'key': ")
    assert "xxxx" not in str(fault.value)


def test_a_value_and_a_file_are_one_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has to guess which of the two holds."""
    (tmp_path / "key").write_text(SECRET)
    monkeypatch.setenv("LONGPLAY_SECRET_KEY_FILE", "key")
    monkeypatch.setenv("LONGPLAY_SECRET_KEY", "x" * 20)
    with pytest.raises(EnvironmentFault, match="are both set"):
        load_settings()


def test_a_wrong_value_in_a_file_is_refused_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The setting is named, and the secret is not shown."""
    (tmp_path / "url").write_text(f"mysql://me:{SECRET}@db/longplay")
    monkeypatch.setenv("LONGPLAY_DATABASE_URL_FILE", "url")
    with pytest.raises(EnvironmentFault, match="LONGPLAY_DATABASE_URL") as fault:
        load_settings()
    assert SECRET not in str(fault.value)


def test_what_is_no_secret_has_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said that such a variable means nothing."""
    monkeypatch.setenv("LONGPLAY_WEB_ADDRESS_FILE", "/run/secrets/address")
    [warning] = load_settings().warnings
    assert "no setting is named 'LONGPLAY_WEB_ADDRESS_FILE'" in warning


def test_what_playbooks_name_may_be_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`${CRM_TOKEN}` is read from `CRM_TOKEN_FILE` when it is asked for; the variable wins."""
    (tmp_path / "token").write_text("t-1\n")
    monkeypatch.delenv("CRM_TOKEN", raising=False)
    assert "CRM_TOKEN" not in environment(tmp_path)
    monkeypatch.setenv("CRM_TOKEN_FILE", "token")
    outside = environment(tmp_path)
    assert outside["CRM_TOKEN"] == "t-1"
    assert outside.get("OTHER_TOKEN") is None
    (tmp_path / "token").write_text("t-2\n")
    assert outside["CRM_TOKEN"] == "t-2"
    monkeypatch.setenv("CRM_TOKEN", "plain")
    assert environment(tmp_path)["CRM_TOKEN"] == "plain"
