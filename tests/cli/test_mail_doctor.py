"""`longplay doctor --mail`: what it shows, and that scripts can read it."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.addresses import Address
from engine.mail.dkim import read_key
from tests.cli.conftest import Longplay
from tests.mail.dns_server import a_dns

KEY = base64.b64encode(bytes(range(32))).decode()
WORKSPACE = """\
workspace: acme
sender:
  from: "Acme 市场部 <hello@acme.example>"
  bounces: bounces@acme.example
  accounts: {news: {url: "${NEWS_URL}"}}
  dkim: [{selector: lp1, key: "${DKIM_KEY}"}]
"""


@pytest.fixture(scope="module")
def dns() -> Iterator[Address]:
    zone = {
        "acme.example TXT": ['"v=spf1 include:_spf.relay.example -all"'],
        "_spf.relay.example TXT": ['"v=spf1 ip4:8.8.8.0/24 ~all"'],
        "acme.example MX": ["10 mx.acme.example."],
        "_dmarc.acme.example TXT": ['"v=DMARC1; p=none; rua=mailto:dmarc@acme.example"'],
    }
    with a_dns(zone) as server:
        yield server


@pytest.fixture
def doctor(
    bare: Longplay, dns: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Longplay:
    (tmp_path / "longplay.yaml").write_text(WORKSPACE, encoding="utf-8")
    monkeypatch.setenv("DKIM_KEY", KEY)
    monkeypatch.setenv("LONGPLAY_SMTP_URL", "smtp://ann:top-secret@nowhere.relay.example:587")
    # What a table cuts off at the terminal's edge is in the document.
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> object:
        return bare("-C", str(tmp_path), "doctor", "--mail", "--dns", str(dns), *arguments)

    return run  # type: ignore[return-value]


def test_it_tells_what_to_change_as_a_record_to_copy(doctor: Longplay) -> None:
    """With the status of a wrong environment, and without any secret."""
    said = doctor()
    assert said.status == 2, said.err
    key = read_key(KEY, domain="acme.example", selector="lp1", name="K")
    assert f"{key.record_name}  TXT  {key.record}\n" in said.out
    assert "mail is kept back" in said.out
    assert KEY not in said.out
    assert "top-secret" not in said.out


def test_scripts_get_one_document(doctor: Longplay) -> None:
    """The form of `doctor`'s, with the level, the next move and the record of each check."""
    document = doctor("--json").json
    assert document["ok"] is False
    checks = {one["name"]: one for one in document["checks"]}
    assert list(checks) == [
        "sender", "server news", "spf", "dkim lp1", "dmarc", "alignment", "return-path",
        "server default", "one-click",
    ]  # fmt: skip
    assert {"name", "ok", "detail", "level", "change", "record"} == set(checks["spf"])
    assert checks["spf"]["ok"] and checks["dmarc"]["level"] == "ok"
    assert "'NEWS_URL' is not set" in checks["server news"]["detail"]
    assert checks["dkim lp1"]["record"]["type"] == "TXT"
    assert "https" in checks["one-click"]["change"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--dns", "nonsense"], 1, "'nonsense' is no DNS server"),
        (["--dns", "dns.example:53"], 1, "'dns.example:53' is no DNS server"),
    ],
)
def test_a_wrong_server_of_names_is_refused(
    doctor: Longplay, arguments: list[str], status: int, said: str
) -> None:
    found = doctor(*arguments)
    assert (found.status, said in found.err) == (status, True), found.err


def test_a_workspace_with_problems_is_mended_first(doctor: Longplay, tmp_path: Path) -> None:
    (tmp_path / "longplay.yaml").write_text("sender: {from: Acme}\n")
    found = doctor()
    assert (found.status, "longplay validate" in found.err) == (1, True)
    (tmp_path / "longplay.yaml").unlink()
    assert "longplay init" in doctor().err


def test_an_account_is_held_and_let_go(longplay: Longplay, workspace: Path) -> None:
    """`pause --via` holds one account's mail; a name that is none is told of."""
    said = longplay("pause", "--via", "news")
    assert (said.status, "names no mail accounts" in said.err) == (1, True)
    path = workspace / "longplay.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("sender:\n", 'sender:\n  accounts: {news: {url: "${NEWS_URL}"}}\n'),
        encoding="utf-8",
    )
    assert longplay("apply").status == 0
    said = longplay("pause", "--via", "nws")
    assert (said.status, "did you mean 'news'?" in said.err) == (1, True)
    assert longplay("pause", "--via", "news").out == "no mail leaves of: the mail account 'news'\n"
    document = longplay("pause", "--via", "news", "--json").json
    assert document == {
        "paused": True, "everything": False, "playbooks": [], "accounts": ["news"]
    }  # fmt: skip
    assert longplay("resume", "--via", "news").out == "mail leaves\n"
    assert longplay("pause", "trial-nurture", "--via", "news").status == 1
