# SPDX-License-Identifier: Apache-2.0
"""`clew demo` as people run it: the whole of server, shop, agents and visitors, started and ended by one command."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from clew_program import ROOT, program


def demo(*arguments: str, seconds: float = 240):
    return subprocess.run([program(), "demo", *arguments], capture_output=True, text=True, timeout=seconds, check=False)


def processes_of(folder: Path) -> list[str]:
    """Command lines and environments of running processes that name a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in told and process.name != str(os.getpid()):
            found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:120])
    return found


def gone(folder: Path, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while processes_of(folder):
        if time.monotonic() > until:
            return False
        time.sleep(0.2)
    return True


def test_faults_are_listed_with_their_truth():
    listed = demo("--list-faults", "--format", "json")
    assert listed.returncode == 0 and listed.stderr == ""
    truth = json.loads((ROOT / "demo/faults.json").read_text())
    assert json.loads(listed.stdout) == [{k: f[k] for k in ("name", "service", "kind", "text")} for f in truth]
    for fault in truth:
        assert f"{fault['name']}:{fault['service']}" in demo("--list-faults").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--fault", "nonsense"], "--fault: expected one of"),
        (["--fault", "bad-deploy:frontend"], "--fault: expected one of"),
        (["--fault", "bad-deploy", "--no-fault"], "expected either --no-fault or --fault, got both"),
        (["--for", "soon"], "--for"),
        (["--format", "xml", "--list-faults"], "--format"),
    ],
)
def test_wrong_use_is_one_line(arguments, said):
    answer = demo(*arguments)
    assert answer.returncode == 2 and answer.stdout == ""
    assert said in answer.stderr and answer.stderr.count("\n") == 1


def test_folder_that_is_not_empty_is_left_alone(tmp_path):
    (tmp_path / "mine").write_text("x")
    answer = demo("--for", "5", "--data-dir", str(tmp_path))
    assert answer.returncode == 2 and "expected a new or empty folder" in answer.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]


def test_healthy_run_says_so_and_leaves_nothing_running(tmp_path):
    answer = demo("--for", "40", "--no-fault", "--format", "json", "--data-dir", str(tmp_path))
    assert answer.returncode == 0, answer.stderr
    diagnosis = json.loads(answer.stdout)
    assert diagnosis["incident"] is False and diagnosis["causes"] == [], answer.stdout
    assert gone(tmp_path, 1), processes_of(tmp_path)
    for line in ("server: http://127.0.0.1:", "visitors come for 40 s", " 0 failed, median "):
        assert line in answer.stderr, answer.stderr
    # Ids stand in the lines of every service that logs within a request.
    for name in ("frontend", "catalog", "cart", "orders", "shipping"):
        assert " trace_id=" in (tmp_path / "logs" / f"{name}.log").read_text(), name
    entry = next(line for line in (tmp_path / "logs/payment.log").read_text().splitlines() if "charged" in line)
    assert len(json.loads(entry)["trace_id"]) == 32 and len(json.loads(entry)["span_id"]) == 16


def test_fault_is_named_first(tmp_path):
    answer = demo("--for", "60", "--fault", "bad-deploy", "--format", "json", "--data-dir", str(tmp_path))
    assert answer.returncode == 0, answer.stderr
    diagnosis = json.loads(answer.stdout)
    assert diagnosis["incident"] is True, answer.stderr
    assert diagnosis["causes"][0]["service"] == "orders", answer.stdout
    assert "fault bad-deploy at orders (change)" in answer.stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "terminated"])
def test_no_child_outlives_it(tmp_path, number):
    with open(tmp_path / "said", "w+") as said:
        running = subprocess.Popen([program(), "demo", "--data-dir", str(tmp_path / "demo")], stdout=said, stderr=said)
        until = time.monotonic() + 120
        while "visitors come" not in (tmp_path / "said").read_text():
            assert running.poll() is None and time.monotonic() < until, (tmp_path / "said").read_text()
            time.sleep(0.2)
        assert len(processes_of(tmp_path / "demo")) > 12
        running.send_signal(number)
        status = running.wait(60)
    assert status == (-signal.SIGKILL if number == signal.SIGKILL else 0), (tmp_path / "said").read_text()
    assert gone(tmp_path / "demo", 20), processes_of(tmp_path / "demo")
