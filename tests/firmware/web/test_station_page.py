"""The station's page over WSGI: its files, its API, its stream and its guard."""

import json
from collections.abc import Iterator

import pytest
from werkzeug.test import Client, TestResponse

from firmware.web.page import MAX_VIEWERS, Page
from tests.firmware.web.fake_station import FakeStation, charging_evse, snapshot

HERE = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost:8600"}


@pytest.fixture
def station() -> FakeStation:
    return FakeStation()


@pytest.fixture
def page(station: FakeStation) -> Iterator[Page]:
    page = Page(station)
    yield page
    page.close()


@pytest.fixture
def client(page: Page) -> Client:
    return Client(page)


def get(client: Client, path: str, **environ: str) -> TestResponse:
    return client.get(path, environ_overrides=HERE | environ, buffered=path != "/events")


def first_event(response: TestResponse) -> dict[str, object]:
    for chunk in response.response:
        text = chunk.decode() if isinstance(chunk, bytes) else chunk
        if text.startswith("data: "):
            assert text.endswith("\n\n")
            event: dict[str, object] = json.loads(text.removeprefix("data: "))
            return event
    raise AssertionError("the stream ended without an event")


def test_the_page_allows_nothing_but_its_own(client: Client) -> None:
    response = get(client, "/")
    assert (response.status_code, response.mimetype) == (200, "text/html")
    assert response.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "<script>" not in response.text
    assert "style=" not in response.text


def test_all_that_the_page_asks_for_is_there(client: Client) -> None:
    html = get(client, "/").text
    wanted = [part.split('"')[0] for part in html.split('="/')[1:]]
    assert "static/now.js" in wanted
    for path in wanted:
        assert get(client, f"/{path}").status_code == 200, path


@pytest.mark.parametrize(
    "path",
    [
        "/static/../page.py",
        "/static/%2e%2e/page.py",
        "/static/..%2fpage.py",
        "/static//etc/passwd",
        "/shared/../soap.py",
        "/static/",
        "/shared/uplot",
        "/static/nothing.js",
    ],
)
def test_no_path_leads_out_of_the_static_folders(client: Client, path: str) -> None:
    assert get(client, path).status_code == 404


def test_a_file_is_sent_again_only_when_it_changed(client: Client) -> None:
    first = get(client, "/static/now.js")
    again = get(client, "/static/now.js", HTTP_IF_NONE_MATCH=first.headers["ETag"])
    assert again.status_code == 304


def test_state_and_history_are_the_facades(station: FakeStation, client: Client) -> None:
    station.points["1"].append([1795358591.0, 11040.0, 11040.0, 1288520.0])
    assert get(client, "/api/state").json == station.snapshot()
    assert get(client, "/api/history").json == station.points


def test_the_stream_begins_with_the_present(station: FakeStation, client: Client) -> None:
    station.show(snapshot(charging_evse()))
    with get(client, "/events") as response:
        assert response.mimetype == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-store"
        assert first_event(response) == station.snapshot()


def test_the_stream_goes_on_with_what_changes(station: FakeStation, client: Client) -> None:
    with get(client, "/events") as response:
        assert first_event(response)["evses"] != [charging_evse()]
        station.show(snapshot(charging_evse()))
        assert first_event(response)["evses"] == [charging_evse()]


def test_a_quiet_station_keeps_the_stream_alive(
    station: FakeStation, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firmware.web.page.SLICE_S", 0)
    with get(client, "/events") as response:
        first_event(response)
        assert next(iter(response.response)) == b": nothing new\n\n"


def test_closing_the_page_ends_the_stream(client: Client, page: Page) -> None:
    with get(client, "/events") as response:
        first_event(response)
        page.close()
        assert list(response.response) == []


def test_viewers_are_counted_in_and_out(client: Client) -> None:
    viewers = [get(client, "/events") for _ in range(MAX_VIEWERS)]
    refused = get(client, "/events")
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "10"
    for viewer in viewers:
        viewer.close()
    with get(client, "/events") as response:
        assert response.status_code == 200


def bench(client: Client, verb: str, body: object, **environ: str) -> TestResponse:
    return client.post(f"/api/bench/{verb}", json=body, environ_overrides=HERE | environ)


def test_a_button_is_a_verb(station: FakeStation, client: Client) -> None:
    origin = {"HTTP_ORIGIN": "http://localhost:8600"}
    assert bench(client, "unplug", {"evse": 1, "connector": 1}, **origin).status_code == 200
    assert station.asked == [("unplug", {"evse": 1, "connector": 1})]


def test_a_button_answers_like_the_control_api(station: FakeStation, client: Client) -> None:
    assert bench(client, "unplug", {"evse": 1}).status_code == 400
    assert bench(client, "explode", {}).status_code == 404
    assert client.get("/api/bench/unplug", environ_overrides=HERE).status_code == 405
    assert station.asked == []


def test_only_json_is_taken(station: FakeStation, client: Client) -> None:
    response = client.post(
        "/api/bench/link", data='{"up": false}', content_type="text/plain", environ_overrides=HERE
    )
    assert response.status_code == 415
    assert station.asked == []


def test_a_real_board_has_no_buttons() -> None:
    station = FakeStation(fake=False)
    response = bench(Client(Page(station)), "link", {"up": False})
    assert response.status_code == 404
    assert station.asked == []


@pytest.mark.parametrize("path", ["/", "/api/state", "/events", "/static/now.js"])
@pytest.mark.parametrize(
    "environ",
    [
        {"REMOTE_ADDR": "192.0.2.7"},
        {"HTTP_HOST": "rebound.example:8600"},
        {"HTTP_HOST": "localhost.rebound.example"},
        {"HTTP_ORIGIN": "http://rebound.example:8600"},
    ],
)
def test_strangers_see_nothing(client: Client, path: str, environ: dict[str, str]) -> None:
    assert get(client, path, **environ).status_code == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://localhost:8600"])
def test_a_foreign_page_presses_no_button(
    station: FakeStation, client: Client, origin: str
) -> None:
    assert bench(client, "link", {"up": False}, HTTP_ORIGIN=origin).status_code == 403
    assert station.asked == []
