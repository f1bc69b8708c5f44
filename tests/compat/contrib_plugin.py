# SPDX-License-Identifier: Apache-2.0
"""Pytest plugin: contrib's TestBase gets Clew's tracer provider, and finished spans from what came out of the ring."""

import json
import os
import time

from clew import _native
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.test import test_base

OURS = type(trace.get_tracer_provider())
assert OURS.__module__ == "clew._otel_trace", "the agent does not run in this process"

# The tests count spans, and know of no instrumentation but their own.
for _hook in ("flask", "requests", "urllib3", "sqlite3"):
    _native.switch(_hook, False)

_read, _write = (int(fd) for fd in os.environ["CLEW_COMPAT_DUMP"].split(","))
_answers, _commands = os.fdopen(_read), os.fdopen(_write, "w")
_offset = time.time_ns() - time.monotonic_ns()


def _drain():
    _commands.write("drain\n")
    _commands.flush()
    while True:
        record = json.loads(_answers.readline())
        if record["type"] == "end":
            assert record["broken"] == 0 and record["dropped"] == 0
            return
        if record["type"] == "span":
            yield record


def _values(attributes):
    return {key: tuple(value) if isinstance(value, list) else value for key, value in attributes.items()}


# Some tests ask for the very object that a span gave out as its context.
_given = {}
_start_span = OURS().get_tracer("x").__class__.start_span


def _remembering_start_span(self, *args, **kwargs):
    span = _start_span(self, *args, **kwargs)
    context = span.get_span_context()
    _given[format(context.span_id, "016x")] = context
    return span


OURS().get_tracer("x").__class__.start_span = _remembering_start_span


def _context(trace_id, span_id, remote, flags, state):
    if not remote and span_id in _given:
        return _given[span_id]
    return trace.SpanContext(
        int(trace_id, 16),
        int(span_id, 16),
        remote,
        trace.TraceFlags(flags & 0xFF),
        trace.TraceState.from_header([state]),
    )


def _unix(moment, is_unix):
    return moment if is_unix else moment + _offset


def _readable(record, resource):
    flags = record["flags"]
    parent = None
    if int(record["parent_span_id"], 16):
        parent = _context(
            record["trace_id"], record["parent_span_id"], bool(flags & 0x200), flags, record["trace_state"]
        )
    return ReadableSpan(
        name=record["name"],
        context=_context(record["trace_id"], record["span_id"], False, flags, record["trace_state"]),
        parent=parent,
        resource=resource,
        attributes=_values(record["attributes"]),
        events=[
            Event(e["name"], _values(e["attributes"]), _unix(e["time"], e["time_is_unix"])) for e in record["events"]
        ],
        links=[
            trace.Link(
                _context(x["trace_id"], x["span_id"], bool(x["flags"] & 0x200), x["flags"], x["trace_state"]),
                _values(x["attributes"]),
            )
            for x in record["links"]
        ],
        kind=trace.SpanKind(record["kind"] - 1),
        status=trace.Status(trace.StatusCode(record["status"]), record["status_message"] or None),
        start_time=_unix(record["start"], record["clocks"] & 1),
        end_time=_unix(record["end"], record["clocks"] & 2),
        instrumentation_scope=InstrumentationScope(
            record["scope"], record["scope_version"] or None, record["schema_url"] or None
        ),
    )


class RingExporter:
    """As InMemorySpanExporter."""

    def __init__(self, resource):
        self.resource = resource
        self.spans = []

    def get_finished_spans(self):
        self.spans += [_readable(record, self.resource) for record in _drain()]
        return tuple(self.spans)

    def clear(self):
        for _ in _drain():
            pass
        self.spans = []


def create_tracer_provider(**arguments):
    provider = OURS()
    resource = arguments.get("resource") or Resource.create()
    provider.resource = resource
    return provider, RingExporter(resource)


test_base.TestBase.create_tracer_provider = staticmethod(create_tracer_provider)
