# SPDX-License-Identifier: Apache-2.0
"""The page of a server that is empty, that asks for tokens, that stops in the middle of a visit."""

import subprocess

import requests
from clew_program import program
from clew_server import Server, spans
from telemetry import fill


def test_an_empty_store_says_what_to_run(tmp_path, tab):
    with Server(tmp_path / "data") as server:
        view = tab(server.url)
        for path in ("/", "/ui/map", "/ui/traces", "/ui/logs"):
            view.open(path)
            assert f"clew run --endpoint http://{server.addresses['otlp-http']} -- gunicorn shop:app" in view.text()
        view.open("/")
        view.shoot("empty")
        assert not view.accessibility_problems()
        view.open("/ui/why")
        assert "There are no traces" in view.text()


def test_a_server_that_stops_is_told_of_and_comes_back(tmp_path, tab):
    with Server(tmp_path / "data") as server:
        fill(server, minutes=8)
        view = tab(server.url)
        view.open("/")
        assert "payment" in view.text()
        server.stop()
        view.click("nav >> text=Traces")
        assert "The server does not answer" in view.text("[role=alert]")
        view.shoot("stopped")
        view.complaints.clear()  # refused connections
    with Server(tmp_path / "data", "--listen", server.addresses["http"]) as _:
        view.click("text=Try again")
        view.page.wait_for_selector(".trace-row")


def token_of(folder, roles: str) -> str:
    words = [program(), "token", "visitor", "--tenant", "anonymous", "--roles", roles, "--file", folder / "tokens"]
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=30).stdout.strip()


def test_tokens_are_given_at_the_browsers_prompt(tmp_path, tab):
    token = token_of(tmp_path, "read,write")
    (tmp_path / "clew.yaml").write_text(f"tokens: {tmp_path}/tokens\n")
    with Server(tmp_path / "data", "--config", str(tmp_path / "clew.yaml")) as server:
        assert requests.get(server.url, timeout=10).headers["WWW-Authenticate"].endswith('Basic realm="clew"')
        sent = server.post("traces", spans("web", trace_id="1" * 32), Authorization=f"Bearer {token}")
        assert sent.status_code == 200, sent.text
        view = tab(server.url, http_credentials={"username": "any", "password": token})
        view.open("/")
        assert "web" in view.text(".services")
        view.complaints.clear()
