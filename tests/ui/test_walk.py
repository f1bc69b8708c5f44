# SPDX-License-Identifier: Apache-2.0
"""The walks through the page that it is made for, in Chromium against the built program."""

import re

import pytest
import requests
from telemetry import BIDI, HOSTILE_SERVICE, HOSTILE_TRACE

VIEWS = {
    "overview": "/",
    "service": "/ui/service?name=payment",
    "map": "/ui/map",
    "traces": "/ui/traces",
    "trace": "/ui/traces/{trace}",
    "logs": "/ui/logs",
    "why": "/ui/why",
    "incident": "/ui/incidents/{incident}",
    "templates": "/ui/logs?view=templates",
    "compare": "/ui/traces?service=payment&apart=failed",
}


def address_of(name, shop):
    return VIEWS[name].format(trace=shop.failed.id, incident=shop.incident()["id"] if name == "incident" else "")


def test_from_what_is_wrong_to_the_log_line_in_few_clicks(shop, tab):
    view = tab(shop.server.url)
    view.open("/")
    assert "payment" in view.text(".now.incident")
    view.click(".now.incident >> text=See why")
    assert "payment" in view.text(".cause h2")
    before = view.page.locator(".evidence").first
    assert "before" in before.inner_text() and "during" in before.inner_text()
    view.click(".evidence a >> text=/^See (traces|the lines)$/")
    view.click(".trace-row, .log-row")
    if "/ui/logs" in view.page.url:
        view.click("text=Its trace")
    assert re.search(r"/ui/traces/[0-9a-f]{32}", view.page.url)
    view.click(".line.log button")
    assert "payment" in view.text(".detail") or "orders" in view.text(".detail") or "frontend" in view.text(".detail")
    view.click(".detail >> text=Service at that time")
    assert "/ui/service" in view.page.url and view.page.locator(".chart canvas").count() == 3
    for _ in range(3):
        view.page.go_back()
        view.settle()
    assert view.page.locator("main > *").count() > 0


def test_from_a_slow_request_to_its_service(shop, tab):
    view = tab(shop.server.url)
    view.open("/ui/traces?order=slowest")
    rows = view.page.locator(".trace-row")
    assert rows.count() > 10
    rows.first.click()
    view.settle()
    assert view.page.locator(".line.critical").count() >= 2
    view.click(".line:not(.log) .choose:has-text('payment')")
    assert "http.route" in view.text(".detail") and "1.9.0" in view.text(".detail")
    view.click(".detail >> text=Service at that time")
    text = view.text()
    assert "POST /charge" in text and "orders" in text and "redis" in text and "1.9.0" in text


def test_a_log_line_leads_to_its_trace(shop, tab):
    view = tab(shop.server.url)
    view.open("/ui/logs?severity=error&service=payment")
    assert "gateway timed out" in view.text(".log-row")
    view.click(".log-row")
    view.click(".log-line.open >> text=Its trace")
    assert view.page.locator(".line.chosen").count() == 1
    assert "▲ failed" in view.text(".detail") and "GatewayTimeout" in view.text(".detail")


def test_templates_lead_to_their_lines_and_a_trace(shop, tab):
    view = tab(shop.server.url)
    view.open("/ui/logs?service=payment&view=templates")
    row = view.page.locator("tbody tr", has_text="gateway pool exhausted")
    assert "<*>" in row.inner_text() and "warn" in row.inner_text().lower()
    row.locator("a", has_text="exhausted").click()
    view.settle()
    assert "text=exhausted" in view.page.url and "gateway pool exhausted" in view.text(".log-row")
    view.page.go_back()
    view.settle()
    view.page.locator("tbody tr", has_text="charge failed").locator("a", has_text="Trace").click()
    view.settle()
    assert view.page.locator(".line.log").count() > 0


def test_an_open_line_is_part_of_the_address(shop, tab):
    view = tab(shop.server.url)
    view.open("/ui/logs?service=payment")
    view.click(".log-row")
    line = view.text(".log-line.open .log-row")
    address = view.page.url[len(shop.server.url) :]
    again = tab(shop.server.url)
    again.open(address)
    assert again.text(".log-line.open .log-row") == line
    # Where other lines are in sight it stands above them.
    again.open(address.replace("service=payment", "service=frontend"))
    assert again.text(".named .log-row") == line
    again.click(".named .log-row")
    assert "line=" not in again.page.url
    again.open("/ui/logs?line=nonsense")
    assert again.page.locator(".log-row").count() > 0


