"""Settings: where they come from, what is refused and how, and that secrets stay secret."""

import base64
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import EnvironmentFault
from engine.setting_pages import SettingPage
from engine.settings import load_settings, setting_pages

SECRET = "hunter2hunter2hunter2"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("LONGPLAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_an_empty_environment_is_enough(tmp_path: Path) -> None:
    """Every setting is optional, and the defaults stay in the current folder."""
    settings = load_settings()
    assert settings.workspace == tmp_path
    assert settings.store_url == f"sqlite:///{tmp_path}/.longplay/longplay.db"
    assert settings.temporal_target == "127.0.0.1:7233"
    assert settings.mail_url == "smtp://127.0.0.1:1025?starttls=never"
    assert settings.link_url == "http://127.0.0.1:8080"
    assert settings.warnings == ()
    assert not settings.home.exists()


def test_the_file_in_the_workspace_is_read(tmp_path: Path) -> None:
    """`.env` in the workspace folder sets what the environment does not."""
    workspace = tmp_path / "acme"
    workspace.mkdir()
    (workspace / ".env").write_text("LONGPLAY_CATCHER_PORT=2025\nOTHER=1\n")
    assert load_settings(workspace).catcher_port == 2025


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable of the environment is stronger than `.env`."""
    (tmp_path / ".env").write_text("LONGPLAY_CATCHER_PORT=2025\n")
    monkeypatch.setenv("LONGPLAY_CATCHER_PORT", "3025")
    assert load_settings().catcher_port == 3025


def test_the_folder_given_wins_over_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`-C DIR` is stronger than `LONGPLAY_WORKSPACE`, which is stronger than the current folder."""
    for name in ("named", "given"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("LONGPLAY_WORKSPACE", str(tmp_path / "named"))
    assert load_settings().workspace == tmp_path / "named"
    assert load_settings(tmp_path / "given").workspace == tmp_path / "given"


def test_relative_paths_belong_to_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The home and the SQLite file lie in the workspace, wherever the command was called."""
    workspace = tmp_path / "acme"
    workspace.mkdir()
    monkeypatch.setenv("LONGPLAY_HOME", "state")
    monkeypatch.setenv("LONGPLAY_DATABASE_URL", "sqlite:///data/leads.db")
    settings = load_settings(workspace)
    assert settings.home == workspace / "state"
    assert settings.store_url == f"sqlite:///{workspace}/data/leads.db"


def test_the_catcher_may_be_a_container_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mail is still caught, and sent to where the catcher is."""
    monkeypatch.setenv("LONGPLAY_CATCHER_HOST", "catcher")
    settings = load_settings()
    assert settings.catches_mail
    assert settings.mail_url == "smtp://catcher:1025?starttls=never"


def test_an_empty_value_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """`LONGPLAY_SMTP_URL=` means that none is set."""
    monkeypatch.setenv("LONGPLAY_SMTP_URL", "")
    monkeypatch.setenv("LONGPLAY_METRICS_PORT", "")
    settings = load_settings()
    assert settings.catches_mail
    assert settings.metrics_port is None


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("CATCHER_PORT", "99999", "a port is a number from 1 to 65535"),
        ("CATCHER_PORT", "smtp", "a port is a number from 1 to 65535"),
        ("METRICS_PORT", "0", "a port is a number from 1 to 65535"),
        ("EMBEDDED_TEMPORAL_PORT", "65000", "1000 above"),
        ("WEB_ADDRESS", "8080", "not HOST:PORT"),
        ("WEB_ADDRESS", "localhost:", "not HOST:PORT"),
        ("WEB_ADDRESS", "http://localhost:80", "not HOST:PORT"),
        ("WEB_ADDRESS", "localhost:70000", "from 1 to 65535"),
        ("TEMPORAL_ADDRESS", "temporal.example", "not HOST:PORT"),
        ("PUBLIC_URL", "mail.example.com", "not an http:// or https:// address"),
        ("PUBLIC_URL", "https://mail.example.com/?x=1", "after the path"),
        ("LOG", "xml", "expected 'text' or 'json'"),
        ("WORKSPACE", "nowhere", "no such folder"),
        ("TEMPORAL_TLS_CERT", "missing.pem", "no such file"),
    ],
)
def test_a_wrong_value_is_named_with_an_example(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    """The fault names the variable and the value, says why, and shows how it should look."""
    monkeypatch.setenv(f"LONGPLAY_{name}", value)
    with pytest.raises(EnvironmentFault) as caught:
        load_settings()
    assert caught.value.exit_status == 2
    assert f"LONGPLAY_{name} is '" in caught.value.message
    assert value in caught.value.message
    assert reason in caught.value.message
    assert f"LONGPLAY_{name}=" in caught.value.help


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMTP_URL", f"http://user:{SECRET}@mail.example"),
        ("SMTP_URL", f"smtp://user:{SECRET}@mail.example?starttls=maybe"),
        ("DATABASE_URL", f"mysql://user:{SECRET}@db.example/longplay"),
        ("DATABASE_URL", f"postgresql://user:{SECRET}@db.example:port/longplay"),
        ("DATABASE_URL", f"postgresql://user:{SECRET}@db.example"),
        ("DATABASE_URL", f"sqlite://{SECRET}"),
        ("DATABASE_URL", "sqlite:///:memory:"),
    ],
)
def test_a_wrong_secret_is_named_but_never_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """The fault names the variable of a wrong secret, without its value."""
    monkeypatch.setenv(f"LONGPLAY_{name}", value)
    with pytest.raises(EnvironmentFault) as caught:
        load_settings()
    assert f"LONGPLAY_{name} cannot be used: " in caught.value.message
    assert SECRET not in str(caught.value)


