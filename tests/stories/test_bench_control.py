"""Bench control, to the letter of its page: every verb with every answer, and what it does."""

import json
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from ocpp.http import Refused
from ocpp.v16 import (
    AuthorizeRequest,
    MeterValuesRequest,
    StartTransactionRequest,
    StatusNotificationRequest,
    StopTransactionRequest,
    TriggerMessageRequest,
)
from tests.rules import rule

from .central import Central
from .conftest import World
from .station import CARD, OTHER_CARD, Station, eventually

ON_1 = {"evse": 1, "connector": 1}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Generator[World]:
    """A world for tests that leave it as they found it."""
    world = World(tmp_path_factory.mktemp("bench"))
    world.start(evses=2)
    yield world
    world.clean_up()


def test_the_shape_of_the_state(kept: World) -> None:
    station = kept.stations[0]
    assert station.state() == {
        "phase": "running",
        "link": "up",
        "evses": [
            {
                "id": number,
                "plugged": False,
                "cp_state": "A",
                "locked": False,
                "relay_closed": False,
                "faults": [],
                "energy_wh": 0,
                "power_w": 0,
                "current_a": 0,
                "soc": None,
                "transaction": None,
            }
            for number in (1, 2)
        ],
    }


@pytest.mark.parametrize(
    ("verb", "body", "status"),
    [
        ("ev/plug-in", {"evse": 3, "connector": 1}, 404),
        ("ev/plug-in", {"evse": 1, "connector": 2}, 404),
        ("ev/plug-in", {"evse": 1}, 400),
        ("ev/plug-in", {"evse": "1", "connector": 1}, 400),
        ("ev/plug-in", {**ON_1, "phases": 4}, 400),
        ("ev/plug-in", {**ON_1, "colour": "red"}, 400),
        ("ev/plug-in", {**ON_1, "soc_start": 101}, 400),
        ("ev/plug-in", [], 400),
        ("ev/unplug", {"evse": 3, "connector": 1}, 404),
        ("ev/unplug", ON_1, 200),  # a goal already met
        ("ev/pause", ON_1, 409),  # no vehicle
        ("ev/resume", ON_1, 409),
        ("ev/pause", {"evse": 3, "connector": 1}, 404),
        ("ev/fly", ON_1, 404),
        ("fly", {}, 404),
        ("rfid", {"evses": [1]}, 400),
        ("rfid", {"token": CARD, "evses": [3]}, 404),
        ("rfid", {"token": "", "evses": [1]}, 400),
        ("link", {}, 400),
        ("link", {"up": "yes"}, 400),
        ("link", {"up": True}, 200),
        ("faults", {**ON_1, "error": "Nonsense", "active": True}, 400),
        ("faults", {**ON_1, "error": "Other", "active": False}, 200),
        ("faults", {"evse": 3, "connector": 1, "error": "Other", "active": True}, 404),
        ("lock", {**ON_1}, 400),
        ("lock", {"evse": 3, "connector": 1, "jammed": True}, 404),
        ("lock", {**ON_1, "jammed": False}, 200),
        ("meter", {"evse": 1}, 400),
        ("meter", {"evse": 3, "clear": True}, 404),
        ("meter", {"evse": 1, "clear": True}, 200),
    ],
)  # fmt: skip
def test_every_status(kept: World, verb: str, body: Any, status: int) -> None:
    station = kept.stations[0]
    began = time.monotonic()
    got, answer = station.request("POST", f"/v1/{verb}", json.dumps(body).encode())
    assert time.monotonic() - began < 1.0
    assert got == status, answer
    if status != 200:
        assert answer["error"]


def test_what_is_no_json_and_what_is_no_method(kept: World) -> None:
    station = kept.stations[0]
    assert station.request("POST", "/v1/rfid", b"{")[0] == 400
    assert station.request("POST", "/v1/rfid", b"\xff\xfe")[0] == 400
    assert station.request("GET", "/v1/rfid")[0] == 405
    assert station.request("GET", "/")[0] == 404


def test_plugging_in_twice(kept: World) -> None:
    station = kept.stations[0]
    body = {"current_a": 10, "battery_wh": 30000, "soc_start": 50}
    station.plug_in(**body)
    station.plug_in(**body)
    assert station.verb("ev/plug-in", **ON_1)[0] == 409
    evse = station.evse()
    assert (evse["plugged"], evse["cp_state"], evse["soc"]) == (True, "B", 50)
    station.unplug()
    assert not station.evse()["plugged"]  # at once: it is answered when taken


