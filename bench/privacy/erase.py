# SPDX-License-Identifier: Apache-2.0
"""How long it takes to erase one person among many: until nobody finds it, and until it is gone from disk.

    .venv/bin/python bench/privacy/erase.py --rows 10000000 --persons 100000

starts a server, fills it with log records of as many persons, erases one, and compares counts before and after."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "support"))

from clew_program import program  # noqa: E402
from clew_server import Server  # noqa: E402

ROWS_OF_BODY = 5000


def body(first: int, persons: int, at: int) -> bytes:
    records = ",".join(
        f'{{"timeUnixNano":"{at + i}","severityNumber":9,"body":{{"stringValue":"order {first + i} of '
        f'person{(first + i) % persons}@example.net was paid in {i % 977} ms"}},"attributes":[{{"key":"http.route",'
        f'"value":{{"stringValue":"/orders/{{id}}"}}}},{{"key":"order.id","value":{{"intValue":"{first + i}"}}}}]}}'
        for i in range(ROWS_OF_BODY)
    )
    service = f'{{"key":"service.name","value":{{"stringValue":"shop{first // ROWS_OF_BODY % 8}"}}}}'
    scopes = f'[{{"scope":{{"name":"bench"}},"logRecords":[{records}]}}]'
    return f'{{"resourceLogs":[{{"resource":{{"attributes":[{service}]}},"scopeLogs":{scopes}}}]}}'.encode()


def fill(server: Server, rows: int, persons: int) -> None:
    start = time.time_ns() - 3600 * 10**9

    def send(first: int) -> None:
        while True:
            answer = requests.post(
                f"{server.otlp_http}/v1/logs",
                data=body(first, persons, start + first * 100_000),
                headers={"Content-Type": "application/json"},
                timeout=60,
            )
            if answer.status_code != 429:
                answer.raise_for_status()
                return
            time.sleep(0.2)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(send, range(0, rows, ROWS_OF_BODY)))


def count(server: Server, text: str) -> int:
    query = {"query": f'{{service_name=~"shop.*"}} |= "{text}"', "start": time.time() - 7200, "limit": 5000}
    found = server.get("/loki/api/v1/query_range", **query)["data"]["result"]
    return sum(len(stream["values"]) for stream in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--persons", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clew-erase-") as folder:
        env = {"CLEW_PRIVACY_KEYS": f"{folder}/keys"}
        with Server(Path(folder) / "data", env=env) as server:
            token = Path(folder) / "token"
            token.write_text(server.process.stdout.readline().split()[1])
            started = time.monotonic()
            fill(server, options.rows, options.persons)
            print(f"{options.rows} rows in {time.monotonic() - started:.1f} s", flush=True)
            names = [f"person{number}@example.net" for number in (17, 18)]
            shown = [
                subprocess.run([program(), "privacy", "test", "--format=json"], input=name, env=os.environ | env,
                               capture_output=True, text=True, check=True).stdout
                for name in names
            ]  # fmt: skip
            hers, his = (json.loads(line)["text"] for line in shown)
            before = count(server, hers), count(server, his)
            started = time.monotonic()
            words = [program(), "privacy", "erase", "--user", names[0], "--yes", "--token-file", token, "--format=json"]
            erasing = subprocess.Popen(
                words, env=os.environ | env | {"CLEW_SERVER": server.url}, stdout=subprocess.PIPE, text=True
            )
            invisible = None
            while erasing.poll() is None:
                if invisible is None and count(server, hers) == 0:
                    invisible = time.monotonic() - started
                time.sleep(0.2)
            gone = time.monotonic() - started
            act = json.loads(erasing.stdout.read())
            assert erasing.returncode == 0, act
            assert (count(server, hers), count(server, his)) == (0, before[1])
            assert act["rows"]["logs"] == before[0]
            print(f"{before[0]} rows of one person: invisible after {invisible or gone:.1f} s, gone after {gone:.1f} s")


if __name__ == "__main__":
    main()