def test_all_wrong_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody mends one variable only to be told of the next."""
    monkeypatch.setenv("LONGPLAY_LOG", "xml")
    monkeypatch.setenv("LONGPLAY_CATCHER_PORT", "x")
    with pytest.raises(EnvironmentFault) as caught:
        load_settings()
    assert "LONGPLAY_LOG" in caught.value.message
    assert "LONGPLAY_CATCHER_PORT" in caught.value.message


def test_two_servers_cannot_share_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port given twice is found before anything listens, Temporal's own web UI included."""
    monkeypatch.setenv("LONGPLAY_CATCHER_PORT", "8233")
    with pytest.raises(EnvironmentFault, match=r"EMBEDDED_TEMPORAL_PORT \+ 1000 and .*CATCHER"):
        load_settings()


def test_ports_that_are_not_opened_may_coincide(monkeypatch: pytest.MonkeyPatch) -> None:
    """The catcher's port does not count when mail goes to a real server."""
    monkeypatch.setenv("LONGPLAY_CATCHER_PORT", "8080")
    monkeypatch.setenv("LONGPLAY_SMTP_URL", "smtp://mail.example")
    assert [port for _, port in load_settings().listening_ports()] == [8080, 7233, 8233]


def test_mutual_tls_needs_both_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate without its key is refused."""
    (tmp_path / "client.pem").write_text("")
    monkeypatch.setenv("LONGPLAY_TEMPORAL_TLS_CERT", "client.pem")
    with pytest.raises(EnvironmentFault, match="TEMPORAL_TLS_KEY is not"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "warning"),
    [
        ("LONGPLAY_SMTPURL", "did you mean 'LONGPLAY_SMTP_URL'?"),
        ("LONGPLAY_CATCHERPORT", "did you mean 'LONGPLAY_CATCHER_PORT'?"),
        ("LONGPLAY_ZZZZZZZZZ", "it is ignored"),
    ],
)
def test_an_unknown_variable_gives_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, warning: str
) -> None:
    """A misspelt variable is told, from the environment and from the file."""
    monkeypatch.setenv(name, "x")
    (found,) = load_settings().warnings
    assert f"'{name}'" in found
    assert warning in found
    monkeypatch.delenv(name)
    (tmp_path / ".env").write_text(f"{name}=x\n")
    assert load_settings().warnings == (found,)


def test_an_open_door_without_keys_gives_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Listening beyond loopback without a key for /v1 is probably not meant."""
    monkeypatch.setenv("LONGPLAY_WEB_ADDRESS", "0.0.0.0:8080")
    settings = load_settings()
    assert any("LONGPLAY_API_KEYS" in warning for warning in settings.warnings)
    assert settings.link_url == "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("address", "host", "loopback"),
    [
        ("127.0.0.1:80", "127.0.0.1", True),
        ("localhost:80", "localhost", True),
        ("[::1]:80", "::1", True),
        ("0.0.0.0:80", "0.0.0.0", False),
        ("10.0.0.7:80", "10.0.0.7", False),
        ("web.example:80", "web.example", False),
    ],
)
def test_who_can_reach_an_address_is_known(
    monkeypatch: pytest.MonkeyPatch, address: str, host: str, loopback: bool
) -> None:
    """Only loopback addresses are taken as this machine's own."""
    monkeypatch.setenv("LONGPLAY_WEB_ADDRESS", address)
    web = load_settings().web
    assert (web.host, web.port, web.is_loopback) == (host, 80, loopback)


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither `repr` nor `str` of the settings gives a secret away."""
    for name, value in {
        "SECRET_KEY": SECRET,
        "API_KEYS": f"first-{SECRET}, second-{SECRET}",
        "SMTP_URL": f"smtp://me:{SECRET}@mail.example",
        "DATABASE_URL": f"postgresql://me:{SECRET}@db.example/longplay",
        "TEMPORAL_API_KEY": SECRET,
    }.items():
        monkeypatch.setenv(f"LONGPLAY_{name}", value)
    settings = load_settings()
    assert SECRET not in repr(settings) + str(settings)
    assert [key.get_secret_value() for key in settings.api_keys] == [
        f"first-{SECRET}",
        f"second-{SECRET}",
    ]


def test_the_signing_key_is_made_once_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first look makes a key that only its owner may read; later looks give the same."""
    settings = load_settings()
    key = settings.signing_key()
    kept = settings.home / "secret.key"
    assert len(key) >= 32
    assert load_settings().signing_key() == key
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [path.name for path in settings.home.iterdir()] == ["secret.key"]
    monkeypatch.setenv("LONGPLAY_SECRET_KEY", SECRET)
    assert load_settings().signing_key() == SECRET


