"""`longplay funnel`, `report` and `deals health`: what people read, and what scripts get."""

from pathlib import Path

import pytest

from tests.cli.conftest import Longplay

LEADS = "邮箱,来源\nann@example.com,baidu\nbob@example.com,wechat\n"
DEALS = "id,name,邮箱,金额,币种,阶段,输单原因\n" + "".join(
    f"d-{n},商机{n},ann@example.com,{n}000,{'USD' if n % 3 else 'CNY'},{stage},{reason}\n"
    for n, (stage, reason) in enumerate(
        [("qualify", ""), ("demo", ""), ("won", ""), ("lost", "价格"), ("qualify", "")], 1
    )
)


@pytest.fixture
def sold(longplay: Longplay, tmp_path: Path) -> Longplay:
    """Two leads and five deals of a Chinese CRM, in GBK."""
    for kind, text in (("leads", LEADS), ("deals", DEALS)):
        path = tmp_path / f"{kind}.csv"
        path.write_bytes(text.encode("gb18030"))
        said = longplay(kind, "import", str(path), "--json")
        assert (said.status, said.json["rejected"]) == (0, 0), said.out
    return longplay


def test_the_funnel_is_a_table_and_a_document(sold: Longplay) -> None:
    """The keys that contract.md names are there; groups stand below."""
    said = sold("funnel", "--by", "source")
    assert "100.0%" in said.out or "0.0%" in said.out
    assert "baidu" in said.out
    found = sold("funnel", "--json").json
    named = {"stage", "now", "entered", "left_to", "rate", "median_days", "amount"}
    assert named <= found["stages"][0].keys()
    assert found["warnings"] == []
    deals = sold("funnel", "--pipeline", "b2b", "--json").json
    assert deals["stages"][0]["amount"] == {"USD": 6000}


def test_the_health_says_what_it_does_not_judge(
    sold: Longplay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Money by currency, and how little there is of everything else."""
    monkeypatch.setenv("COLUMNS", "160")
    said = sold("deals", "health")
    assert "6,000 USD" in said.out
    assert "it takes 20" in said.out
    (b2b,) = sold("deals", "health", "b2b", "--json").json["pipelines"]
    assert b2b["expected"]["amount"] == {"USD": 8000}
    assert b2b["expected"]["by_history"] is None


def test_the_report_has_what_the_contract_names(sold: Longplay) -> None:
    """A summary and tables; of deals that came closed, nobody knows how long they took."""
    found = sold("report", "--by", "source", "--json").json
    named = "forecast win_rate cycle_days clv cac retention sources cohorts"
    assert set(named.split()) <= found.keys()
    assert (found["win_rate"]["won"], found["win_rate"]["lost"]) == (1, 1)
    assert found["cycle_days"]["deals"] == 0
    said = sold("report", "--by", "owner")
    assert "1 of 2, 50.0%" in said.out
    assert "价格" in said.out


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("funnel", "--from", "yesterday"), "'yesterday' is no day"),
        (("funnel", "--from", "2026-02-01", "--to", "2026-01-01"), "is later than '2026-01-01'"),
        (("report", "--to", "9999-12-31"), "nothing happened on 9999-12-31"),
        (("funnel", "--by", "sorce"), "leads are not grouped by 'sorce'"),
        (("funnel", "--pipeline", "b2c"), "no pipeline is named 'b2c'"),
        (("report", "--by", "colour"), "deals are not grouped by 'colour'"),
        (("deals", "health", "b2c"), "no pipeline is named 'b2c'"),
    ],
    ids=" ".join,
)
def test_what_is_wrong_is_said(longplay: Longplay, words: tuple[str, ...], fault: str) -> None:
    """One sentence, and exit status 1."""
    said = longplay(*words)
    assert said.status == 1
    assert fault in said.err
