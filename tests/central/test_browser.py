"""The central system's page in a real browser: live numbers, and buttons that reach the station."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from ocpp.message import Message
from ocpp.soap import Call
from ocpp.v16 import (
    GetConfigurationRequest,
    GetConfigurationResponse,
    KeyValue,
    MeterValue,
    MeterValuesRequest,
    SampledValue,
    StartTransactionRequest,
    StatusNotificationRequest,
)
from tests.central.conftest import Bench

CHROMIUM = "/usr/bin/chromium"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

if shutil.which(CHROMIUM) is None:
    pytest.skip("needs the Debian package chromium", allow_module_level=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, bench: Bench) -> Iterator[Page]:
    page = browser.new_page(locale="en-IE")
    page.set_default_timeout(20_000)
    expect.set_options(timeout=20_000)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    # A breach of the content security policy is told on the console too.
    page.on("console", lambda m: complaints.append(m.text) if "Policy" in m.text else None)
    page.goto(bench.central.page_url)
    yield page
    page.close()
    assert complaints == []


def answer(call: Call) -> Message:
    """A station that says yes, and shows two of its settings."""
    if isinstance(call.message, GetConfigurationRequest):
        keys = (
            KeyValue(key="NumberOfConnectors", readonly=True, value="1"),
            KeyValue(key="HeartbeatInterval", readonly=False, value="300"),
        )
        return GetConfigurationResponse(configuration_key=keys)
    return call.operation.response(status="Accepted")


def test_it_follows_a_session(bench: Bench, page: Page) -> None:
    expect(page.get_by_text("No station has called yet")).to_be_visible()
    station = bench.booted()
    station.call(StatusNotificationRequest(connector_id=1, status="Charging", error_code="NoError"))
    now = datetime.now(UTC)
    station.call(
        StartTransactionRequest(connector_id=1, id_tag="ANNA", timestamp=now, meter_start=1000)
    )
    samples = (
        SampledValue(value="8410"),
        SampledValue(value="11040", measurand="Power.Active.Import", unit="W"),
    )
    station.call(
        MeterValuesRequest(
            connector_id=1,
            transaction_id=1,
            meter_value=(MeterValue(timestamp=now, sampled_value=samples),),
        )
    )
    tile = page.locator(".tile")
    expect(tile.locator(".badge")).to_have_text("Charging")
    expect(tile.locator(".big")).to_have_text("7.41kWh")
    expect(tile.locator(".value").first).to_have_text("11.0 kW")
    expect(tile.locator(".value").last).to_have_text("€2.89")
    expect(page.locator("#sessions tbody tr")).to_have_count(1)
    expect(page.locator("#messages tbody tr").first).to_contain_text("8410 Wh, 11040 W")


def test_buttons_reach_the_station(bench: Bench, page: Page) -> None:
    station = bench.booted(sender=bench.serve(answer))
    station.call(
        StatusNotificationRequest(connector_id=1, status="Available", error_code="NoError")
    )
    page.get_by_role("button", name="Start").click()
    page.locator("dialog").get_by_label("Card").fill("ANNA")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("dialog .badge")).to_have_text("Accepted")
    page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Reserve").click()
    page.locator("dialog").get_by_label("Card").fill("BEN")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".tile")).to_contain_text("For BEN until")
    asked = [message.action for message in bench.central.state().messages[:2]]
    assert asked == ["ReserveNow", "RemoteStartTransaction"]


def test_settings_are_shown_and_changed(bench: Bench, page: Page) -> None:
    bench.booted(sender=bench.serve(answer))
    page.get_by_role("button", name="Configuration").click()
    expect(page.locator("dialog tr")).to_have_count(2)
    expect(page.locator("dialog tr").first).to_contain_text("read-only")
    page.get_by_role("button", name="Change").click()
    expect(page.locator("dialog").get_by_label("Key")).to_have_value("HeartbeatInterval")
    page.locator("dialog").get_by_label("Value").fill("60")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("dialog .badge")).to_have_text("Accepted")
    last = bench.central.state().messages[0]
    assert (last.action, last.summary) == ("ChangeConfiguration", "key HeartbeatInterval, value 60")


def test_a_station_that_cannot_be_called_says_why(bench: Bench, page: Page) -> None:
    bench.booted(sender="http://192.0.2.1:8080/")
    expect(page.locator(".station .note")).to_contain_text("asks to be called at 192.0.2.1")
    page.get_by_role("button", name="Trigger").click()
    page.get_by_role("button", name="Send").click()
    expect(page.locator("dialog .note")).to_contain_text("no address: cp1 cannot be called")


def test_cards_and_registration_are_edited(bench: Bench, page: Page) -> None:
    bench.booted()
    page.get_by_role("button", name="Add card").click()
    page.locator("dialog").get_by_label("Number").fill("ANNA")
    page.locator("dialog").get_by_label("Name").fill("Anna")
    page.locator("dialog").get_by_label("Answer").select_option("Blocked")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#cards tbody tr")).to_contain_text("Blocked")
    page.get_by_role("button", name="Registration").click()
    page.locator("dialog").get_by_label("Answer").select_option("Pending")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".facts")).to_contain_text("next boot: Pending")


def test_a_phone_shows_it_without_scrolling_sideways(bench: Bench, page: Page) -> None:
    station = bench.booted(sender="http://192.0.2.1:8080/")
    station.call(
        StatusNotificationRequest(connector_id=1, status="Available", error_code="NoError")
    )
    page.set_viewport_size({"width": 360, "height": 740})
    expect(page.locator(".tile")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
