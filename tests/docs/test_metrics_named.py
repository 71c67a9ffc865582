"""Every metric that a page, a rule or a dashboard names exists, and every metric is named."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from engine.metrics import METRICS, Gauge, Histogram
from tests.docs.documents import PAGES, ROOT
from tests.docs.test_pages import anchors

ALERTS = ROOT / "deploy" / "alerts.yml"
DASHBOARD = ROOT / "deploy" / "grafana.json"
REFERENCE = ROOT / "docs" / "reference" / "metrics.md"
BY_NAME = {one.name: one for one in METRICS}
_NAME = re.compile(r"\blongplay_[a-z_]+\b")
_SELECTOR = re.compile(r"\b(longplay_[a-z_]+)\{([^}]*)\}")
_BY = re.compile(r"by \(([^)]*)\)")


def declared(name: str) -> str:
    """The declared name behind a series' name."""
    plain = re.sub(r"_(bucket|sum|count)$", "", name)
    return plain if isinstance(BY_NAME.get(plain), Histogram) else name


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> Iterator[str]:
    for rule in rules():
        yield rule["expr"]
    for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]:
        for target in panel["targets"]:
            yield target["expr"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_metrics_on_pages_exist(page: Path) -> None:
    """No page names one that is not declared."""
    named = set(_NAME.findall(page.read_text(encoding="utf-8")))
    assert {name for name in named if declared(name) not in BY_NAME} == set()


def test_every_metric_is_in_the_reference() -> None:
    """And the reference holds no other."""
    assert set(_NAME.findall(REFERENCE.read_text(encoding="utf-8"))) == set(BY_NAME)


def test_every_metric_is_on_the_dashboard() -> None:
    """What is worth counting is worth a place where people look."""
    shown = DASHBOARD.read_text(encoding="utf-8")
    assert {declared(name) for name in _NAME.findall(shown)} == set(BY_NAME)


@pytest.mark.parametrize("expression", list(expressions()))
def test_expressions_fit_the_metrics(expression: str) -> None:
    """Names exist, labels are theirs, words of labels are declared, and gauges are not summed."""
    names = {declared(name) for name in _NAME.findall(expression)}
    assert names <= set(BY_NAME)
    labels = {label for name in names for label in BY_NAME[name].labels} | {"le", "instance"}
    for by in _BY.findall(expression):
        assert {one.strip() for one in by.split(",")} <= labels
    for name, selector in _SELECTOR.findall(expression):
        metric = BY_NAME[declared(name)]
        for label, words in re.findall(r'(\w+)[!=]~?"([^"]*)"', selector):
            assert all(f"`{word}`" in metric.labels[label] for word in words.split("|"))
    for name in re.findall(r"sum\((longplay_[a-z_]+)", expression):
        assert not isinstance(BY_NAME[declared(name)], Gauge), "every process gives the same"


@pytest.mark.parametrize("expression", list(expressions()))
def test_expressions_are_promql(expression: str) -> None:
    """As Prometheus itself reads it; what Grafana puts in for an interval stands in for it."""
    promql_parser.parse(expression.replace("$__rate_interval", "5m"))


def test_a_slip_in_an_expression_is_seen() -> None:
    """The parser is not lenient."""
    with pytest.raises(ValueError, match=r"unclosed|unexpected|invalid"):
        promql_parser.parse("max(longplay_store_up == 0")


def test_the_page_of_alerts_knows_no_others() -> None:
    """Each heading of it with a name of an alert is one of the rules."""
    page = ROOT / "docs" / "how-to" / "answer-an-alert.md"
    named = {one for one in anchors(page) if one.startswith("longplay")}
    assert named == {rule["alert"].lower() for rule in rules()}


def test_names_follow_the_conventions_of_prometheus() -> None:
    """Counters end in `_total`, times are in seconds, and everything has a meaning."""
    for metric in METRICS:
        assert re.fullmatch(r"longplay_[a-z]+(_[a-z]+)*", metric.name)
        assert metric.help.endswith(".") and metric.name not in metric.help
        assert metric.name.endswith("_total") == (type(metric).__name__ == "Counter")
        assert set(metric.labels) <= {
            "playbook", "state", "queue", "scope", "kind", "build", "outcome", "reason", "method",
            "route", "status",
        }, "a new label must be of a bounded set, and hold nothing of a person"  # fmt: skip


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_every_alert_says_where_it_is_told_what_to_do(rule: dict[str, Any]) -> None:
    """Its runbook is a heading of a page, and its severity is a known one."""
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert anchor == rule["alert"].lower()
    assert anchor in anchors(ROOT / page)
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"].endswith(".")