def test_lists_draw_what_one_sees_and_ask_for_more_at_their_end(shop, tab):
    view = tab(shop.server.url)
    view.open("/ui/logs")
    assert view.page.locator(".log-row").count() < 60
    assert "500 loaded" in view.text(".panel-head h2")
    view.page.locator(".lines").evaluate("box => box.scrollTo(0, box.scrollHeight)")
    view.page.locator(".panel-head h2", has_text=re.compile("(999|1000) loaded")).wait_for()
    assert view.page.locator(".log-row").count() < 60


def test_rejecting_a_cause_shows_the_next(shop, tab):
    view = tab(shop.server.url)
    view.open("/ui/why")
    assert view.page.locator(".causes li").count() >= 2
    first = view.text(".cause")
    view.click("text=Not this one")
    assert "not=1" in view.page.url and "(rejected)" in view.text(".causes")
    assert view.text(".cause") != first


def test_what_sets_the_slow_apart(shop, tab):
    view = tab(shop.server.url)
    view.open("/ui/service?name=payment")
    view.click(".apart-choice button:has-text('requests over')")
    assert re.search(r"apart=\d+(ms|us)", view.page.url)
    row = view.page.locator(".apart tbody tr", has_text="1.9.0")
    assert "service.version" in row.inner_text()
    row.locator("a").click()
    view.settle()
    assert "service.version%3D1.9.0" in view.page.url and "min_duration=" in view.page.url
    assert view.page.locator(".trace-row").count() > 0
    view.open("/ui/logs?service=payment")
    view.click(".apart-choice button:has-text('error lines')")
    assert "others" in view.text(".apart")
    view.open("/ui/traces?apart=failed&tenant=nobody")
    assert "clew run" in view.text()


def test_filters_that_match_nothing_can_be_cleared(shop, tab):
    view = tab(shop.server.url)
    view.open("/ui/traces?service=nobody&errors=true")
    view.click("text=Clear the filters")
    assert "nobody" not in view.page.url and view.page.locator(".trace-row").count() > 0


def test_the_address_is_the_view(shop, tab):
    view = tab(shop.server.url)
    view.open("/ui/traces?service=cart&from=-3h")
    view.page.locator("input[name=min_duration]").fill("1ms")
    view.page.keyboard.press("Enter")
    view.settle()
    assert "min_duration=1ms" in view.page.url and "service=cart" in view.page.url
    view.click("nav >> text=Logs")
    assert "from=-3h" in view.page.url and "min_duration" not in view.page.url
    view.page.select_option("#range", "-15m")
    view.settle()
    assert "from=-15m" in view.page.url
    again = tab(shop.server.url)
    again.open(view.page.url[len(shop.server.url) :])
    assert again.page.input_value("#range") == "-15m"


def test_keys_do_everything(shop, tab):
    view = tab(shop.server.url)
    view.open("/")
    view.page.keyboard.press("?")
    view.page.locator("dialog", has_text="Search").wait_for()
    view.page.keyboard.press("Escape")
    view.page.keyboard.press("g")
    view.page.keyboard.press("t")
    view.page.wait_for_selector(".trace-row")
    view.open("/ui/traces?service=frontend")
    view.page.keyboard.press("j")
    view.page.keyboard.press("Enter")
    view.page.wait_for_selector(".line.critical")
    view.settle()
    view.page.keyboard.press("j")
    view.page.keyboard.press("j")
    assert view.page.locator(".line.chosen").count() == 1
    rows = view.page.locator(".line").count()
    view.page.keyboard.press("k")
    view.page.keyboard.press("ArrowLeft")
    assert view.page.locator(".line").count() < rows
    view.page.keyboard.press("/")
    assert view.page.evaluate("document.activeElement.type") == "search"


def test_keys_of_the_lists_and_of_the_time_range(shop, tab):
    view = tab(shop.server.url)
    view.open("/ui/logs?service=payment")
    for key in ("j", "j", "k", "Enter"):
        view.page.keyboard.press(key)
    view.page.wait_for_selector(".log-line.chosen.open >> text=Its trace")
    view.page.keyboard.press("e")
    view.page.wait_for_function("location.search.includes('severity=error')")
    for key, ends in (("[", True), ("+", True), ("-", True), ("]", True)):
        before = view.page.url
        view.page.keyboard.press(key)
        view.settle()
        assert view.page.url != before and ("&to=" in view.page.url) == ends
    view.open("/")
    view.page.wait_for_selector(".now .primary")
    view.page.keyboard.press("w")
    view.page.wait_for_selector(".cause h2")
    view.page.keyboard.press("s")
    view.page.wait_for_selector(".line.found")


