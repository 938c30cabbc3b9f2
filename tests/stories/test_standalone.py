"""A station without a central system: its own list of cards decides, its sessions are kept."""

import csv
import io
import json
from pathlib import Path
from urllib.request import urlopen

from .conftest import World
from .kept import FAST
from .station import CARD, OTHER_CARD, Station, eventually, request


def alone(world: World, folder: Path, **more: str) -> Station:
    station = world.station(board=FAST, **more)
    text = station.site.read_text()
    before, _, after = text.partition("[[csms]]")
    station.site.write_text(before + after[after.index("[ocpp.configuration]") :])
    station.start()
    return station


def order(station: Station, what: str, /, **form: object) -> int:
    port = int(station.page.rstrip("/").rsplit(":", 1)[1])
    status, _ = request(port, "POST", f"/api/order/{what}", json.dumps(form).encode())
    return status


def exported(station: Station) -> list[dict[str, str]]:
    with urlopen(f"{station.page.rstrip('/')}/sessions.csv") as answer:  # noqa: S310
        return list(csv.DictReader(io.StringIO(answer.read().decode("utf-8-sig"))))


def test_the_list_of_cards_decides(world: World, tmp_path: Path) -> None:
    station = alone(world, tmp_path)
    station.plug_in()
    station.card()
    eventually(lambda: "not on the list of cards" in station.lines)
    assert order(station, "save-card", card=CARD, name="Ada") == 200
    station.card()
    station.charging()
    station.card(OTHER_CARD)  # another cannot stop it
    eventually(lambda: "no usable EVSE" in station.lines)
    station.again()  # the session that was open is kept, and so is the list
    station.plug_in()
    station.card()
    station.charging()
    station.card()
    station.until(lambda e: e["transaction"] is None)
    eventually(lambda: {row["reason"] for row in exported(station)} == {"Local", "PowerLoss"})
    rows = exported(station)
    assert {row["name"] for row in rows} == {"Ada"}
    assert all(int(row["wh"]) >= 0 for row in rows)
    assert world.central.received == []


def test_free_charging(world: World, tmp_path: Path) -> None:
    station = alone(world, tmp_path, station='free_id_tag = "GUEST"')
    station.plug_in()
    station.charging()
    station.unplug()
    station.until(lambda e: e["transaction"] is None)
    eventually(lambda: [row["reason"] for row in exported(station)] == ["EVDisconnected"])
