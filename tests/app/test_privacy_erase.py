# SPDX-License-Identifier: Apache-2.0
"""A person is erased: from tables, series, log, memory and files; nobody else's rows change, and a kill in the middle
only delays it."""

import json
import os
import re
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from clew_program import eventually, program
from clew_server import Server, log, resource, spans

ZOE = "zoe.erased@example.net"
JOE = "joe.stays@example.net"
IDS = ["--user", ZOE, "--also", "u-1789"]


class Kept:
    """A server with telemetry of two persons, and the pseudonyms under which they stand in it."""

    def __init__(self, folder):
        self.folder = folder
        self.env = {"CLEW_PRIVACY_KEYS": str(folder / "keys")}
        self.token_file = folder / "admin.token"
        self.server = None

    def start(self, *options: str) -> "Kept":
        self.server = Server(self.folder / "data", *options, env=self.env)
        token = re.fullmatch(r"admin-token (clew_\S+)\n", self.server.process.stdout.readline())
        self.token_file.write_text(token[1])
        return self

    def fill(self, rounds: int = 20) -> None:
        now = time.time_ns()
        for i in range(rounds):
            for user, number in ((ZOE, "u-1789"), (JOE, "u-2000")):
                at = now + i * 1000
                trace = f"{i + 1:030x}{'01' if user == ZOE else '02'}"
                request = spans("shop", trace_id=trace, count=3, start=at)
                request["resourceSpans"][0]["scopeSpans"][0]["spans"][1]["attributes"] += [
                    {"key": "user.id", "value": {"stringValue": number}},
                    {"key": "raw", "value": {"bytesValue": "eG" + "B4"}},
                ]
                request["resourceSpans"][0]["scopeSpans"][0]["spans"][2]["name"] = f"GET /u/{user}"
                assert self.server.post("traces", request).ok
                assert self.server.post("logs", log("shop", f"order {i} of {user}", at=at)).ok
        for user in (ZOE, JOE):
            point = {
                "timeUnixNano": str(now), "asDouble": 1,
                "attributes": [{"key": "user.email", "value": {"stringValue": user}}],
                "exemplars": [{"timeUnixNano": str(now), "asDouble": 1, "filteredAttributes": [
                    {"key": "who", "value": {"stringValue": user}}]}],
            }  # fmt: skip
            total = {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": [point]}
            metric = {"name": "visits", "sum": total}
            owner = resource("shop")
            owner["attributes"].append({"key": "owner", "value": {"stringValue": ZOE}})
            scopes = [{"scope": {"name": "s"}, "metrics": [metric]}]
            body = {"resourceMetrics": [{"resource": owner, "scopeMetrics": scopes}]}
            assert self.server.post("metrics", body).ok

    def pseudonym(self, text: str) -> str:
        shown = self.clew("privacy", "test", "--format=json", given=text)
        return json.loads(shown.stdout)["text"]

    def clew(self, *words: str, given: str = "") -> subprocess.CompletedProcess:
        environment = os.environ | self.env | {"CLEW_SERVER": self.server.url if self.server else ""}
        return subprocess.run(
            [program(), *words], input=given, env=environment, capture_output=True, text=True, timeout=300
        )

    def erase(self, *more: str) -> subprocess.CompletedProcess:
        return self.clew("privacy", "erase", *IDS, "--token-file", str(self.token_file), "--format=json", *more)

    def answers(self) -> dict[str, object]:
        """What readers are told, by question."""
        get = self.server.get
        logs = get("/loki/api/v1/query_range", query='{service_name="shop"}', limit=5000)["data"]["result"]
        operations = get("/jaeger/api/services/shop/operations")["data"]
        traces = get("/jaeger/api/traces", service="shop", limit=500)["data"]
        return {
            "logs": sorted((line, at) for stream in logs for at, line, *_ in stream["values"]),
            "operations": sorted(operations),
            "spans": sorted(json.dumps(span, sort_keys=True) for trace in traces for span in trace["spans"]),
            "series": sorted(json.dumps(one, sort_keys=True) for one in get("/api/v1/series", **{"match[]": "visits_total"})["data"]),
        }  # fmt: skip

    def files_with(self, texts: list[str]) -> list[str]:
        found = []
        for path in (self.folder / "data").rglob("*"):
            try:
                data = path.read_bytes() if path.is_file() else b""
            except FileNotFoundError:
                continue
            found += [str(path) for text in texts if text.encode() in data]
        return found


@pytest.fixture
def kept(tmp_path):
    kept = Kept(tmp_path)
    yield kept
    with kept.server:
        pass


def test_a_person_is_gone_and_nobody_else_changed(kept):
    kept.start().fill()
    zoe, joe = kept.pseudonym(ZOE), kept.pseudonym(JOE)
    her_id = kept.pseudonym("user_id=u-1789").removeprefix("user_id=")
    before = kept.answers()
    assert zoe in json.dumps(before) and joe in json.dumps(before)
    # Nobody without the token, and nothing without a yes.
    assert kept.clew("privacy", "erase", *IDS, "--yes").returncode == 1
    assert kept.erase().returncode == 1 and kept.answers() == before
    done = kept.erase("--yes")
    assert done.returncode == 0, done.stderr
    act = json.loads(done.stdout)
    assert act["state"] == "done" and act["identifiers"] == 2
    # By user.id and by name: two spans of each trace.
    assert act["rows"]["spans"] == 40 and act["rows"]["logs"] == 20 and act["rows"]["series"] >= 1
    after = kept.answers()
    assert zoe not in json.dumps(after)
    for question in ("logs", "operations", "series", "spans"):
        others = [row for row in before[question] if zoe not in json.dumps(row) and her_id not in json.dumps(row)]
        assert after[question] == others, question
    assert len(before["spans"]) - len(after["spans"]) == 40
    listed = kept.clew("privacy", "erasures")
    assert act["digest"] in listed.stdout and "done" in listed.stdout
    hidden = [ZOE, zoe, her_id, "u-1789"]
    assert kept.files_with(hidden) == []
    assert ZOE not in kept.server.log_path.read_text() and "u-1789" not in kept.server.log_path.read_text()
    # Nor does a start bring anything back.
    assert kept.server.stop() == 0
    assert kept.files_with(hidden) == []
    kept.start()
    again = kept.answers()
    for question in ("logs", "operations", "series"):
        assert again[question] == after[question]
    # Once more: there is nothing.
    once_more = kept.erase("--yes")
    assert json.loads(once_more.stdout)["rows"] == {}, once_more.stderr


def test_it_ends_while_others_keep_sending(kept):
    kept.start().fill(3)
    sent = 0
    stop = threading.Event()

    def send() -> None:
        nonlocal sent
        while not stop.is_set():
            body = log("shop", f"order {sent} of {JOE}")
            (scope,) = body["resourceLogs"][0]["scopeLogs"]
            scope["logRecords"] *= 200
            assert kept.server.post("logs", body).ok
            sent += 200
            time.sleep(0.05)

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send)
        try:
            done = kept.erase("--yes")
        finally:
            stop.set()
        sending.result()
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["rows"]["logs"] == 3
    taken = re.search(r'clew_ingest_rows_total\{signal="logs"\} (\d+)', kept.server.get("/metrics"))
    assert int(taken[1]) == sent + 6
    left = kept.server.get("/api/clew/logs/histogram", service="shop", points=1)["levels"]
    assert sum(sum(level["counts"]) for level in left) == sent + 3


