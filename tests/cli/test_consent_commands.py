"""Consents and the suppression list from the command line, as a person and as a script."""

from pathlib import Path

import pytest

from tests.cli.conftest import Longplay

ANN = "ann@example.com"


@pytest.fixture
def ann(longplay: Longplay, tmp_path: Path) -> Longplay:
    """A workspace that knows Ann."""
    path = tmp_path / "leads.csv"
    path.write_text(f"email,country\n{ANN},DE\n", encoding="utf-8")
    assert longplay("leads", "import", str(path)).status == 0
    return longplay


def test_a_consent_is_recorded_shown_and_exported(ann: Longplay, tmp_path: Path) -> None:
    """With where it came from, and the same words for people and for scripts."""
    at = "2026-01-05T10:00+08:00"
    given = ("consent", "record", ANN, "given", "--source", "展会", "--at", at, "--ip", "192.0.2.7")
    assert ann(*given).out == "recorded\n"
    assert ann(*given).out == "it was on record already\n"
    shown = ann("consent", "show", ANN, "--json").json
    assert (shown["consent"], shown["open_consent"], shown["withheld"]) == ("given", None, "")
    (line,) = shown["ledger"]
    assert (line["source"], line["ip"], line["state"]) == ("展会", "192.0.2.7", "given")
    assert "展会" in ann("consent", "show", ANN).out
    assert ann("leads", "show", ANN, "--json").json["fields"]["consent"] == "given"
    path = tmp_path / "ledger.csv"
    assert ann("consent", "export", str(path), "--json").json["lines"] == 1
    assert "展会" in path.read_text(encoding="utf-8-sig")
    told = ann("explain", "--lead", ANN, "--json").json["decisions"]
    assert "consent to marketing: given" in [one["what"] for one in told]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("consent", "record", ANN, "givn"), "did you mean 'given'?"),
        (("consent", "record", ANN, "given", "--purpose", "opens"), "no purpose is named 'opens'"),
        (("consent", "record", "nobody@example.com", "given"), "nobody@example.com"),
        (("consent", "law", "China"), "no country 'China'"),
        (("suppressions", "import", "nowhere.csv"), "nowhere.csv"),
    ],
)
def test_what_cannot_be_done_says_why(ann: Longplay, arguments: tuple[str, ...], part: str) -> None:
    """A fault and the next move, and no traceback."""
    said = ann(*arguments)
    assert said.status in {1, 2}
    assert part in said.err and "Traceback" not in said.err


def test_the_laws_can_be_looked_up(longplay: Longplay) -> None:
    """All of them, or a country's."""
    assert "（广告）" in longplay("consent", "law").out
    (law,) = longplay("consent", "law", "de", "--json").json
    assert (law["consent"], law["opens"], law["name"]) == ("opt-in", True, "European Union and EEA")


def test_a_list_goes_out_in_gbk_and_comes_in_again(ann: Longplay, tmp_path: Path) -> None:
    """As Excel in China writes it; whom it names gets no marketing."""
    path = tmp_path / "名单.csv"
    path.write_bytes(f"邮箱,原因\n{ANN},退订\n".encode("gbk"))
    assert ann("suppressions", "import", str(path), "--json").json["created"] == 1
    out = tmp_path / "out.csv"
    assert ann("suppressions", "export", str(out), "--encoding", "gbk", "--json").json["rows"] == 1
    assert f"{ANN},,unsubscribed,file 名单.csv" in out.read_bytes().decode("gbk")
    assert ann("leads", "show", ANN, "--json").json["suppressed"] is True
    assert ann("consent", "show", ANN, "--json").json["consent"] == "withdrawn"
