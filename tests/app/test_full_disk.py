# SPDX-License-Identifier: Apache-2.0
"""The built `clew serve` on a disk that fills up: what was acknowledged is kept, reading goes on, it recovers by itself."""

import os
import random
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
import requests
from clew_program import eventually
from clew_server import Server, log, spans

DISK_MIB = 400
SPANS = 20


class SmallDisk:
    """A file system of a few hundred MiB in a mount namespace of its own, which some processes are put into."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir()
        users = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        # In a chroot / is no mount point, and whoever made the chroot has decided who sees what is mounted in it.
        private = "mount --make-rprivate / 2>/dev/null"
        script = f"{private}; mount -t tmpfs -o size={DISK_MIB}m clew-test {folder} && echo mounted && exec cat"
        self.holder = subprocess.Popen(
            ["unshare", *users, "--mount", "--propagation", "unchanged", "sh", "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        if self.holder.stdout.readline() != "mounted\n":
            problem = self.holder.stderr.read()
            pytest.fail(f"a full disk is tested in a mount namespace, which root or user namespaces allow: {problem}")
        into = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        self.within = ["nsenter", "--target", str(self.holder.pid), *into, "--mount", "--root", "--wd", "--"]
        self.seen_from_here = Path(f"/proc/{self.holder.pid}/root{folder}")

    def free(self) -> int:
        status = os.statvfs(self.seen_from_here)
        return status.f_bavail * status.f_frsize

    def fill(self, leave: int) -> None:
        with open(self.seen_from_here / "filler", "ab") as filler:
            for _ in range(20):
                if (more := self.free() - leave) <= 0:
                    return
                try:
                    os.posix_fallocate(filler.fileno(), os.fstat(filler.fileno()).st_size, more)
                except OSError:
                    continue  # somebody was faster

    def empty(self) -> None:
        (self.seen_from_here / "filler").unlink(missing_ok=True)

    def close(self) -> None:
        self.holder.stdin.close()
        self.holder.wait(10)


@pytest.fixture
def disk(tmp_path):
    made = SmallDisk(tmp_path / "disk")
    yield made
    made.close()


def start(disk: SmallDisk, tmp_path: Path) -> Server:
    return Server(disk.folder / "data", within=disk.within, log_path=tmp_path / "serve.log")


class Senders:
    """Send traces of SPANS spans and a log record each, one after the other, and remember what became of them."""

    def __init__(self, server: Server, count: int = 2, seed: int = 1):
        self.server = server
        self._seed = seed
        self.acknowledged: list[str] = []
        self.refused: list[int] = []
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(i,)) for i in range(count)]
        for thread in self._threads:
            thread.start()

    def _send(self, number: int) -> None:
        random_ids = random.Random(1000 * self._seed + number)
        while not self._done.is_set():
            trace_id = f"{random_ids.getrandbits(128):032x}"
            for signal_name, body in (
                ("logs", log("shop", f"line of {trace_id}", trace_id=trace_id)),
                ("traces", spans("shop", trace_id=trace_id, count=SPANS)),
            ):
                try:
                    status = self.server.post(signal_name, body).status_code
                except requests.RequestException:
                    return
                if status != 200:
                    self.refused.append(status)
                    break
            else:
                self.acknowledged.append(trace_id)
            time.sleep(0.06)

    def stop(self) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()


def expect_each_once(server: Server, traces: list[str]) -> None:
    for trace_id in traces:
        found = server.get(f"/api/clew/traces/{trace_id}")
        assert len(found["spans"]) == SPANS, trace_id
        assert [one["body"] for one in found["logs"]] == [f"line of {trace_id}"]


def test_a_disk_that_fills_again_and_again_loses_nothing(disk, tmp_path):
    chance = random.Random(1)
    with start(disk, tmp_path) as server:
        senders = Senders(server)
        eventually(lambda: len(senders.acknowledged) > 20)
        early = senders.acknowledged[0]
        # Its rows are in their tables from then on.
        assert len(server.get(f"/api/clew/traces/{early}")["spans"]) == SPANS
        for _ in range(8):
            time.sleep(chance.uniform(0, 0.4))
            disk.fill(chance.randrange(2 << 20))
            until = time.monotonic() + chance.uniform(0.1, 1.2)
            while time.monotonic() < until:
                assert len(server.get(f"/api/clew/traces/{early}")["spans"]) == SPANS
            disk.empty()
        senders.stop()
        assert set(senders.refused) <= {429, 503, 507}
        eventually(lambda: server.get("/readyz"), what="ready again")
        expect_each_once(server, senders.acknowledged)
        assert server.stop() == 0


def test_a_disk_that_stays_full_is_said_and_passes(disk, tmp_path):
    with start(disk, tmp_path) as server:
        senders = Senders(server, 1)
        eventually(lambda: len(senders.acknowledged) > 20)
        senders.stop()
        expect_each_once(server, senders.acknowledged)
        # What fills the log, so that it needs another segment.
        large = {"attributes": [{"key": f"k{i}", "value": {"stringValue": "x" * 60_000}} for i in range(16)]}
        disk.fill(0)

        def refused_for_room() -> bool:
            body = spans("bulk", trace_id=f"{random.getrandbits(128):032x}")
            body["resourceSpans"][0]["scopeSpans"][0]["spans"][0] |= large
            return server.post("traces", body).status_code == 507

        eventually(refused_for_room, 60, "507")
        assert server.get("/readyz", expect=503)
        # Stored or pending: reading goes on.
        assert len(server.get(f"/api/clew/traces/{senders.acknowledged[0]}")["spans"]) == SPANS
        server.get("/api/clew/services")
        disk.empty()
        eventually(lambda: server.get("/readyz"), 30, "ready again")
        late = Senders(server, 1, seed=2)
        eventually(lambda: len(late.acknowledged) > 5)
        late.stop()
        expect_each_once(server, senders.acknowledged + late.acknowledged)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_an_end_while_the_disk_is_full(disk, tmp_path, how):
    with start(disk, tmp_path) as server:
        senders = Senders(server)
        eventually(lambda: len(senders.acknowledged) > 20)
        disk.fill(0)
        time.sleep(1)
        server.stop(how, 30)
        senders.stop()
    # It comes up without any room, too, and answers.
    with start(disk, tmp_path) as server:
        server.get("/api/clew/services")
        disk.empty()
        eventually(lambda: server.get("/readyz"), 30, "ready again")
        expect_each_once(server, senders.acknowledged)
        assert server.stop() == 0
