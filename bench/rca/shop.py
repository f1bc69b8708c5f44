# SPDX-License-Identifier: Apache-2.0
"""Holds the answers of `clew demo` against the truth of `clew demo --list-faults`: each fault on the real shop, and healthy runs.

    shop.py [--seconds 70] [--healthy 1] [--only NAME[:SERVICE]]... [--least-first 0.9] [--least-kind 0.85]

Takes about a minute and a half a fault. Exits 1 where fewer than the given shares are right, or a healthy run is called broken.
The program is that of CLEW_PROGRAM, else bin/clew."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLEW = os.environ.get("CLEW_PROGRAM", str(ROOT / "bin" / "clew"))


def demo(*arguments: str) -> dict:
    answer = subprocess.run([CLEW, "demo", "--format", "json", *arguments], capture_output=True, text=True, timeout=600)
    if answer.returncode != 0:
        raise RuntimeError(f"clew demo {' '.join(arguments)}: {answer.stderr[-500:]}")
    return json.loads(answer.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=70)
    parser.add_argument("--healthy", type=int, default=1)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--least-first", type=float, default=0.9)
    parser.add_argument("--least-kind", type=float, default=0.85)
    arguments = parser.parse_args()
    faults = demo("--list-faults")
    if arguments.only:
        faults = [f for f in faults if f["name"] in arguments.only or f"{f['name']}:{f['service']}" in arguments.only]
    first = kind = 0
    print(f"{'fault':<28} {'truth':<22} {'answer':<22}", flush=True)
    for fault in faults:
        wish = f"{fault['name']}:{fault['service']}"
        answer = demo("--for", str(arguments.seconds), "--fault", wish)
        cause = answer["causes"][0] if answer["causes"] else {"service": "-", "kind": "-", "score": 0, "where": ""}
        named = cause["service"] == fault["service"]
        first += named
        kind += named and cause["kind"] == fault["kind"]
        said = f"{cause['service']} {cause['kind']}"
        mark = "  " if said == f"{fault['service']} {fault['kind']}" else ("k " if named else "x ")
        print(
            f"{wish:<28} {fault['service'] + ' ' + fault['kind']:<22} {said:<22} {mark}{cause['score']:.2f} {cause['where'][:60]}",
            flush=True,
        )
    crying = 0
    for _ in range(arguments.healthy):
        answer = demo("--for", str(arguments.seconds), "--no-fault")
        crying += answer["incident"]
        print(f"{'healthy':<28} {'no incident':<22} {answer['summary'][:80]}", flush=True)
    count = max(1, len(faults))
    print(
        f"first {first}/{len(faults)}, kind {kind}/{len(faults)}, healthy runs called broken {crying}/{arguments.healthy}"
    )
    return int(first / count < arguments.least_first or kind / count < arguments.least_kind or crying > 0)


if __name__ == "__main__":
    sys.exit(main())
