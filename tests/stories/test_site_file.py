"""A site file that cannot be used: one line with file, key and what was expected, exit 2."""

import re
import socket
from pathlib import Path

import pytest

from firmware.config import SiteError, load

from .conftest import World
from .station import Station, eventually, site, survivors


def refused(station: Station, port: int = 0) -> str:
    """The one line that is printed when the station refuses to start."""
    station.launch(port)
    assert station.wait() == 2
    lines = [line for line in station.lines.splitlines() if not re.match(r"\d\d:\d\d:\d\d ", line)]
    assert len(lines) == 1, lines
    eventually(lambda: survivors(station.folder) == [])
    return lines[0]


INTERVAL = 'MeterValueSampleInterval = "0"'
CSMS = "[[csms]]"


@pytest.mark.parametrize(
    ("old", "new", "at", "said"),
    [
        ("vendor =", "vendr =", "vendr", "station.vendr: unknown key, did you mean 'vendor'?"),
        ("[board]", "[bord]", "[bord]", "bord: unknown key, did you mean 'board'?"),
        ('"fake"', '"real"', "driver", "board.driver: expected one of fake"),
        ('"fake"', "1", "driver", "board.driver: expected `str`, got `int`"),
        ("id = 2", 'id = "2"', 'id = "2"', "evse.id: expected `int`, got `str`"),
        ("id = 2", "id = 3", "id = 3", "evse.id: expected 1, 2, 3, ... in order"),
        ("id = 2", "idd = 2", "idd = 2", "evse.idd: unknown key, did you mean 'id'?"),
        ('"cp001"', '"cp/001"', "cp/001", "station.id: "),
        ('id = "cp001"', "", "[station]", "station: id is missing"),
        ("1.6-soap", "1.6", "1.6", "csms.version: '1.6' is not built yet; expected 1.6-soap"),
        ("1.6-soap", "2.0.1", "2.0", "csms.version: '2.0.1' is not built yet; expected 1.6-soap"),
        ("1.6-soap", "1.7", "1.7", "csms.version: "),
        ("http://", "ws://", "ws://", "csms.url: expected http://host:port/path"),
        (
            "http://127.0.0.1:",
            "http://127.0.0.1:70000",
            "url",
            "csms.url: expected http://host:port/",
        ),
        ("http://127.0.0.1", "http://[::1", "url", "csms.url: expected http://host:port/path"),
        (INTERVAL, 'HeartbeatInterval = "x"', "Heart", "ocpp.configuration.HeartbeatInterval: "),
        (INTERVAL, "HeartbeatInterval = 3", "Heart", "ocpp.configuration.HeartbeatInterval: "),
        (CSMS, f'[web]\nlisten = "80"\n{CSMS}', "listen", "web.listen: expected host:port"),
        (CSMS, f'[web]\nlisten = "0.0.0.0:0"\n{CSMS}', "listen", "web.listen: expected a loop"),
        (CSMS, f'[soap]\nlisten = "x:99999"\n{CSMS}', "listen", "soap.listen: expected host:"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, at: str, said: str) -> None:
    text = site("http://127.0.0.1:9/central", evses=2)
    assert old in text
    text = text.replace(old, new, 1)
    file = tmp_path / "site.toml"
    file.write_text(text)
    number = next(n for n, line in enumerate(text.splitlines(), 1) if at in line)
    with pytest.raises(SiteError, match=re.escape(f"{file}:{number}: {said}")):
        load(file)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[board]", "[bord]", "bord: unknown key, did you mean 'board'?"),
        ("1.6-soap", "2.0.1", "csms.version: '2.0.1' is not built yet"),
        ("[[csms]]", "[[csms", "not TOML: "),
    ],
)
def test_a_station_that_cannot_use_it_ends(world: World, old: str, new: str, said: str) -> None:
    station = world.station()
    station.site.write_text(station.site.read_text().replace(old, new, 1))
    assert said in refused(station)


def test_a_bundle_of_no_certificates(world: World) -> None:
    station = world.station(more='[security]\ncsms_ca_bundle = "nowhere.pem"')
    station.site.write_text(station.site.read_text().replace("http:", "https:"))
    assert "security.csms_ca_bundle: nowhere.pem holds no certificates" in refused(station)


def test_no_site_file(world: World) -> None:
    station = world.station()
    station.site.unlink()
    assert f"{station.site}: cannot be read" in refused(station)


@pytest.mark.parametrize("key", ["web.listen", "soap.listen"])
def test_a_taken_port(world: World, key: str) -> None:
    table = key.partition(".")[0]
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        station = world.station(more=f'[{table}]\nlisten = "127.0.0.1:{port}"')
        line = refused(station)
    said = f"{key}: 127.0.0.1:{port} cannot be used: Address already in use"
    assert line.startswith(f"{station.site}:")
    assert line.endswith(said)


def test_an_address_of_nobody_here(world: World) -> None:
    station = world.station(more='[soap]\nlisten = "192.0.2.1:0"')
    line = refused(station)
    assert line.startswith(f"{station.site}:")
    assert "soap.listen: 192.0.2.1:0 cannot be used: " in line


def test_a_taken_control_port(world: World) -> None:
    station = world.station()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        line = refused(station, port)
    assert f"--control-port: 127.0.0.1:{port} cannot be used: Address already in use" in line


def test_a_control_port_that_is_none(world: World) -> None:
    station = world.station()
    assert "--control-port: " in refused(station, 70000)
