# SPDX-License-Identifier: Apache-2.0
"""Loki's query API of the built program, as Grafana's data source and logcli ask."""

import pytest
import requests
from clew_server import Server
from shop_traces import FAILED, SERVED, TRACE, Shop


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("loki") / "data") as started:
        started.shop = Shop(started)
        yield started


def lines(server: Server, query: str, **more) -> list[str]:
    result = server.get("/loki/api/v1/query_range", query=query, **more)["data"]["result"]
    values = [value for stream in result for value in stream["values"]]
    newest_first = more.get("direction", "backward") == "backward"
    return [line for _, line in sorted(values, reverse=newest_first)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('{service_name="cart"}', ["nothing to do", "item missing", "item found"]),
        ('{service_name=~".+", service_name!="cart"}', ["cart asked for"]),
        ('{service_name=~"c.*"}', ["nothing to do", "item missing", "item found"]),
        ('{service_name=~".+", service_name!~"c.*|x"}', ["cart asked for"]),
        ('{service_name=~".+"} |= "item"', ["item missing", "item found"]),
        ('{service_name=~".+"} |= "item" != "found"', ["item missing"]),
        ('{service_name=~".+"} |~ "f.und|asked"', ["item found", "cart asked for"]),
        ('{service_name=~".+"} !~ "item|nothing"', ["cart asked for"]),
        (f'{{service_name=~".+"}} | trace_id="{TRACE}"', ["item found", "cart asked for"]),
        (f'{{service_name=~".+"}} | span_id="{SERVED}" and trace_id="{FAILED}"', ["item missing"]),
        ('{service_name="cart"} | severity_text="ERROR"', ["item missing"]),
        ('{service_name="cart"} | detected_level="debug"', ["nothing to do"]),
        ('{service_name="cart"} | code_function_name="items" |= "found"', ["item found"]),
        ('{service_name="nobody"}', []),
    ],
)
def test_query_range(server, query, expected):
    assert lines(server, query) == expected
    assert lines(server, query, direction="forward") == expected[::-1]


def test_limit_and_times(server):
    everything = '{service_name=~".+"}'
    assert lines(server, everything, limit=2) == ["nothing to do", "item missing"]
    assert lines(server, everything, limit=1, direction="forward") == ["cart asked for"]
    start = server.shop.start
    assert lines(server, everything, start=start, end=start + 8_000_000) == ["cart asked for"]
    assert lines(server, everything, start=start, end=start + 8_000_001) == ["item found", "cart asked for"]
    assert lines(server, everything, since="30m") == lines(server, everything)


def test_patterns(server):
    found = server.get("/loki/api/v1/patterns", query='{service_name="cart"}', step="1m")["data"]
    assert {row["pattern"]: sum(count for _, count in row["samples"]) for row in found} == {
        "nothing to do": 1,
        "item missing": 1,
        "item found": 1,
    }
    assert all(start % 60 == 0 for row in found for start, _ in row["samples"])
    assert server.get("/loki/api/v1/patterns", query='{service_name="nobody"}')["data"] == []
    other = requests.get(server.url + "/loki/api/v1/patterns", params={"query": '{level="info"}'}, timeout=10)
    assert other.status_code == 501 and "service_name" in other.text


def test_structured_metadata_apart_when_asked(server):
    (stream,) = requests.get(
        server.url + "/loki/api/v1/query_range",
        params={"query": '{service_name="web"}'},
        headers={"X-Loki-Response-Encoding-Flags": "categorize-labels"},
        timeout=10,
    ).json()["data"]["result"]
    assert stream["stream"] == {"service_name": "web"}
    ((_, line, more),) = stream["values"]
    assert line == "cart asked for" and more["structuredMetadata"]["trace_id"] == TRACE


def test_labels_values_and_series(server):
    assert server.get("/loki/api/v1/labels")["data"] == ["service_name"]
    assert server.get("/loki/api/v1/label/service_name/values")["data"] == ["cart", "web"]
    values = server.get("/loki/api/v1/label/service_name/values", query='{service_name=~"w.*"}')
    assert values["data"] == ["web"]
    assert server.get("/loki/api/v1/series", **{"match[]": '{service_name="cart"}'})["data"] == [
        {"service_name": "cart"}
    ]


def test_a_form_may_be_posted(server):
    answer = requests.post(
        server.url + "/loki/api/v1/query_range", data={"query": '{service_name="web"}'}, timeout=10
    ).json()
    assert answer["status"] == "success" and answer["data"]["resultType"] == "streams"


def test_instant_queries(server):
    (sample,) = server.get("/loki/api/v1/query", query="vector(1)+vector(1)")["data"]["result"]
    assert sample["metric"] == {} and sample["value"][1] == "2"
    (stream,) = server.get("/loki/api/v1/query", query='{service_name="web"}')["data"]["result"]
    assert stream["values"][0][1] == "cart asked for"


@pytest.mark.parametrize(
    "path",
    [
        "/loki/api/v1/query_range",
        "/loki/api/v1/query_range?query={",
        '/loki/api/v1/query_range?query={service_name!="a"}',
        '/loki/api/v1/query_range?query={service_name="a"}&limit=9999999',
        '/loki/api/v1/query_range?query={service_name="a"}&limit=-1',
        '/loki/api/v1/query_range?query={service_name="a"}&direction=up',
        '/loki/api/v1/query_range?query={service_name="a"}&start=2&end=1',
        '/loki/api/v1/query_range?query={service_name="a"}|~"("',
        "/loki/api/v1/query_range?query=vector(1)&step=0",
        '/loki/api/v1/query?query={service_name="a"}&time=later',
        "/loki/api/v1/series",
        "/loki/api/v1/format_query?query={",
    ],
)
def test_wrong_questions_get_text(server, path):
    answer = requests.get(server.url + path, timeout=10)
    assert answer.status_code == 400 and answer.text
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_what_is_not_there_yet_says_so(server):
    for query in ('rate({service_name="a"}[1m])', '{service_name="a"} | json'):
        answer = requests.get(server.url + "/loki/api/v1/query_range", params={"query": query}, timeout=10)
        assert answer.status_code in (400, 501) and "not supported" in answer.text, answer.text
    for path in ("/loki/api/v1/push", "/loki/api/v1/index/stats", "/loki/api/v1/tail"):
        answer = requests.get(server.url + path, timeout=10)
        assert answer.status_code == 501 and "not supported" in answer.text
    assert requests.get(server.url + "/loki/ready", timeout=10).text == "ready\n"
