"""Behind a password: who knows it comes in from anywhere, and nobody else from nowhere."""

import base64
import logging

import pytest
from werkzeug.test import Client, TestResponse

from firmware.web.page import Page
from firmware.web.wsgi import Password
from tests.firmware.web.fake_station import FakeStation

SECRET = "Grüße:CANARY-7"
AFAR = {"REMOTE_ADDR": "192.0.2.7", "HTTP_HOST": "192.0.2.1:8600"}


def basic(password: str, user: str = "anybody") -> dict[str, str]:
    return {
        "HTTP_AUTHORIZATION": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
    }


def get(path: str = "/api/state", *, listen: str = "192.0.2.1", **environ: str) -> TestResponse:
    client = Client(Page(FakeStation(), Password(SECRET, listen)))
    return client.get(path, environ_overrides=AFAR | environ, buffered=True)


@pytest.mark.parametrize("path", ["/", "/api/state", "/metrics", "/health", "/cards.csv"])
def test_it_is_asked_for_everywhere(path: str) -> None:
    response = get(path)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert get(path, **basic(SECRET)).status_code == 200


@pytest.mark.parametrize(
    "given",
    [
        {},
        basic(""),
        basic("grüße:canary-7"),
        basic(SECRET + "x"),
        {"HTTP_AUTHORIZATION": "Bearer x"},
        {"HTTP_AUTHORIZATION": "Basic !!"},
        {"HTTP_AUTHORIZATION": "Basic"},
    ],
)
def test_nothing_else_opens(given: dict[str, str]) -> None:
    assert get(**given).status_code == 401


def test_on_this_machine_it_is_asked_for_too() -> None:
    here = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost:8600"}
    assert get(**here).status_code == 401
    assert get(**here, **basic(SECRET)).status_code == 200


@pytest.mark.parametrize(
    ("listen", "host", "status"),
    [
        ("192.0.2.1", "192.0.2.1:8600", 200),
        ("192.0.2.1", "192.0.2.2:8600", 403),
        ("192.0.2.1", "rebound.example:8600", 403),
        ("192.0.2.1", "localhost:8600", 403),
        ("0.0.0.0", "192.0.2.9", 200),
        ("0.0.0.0", "rebound.example", 403),
        ("::", "[2001:db8::1]:8600", 200),
        ("wallbox.local", "Wallbox.local:8600", 200),
    ],
)
def test_only_our_own_address_is_answered(listen: str, host: str, status: int) -> None:
    assert get(listen=listen, **basic(SECRET), HTTP_HOST=host).status_code == status


def test_a_foreign_page_does_not_come_in_with_what_the_browser_knows() -> None:
    foreign = {"HTTP_ORIGIN": "http://evil.example"}
    assert get(**basic(SECRET), **foreign).status_code == 403
    assert get(**basic(SECRET), HTTP_ORIGIN="http://192.0.2.1:8600").status_code == 200


def test_bench_buttons_are_behind_it() -> None:
    station = FakeStation()
    client = Client(Page(station, Password(SECRET, "192.0.2.1")))
    body = {"evse": 1, "connector": 1}
    for given, status in (({}, 401), (basic(SECRET), 200)):
        response = client.post("/api/bench/unplug", json=body, environ_overrides=AFAR | given)
        assert response.status_code == status
    assert len(station.asked) == 1


def test_no_log_line_tells_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        get(**basic(SECRET))
        get(**basic("WRONG-CANARY"))
    assert "CANARY" not in caplog.text
    guard = Password(SECRET, "192.0.2.1")
    assert SECRET not in str(vars(guard))
