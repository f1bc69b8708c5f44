# SPDX-License-Identifier: Apache-2.0
"""Runs real services under the built extension; the drainer's part is played by clew_record_dump.

CLEW_BUILD names the build folder (default build/release of the checkout).
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("CLEW_BUILD", ROOT / "build/release")).resolve()
PACKAGE = BUILD / "lib/clew/python"
DUMP = BUILD / "clew/agent/record/clew_record_dump"


class Service:
    """A running process of the service."""

    def __init__(self, process, port, output):
        self.process = process
        self.port = port
        self.output = output  # path

    def get(self, path, headers=None, method="GET"):
        request = urllib.request.Request(
            "http://127.0.0.1:%d%s" % (self.port, path), headers=headers or {}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def wait(self):
        for _ in range(200):
            if self.process.poll() is not None:
                raise AssertionError("the service ended: %s" % self.output.read_text())
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                time.sleep(0.05)
        raise AssertionError("the service does not listen")

    def stop(self, sig=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(sig)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return self.output.read_text()


class Agent:
    def __init__(self, folder, **options):
        self.folder = folder
        arguments = ["%s=%d" % item for item in options.items()]
        self.dump = subprocess.Popen([DUMP, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.attach = json.loads(self.dump.stdout.readline())["attach"]
        self.services = []

    def ask(self, command):
        self.dump.stdin.write(command + "\n")
        self.dump.stdin.flush()
        answers = []
        while True:
            answer = json.loads(self.dump.stdout.readline())
            answers.append(answer)
            if answer["type"] == "end":
                return answers

    def drain(self):
        records = self.ask("drain")
        end = records.pop()
        assert end["broken"] == 0 and end["dropped"] == 0 and end["without_ring"] == 0
        assert not [r for r in records if r["type"] == "undecoded"]
        return records

    def spans(self):
        return [r for r in self.drain() if r["type"] == "span"]

    def series(self, name):
        return [r for r in self.ask("metrics")[:-1] if r["name"] == name]

    def environment(self, **more):
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "CLEW_", "PYTHON"))}
        path = os.pathsep.join([str(PACKAGE), str(self.folder)])
        return {**clean, "CLEW_ATTACH": self.attach, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **more}

    def write(self, code, name="app.py"):
        path = self.folder / name
        path.write_text(textwrap.dedent(code))
        return path

    def run(self, code, *python_options, check=True, **environment):
        """Runs a script to its end; (standard output, standard error)."""
        path = self.write(code, "script.py")
        result = subprocess.run(
            [sys.executable, *python_options, path],
            env=self.environment(**environment),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if check:
            assert result.returncode == 0, result.stderr
        return result.stdout, result.stderr

    def start(self, command, **environment):
        """Starts a server; PORT in the command becomes a free port."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [str(part).replace("PORT", str(port)) for part in command]
        output = self.folder / ("output-%d" % len(self.services))
        with output.open("w") as file:
            process = subprocess.Popen(
                command, env=self.environment(**environment), cwd=self.folder, stdout=file, stderr=subprocess.STDOUT
            )
        service = Service(process, port, output)
        self.services.append(service)
        return service.wait()

    def close(self):
        for service in self.services:
            if service.process.poll() is None:
                service.process.kill()
                service.process.wait()
        self.dump.stdin.close()
        self.dump.wait(10)


@pytest.fixture
def make_agent(tmp_path):
    agents = []

    def make(**options):
        for needed in (PACKAGE / "sitecustomize.py", DUMP):
            assert needed.exists(), "%s is missing: build first, or name the build folder in CLEW_BUILD" % needed
        agents.append(Agent(tmp_path, **options))
        return agents[-1]

    yield make
    for agent in agents:
        agent.close()


@pytest.fixture
def agent(make_agent):
    return make_agent()
