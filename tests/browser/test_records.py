"""Messages, sessions, settings and cards in a real browser: found, read, changed, downloaded."""

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from firmware.facts import OrderOutcome
from firmware.orders import ChangeSetting, DropCard, LearnCard, SaveCard
from ocpp.http import Exchanged
from ocpp.server import HttpServer
from tests.firmware.web.fake_station import FakeStation

CARD = "04A1B2C3D4E580"


def go(page: Page, view: str) -> None:
    page.locator("#tabs").get_by_role("link", name=view).click()
    expect(page.locator(f"#{view.lower()}")).to_be_visible()


def test_messages_are_found_read_and_downloaded(station: FakeStation, page: Page) -> None:
    request = f"<b><idTag>{CARD}</idTag></b>".encode()
    station.messages.sent(Exchanged("Authorize", request, b"<status>Blocked</status>", 200, 0.005))
    station.messages.received(Exchanged("Reset", b"<reset/>", b"", 500, 0.001))
    go(page, "Messages")
    rows = page.locator("#messages-rows tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("HTTP 500")
    page.get_by_label("Search in messages").fill("blocked")
    expect(rows).to_have_count(1)
    rows.first.click()
    expect(page.locator(".bodies pre").first).to_contain_text("04…80")
    expect(page.locator(".bodies")).not_to_contain_text(CARD)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    (line,) = Path(download.value.path()).read_text().splitlines()
    assert json.loads(line)["action"] == "Authorize"
    page.get_by_label("Action", exact=True).select_option("Reset")
    expect(page.locator("#messages-empty")).to_be_visible()


def test_a_session_is_a_line_with_its_curve(page: Page) -> None:
    go(page, "Sessions")
    row = page.locator("#sessions-rows tr")
    expect(row).to_contain_text("11.04 kWh")
    expect(row).to_contain_text("1:01:00")
    expect(row).to_contain_text("Anna 04…80")
    row.click()
    expect(page.locator("#curve canvas")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#curve-card")).to_be_hidden()


def test_a_setting_is_changed_as_the_central_system_would(station: FakeStation, page: Page) -> None:
    go(page, "Settings")
    page.get_by_label("Find a key").fill("heart")
    expect(page.locator("#settings-rows tr:visible")).to_have_count(1)
    page.get_by_label("HeartbeatInterval").fill("60")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#settings-note")).to_have_text("HeartbeatInterval is now 60.")
    assert station.orders == [ChangeSetting("HeartbeatInterval", "60")]
    station.outcome = OrderOutcome("Rejected")
    page.get_by_label("Find a key").fill("")
    expect(page.get_by_label("NumberOfConnectors")).to_have_count(0)
    page.get_by_label("LocalPreAuthorize").select_option("true")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#settings-note")).to_contain_text("LocalPreAuthorize: The key cannot be")


def test_cards_are_learned_named_dropped_and_imported(
    station: FakeStation, page: Page, tmp_path: Path
) -> None:
    go(page, "Cards")
    expect(page.locator("#cards-rows tr")).to_have_count(2)
    page.get_by_label("Name of the card to learn").fill("Ben")
    page.get_by_role("button", name="Learn").click()
    expect(page.locator("#cards-note")).to_have_text("The card is on the list.")
    page.get_by_label("Name of 04…80").fill("Anne")
    page.get_by_label("Name of 04…80").press("Tab")
    expect(page.locator("#cards-note")).to_have_text("04…80 is now named Anne.")
    page.get_by_role("button", name="Delete").first.click()
    assert station.wait_ordered(3)
    listed = tmp_path / "listed.csv"
    listed.write_text("card,name\nCARD7,Cleo\n")
    page.locator("#cards-import").set_input_files(listed)
    expect(page.locator("#cards-note")).to_have_text("listed.csv is on the list.")
    assert station.orders == [
        LearnCard("Ben"),
        SaveCard(CARD, "Anne"),
        DropCard(CARD),
        SaveCard("CARD7", "Cleo"),
    ]


def test_an_address_opens_its_view(server: HttpServer, page: Page) -> None:
    page.goto(f"{server.url}/#sessions")
    expect(page.locator("#sessions")).to_be_visible()
    expect(page.locator("#tabs [aria-current]")).to_have_text("Sessions")
    page.go_back()
    expect(page.locator("#now")).to_be_visible()
