# SPDX-License-Identifier: Apache-2.0
"""Turns carts into orders: prices them, charges the card, books the parcel, keeps the record."""

import logging
import os

import requests
from flask import Flask, abort, jsonify, request

import pricing
from database import Pool
from upstream import Upstream

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s  %(message)s")
log = logging.getLogger("orders")

app = Flask("orders")
pool = Pool("orders", size=8)
catalog = Upstream("catalog")
cart = Upstream("cart")
payment = Upstream("payment", timeout_seconds=5.0)
shipping = Upstream("shipping")
total_of = pricing.METHODS[os.environ.get("ORDERS_PRICING", "list")]


@app.get("/healthz")
def healthz():
    return "ok\n"


@app.post("/orders")
def place():
    wish = request.get_json()
    items = cart.get(f"/carts/{wish['visitor']}")["items"]
    if not items:
        return jsonify(error="the cart is empty"), 409
    lines = [{**catalog.get(f"/products/{i['product_id']}"), "quantity": i["quantity"]} for i in items]
    total = total_of(lines)
    if total <= 0:
        raise ValueError(f"total of {len(lines)} lines is {total}")
    charge = payment.post("/charges", {"card": wish["card"], "cents": total, "email": wish["email"]})
    parcel = shipping.post(
        "/shipments",
        {"address": wish["address"], "postcode": wish["postcode"], "grams": sum(x["grams"] for x in lines)},
    )
    with pool.connection() as db:
        number = db.execute(
            "INSERT INTO orders (email, address, cents, charge, parcel) VALUES (?, ?, ?, ?, ?)",
            (wish["email"], wish["address"], total, charge["id"], parcel["id"]),
        ).lastrowid
    log.info(
        "order %d of %s, %d items, %.2f EUR, to %s", number, wish["email"], len(lines), total / 100, wish["address"]
    )
    cart.delete(f"/carts/{wish['visitor']}")
    return jsonify(id=number, cents=total, parcel=parcel["id"]), 201


@app.get("/orders/<int:number>")
def show(number: int):
    with pool.connection() as db:
        row = db.execute("SELECT id, cents, charge, parcel FROM orders WHERE id = ?", (number,)).fetchone()
    if row is None:
        abort(404)
    return jsonify(dict(row))


@app.errorhandler(requests.HTTPError)
def upstream_refused(error: requests.HTTPError):
    status = error.response.status_code
    if status == 402:
        log.info("the card was held back")
        return jsonify(error="the card was held back"), 402
    log.error("%s answered %d", error.response.url.split("?")[0], status)
    return jsonify(error="order not possible"), 502


@app.errorhandler(requests.RequestException)
def upstream_silent(error: requests.RequestException):
    log.error("no answer: %s", error)
    return jsonify(error="order not possible"), 503
