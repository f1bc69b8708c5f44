# SPDX-License-Identifier: Apache-2.0
"""Delivery estimates and parcels."""

import logging
import random
import threading
import time

from flask import Flask, jsonify, request

from database import Pool
from settings import Settings

logging.basicConfig(level=logging.INFO, format="%(levelname)s %(asctime)s %(name)s %(message)s")
log = logging.getLogger("shipping")

app = Flask("shipping")
pool = Pool("shipping", size=8)
settings = Settings("shipping", rounding_ms=0, planned_stops=200, regions="0123456789")
started = threading.Lock()


def plan_routes() -> None:
    """Puts the day's stops in order again and again, with a rest half as long as the work."""
    chance = random.Random(3)
    stops: list[float] = []
    while True:
        began = time.monotonic()
        if len(stops) != settings.planned_stops:
            stops = [chance.random() for _ in range(settings.planned_stops)]
        sorted(stops)
        time.sleep(max(0.02, (time.monotonic() - began) / 2))


@app.before_request
def start_planning():
    if started.acquire(blocking=False):
        threading.Thread(target=plan_routes, name="routes", daemon=True).start()


def zone(postcode: str) -> int:
    if settings.rounding_ms:
        time.sleep(settings.rounding_ms / 1000)
    region = settings.regions.index(postcode[-1])
    return 1 + (region + sum(map(ord, postcode))) % 4


@app.get("/healthz")
def healthz():
    return "ok\n"


@app.get("/estimate")
def estimate():
    postcode, grams = request.args["postcode"], int(request.args["grams"])
    with pool.connection() as db:
        rate = db.execute("SELECT cents, days FROM rates WHERE zone = ?", (zone(postcode),)).fetchone()
    return jsonify(cents=rate["cents"] + grams // 100 * 15, days=rate["days"])


@app.post("/shipments")
def ship():
    wish = request.get_json()
    with pool.connection() as db:
        number = db.execute(
            "INSERT INTO shipments (postcode, grams, zone) VALUES (?, ?, ?)",
            (wish["postcode"], wish["grams"], zone(wish["postcode"])),
        ).lastrowid
    log.info("parcel %d, %d g, to %s, %s", number, wish["grams"], wish["address"], wish["postcode"])
    return jsonify(id=number), 201
