"""`GET /metrics`: every declared name, true numbers, and nothing of a person."""

import re

from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from engine.metrics import METRICS, Counter, Gauge, Histogram
from tests.web.conftest import Open, Work

FORM = {
    "name": "form.submitted",
    "lead": {"email": "ann@example.com"},
    "properties": {"form": "trial"},
}


def samples(page: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def value(page: str, name: str, **labels: str) -> float:
    return samples(page).get((name, tuple(sorted(labels.items()))), 0.0)


def test_every_declared_metric_is_on_the_page_with_its_meaning(client: TestClient) -> None:
    """Names, kinds and help texts are those of the declarations."""
    families = {
        one.name: one for one in text_string_to_metric_families(client.get("/metrics").text)
    }
    kinds = {Gauge: "gauge", Counter: "counter", Histogram: "histogram"}
    for metric in METRICS:
        family = families[metric.name.removesuffix("_total")]
        assert family.type == kinds[type(metric)]
        assert family.documentation == metric.help
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)
    ours = {name for name in families if name.startswith("longplay_")}
    assert ours == {metric.name.removesuffix("_total") for metric in METRICS}


def test_an_event_and_its_mail_are_counted(
    client: TestClient, work: Work, open_client: Open
) -> None:
    """Events in, steps passed, a message accepted, and how fast."""
    before = client.get("/metrics").text
    assert client.post("/v1/events", json=FORM).status_code == 202
    work.until_rest()
    after = open_client().get("/metrics").text

    def grown(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    assert grown("longplay_events_total", outcome="accepted") == 1
    assert grown("longplay_steps_total", playbook="trial-nurture") > 0
    mails = len(work.transport.sent)
    assert mails > 0
    assert grown("longplay_messages_total", kind="email", outcome="accepted") <= mails
    assert grown("longplay_event_to_action_seconds_count", kind="email") > 0
    assert (
        grown("longplay_http_requests_total", method="POST", route="/v1/events", status="2xx") == 1
    )
    assert value(after, "longplay_enrollments", playbook="trial-nurture", state="waiting") == 1
    assert value(after, "longplay_store_up") == 1


def test_nothing_of_a_person_is_on_the_page(client: TestClient, work: Work) -> None:
    """No address, no name, no id and no token: labels hold playbooks and words of fixed sets."""
    event = FORM | {"lead": {"email": "ann@example.com", "first_name": "安妮"}}
    client.post("/v1/events", json=event)
    work.until_rest()
    for token in work.tokens("c"):
        client.get(f"/c/{token}")
    client.get("/v1/leads/ann@example.com")
    client.request("BREW", "/nowhere/ann@example.com")
    page = client.get("/metrics").text
    assert "@" not in page and "安妮" not in page
    assert 'route="/c/{token}' in page or not work.tokens("c")
    labels = re.findall(r'="([^"]*)"', page)
    assert not [one for one in labels if re.search(r"[0-9a-z]{20}", one)]


def test_the_page_asks_programs_for_a_key(open_client: Open) -> None:
    """From elsewhere it needs a key, and a program is told so instead of being led to a login."""
    far = open_client(keys=("a-key",), on_loopback=False, peer="192.0.2.7")
    assert far.get("/metrics").status_code == 401
    assert far.get("/metrics", headers={"Authorization": "Bearer a-key"}).status_code == 200


def test_a_store_that_is_away_leaves_what_was_counted(client: TestClient, work: Work) -> None:
    """The page says that the store does not answer, and goes on with the rest."""
    with work.store.engine.begin() as conn:
        conn.exec_driver_sql("ALTER TABLE cohort RENAME TO elsewhere")
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert value(answer.text, "longplay_store_up") == 0
    assert "longplay_enrollments{" not in answer.text
    assert "longplay_http_requests_total" in answer.text
