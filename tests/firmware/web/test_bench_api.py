"""The bench control API, verb by verb: what is handed on, and what is refused with which status."""

import json
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from firmware.web.bench import bench_app
from hal.ports import BenchError
from tests.firmware.web.fake_station import FakeStation

HERE = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "127.0.0.1:8600"}


@pytest.fixture
def station() -> FakeStation:
    return FakeStation()


@pytest.fixture
def client(station: FakeStation) -> Client:
    return Client(bench_app(station))


def post(client: Client, path: str, body: object, **environ: str) -> TestResponse:
    return client.post(path, data=json.dumps(body), environ_overrides=HERE | environ)


def error(response: TestResponse) -> str:
    assert response.mimetype == "application/json"
    assert response.json is not None
    text = response.json["error"]
    assert isinstance(text, str)
    assert text
    return text


AT = {"evse": 1, "connector": 1}
PLUG_IN = AT | {
    "delay_s": 0,
    "ready_after_s": 0,
    "current_a": 16,
    "phases": 3,
    "unplug_after_s": None,
    "soc_start": 30,
    "battery_wh": 60000,
}
FAULT = AT | {"error": "GroundFailure", "active": True}

ACCEPTED: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("ev/plug-in", "plug-in", AT, PLUG_IN),
    ("ev/plug-in", "plug-in", AT | {"unplug_after_s": 2.5}, PLUG_IN | {"unplug_after_s": 2.5}),
    ("ev/plug-in", "plug-in", PLUG_IN | {"phases": 1}, PLUG_IN | {"phases": 1}),
    ("ev/unplug", "unplug", AT, AT),
    ("ev/pause", "pause", AT, AT),
    ("ev/resume", "resume", AT, AT),
    (
        "ev/resume",
        "resume",
        AT | {"current_a": 10, "phases": 1},
        AT | {"current_a": 10, "phases": 1},
    ),
    ("rfid", "rfid", {"token": "x"}, {"token": "x", "type": "ISO14443", "evses": []}),
    (
        "rfid",
        "rfid",
        {"token": "Grüße, Karte!", "type": "eMAID", "evses": [2, 1]},
        {"token": "Grüße, Karte!", "type": "eMAID", "evses": [2, 1]},
    ),
    ("link", "link", {"up": False}, {"up": False}),
    ("faults", "faults", FAULT, FAULT | {"after_s": 0, "after": None}),
    (
        "faults",
        "faults",
        FAULT | {"after_s": 3, "after": "charging"},
        FAULT | {"after_s": 3, "after": "charging"},
    ),
    ("lock", "lock", AT | {"jammed": True}, AT | {"jammed": True}),
    ("meter", "meter", {"evse": 1, "energy_wh": 5}, {"evse": 1, "energy_wh": 5, "clear": False}),
    ("meter", "meter", {"evse": 2, "clear": True}, {"evse": 2, "clear": True}),
]


@pytest.mark.parametrize(("path", "verb", "body", "handed"), ACCEPTED)
def test_a_verb_is_handed_on_complete(
    station: FakeStation, client: Client, path: str, verb: str, body: object, handed: object
) -> None:
    response = post(client, f"/v1/{path}", body)
    assert (response.status_code, response.json) == (200, {})
    assert station.asked == [(verb, handed)]


MALFORMED: list[tuple[str, Any]] = [
    ("ev/plug-in", {"evse": 1}),
    ("ev/plug-in", {"connector": 1}),
    ("ev/plug-in", AT | {"delay": 1}),
    ("ev/plug-in", AT | {"delay_s": -1}),
    ("ev/plug-in", AT | {"delay_s": 1e300}),
    ("ev/plug-in", AT | {"delay_s": "1"}),
    ("ev/plug-in", AT | {"phases": 4}),
    ("ev/plug-in", AT | {"phases": 1.5}),
    ("ev/plug-in", AT | {"soc_start": 101}),
    ("ev/plug-in", AT | {"battery_wh": 0}),
    ("ev/unplug", {"evse": "1", "connector": 1}),
    ("ev/unplug", {"evse": True, "connector": 1}),
    ("ev/unplug", {"evse": 0, "connector": 1}),
    ("ev/pause", AT | {"current_a": None}),
    ("rfid", {}),
    ("rfid", {"token": ""}),
    ("rfid", {"token": 4711}),
    ("rfid", {"token": "x" * 256}),
    ("rfid", {"token": "x", "evses": 1}),
    ("link", {"up": "true"}),
    ("link", {"up": 1}),
    ("faults", AT | {"error": "Nonsense", "active": True}),
    ("faults", AT | {"error": "EmergencyStop", "active": True}),
    ("faults", AT | {"error": "Other"}),
    ("faults", FAULT | {"after": "lunch"}),
    ("lock", AT),
    ("meter", {"evse": 1}),
    ("meter", {"evse": 1, "clear": False}),
    ("meter", {"evse": 1, "clear": True, "power_w": 1}),
    ("meter", {"evse": 1, "energy_wh": 1.5}),
    ("meter", {"evse": 1, "power_w": -1}),
    ("link", []),
    ("link", None),
    ("link", "up"),
]


