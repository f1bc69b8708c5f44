# SPDX-License-Identifier: Apache-2.0
"""An OTLP/HTTP receiver that can be healthy, dead, slow or lying. Decodes OTLP/JSON; protobuf bodies are kept as they are."""

import gzip
import json
import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes
    time: float = field(default_factory=time.monotonic)

    def json(self) -> dict:
        return json.loads(self.body)


def value_of(any_value: dict):
    """An AnyValue of OTLP/JSON as a plain value."""
    for kind, value in any_value.items():
        if kind == "intValue":
            return int(value)
        if kind == "arrayValue":
            return [value_of(v) for v in value.get("values", [])]
        if kind == "kvlistValue":
            return attributes_of(value.get("values", []))
        return value
    return None


def attributes_of(pairs: list[dict]) -> dict:
    return {pair["key"]: value_of(pair["value"]) for pair in pairs}


class Collector:
    """`answer` says how requests are answered: (status, headers, body), a number of seconds to wait before a 200, or
    one of "reset", "hang", "garbage"."""

    OK = (200, {"Content-Type": "application/json"}, b"{}")

    def __init__(self, port: int = 0):
        self.requests: list[Request] = []
        self.refused: list[Request] = []
        self.answer = self.OK
        self._lock = threading.Lock()
        self._release = threading.Event()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                collector._serve(self)

            def log_message(self, *args):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request, client_address):
                pass

        self._server = Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        if handler.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        request = Request(handler.path, {k.lower(): v for k, v in handler.headers.items()}, body)
        answer = self.answer(request) if callable(self.answer) else self.answer
        if answer == "reset":
            self._note(self.refused, request)
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            handler.close_connection = True
            handler.connection.close()
            return
        if answer == "hang":
            self._note(self.refused, request)
            self._release.wait(30)
            handler.close_connection = True
            return
        if answer == "garbage":
            self._note(self.refused, request)
            handler.wfile.write(b"\x00\xffthis is no HTTP\r\n\r\n" * 50)
            handler.close_connection = True
            return
        if isinstance(answer, (int, float)):
            self._release.wait(answer)
            answer = self.OK
        status, headers, text = answer
        self._note(self.requests if status == 200 else self.refused, request)
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)

    def _note(self, where: list[Request], request: Request) -> None:
        with self._lock:
            where.append(request)

    def taken(self, path: str) -> list[Request]:
        with self._lock:
            return [r for r in self.requests if r.path == path]

    def spans(self) -> list[dict]:
        """Each span with its attributes, resource and scope flattened."""
        found = []
        for request in self.taken("/v1/traces"):
            for resource in request.json()["resourceSpans"]:
                for scope in resource["scopeSpans"]:
                    for span in scope["spans"]:
                        found.append(
                            {
                                **span,
                                "attributes": attributes_of(span.get("attributes", [])),
                                "resource": attributes_of(resource["resource"]["attributes"]),
                                "scope": scope["scope"]["name"],
                            }
                        )
        return found

    def logs(self) -> list[dict]:
        found = []
        for request in self.taken("/v1/logs"):
            for resource in request.json()["resourceLogs"]:
                for scope in resource["scopeLogs"]:
                    for record in scope["logRecords"]:
                        found.append(
                            {
                                **record,
                                "body": value_of(record.get("body", {})),
                                "attributes": attributes_of(record.get("attributes", [])),
                                "resource": attributes_of(resource["resource"]["attributes"]),
                                "scope": scope["scope"]["name"],
                            }
                        )
        return found

    def points(self, name: str) -> list[dict]:
        """The points of a metric in the last export that has it."""
        for request in reversed(self.taken("/v1/metrics")):
            found = []
            for resource in request.json()["resourceMetrics"]:
                for scope in resource["scopeMetrics"]:
                    for metric in scope["metrics"]:
                        if metric["name"] != name:
                            continue
                        data = next(metric[k] for k in ("sum", "gauge", "histogram") if k in metric)
                        found += [
                            {**point, "attributes": attributes_of(point.get("attributes", []))}
                            for point in data["dataPoints"]
                        ]
            if found:
                return found
        return []

    def close(self) -> None:
        self._release.set()
        self._server.shutdown()
        self._server.server_close()
