"""Canaries: secrets and card numbers are planted, and looked for in all that gets out."""

import base64
import json
import tarfile
from collections.abc import Generator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path

import msgspec
import pytest

from firmware.__main__ import main
from ocpp.central import CentralSystem
from ocpp.central.state import Card
from ocpp.v16 import (
    CancelReservationRequest,
    ChangeConfigurationRequest,
    GetConfigurationRequest,
    RemoteStartTransactionRequest,
    ReserveNowRequest,
)

from ..stories.conftest import World
from ..stories.station import PATIENCE_S, Station, eventually, site

CARDS = {
    "charging": "04CAFE0000CHARGING01",
    "group": "04CAFE00000GROUP0002",
    "refused": "04CAFE000REFUSED0003",
    "reserved": "04CAFE00RESERVED0004",
    "remote": "04CAFE0000REMOTE0005",
    "named": "04CAFE00000NAMED0006",
}
SECRETS = {
    "password of the central system": "canary-password-of-the-csms",
    "password of the page": "canary-password-of-the-page",
    "password of a key": "canary-password-of-the-key",
    "preset key": "canary-preset-authorization-key",
    "key sent by the central system": "canary-sent-authorization-key",
}
CANARIES = {**CARDS, **SECRETS}
TABLES = f"""
password = "{SECRETS["password of the central system"]}"

[security]
private_key_password = "{SECRETS["password of a key"]}"

[web]
listen = "127.0.0.1:0"
password = "{SECRETS["password of the page"]}"
"""
_USER = f"driver:{SECRETS['password of the page']}".encode()
KNOWN = {"Authorization": f"Basic {base64.b64encode(_USER).decode()}"}
PRESETS = {"AuthorizationKey": SECRETS["preset key"], "MeterValueSampleInterval": "1"}
PAGES = (
    *("/", "/api/state", "/api/history", "/api/sessions", "/sessions.csv", "/api/settings"),
    *("/api/messages", "/messages.jsonl", "/api/cards", "/health", "/metrics"),
)
"""But for /cards.csv, the list of cards to take elsewhere."""


@pytest.fixture
def lines() -> list[str]:
    """What the central system has said."""
    return []


@pytest.fixture
def bench(tmp_path: Path, lines: list[str]) -> Generator[CentralSystem]:
    addresses = ("127.0.0.1", 0)
    bench = CentralSystem(tmp_path / "bench", soap=addresses, page=addresses, on_line=lines.append)
    bench.store.save_card(Card(id=CARDS["charging"], parent=CARDS["group"]))
    bench.store.save_card(Card(id=CARDS["refused"], status="Blocked"))
    bench.start()
    yield bench
    bench.stop()


@pytest.fixture
def station(world: World, bench: CentralSystem) -> Station:
    station = world.station()
    text = site(bench.soap_url, configuration=PRESETS, board="time_scale = 500.0", more=TABLES)
    station.site.write_text(text)
    station.start()
    bench.wait_for(lambda state: bool(state.stations and state.stations[0].connectors), PATIENCE_S)
    return station


def test_no_canary_gets_out(
    station: Station, bench: CentralSystem, lines: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    sing(station, bench)
    given_out = {
        "the terminal": station.log.read_text(),
        "bench control": json.dumps(station.state()),
        "the first event": page(station, "/events", until=b"\n\ndata: "),
        "the central system's lines": "\n".join(lines),
        "the central system's messages": msgspec.json.encode(bench.state().messages).decode(),
        **{path: page(station, path) for path in PAGES},
        **command_lines(station, capfd),
        **dumped(station),
    }
    assert "session" in given_out["the terminal"]
    assert "StartTransaction" in given_out["/api/messages"]
    assert [
        (place, canary)
        for place, text in given_out.items()
        for canary, value in CANARIES.items()
        if value.lower() in text.lower()
    ] == []


def sing(station: Station, bench: CentralSystem) -> None:
    """Every canary passes through the station on every way there is."""
    order(station, "save-card", card=CARDS["named"], name="Ada")
    secret = SECRETS["key sent by the central system"]
    bench.call("cp001", ChangeConfigurationRequest(key="AuthorizationKey", value=secret))
    bench.call("cp001", GetConfigurationRequest())
    station.plug_in()
    station.card(CARDS["refused"])
    eventually(lambda: "refused" in station.lines)
    station.card(CARDS["charging"])
    station.charging()
    station.card(CARDS["charging"])
    bench.wait_for(lambda state: any(s.stop_time for s in state.sessions), PATIENCE_S)
    station.unplug()
    station.until(lambda evse: not evse["plugged"] and not evse["locked"])
    reserve = ReserveNowRequest(
        connector_id=1,
        expiry_date=datetime.now(UTC) + timedelta(hours=1),
        id_tag=CARDS["reserved"],
        parent_id_tag=CARDS["group"],
        reservation_id=7,
    )
    bench.call("cp001", reserve)
    station.plug_in()
    station.card(CARDS["refused"])
    bench.call("cp001", CancelReservationRequest(reservation_id=7))
    station.unplug()
    station.plug_in()
    bench.call("cp001", RemoteStartTransactionRequest(id_tag=CARDS["remote"], connector_id=1))
    station.charging()
    bench.call("cp001", reserve)


def order(station: Station, what: str, **body: object) -> None:
    """An order of the page."""
    with closing(connect(station)) as connection:
        head = {"Content-Type": "application/json", **KNOWN}
        connection.request("POST", f"/api/order/{what}", json.dumps(body), head)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()


def connect(station: Station) -> HTTPConnection:
    port = int(station.page.rstrip("/").rsplit(":", 1)[1])
    return HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)


def page(station: Station, path: str, until: bytes = b"") -> str:
    """What is shown there; of a stream that does not end, until the block after this."""
    with closing(connect(station)) as connection:
        connection.request("GET", path, headers=KNOWN)
        answer = connection.getresponse()
        assert answer.status == 200, path
        if not until:
            return answer.read().decode()
        text = b""
        while not (until in text and text.endswith(b"\n\n")):
            text += answer.read1()
        return text.decode()


def command_lines(station: Station, capfd: pytest.CaptureFixture[str]) -> dict[str, str]:
    words = ["--config", str(station.site), "--state-dir", str(station.state_dir)]
    main(["check", *words])
    checked = "".join(capfd.readouterr())
    station.site.write_text(station.site.read_text() + "\n[nonsense]\npassword = 5\n")
    main(["check", *words])
    main(["run", *words])
    return {"check": checked, "refusing the site file": "".join(capfd.readouterr())}


def dumped(station: Station) -> dict[str, str]:
    output = station.folder / "dump.tar.gz"
    words = ["--config", str(station.site), "--state-dir", str(station.state_dir)]
    assert main(["dump", *words, "--output", str(output)]) == 0
    found = {}
    with tarfile.open(output) as archive:
        for member in archive:
            file = archive.extractfile(member)
            assert file
            found[member.name] = file.read().decode()
    assert "SessionStarted" in found["pilotwire-dump/history.json"]
    return found
