# SPDX-License-Identifier: Apache-2.0
"""Calls from one service of the shop to another."""

import os

import requests
from requests.adapters import HTTPAdapter


class Upstream:
    """A service behind an address given by the environment variable NAME_URL."""

    def __init__(self, name: str, timeout_seconds: float = 2.0):
        self.name = name
        self._base = os.environ[name.upper() + "_URL"]
        self._timeout_seconds = timeout_seconds
        self._session = requests.Session()
        self._session.mount("http://", HTTPAdapter(pool_connections=4, pool_maxsize=16))

    def get(self, path: str, **query):
        return self._answer(self._session.get(self._base + path, params=query, timeout=self._timeout_seconds))

    def post(self, path: str, body: dict):
        return self._answer(self._session.post(self._base + path, json=body, timeout=self._timeout_seconds))

    def delete(self, path: str) -> None:
        self._session.delete(self._base + path, timeout=self._timeout_seconds).raise_for_status()

    @staticmethod
    def _answer(response):
        response.raise_for_status()
        return response.json()
