# SPDX-License-Identifier: Apache-2.0
"""One measured process of bench/agent/w1.py: a Flask application called directly by WSGI, no server between.

Prints one JSON object: CPU seconds (user and system of the whole process, all threads, export and last flush included)
for --requests requests, and their latencies.
"""

import argparse
import gc
import io
import json
import logging
import os
import time


class NullStream(io.TextIOBase):
    """Takes log lines as a terminal would, without the terminal."""

    def write(self, text):
        return len(text)


def make_app():
    from flask import Flask, jsonify

    app = Flask("shop")
    logging.basicConfig(
        level=logging.INFO, stream=NullStream(), format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    log = logging.getLogger("shop.orders")

    @app.get("/orders/<int:number>")
    def order(number):
        log.info("order %d looked up", number)
        return jsonify(order=number, state="paid", items=[1, 2, 3])

    return app


def set_up_opentelemetry(app):
    """What opentelemetry-instrument sets up for Flask and logging, all three signals, OTLP over http/protobuf."""
    from opentelemetry import _logs, metrics, trace
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.flask import FlaskInstrumentor
    from opentelemetry.instrumentation.logging import LoggingInstrumentor
    from opentelemetry.instrumentation.logging.handler import LoggingHandler
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    tracers = TracerProvider()
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(tracers)
    meters = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())])
    metrics.set_meter_provider(meters)
    loggers = LoggerProvider()
    loggers.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
    _logs.set_logger_provider(loggers)
    LoggingInstrumentor().instrument(set_logging_format=True)
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, LoggingHandler)]:
        root.removeHandler(handler)
    # Ours says where a line was logged, so the peer does as well.
    root.addHandler(LoggingHandler(level=logging.NOTSET, logger_provider=loggers, log_code_attributes=True))
    FlaskInstrumentor().instrument_app(app)

    def flush():
        for provider in (tracers, loggers, meters):
            provider.force_flush()

    return flush


def environ(number):
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/orders/%d" % number,
        "QUERY_STRING": "full=1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "shop.example:8000",
        "HTTP_USER_AGENT": "bench/1.0",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def call(app, number):
    def start_response(status, headers, exc_info=None):
        if not status.startswith("200"):
            raise SystemExit("unexpected answer: " + status)

    body = app(environ(number), start_response)
    try:
        for _ in body:
            pass
    finally:
        if hasattr(body, "close"):
            body.close()


class Hooks:
    """Clew's native functions, which can be taken out of their classes and put back within one process."""

    def __init__(self):
        import flask
        import werkzeug.routing

        owners = (flask.Flask, werkzeug.routing.MapAdapter, logging.Logger, logging.Handler)
        self.found = [
            (owner, name, value)
            for owner in owners
            for name, value in vars(owner).items()
            if type(value).__name__ == "Hook"
        ]
        if len(self.found) != 5:
            raise SystemExit("expected five of Clew's hooks, found %d" % len(self.found))

    def set(self, on):
        for owner, name, hook in self.found:
            setattr(owner, name, hook if on else hook.__wrapped__)


def paired(app, requests):
    """CPU seconds a request that the hooks add: medians of small blocks with and without them, in turn."""
    hooks = Hooks()
    block = 40
    times = {True: [], False: []}
    number = recorded = 0
    while number < requests:
        for on in (True, False, False, True):
            hooks.set(on)
            before = time.process_time()
            for _ in range(block):
                call(app, number)
                number += 1
            times[on].append((time.process_time() - before) / block)
            recorded += block if on else 0
    hooks.set(True)
    for rows in times.values():
        rows.sort()
    added = times[True][len(times[True]) // 2] - times[False][len(times[False]) // 2]
    print(json.dumps({"added": added, "recorded": recorded}), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--warm-up", type=int, default=200)
    parser.add_argument("--opentelemetry", action="store_true")
    parser.add_argument("--paired", action="store_true", help="Clew's hooks in and out of one process, block by block")
    options = parser.parse_args()
    started = time.process_time()
    app = make_app()
    flush = set_up_opentelemetry(app) if options.opentelemetry else lambda: None
    for number in range(options.warm_up):
        call(app, number)
    gc.collect()
    if options.paired:
        return paired(app, options.requests)
    latencies = []
    before = time.process_time()
    for number in range(options.requests):
        begin = time.perf_counter_ns()
        call(app, number)
        latencies.append(time.perf_counter_ns() - begin)
    flush()
    cpu = time.process_time() - before
    latencies.sort()
    print(
        json.dumps(
            {
                "cpu": cpu,
                "start_up_cpu": started,
                "p50": latencies[len(latencies) // 2],
                "p999": latencies[int(len(latencies) * 0.999)],
                "pid": os.getpid(),
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
