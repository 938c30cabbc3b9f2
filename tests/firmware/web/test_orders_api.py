"""What a person orders from the page becomes an ordinary order, and every refusal says why."""

from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from firmware.facts import OrderOutcome
from firmware.orders import ChangeSetting, DropCard, LearnCard, Limit, Order, SaveCard, Start, Stop
from firmware.web.orders import key_of
from firmware.web.page import Page
from tests.firmware.web.fake_station import FakeStation

HERE = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost:8600"}
ANNA = "04A1B2C3D4E580"


@pytest.fixture
def station() -> FakeStation:
    return FakeStation(fake=False)


@pytest.fixture
def client(station: FakeStation) -> Client:
    return Client(Page(station))


def order(client: Client, name: str, body: object, **environ: str) -> TestResponse:
    return client.post(f"/api/order/{name}", json=body, environ_overrides=HERE | environ)


@pytest.mark.parametrize(
    ("name", "body", "given"),
    [
        ("start", {"evse": 1, "card": "CARD7"}, Start(1, "CARD7")),
        ("start", {"evse": 1, "card": "anna"}, Start(1, ANNA)),
        ("stop", {"evse": 2}, Stop(2)),
        ("limit", {"evse": 1, "amps": 10}, Limit(1, 10.0)),
        ("limit", {"evse": 1, "amps": None}, Limit(1, None)),
        ("setting", {"key": "A", "value": ""}, ChangeSetting("A", "")),
        ("save-card", {"card": "CARD7", "name": " Ben "}, SaveCard("CARD7", "Ben")),
        ("learn-card", {"name": "Ben"}, LearnCard("Ben")),
        ("drop-card", {"card": "CARD7"}, DropCard("CARD7")),
    ],
)
def test_an_order_is_handed_on(
    station: FakeStation, client: Client, name: str, body: object, given: Order
) -> None:
    response = order(client, name, body)
    assert (response.status_code, response.json) == (200, {"status": "Accepted"})
    assert station.orders == [given]


def test_a_listed_card_is_named_without_its_number(station: FakeStation, client: Client) -> None:
    key = f"#{key_of(station.cards[0])}"
    order(client, "save-card", {"card": key, "name": "Anne"})
    order(client, "drop-card", {"card": key})
    assert station.orders == [SaveCard(ANNA, "Anne"), DropCard(ANNA)]
    assert order(client, "drop-card", {"card": "#0123456789ab"}).status_code == 400


def test_where_charging_is_free_no_card_is_needed(station: FakeStation, client: Client) -> None:
    assert order(client, "start", {"evse": 1}).status_code == 400
    station.free_token = "FREE"
    assert order(client, "start", {"evse": 1}).status_code == 200
    assert station.orders == [Start(1, "FREE")]


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("explode", {}, 404),
        ("start", {"evse": 0, "card": "x"}, 400),
        ("start", {"evse": 1, "card": "x" * 21}, 400),
        ("start", {"evse": 1, "card": "a\nb"}, 400),
        ("start", {"evse": 1, "card": "x", "more": 1}, 400),
        ("limit", {"evse": 1}, 400),
        ("limit", {"evse": 1, "amps": -1}, 400),
        ("limit", {"evse": 1, "amps": "10"}, 400),
        ("setting", {"key": "", "value": "x"}, 400),
        ("save-card", {"card": "", "name": "x"}, 400),
        ("save-card", {"card": "x", "name": "n" * 51}, 400),
    ],
)
def test_a_bad_form_is_no_order(
    station: FakeStation, client: Client, name: str, body: object, status: int
) -> None:
    response = order(client, name, body)
    assert response.status_code == status
    assert response.json is not None
    assert response.json["error"]
    assert station.orders == []


@pytest.mark.parametrize("name", ["stop", "limit", "setting"])
def test_a_refusal_says_why(station: FakeStation, client: Client, name: str) -> None:
    station.outcome = OrderOutcome("Rejected")
    bodies: dict[str, Any] = {
        "stop": {"evse": 1},
        "limit": {"evse": 1, "amps": 99},
        "setting": {"key": "A", "value": "1"},
    }
    response = order(client, name, bodies[name])
    assert response.status_code == 409
    assert response.json is not None
    assert response.json["status"] == "Rejected"
    assert response.json["error"]


def test_a_station_that_does_not_answer_is_said_so(station: FakeStation, client: Client) -> None:
    station.outcome = None
    response = order(client, "stop", {"evse": 1})
    assert response.status_code == 503
    assert response.json is not None
    assert "no answer within 10 s" in response.json["error"]


def test_a_foreign_page_orders_nothing(station: FakeStation, client: Client) -> None:
    assert order(client, "stop", {"evse": 1}, HTTP_ORIGIN="http://evil.example").status_code == 403
    plain = client.post(
        "/api/order/stop", data='{"evse": 1}', content_type="text/plain", environ_overrides=HERE
    )
    assert plain.status_code == 415
    assert station.orders == []