def test_the_vehicle_by_the_clock(world: World) -> None:
    station, central = world.start(), world.central
    station.plug_in(delay_s=0.6, ready_after_s=0.6, unplug_after_s=2.5)
    assert not station.evse()["plugged"]
    station.until(lambda e: e["plugged"])
    station.card()
    eventually(lambda: station.evse()["transaction"] == "4711")
    assert station.evse()["cp_state"] == "B"
    station.until(lambda e: e["cp_state"] == "C" and e["relay_closed"])
    assert central.wait(StopTransactionRequest).reason == "EVDisconnected"
    assert not station.evse()["plugged"]


def test_power_current_and_charge(world: World) -> None:
    station = world.start(board="time_scale = 500.0", station="fuse_limit_a = 10.0")
    station.plug_in(current_a=16, phases=2, soc_start=20, battery_wh=1000)
    station.card()
    station.charging()
    drawn = station.until(lambda e: e["energy_wh"] > 100)
    assert drawn["current_a"] == 10  # min(wish, permitted, fuse)
    assert drawn["power_w"] == pytest.approx(2 * 230 * 10, rel=0.01)
    assert drawn["soc"] > 20
    station.do("ev/pause", **ON_1)
    station.until(lambda e: e["power_w"] == 0 and not e["relay_closed"])
    station.do("ev/resume", **ON_1, current_a=6, phases=1)
    resumed = station.until(lambda e: e["power_w"] > 0)
    assert (resumed["current_a"], resumed["power_w"]) == (6, 1380)


def test_meter_overrides(world: World) -> None:
    station, central = world.start({"MeterValuesSampledData": MEASURANDS}), world.central
    station.do("meter", evse=1, energy_wh=123456, power_w=4321, voltage_v=240, current_a=7)
    mark = central.mark

    def shown() -> dict[str, float]:
        trigger = TriggerMessageRequest(requested_message="MeterValues", connector_id=1)
        seen = central.mark
        assert central.status_of(trigger) == "Accepted"
        values = central.wait(MeterValuesRequest, since=seen).meter_value[0].sampled_value
        return {f"{v.measurand} {v.phase or ''}".strip(): float(v.value) for v in values}

    eventually(lambda: shown()["Energy.Active.Import.Register"] == 123456)
    values = shown()
    assert values["Power.Active.Import"] == 4321
    assert values["Voltage L1-N"] == 240
    assert values["Current.Import L1"] == 7
    station.do("meter", evse=1, clear=True)
    eventually(lambda: shown()["Energy.Active.Import.Register"] == 0)
    assert central.mark > mark


MEASURANDS = "Energy.Active.Import.Register,Power.Active.Import,Voltage,Current.Import"


@rule("R16-061")
def test_any_text_may_be_a_card(world: World) -> None:
    station, central = world.start(), world.central
    station.plug_in()
    token = "Grüße <&> 7"
    station.card(token)
    assert central.wait(AuthorizeRequest).id_tag == token
    assert central.wait(StartTransactionRequest).id_tag == token


def test_a_card_that_no_message_holds(world: World) -> None:
    station, central = world.start(), world.central
    station.plug_in()
    station.card("X" * 21)
    eventually(lambda: "refused" in station.lines)
    station.card()
    assert central.wait(StartTransactionRequest).id_tag == CARD
    assert [a.id_tag for a in central.of(AuthorizeRequest)] == [CARD]


def test_a_reader_serves_its_evses(world: World) -> None:
    station, central = world.start(evses=2), world.central
    station.plug_in(1)
    station.plug_in(2)
    station.card(CARD, 2)
    assert central.wait(StartTransactionRequest).connector_id == 2
    station.card(CARD, 1)  # the running session is not of this reader
    assert central.wait(StartTransactionRequest, count=2).connector_id == 1
    station.card(CARD, 2)
    assert central.wait(StopTransactionRequest).transaction_id == 4711


def test_the_first_usable_evse_takes_the_card(world: World) -> None:
    station, central = world.start(evses=3), world.central
    station.fault("Other", evse=1)
    central.wait_status("Faulted", 1)
    station.card(CARD, 1, 2, 3)
    central.wait_status("Preparing", 2)
    station.plug_in(3)
    station.card(OTHER_CARD, 1, 2, 3)
    assert central.wait(StartTransactionRequest).connector_id == 3


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("UnderVoltage", "UnderVoltage"),
        ("OverVoltage", "OverVoltage"),
        ("OverCurrent", "OverCurrentFailure"),
        ("OverTemperature", "HighTemperature"),
        ("GroundFailure", "GroundFailure"),
        ("DiodeFault", "OtherError"),
        ("ConnectorLockFailure", "ConnectorLockFailure"),
        ("PowerMeterFailure", "PowerMeterFailure"),
        ("PowerSwitchFailure", "PowerSwitchFailure"),
        ("ReaderFailure", "ReaderFailure"),
        ("Other", "OtherError"),
    ],
)
def test_every_fault(kept: World, error: str, code: str) -> None:
    station, central = kept.stations[0], kept.central
    station.fault(error)
    station.fault(error)  # a goal already met
    assert station.evse()["faults"] == [error]
    central.wait_status("Faulted")
    faulted = [s for s in central.of(StatusNotificationRequest) if s.connector_id == 1][-1]
    assert faulted.error_code == code
    assert error in (faulted.info or "")
    station.fault(error, active=False)
    central.wait_status("Available")
    assert station.evse()["faults"] == []


