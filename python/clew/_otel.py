# SPDX-License-Identifier: Apache-2.0
"""Registers beneath opentelemetry's API, when the service imports it.

Our providers stand where the API's defaults would, without the API's "set once" being used up: a service that sets up an
SDK of its own does so as ever, and from then on we stand aside for the signals that it exports itself. Tracers, meters
and loggers that were handed out before go over to it.
"""

import os
import sys

from clew import _native

_NOTE_OWN_TRACES = 1
_NOTE_OWN_METRICS = 2
_NOTE_OWN_LOGS = 4
_NOTE_OTHER_INSTRUMENTATION = 32

# Contrib's instrumentors, when the service uses them, do what a native hook of ours would do too.
_INSTRUMENTORS = {
    "FlaskInstrumentor": "flask",
    "RequestsInstrumentor": "requests",
    "URLLib3Instrumentor": "urllib3",
    "SQLite3Instrumentor": "sqlite3",
}


def context_module(module):
    class RuntimeContext(module._RuntimeContext):
        """The API's current context, in the variable that native hooks use."""

        attach = staticmethod(_native.context_attach)
        detach = staticmethod(_native.context_detach)
        get_current = staticmethod(_native.context_get_current)

    module._RUNTIME_CONTEXT = RuntimeContext()


def trace_module(module):
    from clew import _otel_trace

    _otel_trace.describe_api()
    provider = _otel_trace.TracerProvider()
    _register(module, "_TRACER_PROVIDER", "OTEL_PYTHON_TRACER_PROVIDER", provider)
    _watch(module, "_set_tracer_provider", "_TRACER_PROVIDER", provider, _own_traces)


def metrics_module(_):
    from clew import _otel_metrics

    internal = sys.modules["opentelemetry.metrics._internal"]
    provider = _otel_metrics.MeterProvider()
    _register(internal, "_METER_PROVIDER", "OTEL_PYTHON_METER_PROVIDER", provider)
    _watch(internal, "_set_meter_provider", "_METER_PROVIDER", provider, _own_metrics)


def logs_module(_):
    from clew import _otel_logs

    internal = sys.modules["opentelemetry._logs._internal"]
    provider = _otel_logs.LoggerProvider()
    _register(internal, "_LOGGER_PROVIDER", "_OTEL_PYTHON_LOGGER_PROVIDER", provider)
    _watch(internal, "_set_logger_provider", "_LOGGER_PROVIDER", provider, _own_logs)


def logging_handler_module(module):
    """Contrib's handler sends what Logger.callHandlers has given us already, unless its records go elsewhere."""
    emit = module.LoggingHandler.emit

    def emit_unless_seen(self, record):
        provider = getattr(self, "_logger_provider", None)
        if provider is None or type(provider).__module__ != "clew._otel_logs":
            emit(self, record)

    module.LoggingHandler.emit = emit_unless_seen


def contrib_flask_module(module):
    """One application may be instrumented by itself, past BaseInstrumentor.instrument."""
    instrument_app = module.FlaskInstrumentor.instrument_app
    uninstrument_app = module.FlaskInstrumentor.uninstrument_app

    def traced_instrument_app(app, *args, **kwargs):
        if _native.switch("flask", False):
            _native.add_notes(_NOTE_OTHER_INSTRUMENTATION)
            app._clew_gave_way = True
        return instrument_app(app, *args, **kwargs)

    def traced_uninstrument_app(app, *args, **kwargs):
        if getattr(app, "_clew_gave_way", False):
            _native.switch("flask", True)
        return uninstrument_app(app, *args, **kwargs)

    module.FlaskInstrumentor.instrument_app = staticmethod(traced_instrument_app)
    module.FlaskInstrumentor.uninstrument_app = staticmethod(traced_uninstrument_app)


def instrumentor_module(module):
    base = module.BaseInstrumentor
    instrument, uninstrument = base.instrument, base.uninstrument
    switched_off = set()

    def traced_instrument(self, **kwargs):
        name = _INSTRUMENTORS.get(type(self).__name__)
        if name is not None and _native.switch(name, False):
            switched_off.add(name)
            _native.add_notes(_NOTE_OTHER_INSTRUMENTATION)
        return instrument(self, **kwargs)

    def traced_uninstrument(self, **kwargs):
        result = uninstrument(self, **kwargs)
        name = _INSTRUMENTORS.get(type(self).__name__)
        if name in switched_off and not self.is_instrumented_by_opentelemetry:
            switched_off.discard(name)
            _native.switch(name, True)
        return result

    base.instrument, base.uninstrument = traced_instrument, traced_uninstrument


def _register(module, variable, environment, provider):
    if getattr(module, variable) is None and environment not in os.environ:
        setattr(module, variable, provider)


def _watch(module, setter_name, variable, provider, own):
    """Notices when the service sets a provider of its own; its first one counts, as ever."""
    setter = getattr(module, setter_name)

    def set_provider(new, *args, **kwargs):
        setter(new, *args, **kwargs)
        current = getattr(module, variable)
        # The API's no-op providers export nothing.
        api = ("opentelemetry.trace", "opentelemetry.metrics", "opentelemetry._logs", "clew.")
        if current is not provider and not type(current).__module__.startswith(api):
            own()

    set_provider.__wrapped__ = setter
    setattr(module, setter_name, set_provider)


def _own_traces():
    _native.switch("spans", False)
    for name in ("flask", "requests", "urllib3", "sqlite3"):
        _native.switch(name, False)
    _native.add_notes(_NOTE_OWN_TRACES)


def _own_metrics():
    _native.switch("metrics", False)
    _native.add_notes(_NOTE_OWN_METRICS)


def _own_logs():
    _native.switch("logs", False)
    _native.add_notes(_NOTE_OWN_LOGS)
