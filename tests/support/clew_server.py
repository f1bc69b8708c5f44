# SPDX-License-Identifier: Apache-2.0
"""Starts `clew serve` on free ports and talks to it as its clients do."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import requests
from clew_program import program


class Server:
    """One `clew serve` with a data folder of its own choosing. `within` are words put before the command."""

    def __init__(
        self,
        data_dir: Path,
        *options: str,
        env: dict | None = None,
        within: list[str] | None = None,
        log_path: Path | None = None,
    ):
        self.data_dir = data_dir
        self.log_path = log_path or data_dir.parent / f"{data_dir.name}.log"
        words = [*(within or []), str(program()), "serve", "--data-dir", str(data_dir)]
        for door in ("--listen", "--otlp-http", "--otlp-grpc"):
            words += [] if door in options else [door, "127.0.0.1:0"]
        words += options
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "CLEW_"))} | (env or {})
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=environment, text=True
            )
        self.addresses: dict[str, str] = {}
        while len(self.addresses) < 3:
            line = self.process.stdout.readline()
            assert line, f"clew serve ended with {self.process.wait()}: {self.log_path.read_text()[-2000:]}"
            if match := re.fullmatch(r"listening (\S+) (\S+)\n", line):
                self.addresses[match[1]] = match[2]

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *unused) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self.process.stdout.close()

    @property
    def url(self) -> str:
        return "http://" + self.addresses["http"]

    @property
    def otlp_http(self) -> str:
        return "http://" + self.addresses["otlp-http"]

    @property
    def otlp_grpc(self) -> str:
        return self.addresses["otlp-grpc"]

    def stop(self, sent: int = signal.SIGTERM, seconds: float = 15) -> int:
        self.process.send_signal(sent)
        return self.process.wait(seconds)

    def get(self, path: str, expect: int = 200, tenant: str | None = None, **parameters):
        headers = {"X-Scope-OrgID": tenant} if tenant else {}
        answer = requests.get(self.url + path, params=parameters, headers=headers, timeout=30)
        assert answer.status_code == expect, f"{path}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if "json" in answer.headers.get("Content-Type", "") else answer.text

    def post(
        self, signal_name: str, body: bytes | str | dict, tenant: str | None = None, **headers
    ) -> requests.Response:
        """Posts to /v1/SIGNAL; a dict goes as OTLP/JSON."""
        if isinstance(body, dict):
            body = json.dumps(body)
            headers = {"Content-Type": "application/json"} | headers
        if tenant:
            headers["X-Scope-OrgID"] = tenant
        return requests.post(f"{self.otlp_http}/v1/{signal_name}", data=body, headers=headers, timeout=30)

    def clew(self, *words: str, expect: int = 0) -> str:
        """Runs a command of the program against this server and gives its standard output."""
        done = subprocess.run(
            [str(program()), *words],
            env=os.environ | {"CLEW_SERVER": self.url},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == expect, f"clew {' '.join(words)}: {done.returncode} {done.stderr[-1000:]}"
        return done.stdout


def resource(service: str) -> dict:
    return {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}


def spans(service: str, *, trace_id: str, count: int = 1, name: str = "GET /", start: int | None = None) -> dict:
    """An OTLP/JSON trace request: a server span and `count` - 1 spans below it."""
    start = start if start is not None else time.time_ns()
    rows = []
    for i in range(count):
        row = {
            "traceId": trace_id,
            "spanId": f"{i + 1:016x}",
            "name": name if i == 0 else f"step {i}",
            "kind": 2 if i == 0 else 1,
            "startTimeUnixNano": str(start + i * 1_000_000),
            "endTimeUnixNano": str(start + 50_000_000),
            "attributes": [{"key": "http.route", "value": {"stringValue": "/"}}],
        }
        if i:
            row["parentSpanId"] = f"{1:016x}"
        rows.append(row)
    return {"resourceSpans": [{"resource": resource(service), "scopeSpans": [{"scope": {"name": "t"}, "spans": rows}]}]}


def log(service: str, body: str, *, trace_id: str | None = None, severity: int = 9, at: int | None = None) -> dict:
    record = {
        "timeUnixNano": str(at if at is not None else time.time_ns()),
        "severityNumber": severity,
        "body": {"stringValue": body},
    }
    if trace_id:
        record |= {"traceId": trace_id, "spanId": f"{1:016x}"}
    return {"resourceLogs": [{"resource": resource(service), "scopeLogs": [{"logRecords": [record]}]}]}


def gauge(service: str, name: str, value: float, *, at: int | None = None) -> dict:
    point = {"timeUnixNano": str(at if at is not None else time.time_ns()), "asDouble": value}
    metric = {"name": name, "gauge": {"dataPoints": [point]}}
    return {"resourceMetrics": [{"resource": resource(service), "scopeMetrics": [{"metrics": [metric]}]}]}
