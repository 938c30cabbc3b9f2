"""The page *Now* in a real browser: it follows the station, its buttons are orders and verbs."""

from playwright.sync_api import Page, expect

from firmware.facts import OrderOutcome
from firmware.orders import Limit, Order, Start, Stop
from hal.ports import BenchError
from ocpp.server import HttpServer
from tests.firmware.web.fake_station import FakeStation, charging_evse, idle_evse, snapshot


def test_it_follows_the_station(station: FakeStation, page: Page) -> None:
    expect(page).to_have_title("cp001 · Pilotwire")
    expect(page.locator(".status")).to_have_text("Available")
    station.show(snapshot(charging_evse()))
    expect(page.locator(".status")).to_have_text("Charging")
    expect(page.locator(".big.power")).to_have_text("11.0kW")
    expect(page.get_by_text("4711", exact=True)).to_be_visible()
    expect(page.locator(".phases li")).to_have_text(["L116.0 A", "L216.0 A", "L315.9 A"])
    expect(page.locator(".plot canvas")).to_be_visible()
    expect(page.locator(".key.limit")).to_have_text("limit 11.0 kW")


def test_it_says_why_the_central_system_is_not_there(station: FakeStation, page: Page) -> None:
    expect(page.locator("#link")).to_have_text("Online")
    expect(page.locator("#problem")).to_be_hidden()
    down = snapshot()
    down["station"] |= {
        "link": "down",
        "registration": "none",
        "problem": {"reason": "Connection refused", "hint": "Start the central system."},
    }
    down["threads"][3] |= {"alive": False}
    station.show(down)
    expect(page.locator("#link")).to_have_text("Offline")
    expect(page.locator("#problem")).to_have_text("Connection refused. Start the central system.")
    expect(page.locator("#threads [data-state=dead]")).to_have_text("rfiddead")


def test_it_says_all_that_has_a_say(station: FakeStation, page: Page) -> None:
    reasons = page.locator(".reasons li")
    expect(reasons).to_have_text(["No vehicle is plugged invehicle", "Fuse32 Asite file"])
    fault = {"what": "fault: GroundFailure", "effect": "forbids", "by": "interlock", "amps": None}
    station.show(snapshot(idle_evse() | {"why": [fault]}))
    expect(reasons).to_have_text(["Fault: ground failureinterlock"])
    assert reasons.get_attribute("data-effect") == "forbids"


def test_start_stop_and_limit_are_orders(station: FakeStation, page: Page) -> None:
    page.get_by_label("Number or name to start with").fill("Anna")
    page.get_by_role("button", name="Start").click()
    station.show(snapshot(charging_evse() | {"set_a": 10}))
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("output")).to_have_text("10 A")
    page.get_by_label("Limit in A per phase").fill("8")
    page.get_by_role("button", name="Remove").click()
    assert station.wait_ordered(4)
    given: list[Order] = [Start(1, "04A1B2C3D4E580"), Stop(1), Limit(1, 8.0), Limit(1, None)]
    assert station.orders == given


def test_an_order_that_is_refused_says_why(station: FakeStation, page: Page) -> None:
    station.outcome = OrderOutcome("Rejected")
    station.show(snapshot(charging_evse()) | {"fake": False})
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".orders .note")).to_have_text("There is no session to stop")


def test_the_buttons_are_verbs(station: FakeStation, page: Page) -> None:
    page.get_by_label("What the vehicle draws").select_option("32 A, one phase")
    page.get_by_role("button", name="Plug in").click()
    assert station.wait_asked(1)
    verb, body = station.asked[0]
    assert (verb, body["current_a"], body["phases"]) == ("plug-in", 32, 1)

    page.get_by_label("Card identifier").fill("CARD7")
    page.get_by_label("Card identifier").press("Enter")
    assert station.wait_asked(2)
    assert station.asked[1] == ("rfid", {"token": "CARD7", "type": "ISO14443", "evses": [1]})

    page.get_by_label("Fault", exact=True).select_option("Ground failure")
    page.get_by_role("button", name="Raise").click()
    assert station.wait_asked(3)
    assert station.asked[2][1]["error"] == "GroundFailure"
    assert station.asked[2][1]["active"] is True


def test_the_buttons_offer_what_is_possible(station: FakeStation, page: Page) -> None:
    expect(page.get_by_role("button", name="Unplug")).to_be_disabled()
    station.show(snapshot(charging_evse() | {"faults": ["UnderVoltage"]}))
    expect(page.get_by_role("button", name="Plug in")).to_be_disabled()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Clear").click()
    page.get_by_role("button", name="Unplug").click()
    assert station.wait_asked(3)
    asked = dict(station.asked)
    assert asked["pause"] == asked["unplug"] == {"evse": 1, "connector": 1}
    assert asked["faults"]["active"] is False


def test_a_refusal_is_shown(station: FakeStation, page: Page) -> None:
    station.refusal = BenchError(409, "EVSE 1: the cable is locked")
    page.get_by_role("button", name="Plug in").click()
    expect(page.locator(".bench .note")).to_have_text("EVSE 1: the cable is locked")


def test_a_real_board_shows_no_buttons(station: FakeStation, page: Page) -> None:
    station.show(snapshot(idle_evse()) | {"fake": False})
    page.reload()
    expect(page.locator(".status")).to_have_text("Available")
    expect(page.locator(".bench")).to_be_hidden()


def test_a_station_that_went_away_is_missed(server: HttpServer, page: Page) -> None:
    expect(page.locator(".status")).to_have_text("Available")
    server.stop()
    expect(page.locator("#lost")).to_contain_text("The station does not answer.")
    expect(page.locator("#link")).to_have_text("No answer")


def test_nothing_sticks_out_on_a_phone(station: FakeStation, page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    station.show(snapshot(charging_evse()))
    expect(page.locator(".status")).to_have_text("Charging")
    for view in ("messages", "sessions", "settings", "cards", "now"):
        page.locator(f"#tabs a[href='#{view}']").click()
        expect(page.locator(f"#{view}")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, view