def test_the_keys_can_be_linked_to(shop, tab):
    view = tab(shop.server.url)
    view.open("/?help=keys")
    view.page.locator("dialog", has_text="Choose the time range").wait_for()
    view.click("dialog >> text=Close")
    assert "help" not in view.page.url


def test_copies(shop, tab):
    view = tab(shop.server.url)
    view.open(f"/ui/traces/{shop.failed.id}")
    view.click("[aria-label='Copy trace id']")
    assert view.page.evaluate("navigator.clipboard.readText()") == shop.failed.id


def test_foreign_text_is_text(shop, tab):
    view = tab(shop.server.url)
    view.open("/?tenant=hostile")
    assert "<b>☕</b>" in view.text(".services")
    view.page.locator("a.service", has_text="ревизор").first.click()
    view.settle()
    assert HOSTILE_SERVICE in view.text("h1") and "<img src=x" in view.text()
    view.open(f"/ui/traces/{HOSTILE_TRACE}?span=0000000000000001&tenant=hostile")
    detail = view.text(".detail")
    assert "invoice⟨U+202E⟩gnp.exe" in detail and BIDI not in detail
    assert re.search(r"show all \([\d.]+ [kM]B\)", detail) and len(detail) < 20_000
    assert "<script>" in detail and view.page.title() != "owned"
    view.open("/ui/logs?severity=error&text=onerror&tenant=hostile")
    assert "<img src=x" in view.text(".log-row") and view.page.locator("img[src=x]").count() == 0
    view.open("/ui/map?tenant=hostile")
    assert "ревизор" in view.page.locator(".map > svg").inner_html()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/ui/traces/" + "f" * 32, "no span and no log record of that trace is stored"),
        ("/ui/traces/xyz", "expected a trace id of 32 hexadecimal digits"),
        ("/ui/service?name=nobody%20%2F%20else", "No requests of nobody / else"),
        ("/ui/service", "No service is named"),
        ("/ui/old/link", "has no view at /ui/old/link"),
        ("/ui/traces?from=yesterday-ish", "parameter 'from'"),
        ("/ui/traces?service=nobody", "No traces match"),
    ],
)
def test_unknown_ids_and_old_links_say_so(shop, tab, path, said):
    view = tab(shop.server.url)
    view.open(path)
    assert said in view.text()
    view.complaints.clear()  # the browser tells of each answer that is an error


def test_a_tenant_sees_its_own(shop, tab):
    view = tab(shop.server.url)
    view.open("/ui/traces?tenant=other")
    count = view.text(".panel-head h2")
    assert "300 traces" in count
    view.click("nav >> text=Overview")
    assert "tenant=other" in view.page.url and "other" in view.text(".tenant")
    view.open("/?tenant=nobody")
    assert "clew run --endpoint http://" + shop.server.addresses["otlp-http"] in view.text()


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_view_can_be_used_by_all(shop, tab, name, dark):
    view = tab(shop.server.url, dark=dark)
    view.open(address_of(name, shop))
    if name == "trace":
        view.click(".line.failed .choose:has-text('payment')")
    view.shoot(f"{name}-{'dark' if dark else 'light'}")
    assert not view.accessibility_problems()
    assert view.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_fits_a_telephone(shop, tab, name):
    view = tab(shop.server.url, width=390, height=844, has_touch=True, is_mobile=True)
    view.open(address_of(name, shop))
    view.shoot(f"{name}-telephone")
    assert view.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_page_is_served_as_browsers_want_it(shop):
    answer = requests.get(shop.server.url + "/", timeout=10)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert answer.headers["Cache-Control"] == "no-cache" and answer.headers["X-Content-Type-Options"] == "nosniff"
    tag = {"If-None-Match": answer.headers["ETag"]}
    assert requests.get(shop.server.url + "/ui/traces", headers=tag, timeout=10).status_code == 304
    script = re.search(r'src="(/ui/assets/[^"]+\.js)"', answer.text)[1]
    sent = requests.get(shop.server.url + script, timeout=10)
    assert "immutable" in sent.headers["Cache-Control"] and sent.headers["Content-Encoding"] == "gzip"
    plain = requests.get(shop.server.url + script, headers={"Accept-Encoding": "identity"}, timeout=10)
    assert "Content-Encoding" not in plain.headers and plain.content == sent.content
    assert requests.get(shop.server.url + "/ui/assets/old.js", timeout=10).status_code == 404
    assert requests.get(shop.server.url + "/nothing", timeout=10).status_code == 404
