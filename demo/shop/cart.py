# SPDX-License-Identifier: Apache-2.0
"""One cart a visitor."""

import logging

from flask import Flask, jsonify, request

from database import Pool, PoolTimeout
from settings import Settings

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s - %(message)s")
log = logging.getLogger("cart")

app = Flask("cart")
pool = Pool("cart", size=4)
settings = Settings("cart", max_items=50, linger_seconds=0)


@app.get("/healthz")
def healthz():
    return "ok\n"


@app.post("/carts/<visitor>/items")
def add(visitor: str):
    item = request.get_json()
    with pool.connection(settings.linger_seconds) as db:
        count = db.execute("SELECT count(*) FROM items WHERE visitor = ?", (visitor,)).fetchone()[0]
        if count >= settings.max_items:
            return jsonify(error="the cart is full"), 409
        db.execute(
            "INSERT INTO items (visitor, product_id, quantity) VALUES (?, ?, ?)",
            (visitor, item["product"], item.get("quantity", 1)),
        )
    log.info("cart of %s holds %d items", visitor, count + 1)
    return jsonify(items=count + 1), 201


@app.get("/carts/<visitor>")
def show(visitor: str):
    with pool.connection(settings.linger_seconds) as db:
        rows = db.execute("SELECT product_id, quantity FROM items WHERE visitor = ?", (visitor,)).fetchall()
    return jsonify(visitor=visitor, items=[dict(row) for row in rows])


@app.delete("/carts/<visitor>")
def clear(visitor: str):
    with pool.connection() as db:
        db.execute("DELETE FROM items WHERE visitor = ?", (visitor,))
    log.info("cart of %s emptied", visitor)
    return "", 204


@app.errorhandler(PoolTimeout)
def busy(error: PoolTimeout):
    log.error("%s", error)
    return jsonify(error="busy"), 503
