# SPDX-License-Identifier: Apache-2.0
"""Calls from one service of the shop to another."""

import os
import random

import requests
from requests.adapters import HTTPAdapter


class Upstream:
    """A service behind the addresses given by the environment variable NAME_URL, one of which each call takes."""

    def __init__(self, name: str, timeout_seconds: float = 2.0):
        self.name = name
        self._addresses = os.environ[name.upper() + "_URL"].split()
        self._timeout_seconds = timeout_seconds
        self._session = requests.Session()
        self._session.mount("http://", HTTPAdapter(pool_connections=4, pool_maxsize=16))

    def get(self, path: str, **query):
        return self._answer(self._call("GET", path, params=query))

    def post(self, path: str, body: dict):
        return self._answer(self._call("POST", path, json=body))

    def delete(self, path: str) -> None:
        self._call("DELETE", path).raise_for_status()

    def _call(self, method: str, path: str, **more):
        url = random.choice(self._addresses) + path
        return self._session.request(method, url, timeout=self._timeout_seconds, **more)

    @staticmethod
    def _answer(response):
        response.raise_for_status()
        return response.json()
