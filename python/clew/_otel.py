# SPDX-License-Identifier: Apache-2.0
"""Registers beneath opentelemetry's API, when the service imports it.

Our providers stand where the API's defaults would, without the API's "set once" being used up: a service that sets up an
SDK of its own does so as ever, and from then on we stand aside for the signals that it exports itself. Tracers, meters
and loggers that were handed out before go over to it.
"""

import sys

from clew import _native

_NOTE_OWN_TRACES = 1
_NOTE_OWN_METRICS = 2
_NOTE_OWN_LOGS = 4
_NOTE_OTHER_INSTRUMENTATION = 32


def context_module(module):
    class RuntimeContext(module._RuntimeContext):
        """The API's current context, in the variable that native hooks use."""

        attach = staticmethod(_native.context_attach)
        detach = staticmethod(_native.context_detach)
        get_current = staticmethod(_native.context_get_current)

    module._RUNTIME_CONTEXT = RuntimeContext()


def trace_module(trace):
    from opentelemetry import context
    from opentelemetry.context.context import Context
    from opentelemetry.trace.propagation import _SPAN_KEY

    trace.Span.register(_native.Span)

    def make_span_context(trace_id, span_id, is_remote, flags, tracestate):
        return trace.SpanContext(
            int.from_bytes(trace_id, "big"),
            int.from_bytes(span_id, "big"),
            is_remote,
            trace.TraceFlags(flags),
            trace.TraceState.from_header([tracestate]) if tracestate else None,
        )

    _native.set_opentelemetry(
        span_key=_SPAN_KEY,
        context_type=Context,
        make_span_context=make_span_context,
        span_kind=trace.SpanKind,
        make_status=lambda code, description: trace.Status(trace.StatusCode(code), description),
        make_event=_Event,
        make_link=lambda target, attributes: trace.Link(
            target.get_span_context() if isinstance(target, _native.Span) else target, attributes
        ),
        make_scope=_Scope,
        resource=_Resource(),
        suppress_keys=(
            getattr(context, "_SUPPRESS_INSTRUMENTATION_KEY", "suppress_instrumentation"),
            getattr(context, "_SUPPRESS_HTTP_INSTRUMENTATION_KEY", "suppress_http_instrumentation"),
        ),
    )
    provider = _tracer_provider_class(trace)()
    if trace._TRACER_PROVIDER is None and "OTEL_PYTHON_TRACER_PROVIDER" not in _environment():
        trace._TRACER_PROVIDER = provider
    _watch(trace, "_set_tracer_provider", "_TRACER_PROVIDER", provider, _own_traces)


def _environment():
    import os

    return os.environ


class _Event:
    def __init__(self, name, attributes, timestamp):
        self.name = name
        self.attributes = attributes
        self.timestamp = timestamp


class _Scope:
    attributes = {}

    def __init__(self, name, version, schema_url):
        self.name = name
        self.version = version or None
        self.schema_url = schema_url or None


class _Resource:
    """Of a span; the drainer adds what it sends, the service sees what only it can know."""

    attributes = {}
    schema_url = ""


def _watch(module, setter_name, variable, provider, own):
    """Notices when the service sets a provider of its own; its first one counts, as ever."""
    setter = getattr(module, setter_name)

    def set_provider(new, *args, **kwargs):
        setter(new, *args, **kwargs)
        if getattr(module, variable) is not provider:
            own(getattr(module, variable))

    set_provider.__wrapped__ = setter
    setattr(module, setter_name, set_provider)


def _is_sdk(provider):
    """Whether it exports: the API's own no-op providers do not count."""
    return not type(provider).__module__.startswith(("opentelemetry.trace", "opentelemetry.metrics", "opentelemetry._logs"))


def _own_traces(provider):
    if _is_sdk(provider):
        _native.switch("spans", False)
        for name in ("flask", "requests", "urllib3", "sqlite3"):
            _native.switch(name, False)
        _native.add_notes(_NOTE_OWN_TRACES)


