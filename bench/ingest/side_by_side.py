# SPDX-License-Identifier: Apache-2.0
"""What bench/ingest and bench/query share: servers one after the other on the same core, the load generator on another."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOAD = ROOT / "build" / "otlpload" / "otlpload"
PEERS = ROOT / "build" / "peers"
SERVER_CORE, LOAD_CORE = "1", "0"
# What is measured, and what its items are called.
KINDS = {"traces": "span", "logs": "record", "metrics": "point"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def require(path: Path, how: str) -> Path:
    if not path.exists():
        sys.exit(f"{path} is not there: {how}")
    return path


@dataclass
class Server:
    """One server under test on a fresh folder."""

    name: str
    command: list[str]
    ready: str
    ingest: dict[str, str]  # by kind: traces, logs, metrics
    query: str  # Jaeger's API, where it has one
    folder: Path
    process: subprocess.Popen | None = field(default=None, repr=False)

    def __enter__(self) -> "Server":
        log = open(self.folder.parent / f"{self.folder.name}.log", "wb")
        self.process = subprocess.Popen(["taskset", "-c", SERVER_CORE, *self.command], stdout=log, stderr=log)
        log.close()
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(self.ready, timeout=2).close()
                return self
            except (urllib.error.URLError, OSError):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"{self.name} did not come up")
                time.sleep(0.05)

    def __exit__(self, *unused) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def cpu(self) -> tuple[float, float]:
        """Seconds of its own and in the kernel."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        user, system = (int(field) / os.sysconf("SC_CLK_TCK") for field in fields[11:13])
        return user, system

    def peak_mib(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1024

    def disk_bytes(self) -> int:
        return int(subprocess.check_output(["du", "-sb", self.folder], text=True).split()[0])


def clew(folder: Path) -> Server:
    program = require(Path(os.environ.get("CLEW_PROGRAM", ROOT / "bin" / "clew")), "run `make build`")
    http, otlp, grpc = free_port(), free_port(), free_port()
    command = [str(program), "serve", "--data-dir", str(folder)]
    for option, port in (("--listen", http), ("--otlp-http", otlp), ("--otlp-grpc", grpc)):
        command += [option, f"127.0.0.1:{port}"]
    ingest = {kind: f"http://127.0.0.1:{otlp}/v1/{kind}" for kind in KINDS}
    url = f"http://127.0.0.1:{http}"
    return Server("clew", command, f"{url}/readyz", ingest, f"{url}/jaeger", folder)


def victoria(name: str, kind: str, path: str, query: str = "", retention: str = "30d"):
    """A server of the Victoria family that takes one kind of telemetry."""

    def make(folder: Path) -> Server:
        program = require(PEERS / name, f"tools/otlpload/build-peer {name} SOURCE makes it")
        url = f"http://127.0.0.1:{free_port()}"
        command = [str(program), f"-storageDataPath={folder}", f"-httpListenAddr={url.removeprefix('http://')}"]
        command += [f"-retentionPeriod={retention}", "-loggerLevel=WARN"]
        return Server(name, command, f"{url}/health", {kind: url + path}, url + query, folder)

    return make


KNOWN = {
    "clew": clew,
    "victoria-traces": victoria("victoria-traces", "traces", "/insert/opentelemetry/v1/traces", "/select/jaeger"),
    "victoria-logs": victoria("victoria-logs", "logs", "/insert/opentelemetry/v1/logs"),
    "victoria-metrics": victoria("victoria-metrics", "metrics", "/opentelemetry/v1/metrics", retention="100y"),
}


def version_of(name: str) -> str:
    file = PEERS / f"{name}.version"
    return file.read_text().strip() if file.exists() else ""


def fresh(name: str, within: Path) -> Server:
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=within))
    return KNOWN[name](folder)


def load(*words: str) -> dict:
    require(LOAD, "tools/otlpload/build makes it")
    return json.loads(subprocess.check_output(["taskset", "-c", LOAD_CORE, str(LOAD), *words], text=True))


def table(rows: dict[str, dict[str, float]], of: str, to: str) -> None:
    """A line a figure: its value for each server, and what part of the peer's Clew needs."""
    names = list(rows)
    print(f"{'':32}" + "".join(f"{name:>18}" for name in names) + f"{'ratio':>10}")
    for figure in rows[of]:
        values = "".join(f"{rows[name][figure]:18.3f}" for name in names)
        ratio = rows[of][figure] / rows[to][figure] if rows[to][figure] else float("nan")
        print(f"{figure:32}{values}{ratio:10.3f}")
