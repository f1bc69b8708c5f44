# SPDX-License-Identifier: Apache-2.0
"""Starts the shop of demo/shop.json as it is, with nothing watching it, and throws the switches of demo/faults.json."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import requests

DEMO = Path(__file__).resolve().parents[2] / "demo"
FAULTS = json.loads((DEMO / "faults.json").read_text())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Shop:
    def __init__(self, folder: Path):
        self.description = json.loads((DEMO / "shop.json").read_text())
        self.ports = {name: free_port() for name in self.description["ports"]}
        self.folder = folder
        self.running: dict[str, subprocess.Popen] = {}
        self.services = {s["name"]: s for s in self.description["services"]}
        self.extras: list[subprocess.Popen] = []
        for name in ("data", "settings", "logs"):
            (folder / name).mkdir()

    def fill(self, text: str, name: str = "") -> str:
        values = {
            "{python}": sys.executable,
            "{demo}": str(DEMO),
            "{data}": str(self.folder / "data"),
            "{settings}": str(self.folder / "settings"),
        }
        if name in self.services:
            text = text.replace("INSTANCE", name).replace("SERVICE", self.services[name].get("service", name))
        for key, value in values.items():
            text = text.replace(key, value)
        return re.sub(r"\{port:([a-z-]+)\}", lambda m: str(self.ports[m[1]]), text)

    def environment(self, **more: str) -> dict[str, str]:
        common = {name: self.fill(value) for name, value in self.description["environment"].items()}
        return {**os.environ, **common, "PYTHONUNBUFFERED": "1", **{k: self.fill(v) for k, v in more.items()}}

    def launch(self, name: str, command: list[str], **more: str) -> subprocess.Popen:
        log = open(self.folder / "logs" / f"{name}.log", "ab")
        with log:
            return subprocess.Popen(
                [self.fill(word, name) for word in command],
                cwd=self.fill(self.description["folder"]),
                env=self.environment(**more),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start(self) -> None:
        for command in self.description["prepare"]:
            assert self.launch("prepare", command).wait(60) == 0
        for helper in self.description["helpers"]:
            self.running[helper["name"]] = self.launch(helper["name"], helper["command"])
        for name in self.services:
            self.start_service(name)
        for name in self.services:
            self.wait_for(name)

    def start_service(self, name: str, **more: str) -> None:
        service = self.services[name]
        command = service.get("command", self.description["server"])
        self.running[name] = self.launch(name, command, **{**service.get("environment", {}), **more})

    def wait_for(self, name: str) -> None:
        url = self.url(name, self.services[name]["health"])
        until = time.monotonic() + 60
        while True:
            try:
                if requests.get(url, timeout=2).status_code == 200:
                    return
            except requests.RequestException:
                pass
            assert time.monotonic() < until and self.running[name].poll() is None, self.log(name)
            time.sleep(0.1)

    def stop_service(self, name: str) -> None:
        process = self.running.pop(name)
        process.terminate()
        process.wait(20)

    def stop(self) -> None:
        processes = self.extras + list(self.running.values())
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)

    def url(self, name: str, path: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}{path}"

    def log(self, name: str) -> str:
        return (self.folder / "logs" / f"{name}.log").read_text(errors="replace")

    def settings(self, values: dict[str, dict]) -> None:
        for name, value in values.items():
            new = self.folder / "settings" / f"{name}.new"
            new.write_text(json.dumps(value))
            new.rename(self.folder / "settings" / f"{name}.json")
        time.sleep(0.7)  # services look twice a second

    def switch_on(self, fault: dict) -> None:
        switch = fault["switch"]
        if "settings" in switch:
            self.settings(switch["settings"])
        if "run" in switch:
            assert self.launch("switch", switch["run"]).wait(30) == 0
        if "start" in switch:
            self.extras.append(self.launch("switch", switch["start"]))
            time.sleep(0.5)
        if "stop" in switch:
            self.stop_service(switch["stop"])
        for name, change in switch.get("restart", {}).items():
            self.stop_service(name)
            self.start_service(name, **change["environment"])
            self.wait_for(name)

    def switch_off(self, fault: dict) -> None:
        """Back to health. The demo never needs this: it ends instead."""
        switch = fault["switch"]
        if "settings" in switch:
            self.settings({name: {} for name in switch["settings"]})
            time.sleep(max(v.get("linger_seconds", 0) for v in switch["settings"].values()))
        if "run" in switch:
            database = sqlite3.connect(self.folder / "data" / "catalog.db", timeout=10)
            database.execute("CREATE INDEX IF NOT EXISTS views_by_product ON views (product_id)")
            database.close()
        for process in self.extras:
            process.terminate()
            process.wait(10)
        self.extras.clear()
        for name in switch.get("restart", {}):
            self.stop_service(name)
        for name in self.services:
            if name not in self.running:
                self.start_service(name)
                self.wait_for(name)