def _own_metrics(provider):
    if _is_sdk(provider):
        _native.switch("metrics", False)
        _native.add_notes(_NOTE_OWN_METRICS)


def _own_logs(provider):
    if _is_sdk(provider):
        _native.switch("logs", False)
        _native.add_notes(_NOTE_OWN_LOGS)


def _scope(name, version, schema_url):
    return (str(name or ""), str(version or ""), str(schema_url or ""))


def _tracer_provider_class(trace):
    get_current_span = trace.get_current_span
    start_native = _native.start_span

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
                parent = get_current_span(context)
                if parent is trace.INVALID_SPAN:
                    parent = False
            span = start_native(name, parent, kind.value + 1, attributes, links, start_time, self._scope)
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
        resource = _Resource()

        def get_tracer(
            self,
            instrumenting_module_name,
            instrumenting_library_version=None,
            schema_url=None,
            attributes=None,
        ):
            scope = _scope(instrumenting_module_name, instrumenting_library_version, schema_url)
            arguments = (instrumenting_module_name, instrumenting_library_version, schema_url, attributes)
            return Tracer(self, scope, arguments)

        def force_flush(self, timeout_millis=30000):
            return True  # what is recorded is out of our hands

        def shutdown(self):
            pass

    return TracerProvider


_COUNTER = 1
_UP_DOWN_COUNTER = 2
_GAUGE = 3
_HISTOGRAM = 4
_HTTP_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_DEFAULT_BOUNDS = (0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000)


def metrics_module(metrics):
    internal = sys.modules["opentelemetry.metrics._internal"]
    provider = _meter_provider_class(metrics, internal)()
    if internal._METER_PROVIDER is None and "OTEL_PYTHON_METER_PROVIDER" not in _environment():
        internal._METER_PROVIDER = provider
    _watch(internal, "_set_meter_provider", "_METER_PROVIDER", provider, _own_metrics)