@pytest.mark.parametrize(("path", "body"), MALFORMED)
def test_a_malformed_body_is_named_and_goes_no_further(
    station: FakeStation, client: Client, path: str, body: object
) -> None:
    response = post(client, f"/v1/{path}", body)
    assert response.status_code == 400
    assert error(response).startswith(path.removeprefix("ev/"))
    assert station.asked == []


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b'{"up": "\xff"}', b"[" * 9000, b'{"up": NaN}']
)
def test_what_is_no_json_is_malformed(client: Client, body: bytes) -> None:
    response = client.post("/v1/link", data=body, environ_overrides=HERE)
    assert response.status_code == 400
    error(response)


def test_the_message_names_the_field(client: Client) -> None:
    assert "delay" in error(post(client, "/v1/ev/plug-in", AT | {"delay": 1}))
    assert "phases" in error(post(client, "/v1/ev/plug-in", AT | {"phases": 4}))


@pytest.mark.parametrize("status", [404, 409])
def test_the_boards_refusal_is_the_answer(
    station: FakeStation, client: Client, status: int
) -> None:
    station.refusal = BenchError(status, "EVSE 1 has another vehicle plugged in")
    response = post(client, "/v1/ev/plug-in", AT)
    assert response.status_code == status
    assert error(response) == "EVSE 1 has another vehicle plugged in"


def test_state_is_the_facades(station: FakeStation, client: Client) -> None:
    response = client.get("/v1/state", environ_overrides=HERE)
    assert (response.status_code, response.json) == (200, station.bench_state())
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/v1/nonsense", "/v1/plug-in", "/v1/ev/rfid", "/v2/state", "/"])
def test_unknown_paths_are_not_found(client: Client, path: str) -> None:
    response = post(client, path, {})
    assert response.status_code == 404
    assert path in error(response)


def test_the_wrong_method_says_which_is_right(client: Client) -> None:
    response = client.get("/v1/rfid", environ_overrides=HERE)
    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"
    error(response)
    assert post(client, "/v1/state", {}).status_code == 405


def test_a_huge_body_is_refused_unread(station: FakeStation, client: Client) -> None:
    response = post(client, "/v1/rfid", {"token": "x" * 20_000})
    assert response.status_code == 413
    error(response)
    assert station.asked == []


STRANGERS: list[dict[str, str]] = [
    {"REMOTE_ADDR": "192.0.2.7"},
    {"HTTP_HOST": "evil.example"},
    {"HTTP_HOST": "127.0.0.1.evil.example:8600"},
    {"HTTP_HOST": ""},
    {"HTTP_ORIGIN": "http://evil.example"},
    {"HTTP_ORIGIN": "http://127.0.0.1:9000"},
    {"HTTP_ORIGIN": "null"},
]


@pytest.mark.parametrize("environ", STRANGERS)
def test_strangers_are_refused(
    station: FakeStation, client: Client, environ: dict[str, str]
) -> None:
    response = post(client, "/v1/link", {"up": True}, **environ)
    assert response.status_code == 403
    error(response)
    assert station.asked == []


@pytest.mark.parametrize("host", ["127.0.0.1:8600", "localhost", "LOCALHOST:1", "[::1]:8600"])
def test_every_name_of_loopback_is_at_home(client: Client, host: str) -> None:
    assert post(client, "/v1/link", {"up": True}, HTTP_HOST=host).status_code == 200


def test_a_failure_of_ours_is_answered_and_logged(
    station: FakeStation, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> dict[str, object]:
        raise RuntimeError("broken")

    station.bench_state = broken  # type: ignore[method-assign]
    response = client.get("/v1/state", environ_overrides=HERE)
    assert response.status_code == 500
    error(response)
    assert "broken" in caplog.text
