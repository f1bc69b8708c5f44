# SPDX-License-Identifier: Apache-2.0
"""What `clew serve` refuses of one tenant, and how it says so."""

import gzip
import subprocess
import threading
from pathlib import Path

import requests
from clew_program import eventually, program, samples_of
from clew_server import Server, gauge, spans


def refusals(server: Server, name: str, reason: str) -> float:
    found = samples_of(server.get("/metrics"))
    return sum(value for own, labels, value in found if own == name and labels.get("reason") == reason)


def test_a_tenant_is_held_to_its_limits_and_others_are_not(tmp_path):
    with Server(tmp_path / "data", "--tenant-spans", "5", "--tenant-series", "3") as server:
        # Ten seconds' worth at once, then nothing until it has passed.
        assert server.post("traces", spans("shop", trace_id="1" * 32, count=300), tenant="a").status_code == 200
        refused = server.post("traces", spans("shop", trace_id="2" * 32), tenant="a")
        assert refused.status_code == 429 and int(refused.headers["Retry-After"]) > 10
        assert server.post("traces", spans("shop", trace_id="2" * 32), tenant="b").status_code == 200
        assert refusals(server, "clew_ingest_refused_requests_total", "tenant_limit") == 1

        # A point of a new series is left out, one of a known series is taken.
        answers = [server.post("metrics", gauge("shop", f"metric.{i}", i), tenant="a").json() for i in range(5)]
        assert answers[0] == {}
        assert answers[4]["partialSuccess"]["rejectedDataPoints"] == "1"
        assert "series" in answers[4]["partialSuccess"]["errorMessage"]
        assert server.post("metrics", gauge("shop", "metric.0", 7), tenant="a").json() == {}
        eventually(lambda: refusals(server, "clew_ingest_rejected_rows_total", "tenant_series") > 0)


def test_many_large_requests_at_once_do_not_take_the_memory(tmp_path):
    """Sixteen senders with 60 MB each, packed so that they cost the senders nothing."""

    def body(sender: int) -> bytes:
        value = bytes(f"{sender:02}", "ascii") + b"x" * 60_000
        attribute = b"\x0a\x01k\x12" + length(b"\x0a" + length(value))
        span = (
            b"\x0a\x10" + bytes([sender + 1] * 16) + b"\x12\x08" + bytes([sender + 1] * 8) + b"\x4a" + length(attribute)
        )
        return gzip.compress(b"\x0a" + length(b"\x12" + length((b"\x12" + length(span)) * 1000)), 1)

    def length(message: bytes) -> bytes:
        size, varint = len(message), b""
        while size >= 0x80:
            varint, size = varint + bytes([size & 0x7F | 0x80]), size >> 7
        return varint + bytes([size]) + message

    with Server(tmp_path / "data") as server:
        url = server.otlp_http + "/v1/traces"
        headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
        statuses: list[int] = []

        def send(sender: int) -> None:
            payload = body(sender)
            for _ in range(60):
                answer = requests.post(url, payload, headers=headers, timeout=60)
                statuses.append(answer.status_code)
                if answer.status_code == 200:
                    return
                assert answer.status_code == 429 and int(answer.headers["Retry-After"]) >= 1
                threading.Event().wait(0.2)

        senders = [threading.Thread(target=send, args=(sender,)) for sender in range(16)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        assert statuses.count(200) == 16
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        peak_kib = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
        # Sixteen at once, unpacked and decoded, would hold more than two gigabytes beside all else.
        assert peak_kib < 1_400_000, peak_kib


def test_wrong_words_are_named(tmp_path):
    for option, value in (("--retention", "long"), ("--retention", "-1d"), ("--disk-share", "180%")):
        words = [program(), "serve", "--data-dir", tmp_path / "data", f"{option}={value}"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=20)
        assert done.returncode != 0 and option in done.stderr and "expected" in done.stderr