def test_a_fault_that_waits_for_power(world: World) -> None:
    station, central = world.start(), world.central
    station.do("faults", **ON_1, error="Other", active=True, after="charging", after_s=0.5)
    station.plug_in()
    station.card()
    central.wait_status("Charging")
    assert station.evse()["faults"] == []
    central.wait_status("Faulted")
    assert central.wait(StopTransactionRequest).reason == "Other"


def test_a_jammed_lock(world: World) -> None:
    station, central = world.start(), world.central
    station.do("lock", **ON_1, jammed=True)
    station.plug_in()
    station.card()
    central.wait_status("Faulted")
    evse = station.evse()
    assert (evse["locked"], evse["relay_closed"]) == (False, False)
    told = [s for s in central.of(StatusNotificationRequest) if s.connector_id == 1][-1]
    assert told.error_code == "ConnectorLockFailure"
    station.do("lock", **ON_1, jammed=False)
    central.wait_for(lambda: central.statuses()[-1] in ("Finishing", "Preparing", "Charging"))


def test_the_link_is_held(world: World) -> None:
    station, central = world.start({"AllowOfflineTxForUnknownId": "true"}), world.central
    url = central.station_url
    mark = central.mark
    station.do("link", up=False)
    station.do("link", up=False)
    assert station.state()["link"] == "held"
    assert incoming(central, url) == "HTTP 503"  # incoming refused
    station.plug_in()
    station.card()
    station.charging()
    assert station.evse()["transaction"] == "session-1"
    assert central.kinds(mark) == []  # no calls out
    began = time.monotonic()
    station.do("link", up=True)
    central.wait(StartTransactionRequest, since=mark)
    assert time.monotonic() - began < 1.0  # no back-off
    eventually(lambda: station.evse()["transaction"] == "4711")
    assert station.state()["link"] == "up"
    assert incoming(central, url) == "Accepted"
    assert "BootNotification" not in central.kinds(mark)


def incoming(central: Central, url: str) -> str:
    """How the station answers at the address where it was."""
    assert central.station_url == url
    try:
        return central.status_of(TriggerMessageRequest(requested_message="Heartbeat"))
    except Refused as refused:
        return refused.reason


def test_holding_the_link_waits_for_nothing(world: World) -> None:
    """The caller may be the central system's own thread."""
    central = world.central
    station = world.start({"AllowOfflineTxForUnknownId": "true"})
    station.plug_in()
    with central.holding(AuthorizeRequest) as arrived:
        station.card()
        assert arrived.wait(10)
        began = time.monotonic()
        station.do("link", up=False)
        station.do("ev/pause", **ON_1)
        station.state()
        assert time.monotonic() - began < 0.5
        eventually(lambda: station.evse()["transaction"] == "session-1")
    station.do("link", up=True)
    central.wait(StartTransactionRequest)


def test_from_the_command_line(kept: World) -> None:
    station = kept.stations[0]

    def bench(*words: str) -> tuple[int, str, str]:
        command = [sys.executable, "-m", "firmware", "bench", *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
        return done.returncode, done.stdout, done.stderr

    port = f"--control-port={station.port}"
    status, out, _ = bench(port, "state")
    assert status == 0
    assert json.loads(out) == station.state()
    assert bench(port, "plug-in", "evse=2", "connector=1", "current_a=8.5")[0] == 0
    assert station.evse(2)["plugged"]
    assert bench(port, "unplug", "evse=2", "connector=1")[0] == 0
    status, _, err = bench(port, "unplug", "evse=7", "connector=1")
    assert (status, "no EVSE 7" in err) == (1, True)
    assert bench(port, "rfid", "token=04AB", "evses=[7]")[0] == 1
    assert bench(port, "rfid", "nonsense")[0] == 2
    assert bench("--control-port=1", "state")[0] == 1


ROOT = Path(__file__).parents[2]


def test_loopback_only(kept: World) -> None:
    station: Station = kept.stations[0]
    lines = Path("/proc/net/tcp").read_text().splitlines()
    local = [line.split()[1] for line in lines if f":{station.port:04X} " in line.split()[1] + " "]
    assert local
    assert {address.partition(":")[0] for address in local} == {"0100007F"}
