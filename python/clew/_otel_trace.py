# SPDX-License-Identifier: Apache-2.0
"""opentelemetry's tracer provider over native spans. Imported once the service has imported opentelemetry.trace."""

from clew import _native
from clew._otel_scope import scope

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.trace.propagation import _SPAN_KEY


class Event:
    def __init__(self, name, attributes, timestamp):
        self.name = name
        self.attributes = attributes
        self.timestamp = timestamp


class Scope:
    attributes = {}

    def __init__(self, name, version, schema_url):
        self.name = name
        self.version = version or None
        self.schema_url = schema_url or None


class Resource:
    """Of a span. What is sent comes from the drainer, which knows more than the service does."""

    attributes = {}
    schema_url = ""


def _make_span_context(trace_id, span_id, is_remote, flags, tracestate):
    return trace.SpanContext(
        int.from_bytes(trace_id, "big"),
        int.from_bytes(span_id, "big"),
        is_remote,
        trace.TraceFlags(flags),
        trace.TraceState.from_header([tracestate]) if tracestate else None,
    )


def _make_link(target, attributes):
    return trace.Link(target.get_span_context() if isinstance(target, _native.Span) else target, attributes)


def describe_api():
    """Tells the extension how the API's objects are made."""
    trace.Span.register(_native.Span)
    _native.set_opentelemetry(
        span_key=_SPAN_KEY,
        context_type=context_api.Context,
        make_span_context=_make_span_context,
        span_kind=trace.SpanKind,
        make_status=lambda code, description: trace.Status(trace.StatusCode(code), description),
        make_event=Event,
        make_link=_make_link,
        make_scope=Scope,
        resource=Resource(),
        suppress_keys=(
            getattr(context_api, "_SUPPRESS_INSTRUMENTATION_KEY", "suppress_instrumentation"),
            getattr(context_api, "_SUPPRESS_HTTP_INSTRUMENTATION_KEY", "suppress_http_instrumentation"),
        ),
    )


class Tracer(trace.Tracer):
    def __init__(self, provider, scope, arguments):
        self._provider = provider
        self._scope = scope
        self._arguments = arguments
        self._other = None

    def _now(self):
        """The service's own tracer, once it has set up an SDK; else None."""
        current = trace._TRACER_PROVIDER
        if current is self._provider or current is None:
            return None
        if self._other is None:
            self._other = current.get_tracer(*self._arguments)
        return self._other

    def start_span(
        self,
        name,
        context=None,
        kind=trace.SpanKind.INTERNAL,
        attributes=None,
        links=None,
        start_time=None,
        record_exception=True,
        set_status_on_exception=True,
    ):
        other = self._now()
        if other is not None:
            return other.start_span(
                name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
            )
        parent = None
        if context is not None:
            parent = trace.get_current_span(context)
            if parent is trace.INVALID_SPAN:
                parent = False
        span = _native.start_span(name, parent, kind.value + 1, attributes, links, start_time, self._scope)
        return trace.INVALID_SPAN if span is None else span

    @trace._agnosticcontextmanager
    def start_as_current_span(
        self,
        name,
        context=None,
        kind=trace.SpanKind.INTERNAL,
        attributes=None,
        links=None,
        start_time=None,
        record_exception=True,
        set_status_on_exception=True,
        end_on_exit=True,
    ):
        span = self.start_span(name, context, kind, attributes, links, start_time)
        with trace.use_span(span, end_on_exit, record_exception, set_status_on_exception) as current:
            yield current


class TracerProvider(trace.TracerProvider):
    resource = Resource()

    def get_tracer(
        self,
        instrumenting_module_name,
        instrumenting_library_version=None,
        schema_url=None,
        attributes=None,
    ):
        arguments = (instrumenting_module_name, instrumenting_library_version, schema_url, attributes)
        return Tracer(self, scope(*arguments[:3]), arguments)

    def force_flush(self, timeout_millis=30000):
        return True  # what is recorded is in the drainer's hands

    def shutdown(self):
        pass
