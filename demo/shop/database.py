# SPDX-License-Identifier: Apache-2.0
"""SQLite as the shop uses it: one file a service, a small pool of connections a worker."""

import contextlib
import os
import queue
import sqlite3
import threading


def path(name: str) -> str:
    return os.path.join(os.environ["SHOP_DATA"], name + ".db")


class PoolTimeout(Exception):
    """No connection became free in time."""


class Pool:
    """Connections are opened at first use, since a worker must not inherit them from its parent."""

    def __init__(self, name: str, size: int = 4, wait_seconds: float = 1.0):
        self._name = name
        self._wait_seconds = wait_seconds
        self._free: queue.LifoQueue = queue.LifoQueue()
        for _ in range(size):
            self._free.put(None)

    @contextlib.contextmanager
    def connection(self, keep_seconds: float = 0.0):
        """Lends a connection, and takes it back `keep_seconds` after its use."""
        try:
            connection = self._free.get(timeout=self._wait_seconds)
        except queue.Empty:
            raise PoolTimeout(f"no connection to {self._name} within {self._wait_seconds} s") from None
        if connection is None:
            connection = sqlite3.connect(path(self._name), timeout=5.0, check_same_thread=False, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA synchronous = NORMAL")
        try:
            yield connection
        finally:
            if keep_seconds > 0:
                timer = threading.Timer(keep_seconds, self._free.put, [connection])
                timer.daemon = True
                timer.start()
            else:
                self._free.put(connection)
