"""The pages about the funnel, pipelines and the report, in two languages; and the same as JSON."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from engine.ids import new_id
from engine.playbook.catalog import DEFAULT_LIFECYCLE
from engine.playbook.lifecycle import USUAL
from engine.playbook.workspace import PipelineStage
from engine.runtime.pipeline_health import OpenDeal, StageHealth
from engine.runtime.survival import Span, curve, ends
from engine.store import deals
from engine.store.database import Store, Transaction
from engine.store.inserting import insert_many
from web.charts import curve_picture, tapering
from web.wording import USUAL_STAGES

NOW = datetime.now(UTC)


def _deal(number: int) -> tuple[dict[str, object], list[dict[str, object]]]:
    """A deal that was opened thirty days ago; four in five have moved on to demo since."""
    at = NOW - timedelta(days=30)
    moved = at + timedelta(days=1 + number % 9)
    went = number % 5 > 0
    stage = "demo" if went else "qualify"
    row = dict.fromkeys(column.name for column in deals.table.c) | {
        "id": f"d-{number}", "name": f"商机 <{number}>", "lead": "nobody", "pipeline": "b2b",
        "stage": stage, "closed": "", "entry_ref": new_id(), "amount": 10.0,
        "currency": "USD" if number % 2 else "CNY", "tags": [], "fields": {}, "version": 0,
        "created_at": at, "stage_entered_at": moved if went else at, "owner": "li.wei",
    }  # fmt: skip
    log = [("created", None, "qualify", at), *([("stage", "qualify", "demo", moved)] * went)]
    return row, [
        {"id": new_id(), "deal": f"d-{number}", "at": when, "field": field, "before": before,
         "after": after, "actor": "test", "reason": ""}
        for field, before, after, when in log
    ]  # fmt: skip


@pytest.fixture
def piled(workspace: Store, client: TestClient) -> TestClient:
    """A pipeline whose second stage holds four times as many deals as its first."""

    def write(tx: Transaction) -> None:
        made = [_deal(number) for number in range(100)]
        insert_many(tx, deals.table, [row for row, _ in made])
        insert_many(tx, deals.change_table, [line for _, lines in made for line in lines])

    workspace.write(write)
    client.post("/v1/leads", json={"email": "ann@example.com", "source": "baidu"})
    return client


def test_a_pipeline_that_piles_up_says_so_with_its_numbers(piled: TestClient) -> None:
    """In either language; the curve is a picture with words, and names are never markup."""
    page = piled.get("/pipelines/b2b?lang=en").text
    assert "80 pile up in demo, 80.0% of all under way." in page
    assert "have stalled" in page
    assert re.search(r'<svg class="curve"[^>]*role="img"[^>]*>\s*<title', page)
    assert "<desc" in page
    assert "商机 &lt;5&gt;" in page
    assert "demo 积压了 80 笔" in piled.get("/pipelines/b2b?lang=zh").text


def test_the_funnel_and_the_report_are_pages(piled: TestClient) -> None:
    """Of leads and of deals, apart by what is asked for, with links that hold."""
    for path in ("/funnel", "/funnel?by=source", "/funnel?pipeline=b2b&by=owner", "/report",
                 "/report?by=source&from=2026-01-01"):  # fmt: skip
        for language in ("en", "zh"):
            mark = "&" if "?" in path else "?"
            answer = piled.get(f"{path}{mark}lang={language}")
            assert answer.status_code == 200
            assert "CNY" in answer.text or path == "/funnel" or "by=source" in path
    assert 'href="/pipelines/b2b"' in piled.get("/funnel").text
    assert 'aria-current="page">Funnel' in piled.get("/funnel?lang=en").text


def test_amounts_of_two_currencies_stand_beside_each_other(piled: TestClient) -> None:
    """On the page of deals, too."""
    page = piled.get("/deals?lang=en").text
    assert "400 CNY" in page
    assert "400 USD" in page
    assert "800" not in page


def test_the_same_numbers_are_had_as_json(piled: TestClient) -> None:
    """As the commands give them; what is wrong is a problem document."""
    (b2b,) = piled.get("/v1/pipelines/health").json()["pipelines"]
    assert [one["kind"] for one in b2b["warnings"]] == ["pile", "stalled"]
    assert piled.get("/v1/pipelines/health?pipeline=b2b").json()["pipelines"][0]["stages"]
    assert piled.get("/v1/funnel?pipeline=b2b").json()["stages"][0]["reached"] == 100
    assert piled.get("/v1/report?by=owner").json()["groups"][0]["group"] == "li.wei"
    for path, fault in (
        ("/v1/report?from=soon", "'soon' is no day"),
        ("/v1/report?to=9999-12-31", "nothing happened on 9999-12-31"),
        ("/v1/funnel?from=2026-02-01&to=2026-01-01", "is later than '2026-01-01'"),
        ("/v1/funnel?by=nope", "leads are not grouped by 'nope'"),
        ("/v1/pipelines/health?pipeline=nope", "no pipeline is named 'nope'"),
    ):
        answer = piled.get(path)
        assert (answer.status_code, fault in answer.text) == (422, True)
    assert piled.get("/pipelines/nope").status_code == 404


def test_an_empty_installation_has_pages_as_well(client: TestClient) -> None:
    """They say that there is nothing yet, and what is not judged."""
    assert "Nobody is in the funnel yet." in client.get("/funnel?lang=en").text
    assert "is not judged" in client.get("/pipelines/b2b?lang=en").text
    assert client.get("/report?lang=zh").status_code == 200


def test_a_row_of_a_funnel_ends_as_wide_as_the_next_begins() -> None:
    """What is little is still seen, and what is nothing is not."""
    assert tapering([100, 50, 0]) == [(100, 50), (50, 0), (0, 0)]
    assert tapering([10_000, 1]) == [(100, 0.6), (0.6, 0.6)]
    assert tapering([]) == []


def test_a_curve_is_drawn_from_everything_to_what_is_left() -> None:
    """Its paths stay within the picture; without enough history there is none."""
    spans = [Span(day, "left") for day in range(1, 41)]
    stage = StageHealth(
        PipelineStage(name="demo"), [OpenDeal("d", "d", "demo", None, 1, "CNY", NOW, None)], NOW,
        0, 0, curve(spans), ends(spans), 0, 0,
    )  # fmt: skip
    picture = curve_picture(stage)
    assert picture is not None
    numbers = [float(one) for one in re.findall(r"[\d.]+", picture.line + picture.band)]
    assert 0 <= min(numbers) <= max(numbers) <= picture.width
    assert picture.line.startswith(f"M{picture.left} {picture.top:.1f}")
    few = StageHealth(stage.rules, (), NOW, 0, 0, curve(spans[:5]), ends(spans[:5]), 0, 0)
    assert curve_picture(few) is None


def test_what_stages_usually_mean_has_its_words() -> None:
    """A meaning that is changed in the language is changed on the pages, too."""
    assert set(USUAL.values()) == set(USUAL_STAGES)
    assert set(USUAL) == set(DEFAULT_LIFECYCLE)
