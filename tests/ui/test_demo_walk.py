# SPDX-License-Identifier: Apache-2.0
"""The walk that the page is made for, behind it the shop of `clew demo` with a real fault."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from clew_program import eventually, program
from clew_server import Server

SECONDS = 60
SERVICES = {"frontend", "catalog", "cart", "orders", "payment", "shipping"}


class Demo:
    """`clew demo` with a service that becomes slow, in a folder that is kept: its own page while it runs, then one over what it left."""

    def __init__(self, folder: Path):
        self.folder = folder / "demo"
        self.said = folder / "said"
        words = ["demo", "--for", str(SECONDS), "--fault", "slow-handler:catalog", "--format", "json"]
        with open(self.said, "wb") as said:
            self.process = subprocess.Popen(
                [program(), *words, "--data-dir", self.folder],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
            )

    def live_url(self) -> str:
        def address():
            assert self.process.poll() is None, self.said.read_text()
            return re.search(r"^server: (http://\S+)", self.said.read_text(), re.MULTILINE)

        return eventually(address, 90, "the demo's server listens")[1]

    def answer(self) -> dict:
        """What it says of the fault at its end."""
        out, _ = self.process.communicate(timeout=SECONDS + 120)
        assert self.process.returncode == 0, self.said.read_text()
        return json.loads(out)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)


@pytest.fixture(scope="module")
def running(tmp_path_factory, shop):
    """The demo. The other tests' shop is started before it, so that its incident is noticed meanwhile."""
    demo = Demo(tmp_path_factory.mktemp("demo"))
    yield demo
    demo.end()


@pytest.fixture(scope="module")
def ended(running):
    """A server over what the demo left: all the time that clicks on a busy machine take."""
    causes = running.answer()["causes"]
    assert causes and (causes[0]["service"], causes[0]["kind"]) == ("catalog", "latency"), running.said.read_text()
    with Server(running.folder / "serve") as server:
        running.server = server
        yield running


def test_services_come_up_while_the_demo_runs(running, tab):
    view = tab(running.live_url())
    view.open("/")
    view.page.wait_for_function(
        "names => names.every(name => document.querySelector('.services')?.innerText.includes(name))",
        arg=sorted(SERVICES),
        timeout=60_000,
    )
    view.click("nav >> text=Logs")
    view.page.get_by_label("live tail").check()
    view.page.wait_for_selector("text=Live, newest first", timeout=40_000)
    view.page.goto("about:blank")


def test_overview_incident_cause_evidence_trace_line_service_and_back(ended, tab):
    view = tab(ended.server.url)
    view.open("/")
    assert "catalog" in view.text(".now") and "latency" in view.text(".now")
    view.click(".now >> text=See why")
    assert "catalog" in view.text(".cause h2")
    evidence = view.text(".evidence")
    assert "before" in evidence and "during" in evidence
    assert view.page.locator(".cause .chart canvas").count() == 2 and view.page.locator(".course").count() == 1
    view.shoot("demo-why")
    view.click(".evidence >> text=See a trace")
    assert re.search(r"/ui/traces/[0-9a-f]{32}", view.page.url)
    assert view.page.locator(".line.found .choose", has_text="catalog").count() > 0
    view.shoot("demo-trace")
    view.click(".line.log button")
    assert "line of" in view.text(".detail h2")
    view.click(".detail >> text=Service at that time")
    assert "/ui/service" in view.page.url and view.text("h1").strip() in SERVICES
    for _ in range(3):
        view.page.go_back()
        view.settle()
    assert view.page.locator(".services").count() == 1


def test_slow_request_trace_line_service(ended, tab):
    view = tab(ended.server.url)
    view.open("/ui/traces?order=slowest&service=frontend&operation=")
    view.page.locator(".trace-row", has_text="services").first.click()
    view.settle()
    assert view.page.locator(".line.critical").count() >= 2
    view.click(".line.log button")
    view.click(".detail >> text=Service at that time")
    assert view.text("h1").strip() in SERVICES and view.page.locator(".chart canvas").count() == 3


def test_the_way_of_a_slow_operation_to_what_its_slow_spans_share(ended, tab):
    view = tab(ended.server.url)
    view.open("/ui/service?name=catalog")
    view.click(".apart-choice button:has-text('requests over')")
    assert re.search(r"[\d.k ]+requests over \d+ (ms|µs) against", view.text(".apart"))
    view.page.locator("tbody a", has_text="/popular").first.click()
    view.settle()
    assert re.search("operation=|attribute=", view.page.url) and view.page.locator(".trace-row").count() > 0


def test_another_tenant_of_the_demo_is_empty(ended, tab):
    view = tab(ended.server.url)
    view.open("/?tenant=nobody")
    assert f"clew run --endpoint http://{ended.server.addresses['otlp-http']} -- gunicorn shop:app" in view.text()


def test_the_server_stops_in_the_middle_and_the_walk_goes_on(ended, tab):
    view = tab(ended.server.url)
    view.open("/")
    view.click(".now >> text=See why")
    ended.server.stop()
    view.click(".evidence >> text=See a trace")
    assert "The server does not answer" in view.text("[role=alert]")
    view.complaints.clear()  # refused connections
    again = Server(ended.server.data_dir, "--listen", ended.server.addresses["http"])
    try:
        view.click("text=Try again")
        view.page.wait_for_selector(".line .bar")
    finally:
        assert again.stop() == 0
