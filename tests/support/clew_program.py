# SPDX-License-Identifier: Apache-2.0
"""Starts the built program and the services that it runs, and reads what they leave."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ROOT / "tests" / "app" / "services"
# Beside the interpreter that runs the tests stand gunicorn, flask and waitress.
TOOLS = Path(sys.executable).parent
# Starts a command as process 1 of a pid namespace with its own /proc; the root's mount propagation is left alone, since
# in a chroot the root is no mount.
OWN_PIDS = ["unshare", "--pid", "--fork", "--mount", "--propagation", "unchanged", "--mount-proc"]


def program() -> Path:
    """bin/clew, which `make build` leaves, unless CLEW_PROGRAM names another."""
    named = os.environ.get("CLEW_PROGRAM")
    path = Path(named) if named else ROOT / "bin" / "clew"
    assert path.exists(), f"{path} is not there: run `make build`, or name a program in CLEW_PROGRAM"
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(holds: Callable[[], object], seconds: float = 10, what: str = ""):
    """Waits for `holds` to give something true and gives it."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            value = holds()
            if value:
                return value
            problem = f"last {value!r}"
        except (AssertionError, OSError, KeyError, IndexError, requests.RequestException) as error:
            problem = repr(error)
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what or holds} ({problem})")
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            found += [int(word) for word in (task / "children").read_text().split()]
        except OSError:
            continue
    return found


def descendants(pid: int) -> list[int]:
    found = children(pid)
    for child in list(found):
        found += descendants(child)
    return found


def command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()


def state(pid: int) -> str:
    """The state letter of /proc/PID/stat; empty where the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def is_running(pid: int) -> bool:
    return state(pid) not in ("", "Z", "X")


class Run:
    """One `clew run`."""

    def __init__(
        self, folder: Path, *options: str, command: list, env: dict | None = None, cwd: Path | None = None, **popen
    ):
        self.folder = folder
        self.stdout_path = folder / "stdout"
        self.stderr_path = folder / "stderr"
        words = [str(program()), "run", *options, "--", *map(str, command)]
        # An own folder for sockets, so that runs of other tests are not seen.
        runtime = folder / "runtime"
        runtime.mkdir(exist_ok=True)
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "CLEW_"))}
        environment |= {"XDG_RUNTIME_DIR": str(runtime), "PYTHONUNBUFFERED": "1"}
        environment["PATH"] = f"{TOOLS}:{environment['PATH']}"
        environment |= env or {}
        self.environment = {k: v for k, v in environment.items() if v is not None}
        with open(self.stdout_path, "wb") as out, open(self.stderr_path, "wb") as err:
            settings = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": err, "start_new_session": True, **popen}
            self.process = subprocess.Popen(words, env=self.environment, cwd=cwd or SERVICES, **settings)

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *unused) -> None:
        # From the leaves up, so that nothing is left to be taken over.
        for pid in reversed([self.pid, *descendants(self.pid)]):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait(10)

    @property
    def pid(self) -> int:
        return self.process.pid

    def stdout(self) -> str:
        return self.stdout_path.read_text(errors="replace")

    def stderr(self) -> str:
        return self.stderr_path.read_text(errors="replace")

    def said(self) -> list[str]:
        """What `clew run` itself said, without its mark."""
        return [line[10:] for line in self.stderr().splitlines() if line.startswith("clew run: ")]

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self, seconds: float = 15) -> int:
        return self.process.wait(seconds)

    def stop(self, number: int = signal.SIGTERM, seconds: float = 15) -> int:
        self.send(number)
        return self.wait(seconds)

    def page_url(self) -> str:
        return eventually(lambda: re.search(r"http://\S+/metrics", " ".join(self.said())), what="start line")[0]

    def page(self, accept: str = "") -> str:
        response = requests.get(self.page_url(), headers={"Accept": accept}, timeout=5)
        assert response.status_code == 200
        return response.text

    def samples(self, name: str, **labels: str) -> list[float]:
        return [value for n, own, value in samples_of(self.page()) if n == name and labels.items() <= own.items()]

    def total(self, name: str, **labels: str) -> float:
        return sum(self.samples(name, **labels))

    def status(self) -> dict:
        answer = self.clew("status", "--format", "json")
        assert answer.returncode == 0, answer.stderr
        return next(run for run in json.loads(answer.stdout) if run["pid"] == self.pid)

    def clew(self, *words: str) -> subprocess.CompletedProcess:
        return subprocess.run([program(), *words], env=self.environment, capture_output=True, text=True, timeout=20)


def samples_of(page: str) -> list[tuple[str, dict[str, str], float]]:
    """Name, labels and value of each line of a text-format page."""
    found = []
    for line in page.splitlines():
        if not line or line.startswith("#"):
            continue
        match = re.fullmatch(r"([a-zA-Z_:][\w:]*)(?:\{(.*?)\})? (\S+)(?: # .*)?", line)
        assert match, line
        labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
        found.append((match[1], labels, float(match[3])))
    return found


class Web:
    """A service under `clew run` that answers HTTP on `port`."""

    def __init__(self, run: Run, port: int):
        self.run = run
        self.url = f"http://127.0.0.1:{port}"

    def get(self, path: str, **options) -> requests.Response:
        return requests.get(self.url + path, timeout=10, **options)

    def ready(self, seconds: float = 20) -> "Web":
        def answers():
            assert self.run.process.poll() is None, self.run.stderr()
            return requests.get(self.url + "/ready", timeout=2).ok

        eventually(answers, seconds, "the service answers")
        return self

    def pids(self, count: int, seconds: float = 20) -> set[int]:
        """Asks until `count` different workers have answered."""
        seen: set[int] = set()

        def ask():
            seen.add(self.get("/pid").json())
            return len(seen) >= count

        eventually(ask, seconds, f"{count} workers answer")
        return seen
