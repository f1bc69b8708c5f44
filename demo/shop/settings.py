# SPDX-License-Identifier: Apache-2.0
"""Values that operations may change while a service runs: one JSON file a service, looked at again twice a second."""

import json
import os
import threading
import time


class Settings:
    def __init__(self, service: str, **defaults):
        self._path = os.path.join(os.environ["SHOP_SETTINGS"], service + ".json")
        self._defaults = defaults
        self._values = dict(defaults)
        self._looked = 0.0
        self._changed = None
        self._lock = threading.Lock()

    def __getattr__(self, name: str):
        if name not in self._defaults:
            raise AttributeError(name)
        self._look()
        return self._values[name]

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked < 0.5:
            return
        with self._lock:
            self._looked = now
            try:
                changed = os.stat(self._path).st_mtime_ns
                if changed != self._changed:
                    with open(self._path, encoding="utf-8") as file:
                        self._values = {**self._defaults, **json.load(file)}
                    self._changed = changed
            except FileNotFoundError:
                self._values = dict(self._defaults)
            except ValueError:
                pass  # half written: the values in force stay until the next look
