# SPDX-License-Identifier: Apache-2.0
"""Takes the index away by which the shop counts a product's views."""

import os
import sqlite3

database = sqlite3.connect(os.path.join(os.environ["SHOP_DATA"], "catalog.db"), timeout=10)
database.execute("DROP INDEX IF EXISTS views_by_product")
database.close()
