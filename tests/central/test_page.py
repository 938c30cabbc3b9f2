"""The page of the bench central system: its files, its API, its events, and whom it refuses."""

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ocpp.central.page import VIEWERS
from ocpp.soap import Call, Fault
from ocpp.v16 import HeartbeatRequest, RemoteStartTransactionResponse, ReserveNowResponse
from tests.central.conftest import BOOT, Bench

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def browser(bench: Bench) -> Iterator[http.client.HTTPConnection]:
    with closing(connect(bench)) as connection:
        yield connection


def connect(bench: Bench) -> http.client.HTTPConnection:
    address = urlsplit(bench.central.page_url)
    assert address.hostname
    return http.client.HTTPConnection(address.hostname, address.port, timeout=20)


def ask(
    browser: http.client.HTTPConnection,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, Any]:
    """POST if there is a body, else GET; a body that is neither text nor bytes is sent as JSON."""
    data = body if body is None or isinstance(body, str | bytes) else json.dumps(body)
    given = headers if headers is not None else JSON if body is not None else {}
    browser.request("GET" if body is None else "POST", path, data, given)
    response = browser.getresponse()
    text = response.read().decode()
    is_json = response.headers.get_content_type() == "application/json"
    return response.status, json.loads(text) if is_json else text


# --- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html"),
        ("/static/central.js", "text/javascript"),
        ("/static/dom.js", "text/javascript"),
        ("/static/operations.js", "text/javascript"),
        ("/static/central.css", "text/css"),
        ("/static/icon.svg", "image/svg+xml"),
        ("/shared/pilotwire.css", "text/css"),
    ],
)
def test_files_are_served_under_a_strict_policy(
    browser: http.client.HTTPConnection, path: str, kind: str
) -> None:
    browser.request("GET", path)
    response = browser.getresponse()
    assert response.read()
    assert (response.status, response.headers.get_content_type()) == (200, kind)
    assert response.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/static/../page.py", "/static/%2e%2e/page.py", "/nowhere"])
def test_nothing_else_is_served(browser: http.client.HTTPConnection, path: str) -> None:
    assert ask(browser, path)[0] == 404


def test_no_file_asks_anybody_else() -> None:
    folder = Path(__file__).parents[2] / "ocpp/central/static"
    for file in folder.iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text, f"{file.name} names a foreign address"


# --- the API --------------------------------------------------------------------------------------


def test_state_is_what_the_page_shows(bench: Bench, browser: http.client.HTTPConnection) -> None:
    bench.booted()
    status, state = ask(browser, "/api/state")
    assert status == 200
    assert state["soap_url"] == bench.central.soap_url
    assert state["stations"][0]["id"] == "cp1"
    assert state["price_per_kwh"] == "0.39"


def test_a_call_is_answered_by_the_station(
    bench: Bench, browser: http.client.HTTPConnection
) -> None:
    heard: list[Call] = []

    def answer(call: Call) -> RemoteStartTransactionResponse:
        heard.append(call)
        return RemoteStartTransactionResponse(status="Accepted")

    bench.booted(sender=bench.serve(answer))
    order = {
        "station": "cp1",
        "operation": "RemoteStartTransaction",
        "fields": {"connectorId": 1, "idTag": "ANNA"},
    }
    assert ask(browser, "/api/call", order) == (200, {"answer": {"status": "Accepted"}})
    assert heard[0].operation.name == "RemoteStartTransaction"


def test_times_in_an_order_are_understood(
    bench: Bench, browser: http.client.HTTPConnection
) -> None:
    bench.booted(sender=bench.serve(lambda _call: ReserveNowResponse(status="Accepted")))
    fields = {
        "connectorId": 1,
        "idTag": "ANNA",
        "expiryDate": "2099-01-01T00:00:00.500+01:00",
        "reservationId": 7,
    }
    order = {"station": "cp1", "operation": "ReserveNow", "fields": fields}
    assert ask(browser, "/api/call", order) == (200, {"answer": {"status": "Accepted"}})
    (reservation,) = ask(browser, "/api/state")[1]["reservations"]
    assert reservation["expiry"] == "2098-12-31T23:00:00.500000Z"