def _meter_provider_class(metrics, internal):
    record = _native.record_metric

    class Instrument:
        _kind = _COUNTER

        def __init__(self, meter, name, unit="", description="", bounds=(), **_):
            self._meter = meter
            self.name = name
            self._arguments = (name, unit or "", description or "")
            self._number = _native.register_instrument(
                self._kind, False, meter._scope, str(name), str(unit or ""), str(description or ""), tuple(bounds)
            )
            self._other = None

        def _now(self):
            other = self._meter._now()
            if other is None:
                return None
            if self._other is None:
                self._other = getattr(other, self._create)(*self._arguments)
            return self._other

    class Counter(Instrument, metrics.Counter):
        _create = "create_counter"

        def add(self, amount, attributes=None, context=None):
            other = self._now()
            if other is not None:
                other.add(amount, attributes)
            elif amount >= 0:
                record(self._number, _COUNTER, amount, attributes)

    class UpDownCounter(Instrument, metrics.UpDownCounter):
        _kind = _UP_DOWN_COUNTER
        _create = "create_up_down_counter"

        def add(self, amount, attributes=None, context=None):
            other = self._now()
            if other is not None:
                other.add(amount, attributes)
            else:
                record(self._number, _UP_DOWN_COUNTER, amount, attributes)

    class Histogram(Instrument, metrics.Histogram):
        _kind = _HISTOGRAM
        _create = "create_histogram"

        # `record` of the API; the module's function of that name is reached through the closure.
        def record(self, amount, attributes=None, context=None):
            other = self._now()
            if other is not None:
                other.record(amount, attributes)
            elif amount >= 0:
                record(self._number, _HISTOGRAM, amount, attributes)

    gauge_base = getattr(internal, "Gauge", None) or getattr(metrics, "_Gauge", object)

    class Gauge(Instrument, gauge_base):
        _kind = _GAUGE
        _create = "create_gauge"

        def set(self, amount, attributes=None, context=None):
            other = self._now()
            if other is not None:
                other.set(amount, attributes)
            else:
                record(self._number, _GAUGE, amount, attributes)

    class Observable(Instrument):
        """Read by a thread of ours every few seconds: only this process can call the service's callbacks."""

        def __init__(self, meter, name, callbacks=None, unit="", description="", **_):
            super().__init__(meter, name, unit, description)
            self._callbacks = [c if callable(c) else c.__next__ for c in callbacks or ()]
            self._seen = {}
            _observe_later(self)

        def observe(self):
            for callback in self._callbacks:
                for observation in callback(metrics.CallbackOptions()):
                    self._take(observation.value, observation.attributes)

        def _take(self, value, attributes):
            if self._kind == _GAUGE:
                record(self._number, _GAUGE, value, attributes)
                return
            key = tuple(sorted((attributes or {}).items()))
            change = value - self._seen.get(key, 0)
            self._seen[key] = value
            if change and (change > 0 or self._kind == _UP_DOWN_COUNTER):
                record(self._number, self._kind, change, attributes)

    class ObservableCounter(Observable, metrics.ObservableCounter):
        pass

    class ObservableUpDownCounter(Observable, metrics.ObservableUpDownCounter):
        _kind = _UP_DOWN_COUNTER

    class ObservableGauge(Observable, metrics.ObservableGauge):
        _kind = _GAUGE

    class Meter(metrics.Meter):
        def __init__(self, provider, name, version=None, schema_url=None):
            super().__init__(name, version, schema_url)
            self._provider = provider
            self._scope = _scope(name, version, schema_url)
            self._instruments = {}
            self._other = None

        def _now(self):
            current = internal._METER_PROVIDER
            if current is self._provider or current is None:
                return None
            if self._other is None:
                self._other = current.get_meter(*self._scope)
            return self._other

        def _create(self, kind, name, *args, **kwargs):
            # The same instrument asked for twice is one (specification: duplicate instrument registration).
            key = (kind, str(name).lower())
            if key not in self._instruments:
                self._instruments[key] = kind(self, name, *args, **kwargs)
            return self._instruments[key]

        def create_counter(self, name, unit="", description=""):
            return self._create(Counter, name, unit, description)

        def create_up_down_counter(self, name, unit="", description=""):
            return self._create(UpDownCounter, name, unit, description)

        def create_histogram(self, name, unit="", description="", *, explicit_bucket_boundaries_advisory=None):
            bounds = explicit_bucket_boundaries_advisory
            if bounds is None:
                bounds = _HTTP_BOUNDS if unit == "s" else _DEFAULT_BOUNDS
            return self._create(Histogram, name, unit, description, bounds)

        def create_gauge(self, name, unit="", description=""):
            return self._create(Gauge, name, unit, description)

        def create_observable_counter(self, name, callbacks=None, unit="", description=""):
            return self._create(ObservableCounter, name, callbacks, unit, description)

        def create_observable_up_down_counter(self, name, callbacks=None, unit="", description=""):
            return self._create(ObservableUpDownCounter, name, callbacks, unit, description)

        def create_observable_gauge(self, name, callbacks=None, unit="", description=""):
            return self._create(ObservableGauge, name, callbacks, unit, description)

    class MeterProvider(metrics.MeterProvider):
        def get_meter(self, name, version=None, schema_url=None, attributes=None):
            return Meter(self, name, version, schema_url)

        def force_flush(self, timeout_millis=30000):
            return True

        def shutdown(self, timeout_millis=30000):
            pass

    return MeterProvider


_observables = []
_OBSERVE_SECONDS = 5


def _observe_later(instrument):
    import os
    import threading

    if not _observables:

        def observe_for_ever():
            import time

            while True:
                time.sleep(_OBSERVE_SECONDS)
                for observable in list(_observables):
                    try:
                        observable.observe()
                    except Exception:  # the callback's own mistake; the next one may be right
                        pass

        def start():
            threading.Thread(target=observe_for_ever, name="clew-observe", daemon=True).start()

        start()
        os.register_at_fork(after_in_child=start)
    _observables.append(instrument)


