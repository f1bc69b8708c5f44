# SPDX-License-Identifier: Apache-2.0
"""Holds the write lock of the orders database nine tenths of the time, until it is ended."""

import os
import sqlite3
import time

database = sqlite3.connect(os.path.join(os.environ["SHOP_DATA"], "orders.db"), timeout=10, isolation_level=None)
while True:
    database.execute("BEGIN IMMEDIATE")
    time.sleep(1.2)
    database.execute("COMMIT")
    time.sleep(0.15)