def test_a_call_that_fails_says_why(bench: Bench, browser: http.client.HTTPConnection) -> None:
    def refuse(_call: Call) -> RemoteStartTransactionResponse:
        raise Fault("Receiver", "NotSupported", "not here")

    bench.booted(sender=bench.serve(refuse))
    order = {"station": "cp1", "operation": "GetConfiguration"}
    status, told = ask(browser, "/api/call", order)
    assert status == 502
    assert "not here" in f"{told['error']} {told['hint']}"
    status, told = ask(browser, "/api/call", {**order, "station": "nobody"})
    assert status == 502
    assert "nobody cannot be called" in told["hint"]


def test_what_xml_cannot_carry_is_400(bench: Bench, browser: http.client.HTTPConnection) -> None:
    bench.booted(sender="http://127.0.0.1:9/")
    fields = {"key": "A", "value": "\0"}
    order = {"station": "cp1", "operation": "ChangeConfiguration", "fields": fields}
    status, told = ask(browser, "/api/call", order)
    assert status == 400
    assert "U+0000" in told["error"]


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/api/call", {"station": "cp1", "operation": "Explode"}, "no operation Explode"),
        ("/api/call", {"station": "cp1"}, "operation"),
        (
            "/api/call",
            {"station": "cp1", "operation": "RemoteStartTransaction", "fields": {"connectorId": 1}},
            "idTag",
        ),
        (
            "/api/call",
            {
                "station": "cp1",
                "operation": "ChangeAvailability",
                "fields": {"connectorId": "1", "type": "Operative"},
            },
            "connectorId",
        ),
        ("/api/cards", {"id": "A" * 21}, "id"),
        ("/api/cards", {"id": "A", "status": "Nice"}, "status"),
        ("/api/cards", {"id": "A", "expiry": "2026-01-01T00:00:00"}, "expiry"),
        ("/api/registration", {"station": "cp1", "status": "Maybe"}, "status"),
        (
            "/api/registration",
            {"station": "cp1", "status": "Pending", "interval_s": -1},
            "interval",
        ),
        ("/api/cards", "{", "truncated"),
        ("/api/cards", '"text"', "expected"),
        ("/api/cards", b'{"id": "\xff"}', "utf-8"),
    ],
)
def test_a_wrong_order_is_400_with_the_reason(
    browser: http.client.HTTPConnection, path: str, body: Any, words: str
) -> None:
    status, told = ask(browser, path, body)
    assert status == 400
    assert words.lower() in told["error"].lower()


def test_cards_and_registration_are_saved(
    bench: Bench, browser: http.client.HTTPConnection
) -> None:
    card = {"id": "ANNA", "name": "Anna", "status": "Blocked", "expiry": "2030-01-01T00:00:00Z"}
    assert ask(browser, "/api/cards", card) == (200, {})
    wish = {"station": "cp1", "status": "Pending", "interval_s": 9}
    assert ask(browser, "/api/registration", wish) == (200, {})
    state = ask(browser, "/api/state")[1]
    assert state["cards"] == [{**card, "parent": None}]
    (station,) = state["stations"]
    assert (station["answer"], station["interval_s"], station["registration"]) == (
        "Pending",
        9,
        None,
    )
    assert bench.client().call(BOOT).status == "Pending"


