"""Traces for OpenTelemetry, where `OTEL_EXPORTER_OTLP_ENDPOINT` names a collector and the packages of the extra `otel`
are there. All else is set by OpenTelemetry's own variables (`OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER`, …).

A span for each request and each batch of the worker; within it one for each round trip to the store, each chunk and
each wait for safety, made of what is measured anyway (`measures.py`). What they say is bounded: names of routes and
jobs, numbers, the id of the request. Nothing of what they are about: no path, no name, no user, no address.

Spans are handed to a thread of the library that sends them by hundreds and drops what it cannot get rid of; so a
collector that is away costs no request anything.
"""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from backoffice import __version__, measures
from backoffice.domain.traceparent import VARIABLE, TraceParent
from backoffice.logs import logger

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_NAMES: Final = {"store": "store {}", "chunk": "chunk {}", "barrier": "barrier {}"}

_tracing: Tracing | None = None
_carried: Final[ContextVar[TraceParent | None]] = ContextVar("traceparent", default=None)


def wanted(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a collector is named, and traces are not switched off."""
    off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER") == "none"
    return not off and any(environ.get(name) for name in _ENDPOINTS)


def start_tracing(role: str) -> Tracing | None:
    """Trace this process from now on, where that is wanted. `role`: `web` or `worker`. After a fork, once."""
    if not wanted():
        return use(None)
    try:
        trace = importlib.import_module("opentelemetry.sdk.trace")
        export = importlib.import_module("opentelemetry.sdk.trace.export")
        otlp = importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
        resources = importlib.import_module("opentelemetry.sdk.resources")
    except ImportError as error:
        logger(__name__).warning("no traces: the extra `otel` is not installed", missing=error.name)
        return use(None)
    about = {"service.name": "backoffice", "service.version": __version__, "backoffice.role": role}
    if os.environ.get("OTEL_SERVICE_NAME"):
        del about["service.name"]
    # At its end a process does not wait for a collector.
    provider = trace.TracerProvider(resource=resources.Resource.create(about), shutdown_on_exit=False)
    processor = export.BatchSpanProcessor(otlp.OTLPSpanExporter())
    provider.add_span_processor(processor)
    return use(Tracing(provider, processor))


def use(tracing: Tracing | None) -> Tracing | None:
    """Trace with this one; None: not at all."""
    global _tracing  # noqa: PLW0603 -- as for `measures`, one place in a process
    _tracing = tracing
    measures.listen("traces", tracing)
    return tracing


def tracing() -> Tracing | None:
    """What traces this process, if anything does."""
    return _tracing


def carry(sent: TraceParent | None) -> None:
    """From now on this thread works for a request that named this trace, or none."""
    _carried.set(sent)


def trace_environ() -> dict[str, str]:
    """What tells another program which trace it is a part of: the span that this thread is in, else the one that the
    request named; nothing where there is neither."""
    here = (_tracing.here() if _tracing is not None else None) or _carried.get()
    return {VARIABLE: here.header} if here is not None else {}


class Tracing:
    """Spans of one process. It is a listener of `measures`. `provider`: a TracerProvider of OpenTelemetry's SDK;
    `processor`: that of it, which gets what was measured as it is. Most spans are such, and one that the library begins
    and ends takes twice the processor time of one that is over."""

    def __init__(self, provider: Any, processor: Any) -> None:
        self.provider, self._processor = provider, processor
        self._sdk: Any = importlib.import_module("opentelemetry.sdk.trace")
        self._scope = importlib.import_module("opentelemetry.sdk.util.instrumentation").InstrumentationScope(
            "backoffice", __version__
        )
        self.api: Any = importlib.import_module("opentelemetry.trace")
        self._context: Any = importlib.import_module("opentelemetry.context")
        self._tracer = provider.get_tracer("backoffice", __version__)
        self._well, self._failed = self.api.Status(), self.api.Status(self.api.StatusCode.ERROR)

    def begin(
        self,
        name: str,
        kind: str,
        parent: tuple[str, str, bool] | None = None,
        *,
        link: bool = False,
        attributes: Mapping[str, str] | None = None,
    ) -> Any:
        """A span that nothing is within yet. `kind` as in `SpanKind`; `parent`: trace, span and whether that is kept,
        of another process. `link`: this one begins a trace of its own, and only says where it came from."""
        context, links = self._context.Context(), []
        if parent is not None:
            trace_id, span_id, sampled = parent
            flags = self.api.TraceFlags(int(sampled))
            there = self.api.SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=flags)
            if link:
                links = [self.api.Link(there)]
            else:
                context = self.api.set_span_in_context(self.api.NonRecordingSpan(there), context)
        kinds = self.api.SpanKind
        return self._tracer.start_span(name, context=context, kind=kinds[kind], attributes=attributes, links=links)

    def enter(self, span: Any) -> Any:
        """What this thread does from now on is within `span`, until what comes back is given to `leave`."""
        return self._context.attach(self.api.set_span_in_context(span))

    def leave(self, token: Any) -> None:
        self._context.detach(token)

    def here(self) -> TraceParent | None:
        """The span that this thread is in."""
        known = self.api.get_current_span().get_span_context()
        if not known.is_valid:
            return None
        return TraceParent(f"{known.trace_id:032x}", f"{known.span_id:016x}", bool(known.trace_flags.sampled))

    @contextmanager
    def within(self, name: str, **attributes: str) -> Iterator[None]:
        """A span of its own for what is done within, which is no request."""
        span = self.begin(name, "INTERNAL", attributes=attributes)
        token = self.enter(span)
        try:
            yield
        except BaseException as error:
            self.failed(span, type(error).__name__)
            raise
        finally:
            self.leave(token)
            span.end()

    def failed(self, span: Any, what: str) -> None:
        """Say of a span that it failed; never with the text of an error, which may name what it is about."""
        span.set_attribute("error.type", what)
        span.set_status(self.api.Status(self.api.StatusCode.ERROR))

    # -- what is measured

    def took(self, step: str, kind: str, seconds: float, *, failed: bool) -> None:
        """A span for a step that is over, within the one that this thread is in. None where it is in none."""
        name = _NAMES.get(step)
        if name is None:
            return
        around = self.api.get_current_span()
        if not around.is_recording():
            return
        now, parent, in_store = time.time_ns(), around.get_span_context(), step == "store"
        attributes = {"db.system.name": "redis", "db.operation.name": kind} if in_store else {}
        if failed:
            attributes["error.type"] = "failed"
        own = self.provider.id_generator.generate_span_id()
        self._processor.on_end(
            self._sdk.ReadableSpan(
                name.format(kind),
                context=self.api.SpanContext(parent.trace_id, own, is_remote=False, trace_flags=parent.trace_flags),
                parent=parent,
                resource=self.provider.resource,
                attributes=attributes,
                kind=self.api.SpanKind.CLIENT if in_store else self.api.SpanKind.INTERNAL,
                status=self._failed if failed else self._well,
                start_time=now - round(seconds * 1e9),
                end_time=now,
                instrumentation_scope=self._scope,
            )
        )

    def counted(self, thing: str, kind: str, amount: int) -> None:
        """Numbers are no spans."""

    def is_at(self, level: str, value: float) -> None:
        """Likewise."""


@contextmanager
def traced(name: str, **attributes: str) -> Iterator[None]:
    """A span for what is done within, where this process is traced."""
    if _tracing is None:
        yield
        return
    with _tracing.within(name, **attributes):
        yield