def test_processes_that_start_together_agree_on_the_key(tmp_path: Path) -> None:
    """Web server and worker look at the same moment, and sign with the same key."""
    look = "from engine.settings import load_settings; print(load_settings().signing_key())"
    root = Path(__file__).parents[2]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", look],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(root)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    keys = {process.communicate(timeout=60)[0].strip() for process in started}
    assert len(keys) == 1
    assert len(keys.pop()) >= 32


def test_an_empty_key_file_is_not_a_key() -> None:
    """A file that lost its content stops the start instead of signing with nothing."""
    settings = load_settings()
    settings.home.mkdir()
    (settings.home / "secret.key").write_text("\n")
    with pytest.raises(EnvironmentFault, match="is empty"):
        settings.signing_key()


def test_webhooks_are_signed_from_the_start() -> None:
    """Without a secret one is made, kept for its owner alone, and stays the same."""
    settings = load_settings()
    keys = settings.webhook_keys()
    assert keys == load_settings().webhook_keys()
    assert len(keys[0]) == 32
    kept = settings.home / "webhook.key"
    assert kept.read_text().startswith("whsec_")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    kept.write_text("something else\n")
    with pytest.raises(EnvironmentFault, match="signs nothing"):
        settings.webhook_keys()


def test_two_secrets_sign_while_one_is_being_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several, with a comma between; and what is none is named."""
    one, two = "whsec_" + "a" * 32, "whsec_" + "b" * 32
    monkeypatch.setenv("LONGPLAY_WEBHOOK_SECRET", f"{one}, {two}")
    assert len(load_settings().webhook_keys()) == 2
    assert one not in repr(load_settings())
    monkeypatch.setenv("LONGPLAY_WEBHOOK_SECRET", f"{one},{SECRET}")
    with pytest.raises(EnvironmentFault, match="begins with 'whsec_'") as fault:
        load_settings()
    assert SECRET not in str(fault.value)


def test_payload_keys_are_read_newest_first_and_never_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Several, with a comma between; what is no key is named, and not shown; the log hides them."""
    new, old = base64.b64encode(b"n" * 32).decode(), base64.b64encode(b"o" * 32).decode()
    monkeypatch.setenv("LONGPLAY_PAYLOAD_KEY", f"{new}, {old}")
    settings = load_settings()
    assert settings.payload_keys() == (b"n" * 32, b"o" * 32)
    assert {new, old} <= set(settings.secrets())
    assert new not in repr(settings)
    monkeypatch.setenv("LONGPLAY_PAYLOAD_KEY", f"{new},{SECRET}")
    with pytest.raises(EnvironmentFault, match="LONGPLAY_PAYLOAD_KEY cannot be used") as fault:
        load_settings()
    assert SECRET not in str(fault.value)


