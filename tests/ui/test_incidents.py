# SPDX-License-Identifier: Apache-2.0
"""Incidents that the server noticed by itself, on the page."""

import re


def test_the_overview_leads_to_the_incident_and_it_to_everything_about_it(shop, tab):
    incident = shop.incident()
    view = tab(shop.server.url)
    view.open("/")
    banner = view.text(".now.incident")
    assert "Incident since" in banner and "payment" in banner and "so far" in banner
    view.shoot("overview-incident")
    view.click(".now.incident >> text=See why")
    assert f"/ui/incidents/{incident['id']}" in view.page.url and view.page.title() == "Incident · Clew"
    text = view.text()
    assert "Noticed " in text and incident["id"] in text and "Impact" in text
    assert view.page.locator(".cause .chart canvas").count() == 2 and view.page.locator(".course").count() >= 1
    view.page.locator("summary", has_text="How it came to its rank").click()
    assert view.page.locator(".cause details li").count() >= 2
    view.click("text=Slowest traces")
    assert re.search(r"from=.+&to=", view.page.url) and view.page.locator(".trace-row").count() > 0


def test_a_rejected_cause_stays_rejected_in_the_address(shop, tab):
    incident = shop.incident()
    view = tab(shop.server.url)
    view.open(f"/ui/incidents/{incident['id']}")
    assert len(incident["answer"]["causes"]) >= 2
    first = view.text(".cause h2")
    view.click("text=Not this one")
    assert "not=1" in view.page.url and view.text(".cause h2") != first
    again = tab(shop.server.url)
    again.open(view.page.url[len(shop.server.url) :])
    assert again.text(".cause h2") == view.text(".cause h2") and "(rejected)" in again.text(".causes")
    again.click(".causes button")
    assert again.text(".cause h2") == first
    again.page.keyboard.press("x")
    again.settle()
    assert "not=1" in again.page.url


def test_the_summary_is_copied_with_its_address(shop, tab):
    incident = shop.incident()
    view = tab(shop.server.url)
    view.open("/")
    view.click(".now.incident [aria-label='Copy summary']")
    copied = view.page.evaluate("navigator.clipboard.readText()")
    assert copied.endswith(f"/ui/incidents/{incident['id']}") and "payment" in copied


def test_several_open_and_closed_incidents(shop, tab):
    """The server keeps one open at a time and closes it minutes after its end; here it is said to keep more."""
    one = shop.incident()
    closed = one | {"id": "c" * 16, "state": "closed", "closed": one["opened"], "service": "cart", "kind": "latency"}
    answer = {"incidents": [one, one | {"id": "b" * 16, "service": "stock"}, closed]}
    view = tab(shop.server.url)
    view.page.route(re.compile("/api/clew/incidents"), lambda route: route.fulfill(json=answer))
    view.open("/")
    assert view.page.locator(".now.incident").count() == 2
    assert "1 in the last day" in view.text(".earlier summary") and not view.page.locator(".earlier table").is_visible()
    view.click(".earlier summary")
    assert "earlier=shown" in view.page.url and "cart" in view.text(".earlier table")
    view.shoot("overview-incidents")
    assert not view.accessibility_problems()
    view.page.unroute_all()
    view.page.route(re.compile("/api/clew/incidents"), lambda route: route.fulfill(json=closed))
    view.click(".earlier table a")
    assert "Over: " in view.text(".now.over") and "closed " in view.text(".now.over")
    view.page.unroute_all()


def test_an_unknown_incident_says_so(shop, tab):
    view = tab(shop.server.url)
    view.open("/ui/incidents/ffffffffffffffff")
    assert "No incident has this id" in view.text("[role=alert]")
    view.complaints.clear()


def test_what_was_not_noticed_is_asked_for(shop, tab):
    """The server notices for tenants that it is told of; for others the page asks."""
    view = tab(shop.server.url)
    view.open("/?tenant=other")
    view.page.wait_for_selector(".now.incident, .now.over")
    view.click(".now >> text=See why")
    assert "/ui/why?" in view.page.url and "tenant=other" in view.page.url
    assert "payment" in view.text(".cause h2")
