# SPDX-License-Identifier: Apache-2.0
"""Charges cards. Logs JSON, as the accountants' tools want it."""

import hashlib
import json
import logging
import os
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
settings = Settings(
    "payment",
    review_ms=0,
    max_pages=0,
    networks={"3": "amex", "4": "visa", "5": "mastercard", "6": "discover"},
)
rounds = int(os.environ.get("PAYMENT_ROUNDS", "300"))
TERMS = "Charged once, refunded within thirty days of the parcel's return, disputes to be raised in writing. " * 8


def risk(card: str, cents: int) -> int:
    """A score from 0 to 99; the same card and sum always score the same."""
    if settings.review_ms:
        time.sleep(settings.review_ms / 1000)
    return hashlib.pbkdf2_hmac("sha256", card.encode(), str(cents).encode(), rounds)[0] % 100


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
        if settings.max_pages:
            db.execute(f"PRAGMA max_page_count = {int(settings.max_pages)}")
        number = db.execute(
            "INSERT INTO charges (network, last_four, cents, score, receipt) VALUES (?, ?, ?, ?, ?)",
            (network, card[-4:], cents, score, TERMS),
        ).lastrowid
    log.info("charged %d cents to %s card %s of %s", cents, network, card, wish["email"])
    return jsonify(id=number, network=network), 201
