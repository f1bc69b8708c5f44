# SPDX-License-Identifier: Apache-2.0
"""What `clew serve` refuses of one tenant, and how it says so."""

import subprocess

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


def test_wrong_words_are_named(tmp_path):
    for option, value in (("--retention", "long"), ("--retention", "-1d"), ("--disk-share", "180%")):
        words = [program(), "serve", "--data-dir", tmp_path / "data", f"{option}={value}"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=20)
        assert done.returncode != 0 and option in done.stderr and "expected" in done.stderr
