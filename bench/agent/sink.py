# SPDX-License-Identifier: Apache-2.0
"""Takes OTLP over http/protobuf on a free port and counts spans, logs and metric points.

Prints the port, then after each line on standard input one JSON object with the counts since the last one. Needs
opentelemetry-proto.
"""

import gzip
import http.server
import json
import sys
import threading

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

bodies = []
lock = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        with lock:
            bodies.append((self.path, body))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


def count():
    """Decodes only now, so that the sink takes no CPU while a run is measured."""
    with lock:
        taken = bodies[:]
        bodies.clear()
    result = {"spans": 0, "logs": 0, "metrics": 0, "span_attributes": {}, "log_attributes": {}}
    for path, body in taken:
        if path.endswith("/traces"):
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    result["spans"] += len(scope.spans)
                    for span in scope.spans[:1]:
                        result["span_attributes"] = {a.key: str(a.value).strip() for a in span.attributes}
        elif path.endswith("/logs"):
            for resource in ExportLogsServiceRequest.FromString(body).resource_logs:
                for scope in resource.scope_logs:
                    result["logs"] += len(scope.log_records)
                    for record in scope.log_records[:1]:
                        result["log_attributes"] = {a.key: str(a.value).strip() for a in record.attributes}
        elif path.endswith("/metrics"):
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                result["metrics"] += sum(len(scope.metrics) for scope in resource.scope_metrics)
    return result


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    for _ in sys.stdin:
        print(json.dumps(count()), flush=True)


if __name__ == "__main__":
    main()