def test_connections_are_bounded_on_postgresql_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool takes what it has use for, and no more than it may have."""
    assert load_settings().pool_of(14) == 14
    monkeypatch.setenv("LONGPLAY_DATABASE_URL", "postgresql://db.example/longplay")
    assert load_settings().pool_of(14) == 10
    monkeypatch.setenv("LONGPLAY_DATABASE_CONNECTIONS", "1")
    with pytest.raises(EnvironmentFault, match="LONGPLAY_DATABASE_CONNECTIONS is '1'"):
        load_settings()


def test_a_build_has_a_name_that_temporal_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Letters, digits, and three signs."""
    monkeypatch.setenv("LONGPLAY_BUILD_ID", "longplay-0.1_3")
    assert load_settings().build_id == "longplay-0.1_3"
    monkeypatch.setenv("LONGPLAY_BUILD_ID", "发布 3")
    with pytest.raises(EnvironmentFault, match="a name has letters"):
        load_settings()


def test_playbooks_may_name_what_the_file_sets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`${NAME}` comes from the environment, else from `.env`."""
    (tmp_path / ".env").write_text("CRM_TOKEN=file\nOTHER=file\n")
    monkeypatch.setenv("CRM_TOKEN", "environment")
    known = load_settings().environment()
    assert (known["CRM_TOKEN"], known["OTHER"]) == ("environment", "file")


def test_every_setting_has_a_page_with_an_example() -> None:
    """The reference can say of each setting what it does and how it looks."""
    pages = {page.variable: page for page in setting_pages()}
    assert all(page.description and page.example for page in pages.values())
    assert pages["LONGPLAY_SMTP_URL"].secret
    assert pages["LONGPLAY_WEB_ADDRESS"].default == "127.0.0.1:8080"


NAMES_A_PATH = ("_WORKSPACE", "_TLS_CERT", "_TLS_KEY", "_TLS_CA")


@pytest.mark.parametrize(
    "page",
    [page for page in setting_pages() if not page.variable.endswith(NAMES_A_PATH)],
    ids=lambda page: page.variable,
)
def test_the_example_of_a_setting_is_accepted(
    monkeypatch: pytest.MonkeyPatch, page: SettingPage
) -> None:
    """What the fault shows as an example is right itself."""
    monkeypatch.setenv(page.variable, page.example)
    assert load_settings().warnings == ()