def test_it_goes_on_after_a_kill_in_the_middle(kept):
    kept.start().fill(5)
    zoe = kept.pseudonym(ZOE)
    headers = {"Authorization": "Bearer " + kept.token_file.read_text()}
    body = {"user": ZOE, "also": ["u-1789"]}
    url = kept.server.url + "/api/clew/privacy/erasures"
    begun = requests.post(url, json=body, headers=headers, timeout=30)
    assert begun.status_code == 202, begun.text
    # Another one has to wait.
    assert requests.post(url, json=body, headers=headers, timeout=30).status_code == 429
    eventually(lambda: requests.get(f"{url}/{begun.json()['id']}", headers=headers, timeout=30).json()["rows"])
    kept.server.process.send_signal(signal.SIGKILL)
    kept.server.process.wait(10)
    kept.start()
    headers = {"Authorization": "Bearer " + kept.token_file.read_text()}
    url = kept.server.url + "/api/clew/privacy/erasures"
    (act,) = requests.get(url, headers=headers, timeout=30).json()["erasures"]
    assert act["state"] == "interrupted"
    done = kept.erase("--yes")
    assert done.returncode == 0, done.stderr
    finished = json.loads(done.stdout)
    assert finished["id"] == act["id"] and finished["state"] == "done"
    assert finished["rows"]["logs"] == 5 and finished["rows"]["spans"] == 10
    assert zoe not in json.dumps(kept.answers()) and kept.files_with([ZOE, zoe, "u-1789"]) == []


def test_only_the_role_admin_erases(tmp_path):
    tokens = tmp_path / "tokens"
    printed = {}
    for name, role in (("reader", "read"), ("writer", "write"), ("boss", "admin")):
        words = [program(), "token", name, "--roles", role, "--tenant", "*", "--file", tokens]
        printed[name] = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()[-1]
    config = tmp_path / "clew.yaml"
    config.write_text(f"tokens: {tokens}\n")
    with Server(tmp_path / "data", "--config", str(config)) as server:
        url = server.url + "/api/clew/privacy/"
        for name, expected in (("reader", 403), ("writer", 403), ("boss", 200)):
            answer = requests.post(
                url + "find", json={"user": ZOE}, headers={"Authorization": f"Bearer {printed[name]}"}, timeout=30
            )
            assert answer.status_code == expected, answer.text
        boss = {"Authorization": f"Bearer {printed['boss']}"}
        for body in ('{"user":', '{"user":1}', '{"also":["a"]}', '{"user":"x"}', '{"user":"abc","also":[1]}'):
            answer = requests.post(url + "erasures", data=body, headers=boss, timeout=30)
            assert answer.status_code == 400, body
        assert requests.get(url + "erasures/none", headers=boss, timeout=30).status_code == 404
