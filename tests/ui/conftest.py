# SPDX-License-Identifier: Apache-2.0
"""Chromium on the page of a real server. Screenshots go to build/ui/screenshots."""

import json
import shutil
import sys
import threading
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from clew_program import eventually  # noqa: E402
from clew_server import Server  # noqa: E402
from telemetry import fill, hostile, keep_failing  # noqa: E402

SCREENSHOTS = ROOT / "build" / "ui" / "screenshots"
AXE = ROOT / "ui" / "node_modules" / "axe-core" / "axe.min.js"


# An answer makes parts that ask for more, a frame later: quiet is what stays so for some frames.
SETTLE = """async () => {
  const until = performance.now() + 20_000;
  for (let quiet = 0; quiet < 4; ) {
    if (performance.now() > until) throw new Error(`still busy at ${location.href}`);
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 15)));
    const main = document.querySelector("main");
    quiet = main?.firstElementChild && main.getAttribute("aria-busy") === "false" ? quiet + 1 : 0;
  }
}"""


class Shop:
    """A server with the shop, its incident that goes on, another tenant's data, and hostile texts."""

    def __init__(self, folder: Path):
        self.server = Server(folder / "data")
        self.failed = fill(self.server)
        fill(self.server, tenant="other", minutes=10)
        hostile(self.server, tenant="hostile")

    def incident(self) -> dict:
        """The incident, once the server has noticed it by itself, which takes it some two minutes."""
        listed = eventually(lambda: self.server.get("/api/clew/incidents")["incidents"], 240, "an incident is noticed")
        return listed[0]


@pytest.fixture(scope="session")
def shop(tmp_path_factory):
    made = Shop(tmp_path_factory.mktemp("shop"))
    over = threading.Event()
    failing = threading.Thread(target=keep_failing, args=(made.server, over))
    with made.server:
        failing.start()
        yield made
        over.set()
        failing.join()


@pytest.fixture(scope="session")
def chromium():
    program = shutil.which("chromium")
    assert program, "chromium is not there: run tools/setup --for test"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


class Tab:
    """One page of the browser; whatever it complains of on its console fails the test."""

    def __init__(self, page: Page, url: str):
        self.page, self.url = page, url
        self.complaints: list[str] = []
        page.set_default_timeout(20_000)
        page.on("console", lambda said: said.type in ("error", "warning") and self.complaints.append(said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)
        self.settle()

    def settle(self) -> None:
        """Until what was done is drawn and nothing is asked for, nor by what an answer brought about."""
        self.page.evaluate(SETTLE)

    def click(self, selector: str) -> None:
        self.page.locator(selector).first.click()
        self.settle()

    def text(self, selector: str = "main") -> str:
        return self.page.locator(selector).first.inner_text()

    def shoot(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")

    def accessibility_problems(self) -> list[str]:
        """What axe calls serious or critical."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']}: {json.dumps([node['html'][:200] for node in one['nodes'][:3]])} {one['nodes'][0]['failureSummary']}"
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
        ]


@pytest.fixture
def tab(chromium, request):
    """Opens tabs: tab(url, width=…, dark=…). At the end none may have complained, but of what a test took away."""
    tabs, contexts = [], []

    def start(url: str, *, width: int = 1280, height: int = 800, dark: bool = False, **more) -> Tab:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", **more
        )
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        contexts.append(context)
        tabs.append(Tab(context.new_page(), url))
        return tabs[-1]

    yield start
    complaints = [complaint for one in tabs for complaint in one.complaints]
    for context in contexts:
        context.close()
    assert not complaints, complaints
