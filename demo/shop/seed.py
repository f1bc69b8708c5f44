# SPDX-License-Identifier: Apache-2.0
"""Fills the shop's databases below SHOP_DATA, always with the same goods."""

import random
import sqlite3

from database import path

CATEGORIES = ["books", "garden", "kitchen", "music", "sports", "tools", "toys", "travel"]
ADJECTIVES = [
    "Blue",
    "Bright",
    "Classic",
    "Compact",
    "Green",
    "Heavy",
    "Light",
    "Quiet",
    "Red",
    "Sturdy",
    "Warm",
    "Wide",
]
THINGS = [
    "Bag",
    "Bench",
    "Board",
    "Bowl",
    "Box",
    "Chair",
    "Clock",
    "Drum",
    "Kettle",
    "Lamp",
    "Saw",
    "Tent",
    "Towel",
    "Vase",
]
PRODUCTS = 4000
VIEWS = 120_000

TABLES = {
    "catalog": """
        CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT, category TEXT, price_cents INTEGER, grams INTEGER,
                               featured INTEGER);
        CREATE INDEX products_by_category ON products (category, name);
        CREATE INDEX products_by_name ON products (name);
        CREATE INDEX products_featured ON products (featured, category);
        CREATE TABLE views (at INTEGER, visitor TEXT, product_id INTEGER);
        CREATE INDEX views_by_product ON views (product_id);""",
    "cart": """
        CREATE TABLE items (id INTEGER PRIMARY KEY, visitor TEXT, product_id INTEGER, quantity INTEGER);
        CREATE INDEX items_by_visitor ON items (visitor);""",
    "orders": """
        CREATE TABLE orders (id INTEGER PRIMARY KEY, email TEXT, address TEXT, cents INTEGER, charge INTEGER,
                             parcel INTEGER);""",
    "payment": """
        CREATE TABLE charges (id INTEGER PRIMARY KEY, network TEXT, last_four TEXT, cents INTEGER, score INTEGER,
                              receipt TEXT);""",
    "shipping": """
        CREATE TABLE rates (zone INTEGER PRIMARY KEY, cents INTEGER, days INTEGER);
        INSERT INTO rates VALUES (1, 390, 1), (2, 490, 2), (3, 690, 3), (4, 990, 5);
        CREATE TABLE shipments (id INTEGER PRIMARY KEY, postcode TEXT, grams INTEGER, zone INTEGER);""",
}


def main() -> None:
    chance = random.Random(7)
    for name, tables in TABLES.items():
        db = sqlite3.connect(path(name))
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(tables)
        if name == "catalog":
            names = [f"{a} {t}" for a in ADJECTIVES for t in THINGS]
            db.executemany(
                "INSERT INTO products VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (
                        number,
                        f"{chance.choice(names)} {number}",
                        chance.choice(CATEGORIES),
                        chance.randrange(199, 19999),
                        chance.randrange(50, 5000),
                        1 if number % 25 == 0 else 0,
                    )
                    for number in range(1, PRODUCTS + 1)
                ],
            )
            db.executemany(
                "INSERT INTO views VALUES (?, ?, ?)",
                [
                    (second, f"v{chance.randrange(5000)}", min(PRODUCTS, int(chance.expovariate(1 / 600)) + 1))
                    for second in range(VIEWS)
                ],
            )
        db.commit()
        db.close()


if __name__ == "__main__":
    main()
