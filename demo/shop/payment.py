# SPDX-License-Identifier: Apache-2.0
"""Charges cards. Logs JSON, as the accountants' tools want it."""

import hashlib
import json
import logging
import time

from flask import Flask, jsonify, request

from database import Pool
from settings import Settings


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry)


handler = logging.StreamHandler()
handler.setFormatter(JsonFormatter())
logging.basicConfig(level=logging.INFO, handlers=[handler])
log = logging.getLogger("payment")

app = Flask("payment")
pool = Pool("payment", size=8)
settings = Settings("payment", review_ms=0, networks={"3": "amex", "4": "visa", "5": "mastercard", "6": "discover"})


def risk(card: str, cents: int) -> int:
    """A score from 0 to 99; the same card and sum always score the same."""
    if settings.review_ms:
        time.sleep(settings.review_ms / 1000)
    return hashlib.pbkdf2_hmac("sha256", card.encode(), str(cents).encode(), 300)[0] % 100


@app.get("/healthz")
def healthz():
    return "ok\n"


@app.post("/charges")
def charge():
    wish = request.get_json()
    card, cents = wish["card"], wish["cents"]
    network = settings.networks[card[0]]
    score = risk(card, cents)
    if score > 97:
        log.warning("charge of %d cents for %s held back, score %d", cents, wish["email"], score)
        return jsonify(error="held back"), 402
    with pool.connection() as db:
        number = db.execute(
            "INSERT INTO charges (network, last_four, cents, score) VALUES (?, ?, ?, ?)",
            (network, card[-4:], cents, score),
        ).lastrowid
    log.info("charged %d cents to %s card %s of %s", cents, network, card, wish["email"])
    return jsonify(id=number, network=network), 201
