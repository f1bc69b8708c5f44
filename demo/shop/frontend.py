# SPDX-License-Identifier: Apache-2.0
"""What visitors talk to: pages put together from the other services."""

import logging

import requests
from flask import Flask, jsonify, request

from upstream import Upstream

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s [%(name)s] %(message)s")
log = logging.getLogger("shop.frontend")

app = Flask("frontend")
catalog = Upstream("catalog")
cart = Upstream("cart")
orders = Upstream("orders", timeout_seconds=8.0)
shipping = Upstream("shipping")


@app.get("/healthz")
def healthz():
    return "ok\n"


@app.get("/")
def home():
    log.info("home page")
    return jsonify(
        categories=catalog.get("/categories"),
        featured=catalog.get("/products", page=1),
        loved=catalog.get("/loved"),
    )


@app.get("/category/<name>")
def category(name: str):
    order = request.args.get("sort", "name")
    log.info("category %s by %s", name, order)
    path = "/popular" if order == "popular" else "/products"
    return jsonify(name=name, products=catalog.get(path, category=name))


@app.get("/search")
def search():
    words = request.args.get("q", "")
    found = catalog.get("/search", q=words)
    log.info("search for %r found %d products", words, len(found))
    return jsonify(query=words, products=found)


@app.get("/product/<int:number>")
def product(number: int):
    page = {"product": catalog.get(f"/products/{number}")}
    try:
        page["delivery"] = shipping.get("/estimate", postcode=request.args.get("postcode", "10115"), grams=400)
    except requests.RequestException as error:
        log.warning("no delivery estimate for product %d: %s", number, type(error).__name__)
    return jsonify(page)


@app.post("/cart/<visitor>")
def add(visitor: str):
    item = request.get_json()
    log.info("visitor %s adds product %s", visitor, item["product"])
    return jsonify(cart.post(f"/carts/{visitor}/items", item)), 201


@app.get("/cart/<visitor>")
def show(visitor: str):
    return jsonify(cart.get(f"/carts/{visitor}"))


@app.post("/checkout/<visitor>")
def checkout(visitor: str):
    customer = request.get_json()
    log.info("visitor %s checks out as %s", visitor, customer["email"])
    order = orders.post("/orders", {"visitor": visitor, **customer})
    return jsonify(order), 201


@app.get("/orders/<int:number>")
def order(number: int):
    return jsonify(orders.get(f"/orders/{number}"))


@app.errorhandler(requests.HTTPError)
def upstream_refused(error: requests.HTTPError):
    status = error.response.status_code
    if status < 500:
        return jsonify(error=error.response.reason), status
    log.error("%s answered %d", error.response.url, status)
    return jsonify(error="a part of the shop does not work"), 502


@app.errorhandler(requests.RequestException)
def upstream_silent(error: requests.RequestException):
    log.error("no answer for %s: %s", request.path, type(error).__name__)
    return jsonify(error="a part of the shop does not answer"), 503
