"""Traces: from an event to the mail it leads to, over all processes.

Off unless the extra `otel` is installed and `OTEL_EXPORTER_OTLP_ENDPOINT` says where traces go;
then a span costs a look at one variable. A trace is told by a `traceparent` (W3C Trace
Context), which travels in rows. Spans hold ids, names of playbooks and steps, and outcomes:
nothing of a person, and so never the text of an error.
"""

import logging
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Link
    from opentelemetry.trace import Span as OtelSpan

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

JOINS_FOR = timedelta(hours=1)
"""What an enrollment does later begins a trace of its own, which links to the first one."""

_log = logging.getLogger(__name__)
_provider: "TracerProvider | None" = None


def switch_on(environment: Mapping[str, str], *, exporter: "SpanExporter | None" = None) -> bool:
    """Has this process trace, when that is asked for; answers whether it does.

    Args:
        environment: the variables; those of OpenTelemetry are heeded, wherever they come from.
        exporter: where spans go instead.
    """
    global _provider  # noqa: PLW0603 - a process traces or it does not
    if exporter is None and not any(environment.get(name) for name in ENDPOINTS):
        return False
    for name, value in environment.items():
        if name.startswith("OTEL_"):
            os.environ.setdefault(name, value)
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError:
        _log.warning("traces are asked for, and their packages are not installed: the extra 'otel'")
        return False
    named = Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME") or "longplay"})
    _provider = TracerProvider(resource=named, shutdown_on_exit=False)
    _provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
    return True


def is_on() -> bool:
    """Whether this process traces."""
    return _provider is not None


def end() -> None:
    """Hands over what is still here; afterwards nothing is traced."""
    global _provider
    if _provider is not None:
        provider, _provider = _provider, None
        provider.shutdown()


class Span:
    """A stretch of work, for the length of a `with` block; of no trace, it does nothing.

    Args:
        name: what is done, of a small set.
        parent: the traceparent that it goes on with; empty: a trace begins, if it may.
        begins: whether it begins a trace where there is none.
        since: when the trace began; long ago, this links to it instead.
        now: the moment to compare `since` with.
        ids: what it is about.
    """

    __slots__ = ("_ids", "_name", "_parent", "_span", "_too_old", "_wanted")

    def __init__(
        self,
        name: str,
        parent: str = "",
        *,
        begins: bool = False,
        since: datetime | None = None,
        now: datetime | None = None,
        ids: Mapping[str, str] | None = None,
    ) -> None:
        self._name, self._parent, self._ids = name, parent, ids or {}
        self._wanted = _provider is not None and (begins or bool(parent))
        self._too_old = since is not None and now is not None and now - since > JOINS_FOR
        self._span: OtelSpan | None = None

    def __enter__(self) -> "Span":
        if self._wanted and _provider is not None:
            context, links = _joined(self._parent, linked=self._too_old)
            tracer = _provider.get_tracer("longplay")
            self._span = tracer.start_span(
                self._name,
                context,
                links=links,
                attributes={f"longplay.{name}": value for name, value in self._ids.items()},
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._span is not None:
            if kind is not None:
                self.fail(kind.__name__)
            self._span.end()

    def note(self, **facts: str) -> None:
        """Adds what was found out."""
        if self._span is not None:
            for name, value in facts.items():
                self._span.set_attribute(f"longplay.{name}", value)

    def fail(self, why: str) -> None:
        """Marks it as failed; `why` is a word of ours, never a text from outside."""
        if self._span is not None:
            from opentelemetry.trace import Status, StatusCode

            self._span.set_status(Status(StatusCode.ERROR, why))

    @property
    def traceparent(self) -> str:
        """What goes on with it; what it was given, when nothing is traced here."""
        if self._span is None:
            return self._parent
        found = self._span.get_span_context()
        return f"00-{found.trace_id:032x}-{found.span_id:016x}-{int(found.trace_flags):02x}"


def _joined(parent: str, *, linked: bool) -> "tuple[Context, list[Link]]":
    """The context to go on in, and what to link to."""
    from opentelemetry.context import Context
    from opentelemetry.trace import Link, get_current_span
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    root = Context()
    if not parent:
        return root, []
    found = TraceContextTextMapPropagator().extract({"traceparent": parent}, context=root)
    if linked:
        return root, [Link(get_current_span(found).get_span_context())]
    return found, []
