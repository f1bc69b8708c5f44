# SPDX-License-Identifier: Apache-2.0
"""`clew mcp`: the Model Context Protocol over standard input and output and over HTTP."""

import json
import os
import re
import subprocess

import pytest
import requests
from clew_program import program
from clew_server import Server
from shop_traces import FAILED, Shop

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("mcp") / "data") as started:
        Shop(started)
        yield started


def start(server, *options, **more):
    environment = os.environ | {"CLEW_SERVER": server.url}
    return subprocess.Popen([program(), "mcp", *options], env=environment, text=True, stdout=subprocess.PIPE, **more)


def talk(server, *lines) -> list[dict]:
    sent = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    done, _ = start(server, stdin=subprocess.PIPE).communicate(sent, timeout=30)
    return [json.loads(line) for line in done.splitlines()]


def call(number: int, name: str, **arguments) -> dict:
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": name, "arguments": arguments}}


def test_over_standard_input(server):
    hello, listed, answered = talk(
        server,
        INITIALIZE,
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
        call(3, "why"),
    )
    assert hello["result"]["serverInfo"]["name"] == "clew" and "tools" in hello["result"]["capabilities"]
    assert {tool["name"] for tool in listed["result"]["tools"]} >= {"why"}
    assert all(tool["inputSchema"]["type"] == "object" for tool in listed["result"]["tools"])
    answer = json.loads(answered["result"]["content"][0]["text"])
    assert answered["result"]["isError"] is False and answer["incident"] is False


def test_wrong_words_get_errors_and_the_talk_goes_on(server):
    broken, unknown, no_tool, answered = talk(
        server, "garbage", {"jsonrpc": "2.0", "id": 4, "method": "nope"}, call(5, "no_such_tool"), call(6, "why")
    )
    assert broken["error"]["code"] == -32700 and broken["id"] is None
    assert unknown["error"]["code"] == -32601
    assert no_tool.get("error") or no_tool["result"]["isError"]
    assert answered["id"] == 6 and answered["result"]["isError"] is False
    (bad_time,) = talk(server, call(7, "why", **{"from": "-5m", "to": "-10m"}))
    assert bad_time["result"]["isError"] is True


def test_over_http(server):
    process = start(server, "--http", "127.0.0.1:0")
    try:
        address = re.fullmatch(r"listening mcp (\S+)\n", process.stdout.readline())[1]
        url = f"http://{address}/mcp"
        answer = requests.post(url, json=INITIALIZE, timeout=10)
        assert answer.json()["result"]["serverInfo"]["name"] == "clew"
        answer = requests.post(url, json=call(2, "why"), timeout=10)
        assert answer.json()["result"]["isError"] is False
        foreign = requests.post(url, json=INITIALIZE, headers={"Origin": "https://evil.example"}, timeout=10)
        assert foreign.status_code == 403
    finally:
        process.terminate()
        process.wait(10)


def test_a_server_that_is_gone_is_an_error_of_the_tool(tmp_path):
    with Server(tmp_path / "data") as gone:
        pass
    (answered,) = talk(gone, call(1, "why"))
    text = json.dumps(answered)
    assert answered["result"]["isError"] is True and gone.addresses["http"] in text


def test_a_trace_can_be_looked_at(server):
    found, shown = talk(server, call(1, "traces", errors=True), call(2, "trace", id=FAILED))
    assert FAILED in found["result"]["content"][0]["text"]
    assert "GET /items" in shown["result"]["content"][0]["text"]