# --- whom it refuses ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({**JSON, "Origin": "http://evil.example"}, 403),
        ({**JSON, "Origin": "null"}, 403),
        ({**JSON, "Host": "evil.example"}, 403),
        ({**JSON, "Host": "[::1"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_another_page_cannot_give_orders(
    bench: Bench, browser: http.client.HTTPConnection, headers: dict[str, str], status: int
) -> None:
    assert ask(browser, "/api/cards", {"id": "EVIL"}, headers)[0] == status
    assert bench.central.state().cards == ()


def test_a_foreign_name_for_this_machine_sees_nothing(browser: http.client.HTTPConnection) -> None:
    assert ask(browser, "/api/state", headers={"Host": "evil.example"})[0] == 403
    assert ask(browser, "/api/state", headers={"Host": "localhost:1"})[0] == 200


def test_its_own_page_may(bench: Bench, browser: http.client.HTTPConnection) -> None:
    origin = bench.central.page_url.rstrip("/")
    assert ask(browser, "/api/cards", {"id": "A"}, {**JSON, "Origin": origin})[0] == 200


def test_orders_are_posts(browser: http.client.HTTPConnection) -> None:
    assert ask(browser, "/api/cards")[0] == 405


# --- events ---------------------------------------------------------------------------------------


class Viewer:
    """Somebody who looks at the event stream."""

    def __init__(self, bench: Bench) -> None:
        self.connection = connect(bench)
        self.connection.request("GET", "/events")
        self.response = self.connection.getresponse()

    def picture(self) -> Any:
        """The next one."""
        while line := self.response.readline():
            if line.startswith(b"data: "):
                return json.loads(line.removeprefix(b"data: "))
        raise EOFError

    def close(self) -> None:
        self.response.close()
        self.connection.close()


def test_a_change_is_told_at_once(bench: Bench) -> None:
    with closing(Viewer(bench)) as viewer:
        assert viewer.response.headers.get_content_type() == "text/event-stream"
        assert viewer.picture()["stations"] == []
        bench.booted()
        while not viewer.picture()["stations"]:
            pass


def test_a_burst_of_changes_is_told_twice_a_second_at_most(bench: Bench) -> None:
    station = bench.booted()
    with closing(Viewer(bench)) as viewer:
        viewer.picture()
        began = time.monotonic()
        for _ in range(30):
            station.call(HeartbeatRequest())
        pictures = 0
        while True:
            pictures += 1
            if len(viewer.picture()["messages"]) == 31:
                break
        assert pictures <= (time.monotonic() - began) / 0.5 + 1


def test_viewers_are_limited_and_leaving_makes_room(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocpp.central.page.BEAT_S", 0.02)
    viewers = [Viewer(bench) for _ in range(VIEWERS)]
    with closing(Viewer(bench)) as turned_away:
        assert turned_away.response.status == 503
    for viewer in viewers:
        viewer.close()
    deadline = time.monotonic() + 20
    status = 503
    while status == 503 and time.monotonic() < deadline:
        with closing(Viewer(bench)) as late:
            status = late.response.status
    assert status == 200


def test_asking_for_the_head_only_takes_no_place(
    bench: Bench, browser: http.client.HTTPConnection
) -> None:
    for _ in range(VIEWERS + 1):
        browser.request("HEAD", "/events")
        assert browser.getresponse().read() == b""
    with closing(Viewer(bench)) as viewer:
        assert viewer.response.status == 200


def test_stopping_takes_a_second_however_many_look(bench: Bench) -> None:
    viewers = [Viewer(bench) for _ in range(5)]
    for viewer in viewers:
        viewer.picture()
    began = time.monotonic()
    bench.central.stop()
    assert time.monotonic() - began < 1.5
    for viewer in viewers:
        viewer.close()


# --- the SOAP address -----------------------------------------------------------------------------


def test_a_wrong_path_is_told_the_right_one(bench: Bench) -> None:
    address = urlsplit(bench.central.soap_url)
    assert address.hostname
    with closing(http.client.HTTPConnection(address.hostname, address.port)) as connection:
        status, told = ask(connection, "/ocpp")
    assert (status, told) == (404, "The central system is at /CentralSystemService.\n")


def test_what_is_no_message_is_refused_and_said(bench: Bench) -> None:
    address = urlsplit(bench.central.soap_url)
    assert address.hostname
    with closing(http.client.HTTPConnection(address.hostname, address.port)) as connection:
        kind = {"Content-Type": "application/soap+xml"}
        assert ask(connection, address.path, "<no-envelope/>", kind)[0] == 400
    assert bench.lines == ["127.0.0.1 sent what is no message known here: HTTP status 400"]
