# SPDX-License-Identifier: Apache-2.0
"""Tokens, TLS and tenants of the built program: who may write, who may read, and whose data."""

import subprocess
import time

import pytest
import requests
from clew_program import eventually, program
from clew_server import Server, gauge, log, spans

TRACE = "0af7651916cd43dd8448eb211c80319c"
SERVICE = "import flask\napp = flask.Flask('a')\napp.add_url_rule('/', 'h', lambda: 'ok')\napp.test_client().get('/')\n"


def make_certificate(folder, name="server"):
    """A self-signed certificate for 127.0.0.1 and its key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=clew"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return certificate, key


class Doors:
    """A server that asks for tokens over TLS, open to the network."""

    def __init__(self, folder):
        self.folder = folder
        self.tokens = {
            name: self.make_token(name, tenant, roles)
            for name, tenant, roles in (
                ("sender", "shop", "write"),
                ("reader", "shop", "read"),
                ("other", "other", "read,write"),
                ("ops", "*", "admin"),
            )
        }
        self.certificate, key = make_certificate(folder)
        config = folder / "clew.yaml"
        config.write_text(f"tokens: {folder}/tokens\ntls:\n  certificate: {self.certificate}\n  key: {key}\n")
        self.server = Server(
            folder / "data", "--config", str(config), "--listen", "0.0.0.0:0", "--otlp-grpc", "0.0.0.0:0"
        )
        self.ports = {name: address.rsplit(":", 1)[1] for name, address in self.server.addresses.items()}

    def make_token(self, name, tenant, roles):
        words = [program(), "token", name, "--tenant", tenant, "--roles", roles, "--file", self.folder / "tokens"]
        return subprocess.run(words, check=True, capture_output=True, text=True, timeout=30).stdout.strip()

    def url(self, door="http"):
        return f"https://127.0.0.1:{self.ports[door]}"

    def ask(self, path, who=None, method="GET", door="http", tenant=None, **more):
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}
        headers |= {"X-Scope-OrgID": tenant} if tenant else {}
        return requests.request(
            method, self.url(door) + path, headers=headers, verify=str(self.certificate), timeout=20, **more
        )


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    doors = Doors(tmp_path_factory.mktemp("doors"))
    with doors.server:
        yield doors


def test_nobody_gets_in_without_a_token(doors):
    for path in ("/", "/metrics", "/api/clew/services", "/api/services", "/api/v1/query?query=up", "/no/such/path"):
        answer = doors.ask(path)
        assert answer.status_code == 401 and "WWW-Authenticate" in answer.headers, path
    assert doors.ask("/jaeger/api/services").json()["errors"][0]["code"] == 401
    assert doors.ask("/api/v1/labels").json()["status"] == "error"
    for door in ("http", "otlp-http"):
        answer = doors.ask("/v1/traces", method="POST", door=door, json=spans("a", trace_id=TRACE))
        assert answer.status_code == 401 and answer.json()["code"] == 16
    assert doors.ask("/healthz").status_code == doors.ask("/readyz").status_code == 200


def test_roles(doors):
    body = spans("cart", trace_id=TRACE)
    assert doors.ask("/v1/traces", "reader", "POST", "otlp-http", json=body).status_code == 403
    assert doors.ask("/v1/traces", "sender", "POST", "otlp-http", json=body).status_code == 200
    assert doors.ask("/api/clew/services", "sender").status_code == 403
    assert doors.ask("/jaeger/api/services", "sender").status_code == 403
    assert doors.ask("/jaeger/api/services", "reader").json()["data"] == ["cart"]
    # The password of basic authentication, as Grafana and browsers send it.
    answer = requests.get(
        doors.url() + "/jaeger/api/services",
        auth=("me", doors.tokens["reader"]),
        verify=str(doors.certificate),
        timeout=20,
    )
    assert answer.json()["data"] == ["cart"]


ROUTES = [
    "/jaeger/api/services",
    "/jaeger/api/services/theirs/operations",
    "/jaeger/api/operations?service=theirs",
    "/jaeger/api/traces?service=theirs",
    f"/jaeger/api/traces?traceID={'7' * 32}",
    f"/jaeger/api/traces/{'7' * 32}",
    "/jaeger/api/dependencies",
    "/api/services",
    f"/api/traces/{'7' * 32}",
    "/loki/api/v1/labels",
    "/loki/api/v1/label/service_name/values",
    '/loki/api/v1/series?match[]={service_name=~".%2B"}',
    '/loki/api/v1/query?query={service_name=~".%2B"}',
    '/loki/api/v1/query_range?query={service_name=~".%2B"}',
    f'/loki/api/v1/query_range?query={{service_name=~".%2B"}} | trace_id="{"7" * 32}"',
    "/api/v1/labels",
    "/api/v1/label/job/values",
    "/api/v1/label/__name__/values",
    '/api/v1/series?match[]={__name__=~".%2B"}',
    '/api/v1/query?query={__name__=~".%2B"}',
    "/api/v1/query?query=marker_of_theirs",
    '/api/v1/query_range?query={__name__=~".%2B"}&start=-5m&end=now&step=15s',
    '/api/v1/query_exemplars?query={__name__=~".%2B"}&start=-5m&end=now',
    "/api/v1/metadata",
    "/api/v1/status/tsdb",
    "/api/clew/services",
    "/api/clew/map",
    "/api/clew/traces",
    "/api/clew/traces?service=theirs",
    f"/api/clew/traces/{'7' * 32}",
    "/api/clew/logs",
    "/api/clew/logs?text=marker_of_theirs",
    "/api/clew/why",
    "/",
    "/metrics",
    "/readyz",
]


def test_no_route_shows_another_tenants_data(doors):
    headers = {"door": "otlp-http", "method": "POST"}
    for path, body in (
        ("/v1/traces", spans("theirs", trace_id="7" * 32, name="marker_of_theirs", count=2)),
        ("/v1/logs", log("theirs", "marker_of_theirs", trace_id="7" * 32)),
        ("/v1/metrics", gauge("theirs", "marker_of_theirs", 1)),
    ):
        assert doors.ask(path, "other", json=body, **headers).status_code == 200
    assert "marker_of_theirs" in doors.ask("/api/clew/logs", "other").text
    assert "marker_of_theirs" in doors.ask("/api/clew/logs", "ops", tenant="other").text
    for path in ROUTES:
        asked = path.split("?", 1)[-1]
        for answer in (doors.ask(path, "reader"), doors.ask(path, "reader", tenant="other")):
            # What was asked for may come back in an error's text; nothing else of theirs may.
            shown = (answer.text + str(answer.headers)).replace(asked, "")
            found = [word for word in ("marker_of_theirs", '"theirs"') if word in shown and word.strip('"') not in path]
            assert not found, f"{path}: {answer.text[:300]}"
            assert answer.status_code < 500, path
    assert doors.ask("/api/clew/services", "reader", tenant="other").status_code == 403
    assert doors.ask(f"/api/clew/traces/{'7' * 32}", "reader").status_code == 404


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_an_agent_sends_with_token_and_certificate(doors, run, protocol):
    name = protocol.replace("/", "-")
    environment = {
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{doors.tokens['sender']}",
        "OTEL_EXPORTER_OTLP_CERTIFICATE": str(doors.certificate),
    }
    door = "otlp-grpc" if protocol == "grpc" else "otlp-http"
    service = run("--service", name, "--endpoint", doors.url(door), command=["python", "-c", SERVICE], env=environment)
    assert service.process.wait(30) == 0
    eventually(lambda: name in doors.ask("/jaeger/api/services", "reader").json()["data"], seconds=10)
    assert doors.tokens["sender"] not in service.stderr_path.read_text()


def test_a_grpc_sender_without_a_token_is_told(doors):
    import grpc

    credentials = grpc.ssl_channel_credentials(doors.certificate.read_bytes())
    method = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    with grpc.secure_channel(f"127.0.0.1:{doors.ports['otlp-grpc']}", credentials) as channel:
        call = channel.unary_unary(method)
        for metadata, code in (
            ((), grpc.StatusCode.UNAUTHENTICATED),
            ((("authorization", "Bearer wrong"),), grpc.StatusCode.UNAUTHENTICATED),
            ((("authorization", f"Bearer {doors.tokens['reader']}"),), grpc.StatusCode.PERMISSION_DENIED),
        ):
            with pytest.raises(grpc.RpcError) as failed:
                call(b"", metadata=metadata, timeout=10)
            assert failed.value.code() == code
        call(b"", metadata=(("authorization", f"Bearer {doors.tokens['sender']}"),), timeout=10)


def test_commands_take_a_token_file(doors, tmp_path):
    token = tmp_path / "token"
    token.write_text(doors.tokens["reader"] + "\n")
    words = [program(), "traces", "--server", doors.url(), "--format", "json"]
    environment = {"SSL_CERT_FILE": str(doors.certificate), "PATH": "/usr/bin"}
    told = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=30)
    assert told.returncode == 1 and "token" in told.stderr
    done = subprocess.run(
        [*words, "--token-file", str(token)], env=environment, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr


def test_a_new_token_and_a_new_certificate_need_no_restart(doors):
    doors.tokens["late"] = doors.make_token("late", "shop", "read")
    eventually(lambda: doors.ask("/api/clew/services", "late").status_code == 200, seconds=10)
    before = doors.certificate.read_bytes()
    make_certificate(doors.folder)
    assert doors.certificate.read_bytes() != before

    def serves_the_new_one():
        try:
            return doors.ask("/healthz").status_code == 200
        except requests.exceptions.SSLError:
            return False

    eventually(serves_the_new_one, seconds=10)
    deadline = time.monotonic() + 15
    while True:
        try:
            test_a_grpc_sender_without_a_token_is_told(doors)
            break
        except AssertionError:
            # gRPC looks at its files once a second.
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_what_is_wrong_in_a_configuration_is_named(tmp_path):
    config = tmp_path / "clew.yaml"
    config.write_text("listen: 127.0.0.1:0\ntoken: x\ntokens: /nonexistent/tokens\n")
    checked = subprocess.run([program(), "check", config], capture_output=True, text=True, timeout=30)
    assert checked.returncode == 1
    lines = checked.stderr.splitlines()
    assert any(f"{config}:2: token: there is no such key" in line for line in lines), lines
    assert any("tokens: " in line and "/nonexistent/tokens" in line for line in lines), lines
    words = [program(), "serve", "--data-dir", tmp_path / "data", "--config", config]
    started = subprocess.run(words, capture_output=True, text=True, timeout=30)
    assert started.returncode == 2 and f"{config}:2: token: " in started.stderr
    config.write_text("listen: 127.0.0.1:0\n")
    assert subprocess.run([program(), "check", config], capture_output=True, timeout=30).returncode == 0
