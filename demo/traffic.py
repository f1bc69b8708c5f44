# SPDX-License-Identifier: Apache-2.0
"""Visitors of the shop: sessions of several kinds arrive at random, each with its own steps and pauses.

    traffic.py --url URL [--sessions-per-second 5] [--seed N] [--report-seconds 5]

Runs until SIGTERM or SIGINT. Prints one JSON line a report: requests, failures, median and 95th percentile in ms."""

import argparse
import json
import random
import signal
import statistics
import threading
import time

import requests

PEOPLE = ["Anna Kowalska", "Ben Okafor", "Chiara Rossi", "David Kim", "Elif Demir", "Farid Haddad", "Greta Lind"]
STREETS = ["Oak Street", "Mill Lane", "Station Road", "High Street", "Garden Row"]
CARDS = ["4111111111111111", "4012888888881881", "5555555555554444", "5105105105105100", "378282246310005"]
CATEGORIES = ["books", "garden", "kitchen", "music", "sports", "tools", "toys", "travel"]
WORDS = ["blue", "bright", "classic", "compact", "green", "heavy", "quiet", "red", "sturdy", "wide"]
PRODUCTS = 4000
MOST_SESSIONS = 200  # at once; more arrivals than that are turned away and counted


class Crowd:
    def __init__(self, url: str, seed: int):
        self.url = url
        self.chance = random.Random(seed)
        self.stop = threading.Event()
        self.slots = threading.BoundedSemaphore(MOST_SESSIONS)
        self.lock = threading.Lock()
        self.times: list[float] = []
        self.failures: dict[str, int] = {}
        self.turned_away = 0
        self.last_order = 0

    def report(self) -> dict:
        with self.lock:
            times, self.times = self.times, []
            failures, self.failures = self.failures, {}
            turned_away, self.turned_away = self.turned_away, 0
        cuts = statistics.quantiles(times, n=20) if len(times) > 1 else [0.0] * 19
        return {
            "requests": len(times),
            "failed": sum(failures.values()),
            "failures": failures,
            "turned_away": turned_away,
            "p50_ms": round(cuts[9] * 1000, 1),
            "p95_ms": round(cuts[18] * 1000, 1),
        }


class Visitor:
    """One session. Its steps are the methods that `visit` calls; each ends early once the crowd goes home."""

    def __init__(self, crowd: Crowd, seed: int):
        self.crowd = crowd
        self.chance = random.Random(seed)
        self.name = f"v{self.chance.randrange(10**8):08d}"
        self.session = requests.Session()

    def think(self, least: float, most: float) -> None:
        if self.crowd.stop.wait(self.chance.uniform(least, most)):
            raise SystemExit

    def ask(self, method: str, path: str, body: dict | None = None):
        started = time.monotonic()
        reason = ""
        answer = None
        try:
            answer = self.session.request(method, self.crowd.url + path, json=body, timeout=10)
            if answer.status_code >= 500:
                reason = str(answer.status_code)
        except requests.RequestException as error:
            reason = type(error).__name__
        with self.crowd.lock:
            self.crowd.times.append(time.monotonic() - started)
            if reason:
                self.crowd.failures[reason] = self.crowd.failures.get(reason, 0) + 1
        return None if reason else answer

    def product(self) -> int:
        return min(PRODUCTS, int(self.chance.expovariate(1 / 600)) + 1)

    def look(self) -> None:
        self.ask("GET", f"/product/{self.product()}?postcode={self.chance.randrange(10000, 99999)}")

    def browse(self) -> None:
        self.ask("GET", "/")
        for _ in range(self.chance.randint(1, 2)):
            self.think(0.3, 1.2)
            sort = self.chance.choice(["name", "popular", "popular"])
            self.ask("GET", f"/category/{self.chance.choice(CATEGORIES)}?sort={sort}")
        for _ in range(self.chance.randint(1, 3)):
            self.think(0.3, 1.5)
            self.look()

    def search(self) -> None:
        for _ in range(self.chance.randint(1, 3)):
            self.ask("GET", f"/search?q={self.chance.choice(WORDS)}")
            self.think(0.3, 1.0)
        self.look()

    def buy(self) -> None:
        self.look()
        for _ in range(self.chance.choice([1, 2, 2, 3, 4, 5])):
            self.think(0.1, 0.5)
            body = {"product": self.product(), "quantity": self.chance.randint(1, 3)}
            self.ask("POST", f"/cart/{self.name}", body)
        self.think(0.2, 0.6)
        self.ask("GET", f"/cart/{self.name}")
        self.think(0.2, 0.6)
        person = self.chance.choice(PEOPLE)
        customer = {
            "email": person.lower().replace(" ", ".") + f"{self.chance.randrange(100)}@example.com",
            "address": f"{person}, {self.chance.randint(1, 99)} {self.chance.choice(STREETS)}",
            "postcode": str(self.chance.randrange(10000, 99999)),
            "card": self.chance.choice(CARDS),
        }
        answer = self.ask("POST", f"/checkout/{self.name}", customer)
        if answer is not None and answer.status_code == 201:
            self.crowd.last_order = number = answer.json()["id"]
            self.think(0.3, 1.0)
            self.ask("GET", f"/orders/{number}")

    def return_for_order(self) -> None:
        if self.crowd.last_order:
            self.ask("GET", f"/orders/{self.chance.randint(max(1, self.crowd.last_order - 50), self.crowd.last_order)}")
        self.think(0.3, 1.0)
        self.ask("GET", "/")

    def crawl(self) -> None:
        first = self.product()
        for number in range(first, min(PRODUCTS, first + 10)):
            self.ask("GET", f"/product/{number}")
            self.think(0.05, 0.1)

    def visit(self) -> None:
        kinds = [
            (0.30, self.browse),
            (0.18, self.search),
            (0.38, self.buy),
            (0.10, self.return_for_order),
            (0.04, self.crawl),
        ]
        try:
            self.chance.choices([k for _, k in kinds], [share for share, _ in kinds])[0]()
        finally:
            self.session.close()
            self.crowd.slots.release()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", required=True)
    parser.add_argument("--sessions-per-second", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report-seconds", type=float, default=5.0)
    arguments = parser.parse_args()
    crowd = Crowd(arguments.url, arguments.seed)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: crowd.stop.set())
    next_report = time.monotonic() + arguments.report_seconds
    while not crowd.stop.wait(crowd.chance.expovariate(arguments.sessions_per_second)):
        if crowd.slots.acquire(blocking=False):
            visitor = Visitor(crowd, crowd.chance.randrange(2**60))
            threading.Thread(target=visitor.visit, daemon=True).start()
        else:
            with crowd.lock:
                crowd.turned_away += 1
        if time.monotonic() >= next_report:
            next_report += arguments.report_seconds
            print(json.dumps(crowd.report()), flush=True)


if __name__ == "__main__":
    main()
