# SPDX-License-Identifier: Apache-2.0
"""Holds the write lock of a service's database nine tenths of the time, until it is ended: long_transactions.py SERVICE."""

import os
import sqlite3
import sys
import time

database = sqlite3.connect(os.path.join(os.environ["SHOP_DATA"], sys.argv[1] + ".db"), timeout=10, isolation_level=None)
while True:
    database.execute("BEGIN IMMEDIATE")
    time.sleep(1.2)
    database.execute("COMMIT")
    time.sleep(0.15)
