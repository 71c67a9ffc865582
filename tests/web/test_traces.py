"""A trace goes from the event to the mail, over what processes hand each other in rows."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import sqlalchemy as sa
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.testclient import TestClient

import cli
from engine import tracing
from engine.store import enrollments
from tests.web.conftest import Work

ROOT = Path(__file__).parents[2]
TRIAL = {
    "name": "form.submitted",
    "lead": {"email": "ann@example.com", "first_name": "安妮"},
    "properties": {"form": "trial"},
}
OUTSIDE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    made = InMemorySpanExporter()
    assert tracing.switch_on({}, exporter=made)
    yield made
    tracing.end()


def spans(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    """The spans by name, handed over."""
    tracing.end()
    return {one.name: one for one in exporter.get_finished_spans()}


def context(span: ReadableSpan) -> tuple[int, int]:
    found = span.get_span_context()
    assert found is not None
    return found.trace_id, found.span_id


def test_event_steps_and_mail_are_one_trace(
    client: TestClient, work: Work, exporter: InMemorySpanExporter
) -> None:
    """The one that the sender of the event began; each is the child of what led to it."""
    answer = client.post("/v1/events", json=TRIAL, headers={"traceparent": OUTSIDE})
    assert answer.status_code == 202
    work.until_rest()
    found = spans(exporter)
    event, steps, mail = found["POST /v1/events"], found["advance"], found["email"]
    assert f"{context(event)[0]:032x}" in OUTSIDE
    assert context(event)[0] == context(steps)[0] == context(mail)[0]
    assert event.parent is not None and f"{event.parent.span_id:016x}" in OUTSIDE
    assert steps.parent is not None and steps.parent.span_id == context(event)[1]
    assert mail.parent is not None and mail.parent.trace_id == context(event)[0]
    assert mail.attributes is not None
    assert mail.attributes["longplay.playbook"] == "trial-nurture"
    assert mail.attributes["longplay.outcome"] == "accepted"


def test_nothing_of_a_person_is_in_a_trace(
    client: TestClient, work: Work, exporter: InMemorySpanExporter
) -> None:
    """Ids, names of steps and outcomes, and that is all."""
    client.post("/v1/events", json=TRIAL)
    work.until_rest()
    told = " ".join(one.to_json() for one in spans(exporter).values())
    assert "email" in told
    assert "ann" not in told and "@" not in told
    assert "安妮" not in json.loads(json.dumps(told))


def test_what_comes_much_later_links_to_the_first_trace(
    client: TestClient, work: Work, exporter: InMemorySpanExporter
) -> None:
    """A run of weeks is not one trace of weeks."""
    client.post("/v1/events", json=TRIAL)
    query = sa.update(enrollments.table)
    work.store.write(
        lambda tx: tx.conn.execute(query.values(entered_at=tx.now - timedelta(days=3)))
    )
    work.until_rest()
    found = spans(exporter)
    every = [one for one in exporter.get_finished_spans() if one.name == "advance"]
    first = context(found["POST /v1/events"])[0]
    for one in every:
        assert one.parent is None and context(one)[0] != first
        assert [link.context.trace_id for link in one.links] == [first]
    assert context(found["email"])[0] in {context(one)[0] for one in every}


@pytest.mark.parametrize("header", ["", "rubbish", "00-0-0-00", OUTSIDE.replace("a", "x"), "é"])
def test_a_header_that_is_no_traceparent_begins_a_trace(
    client: TestClient, exporter: InMemorySpanExporter, header: str
) -> None:
    """And the event is accepted all the same."""
    headers = {"traceparent": header.encode()}
    answer = client.post("/v1/events", json=TRIAL, headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 202
    event = spans(exporter)["POST /v1/events"]
    assert event.parent is None and context(event)[0]


def test_without_a_tracer_nothing_is_kept(client: TestClient, work: Work) -> None:
    """A header alone leaves no trace in any row."""
    assert not tracing.switch_on({})
    client.post("/v1/events", json=TRIAL, headers={"traceparent": OUTSIDE})
    work.until_rest()
    query = sa.select(enrollments.table.c.memory)
    memories = work.store.read(lambda tx: tx.conn.execute(query).scalars().all())
    assert memories and all("trace" not in one for one in memories)


def test_a_command_hands_its_trace_to_a_collector(tmp_path: Path) -> None:
    """`longplay event`, with the extra and an address on loopback: OTLP, before its end."""
    bodies: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Collector)
    Thread(target=server.serve_forever, daemon=True).start()
    folder = str(tmp_path / "acme")
    assert cli.run(["init", folder]) == 0
    assert cli.run(["-C", folder, "apply"]) == 0
    argv = ["-C", folder, "event", "form.submitted", "--lead", "ann@example.com"]
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "cli", *argv, "--data", '{"form": "trial"}'],
        env={
            **os.environ, "PYTHONPATH": str(ROOT), "LONGPLAY_EMBEDDED_TEMPORAL_PORT": "1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        },
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    server.shutdown()
    server.server_close()
    assert ended.returncode == 0, ended.stderr
    (body,) = bodies
    (sent,) = ExportTraceServiceRequest.FromString(body).resource_spans
    assert "longplay" in str(sent.resource)
    (span,) = sent.scope_spans[0].spans
    assert span.name == "longplay event"
    assert b"ann@" not in body
