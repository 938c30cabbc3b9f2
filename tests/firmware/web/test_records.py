"""Messages, sessions, settings, cards, health and figures over WSGI."""

import csv
import io
import json

import pytest
from werkzeug.test import Client, TestResponse

from firmware.orders import SaveCard
from firmware.web.page import Page
from ocpp.http import Exchanged
from tests.firmware.web.fake_station import SESSION, FakeStation

HERE = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost:8600"}
ANNA = "04A1B2C3D4E580"


@pytest.fixture
def station() -> FakeStation:
    station = FakeStation(fake=False)
    request, response = f"<idTag>{ANNA}</idTag>".encode(), b"<status>Accepted</status>"
    station.messages.sent(Exchanged("Authorize", request, response, 200, 0.005))
    station.messages.received(Exchanged("Reset", b"<reset/>", b"", 500, 0.001))
    return station


@pytest.fixture
def client(station: FakeStation) -> Client:
    return Client(Page(station))


def get(client: Client, path: str, **environ: str) -> TestResponse:
    return client.get(path, environ_overrides=HERE | environ)


def rows(response: TestResponse) -> list[list[str]]:
    assert response.mimetype == "text/csv"
    assert response.headers["Content-Disposition"].startswith("attachment; filename=")
    return list(csv.reader(io.StringIO(response.text)))


class TestMessages:
    def test_the_newest_come_first_without_their_bodies(self, client: Client) -> None:
        told = get(client, "/api/messages").json
        assert told is not None
        assert [(m["number"], m["action"], m["ok"]) for m in told["messages"]] == [
            (2, "Reset", False),
            (1, "Authorize", True),
        ]
        assert (told["found"], told["actions"]) == (2, ["Authorize", "Reset"])
        assert "request" not in told["messages"][0]

    @pytest.mark.parametrize(
        ("query", "numbers"),
        [
            ("direction=in", [2]),
            ("action=Authorize", [1]),
            ("text=accepted", [1]),
            ("direction=in&text=accepted", []),
        ],
    )
    def test_are_filtered(self, client: Client, query: str, numbers: list[int]) -> None:
        told = get(client, f"/api/messages?{query}").json
        assert told is not None
        assert [message["number"] for message in told["messages"]] == numbers

    def test_one_is_shown_whole(self, client: Client) -> None:
        told = get(client, "/api/messages/1").json
        assert told is not None
        assert (told["request"], told["ms"]) == ("<idTag>04…80</idTag>", 5.0)
        assert get(client, "/api/messages/99").status_code == 404

    def test_are_downloaded_one_a_line(self, client: Client) -> None:
        response = get(client, "/messages.jsonl?direction=out")
        (line,) = response.text.splitlines()
        assert json.loads(line)["action"] == "Authorize"
        assert ANNA not in response.text


class TestSessions:
    def test_are_listed_with_their_curves(self, station: FakeStation, client: Client) -> None:
        assert get(client, "/api/sessions").json == [SESSION]
        assert get(client, "/api/sessions/17/curve").json == [list(station.samples[0])]
        assert get(client, "/api/sessions/18/curve").json == []

    def test_are_downloaded(self, station: FakeStation, client: Client) -> None:
        station.kept[0]["name"] = "=1+1"
        head, line = rows(get(client, "/sessions.csv"))
        assert head[:4] == ["number", "evse", "transaction", "card"]
        assert line[:5] == ["17", "1", "4711", "04…80", "'=1+1"], "no formula for a spreadsheet"


class TestSettings:
    def test_are_listed_with_their_access(self, client: Client) -> None:
        told = get(client, "/api/settings").json
        assert told is not None
        assert told[0] == {"key": "HeartbeatInterval", "value": "300", "readonly": False}

    def test_need_a_station_that_answers(self, station: FakeStation, client: Client) -> None:
        station.outcome = None
        assert get(client, "/api/settings").status_code == 503


class TestCards:
    def test_are_listed_without_their_numbers(self, client: Client) -> None:
        response = get(client, "/api/cards")
        assert response.json is not None
        assert [(c["card"], c["name"]) for c in response.json] == [("04…80", "Anna"), ("=…N", "")]
        assert ANNA not in response.text

    def test_are_exported_in_full_and_come_back_so(
        self, station: FakeStation, client: Client
    ) -> None:
        exported = get(client, "/cards.csv")
        assert rows(exported) == [["card", "name"], [ANNA, "Anna"], ["'=TOKEN", ""]]
        response = self.imports(client, exported.get_data())
        assert (response.status_code, response.json) == (200, {"saved": 2})
        assert station.orders == [SaveCard(ANNA, "Anna"), SaveCard("=TOKEN", "")]

    def imports(self, client: Client, data: bytes, kind: str = "text/csv") -> TestResponse:
        return client.post("/api/cards", data=data, content_type=kind, environ_overrides=HERE)

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"GOOD,x\n" + b"x" * 21, "line 2: a card's number has 1 to 20"),
            (b"\xff\xfe", "no list in CSV"),
            (b"A\n" * 1001, "at most 1000 lines"),
        ],
    )
    def test_a_bad_list_saves_nothing(
        self, station: FakeStation, client: Client, data: bytes, said: str
    ) -> None:
        response = self.imports(client, data)
        assert response.status_code == 400
        assert response.json is not None
        assert said in response.json["error"]
        assert station.orders == []

    def test_only_csv_and_not_too_much_is_taken(self, client: Client) -> None:
        assert self.imports(client, b"A,b", "text/plain").status_code == 415
        assert self.imports(client, b"A" * 200_000).status_code == 413


class TestHealth:
    def test_is_good(self, client: Client) -> None:
        response = get(client, "/health")
        assert (response.status_code, response.json) == (200, {"status": "ok"})

    def test_names_the_thread_that_is_not(self, station: FakeStation, client: Client) -> None:
        station.ills = ["thread rfid is dead"]
        response = get(client, "/health")
        assert response.status_code == 503
        assert response.json == {"status": "ailing", "problems": ["thread rfid is dead"]}

    def test_figures_are_prometheus(self, client: Client) -> None:
        response = get(client, "/metrics")
        assert response.headers["Content-Type"].startswith("text/plain; version=")
        lines = response.text.splitlines()
        assert "pilotwire_link_up 1.0" in lines
        assert 'pilotwire_evse_energy_watt_hours_total{evse="1"} 1.28431e+06' in lines
        assert 'pilotwire_evse_status{evse="1",status="Available"} 1.0' in lines
        sent = '{action="Authorize",direction="out",result="answered"} 1.0'
        assert f"pilotwire_messages_total{sent}" in lines
        assert 'pilotwire_thread_alive{thread="station"} 1.0' in lines
