# SPDX-License-Identifier: Apache-2.0
"""opentelemetry's logger provider over native log records. Imported once the service has imported opentelemetry._logs."""

import sys

from clew import _native
from clew._otel_scope import scope

from opentelemetry import _logs as logs
from opentelemetry._logs import _internal as internal


def _exception_attributes(error):
    import traceback

    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else kind.__module__ + "." + kind.__qualname__
    text = "".join(traceback.format_exception(kind, error, error.__traceback__))
    return {"exception.type": name, "exception.message": str(error), "exception.stacktrace": text}


class Logger(logs.Logger):
    def __init__(self, provider, name, version=None, schema_url=None, attributes=None):
        super().__init__(name, version, schema_url, attributes)
        self._provider = provider
        self._scope = scope(name, version, schema_url)
        self._other = None

    def enabled(self, **_):
        return True

    def emit(self, record=None, **fields):
        current = internal._LOGGER_PROVIDER
        if current is not self._provider and current is not None:
            # The service has set up an SDK of its own.
            if self._other is None:
                self._other = current.get_logger(*self._scope)
            self._other.emit(*([] if record is None else [record]), **fields)
            return

        def field(name):
            return getattr(record, name, None) if record is not None else fields.get(name)

        severity = field("severity_number")
        span = None
        trace = sys.modules.get("opentelemetry.trace")
        if field("context") is not None and trace is not None:
            span = trace.get_current_span(field("context"))
        attributes = dict(field("attributes") or {})
        if isinstance(field("exception"), BaseException):
            attributes = {**_exception_attributes(field("exception")), **attributes}
        _native.emit_log(
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