def logs_module(logs):
    internal = sys.modules["opentelemetry._logs._internal"]
    provider = _logger_provider_class(logs, internal)()
    if internal._LOGGER_PROVIDER is None and "OTEL_PYTHON_LOGGER_PROVIDER" not in _environment():
        internal._LOGGER_PROVIDER = provider
    _watch(internal, "_set_logger_provider" if hasattr(internal, "_set_logger_provider") else "set_logger_provider",
           "_LOGGER_PROVIDER", provider, _own_logs)


def _exception_attributes(error):
    import traceback

    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else kind.__module__ + "." + kind.__qualname__
    text = "".join(traceback.format_exception(kind, error, error.__traceback__))
    return {"exception.type": name, "exception.message": str(error), "exception.stacktrace": text}


def logging_handler_module(module):
    """Contrib's handler sends what Logger.callHandlers has given us already, unless its records go elsewhere."""
    emit = module.LoggingHandler.emit

    def emit_unless_seen(self, record):
        provider = getattr(self, "_logger_provider", None)
        if provider is None or type(provider).__module__ != __name__:
            emit(self, record)

    module.LoggingHandler.emit = emit_unless_seen


def _logger_provider_class(logs, internal):
    emit_native = _native.emit_log

    class Logger(logs.Logger):
        def __init__(self, provider, name, version=None, schema_url=None, attributes=None):
            super().__init__(name, version, schema_url, attributes)
            self._provider = provider
            self._scope = _scope(name, version, schema_url)
            self._other = None

        def enabled(self, **_):
            return True

        def emit(self, record=None, **fields):
            current = internal._LOGGER_PROVIDER
            if current is not self._provider and current is not None:
                if self._other is None:
                    self._other = current.get_logger(*self._scope)
                self._other.emit(record, **fields) if fields else self._other.emit(record)
                return

            def field(name):
                return getattr(record, name, None) if record is not None else fields.get(name)

            severity = field("severity_number")
            context = field("context")
            span = None
            if context is not None:
                from opentelemetry.trace import get_current_span

                span = get_current_span(context)
            attributes = dict(field("attributes") or {})
            error = field("exception")
            if isinstance(error, BaseException):
                attributes = {**_exception_attributes(error), **attributes}
            emit_native(
                self._scope,
                field("timestamp") or field("observed_timestamp") or 0,
                getattr(severity, "value", severity) or 0,
                field("severity_text") or "",
                field("body"),
                attributes,
                field("event_name") or "",
                span,
            )

    class LoggerProvider(logs.LoggerProvider):
        def get_logger(self, name, version=None, schema_url=None, attributes=None):
            return Logger(self, name, version, schema_url, attributes)

        def force_flush(self, timeout_millis=30000):
            return True

        def shutdown(self):
            pass

    return LoggerProvider


# Contrib's instrumentors, when the service uses them, do what a native hook of ours would do too.
_INSTRUMENTORS = {
    "FlaskInstrumentor": "flask",
    "RequestsInstrumentor": "requests",
    "URLLib3Instrumentor": "urllib3",
    "SQLite3Instrumentor": "sqlite3",
}


def instrumentor_module(module):
    base = module.BaseInstrumentor
    instrument, uninstrument = base.instrument, base.uninstrument

    def traced_instrument(self, **kwargs):
        name = _INSTRUMENTORS.get(type(self).__name__)
        if name is not None:
            _native.switch(name, False)
            _native.add_notes(_NOTE_OTHER_INSTRUMENTATION)
        return instrument(self, **kwargs)

    def traced_uninstrument(self, **kwargs):
        result = uninstrument(self, **kwargs)
        name = _INSTRUMENTORS.get(type(self).__name__)
        if name is not None and not self.is_instrumented_by_opentelemetry:
            _native.switch(name, True)
        return result

    base.instrument, base.uninstrument = traced_instrument, traced_uninstrument
