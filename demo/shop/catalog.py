# SPDX-License-Identifier: Apache-2.0
"""Products, categories and search."""

import logging
import os
import time

from flask import Flask, abort, jsonify, request

from database import Pool
from settings import Settings

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
log = logging.getLogger("catalog")

app = Flask("catalog")
pool = Pool("catalog", size=8)
settings = Settings("catalog", page_size=20, warmup_ms=0, shelf="table", keep_minutes=60)

PAGE = "SELECT id, name, price_cents FROM products WHERE category = ? ORDER BY name LIMIT ? OFFSET ?"
FEATURED = "SELECT id, name, price_cents FROM products WHERE featured = 1 ORDER BY id LIMIT ?"
POPULAR = """SELECT id, name, price_cents,
       (SELECT count(*) FROM views WHERE views.product_id = products.id) AS seen
FROM products WHERE category = ? AND featured = 1 ORDER BY seen DESC LIMIT ?"""
FOUND = "SELECT id, name, price_cents FROM products WHERE name >= ? AND name < ? ORDER BY name LIMIT ?"
LOVED = """SELECT product_id, count(DISTINCT visitor) AS visitors FROM views NOT INDEXED
WHERE at >= ? GROUP BY product_id ORDER BY visitors DESC LIMIT ?"""
ONE = "SELECT id, name, price_cents, category, grams FROM products WHERE id = ?"

shelf: dict[int, dict] = {}
loved: tuple[float, list] | None = None  # when it was looked up, and what was found


@app.before_request
def warm_up():
    if settings.warmup_ms:
        time.sleep(settings.warmup_ms / 1000)


@app.get("/healthz")
def healthz():
    return "ok\n"


@app.get("/categories")
def categories():
    with pool.connection() as db:
        rows = db.execute("SELECT DISTINCT category FROM products WHERE featured = 1").fetchall()
    return jsonify([row["category"] for row in rows])


@app.get("/products")
def products():
    page = int(request.args.get("page", 1))
    with pool.connection() as db:
        if "category" in request.args:
            rows = db.execute(PAGE, (request.args["category"], settings.page_size, (page - 1) * settings.page_size))
        else:
            rows = db.execute(FEATURED, (settings.page_size,))
        return jsonify([dict(row) for row in rows])


@app.get("/popular")
def popular():
    with pool.connection() as db:
        rows = db.execute(POPULAR, (request.args["category"], settings.page_size)).fetchall()
    log.info("popular products of %s: %d", request.args["category"], len(rows))
    return jsonify([dict(row) for row in rows])


@app.get("/loved")
def most_loved():
    """Who looked at what changes slowly: an answer is kept for a while."""
    global loved
    if loved is None or time.monotonic() - loved[0] >= 60 * settings.keep_minutes:
        with pool.connection() as db:
            loved = (time.monotonic(), [row["product_id"] for row in db.execute(LOVED, (20_000, 5))])
    return jsonify(loved[1])


def by_name(words: str, rows: list) -> list:
    return rows


def by_place(words: str, rows: list) -> list:
    """The earlier the words stand in a name, the better it fits."""
    return sorted(rows, key=lambda row: row["name"].index(words))


order_of = {"name": by_name, "place": by_place}[os.environ.get("CATALOG_ORDER", "name")]


@app.get("/search")
def search():
    words = request.args["q"].title()
    with pool.connection() as db:
        rows = db.execute(FOUND, (words, words + "\uffff", settings.page_size)).fetchall()
    return jsonify([dict(row) for row in order_of(request.args["q"], rows)])


@app.get("/products/<int:number>")
def product(number: int):
    if settings.shelf == "memory":
        return jsonify(shelf.get(number, {"id": number, "name": "", "price_cents": 0, "category": "", "grams": 0}))
    with pool.connection() as db:
        row = db.execute(ONE, (number,)).fetchone()
    if row is None:
        log.warning("no product %d", number)
        abort(404)
    log.info("product %d: %s", number, row["name"])
    return jsonify(dict(row))
