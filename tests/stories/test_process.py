"""The process, to the letter of the bench-control page: start, stop, power cut, start again."""

import signal
import socket
import threading
import time
from contextlib import closing
from datetime import timedelta
from http.client import HTTPConnection

import pytest

from ocpp.v16 import (
    BootNotificationRequest,
    ChangeAvailabilityRequest,
    ChangeConfigurationRequest,
    GetConfigurationRequest,
    HeartbeatRequest,
    MeterValuesRequest,
    ReserveNowRequest,
    StartTransactionRequest,
    StopTransactionRequest,
    TriggerMessageRequest,
)
from tests.rules import rule

from .central import PATIENCE_S
from .conftest import World
from .station import CARD, OTHER_CARD, eventually, gone, survivors

OFFLINE = {"AllowOfflineTxForUnknownId": "true"}
STOPS = [signal.SIGTERM, signal.SIGINT]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_bench_control_answers_within_5_s_and_without_a_central_system(world: World) -> None:
    world.central.down()
    station = world.station()
    began = time.monotonic()
    port = free_port()
    station.launch(port)
    station.until_running()
    assert time.monotonic() - began < 5.0
    assert station.port == port
    assert station.state()["link"] == "down"


def test_bench_control_answers_while_the_first_boot_is_not_answered(world: World) -> None:
    station = world.station()
    with world.central.holding(BootNotificationRequest) as arrived:
        station.start()
        assert arrived.wait(PATIENCE_S)
        assert station.state()["phase"] == "running"
        station.plug_in()
        station.until(lambda e: e["plugged"])


@pytest.mark.parametrize("number", STOPS)
def test_a_stop_is_a_power_cut(world: World, number: signal.Signals) -> None:
    """In a session, with a call under way, and with somebody watching the page."""
    central = world.central
    station = world.start({"MeterValueSampleInterval": "1"})
    interlock = station.interlock_pid
    station.plug_in()
    station.card()
    station.charging()
    watcher = HTTPConnection("127.0.0.1", int(station.page.rstrip("/").rsplit(":", 1)[1]))
    with central.holding(MeterValuesRequest) as arrived, closing(watcher):
        watcher.request("GET", "/events")
        assert watcher.getresponse().status == 200
        assert arrived.wait(PATIENCE_S)
        mark, began = central.mark, time.monotonic()
        station.signal(number)
        assert station.wait() == 0
        ended = time.monotonic()
        assert ended - began < 1.0
        assert gone(interlock, 1.0)
        assert survivors(station.folder) == []
        assert central.kinds(mark) == []
    opened = station.record("open")[-1]
    assert opened["monotonic"] < ended
    assert [row[1] for row in station.history()][-1] != "SessionStopped"


def test_a_stop_while_an_order_waits_for_its_reply_sends_nothing_more(world: World) -> None:
    central = world.central
    station = world.start()
    mark = central.mark
    results: list[object] = []

    def ask() -> None:
        results.append(central.status_of(TriggerMessageRequest(requested_message="Heartbeat")))

    asking = threading.Thread(target=ask)
    with central.holding(HeartbeatRequest) as arrived:
        asking.start()
        assert arrived.wait(PATIENCE_S)
        station.card()
        eventually(lambda: "Preparing" in station.lines)
        assert station.stop() == 0
    asking.join(PATIENCE_S)
    assert results == ["Accepted"]
    assert central.kinds(mark) == ["Heartbeat"]


@pytest.mark.parametrize("number", STOPS)
@pytest.mark.parametrize("made", ["state", "state/journal.sqlite", "state/interlock.lock"])
def test_a_stop_while_it_starts(world: World, number: signal.Signals, made: str) -> None:
    """Also a start that is interrupted leaves nothing running, and a folder that starts."""
    station = world.station()
    station.launch()
    eventually((station.folder / made).exists)
    began = time.monotonic()
    station.signal(number)
    assert station.wait() == 0
    assert time.monotonic() - began < 1.0
    eventually(lambda: survivors(station.folder) == [])
    assert "Traceback" not in station.lines
    station.start()
    world.central.wait_status("Available")


@rule("R16-172", "R16-231", "R16-232")
def test_everything_that_survives_a_reboot(world: World) -> None:
    central = world.central
    station = world.start({**OFFLINE, "LocalPreAuthorize": "true"}, evses=4)
    central.wait_status("Available", 4)
    hour = central.now + timedelta(hours=1)
    reserve = ReserveNowRequest(
        connector_id=1, expiry_date=hour, id_tag=OTHER_CARD, reservation_id=7
    )
    out = ChangeAvailabilityRequest(connector_id=2, type="Inoperative")
    change = ChangeConfigurationRequest(key="LocalPreAuthorize", value="false")
    for order in (reserve, out, change):
        assert central.status_of(order) == "Accepted"
    station.plug_in(3)
    station.card(CARD, 3)
    station.charging(3)
    central.wait(StartTransactionRequest)
    central.wait_status("Charging", 3)
    station.fault("Other", evse=4)
    station.do("lock", evse=4, connector=1, jammed=True)
    central.wait_status("Faulted", 4)
    central.down()
    station.plug_in(4)

    station.kill()
    mark = central.mark
    central.up()
    station.start()
    assert [e["plugged"] for e in station.state()["evses"]] == [False] * 4
    assert [e["faults"] for e in station.state()["evses"]] == [[]] * 4
    assert [e["relay_closed"] for e in station.state()["evses"]] == [False] * 4
    stopped = central.wait(StopTransactionRequest)
    assert (stopped.transaction_id, stopped.reason, stopped.id_tag) == (4711, "PowerLoss", None)
    for connector, status in enumerate(["Available", "Reserved", "Unavailable"]):
        central.wait_status(status, connector, mark)
    for connector in (3, 4):
        central.wait_status("Available", connector, mark)
    shown = central.ask(GetConfigurationRequest(key=("LocalPreAuthorize", "MessageTimeout")))
    assert [row.value for row in shown.configuration_key] == ["false", "30"]
    station.plug_in(1)
    station.card(OTHER_CARD, 1)
    assert central.wait(StartTransactionRequest, count=2).reservation_id == 7


def test_an_empty_state_dir_is_the_factory_state(world: World) -> None:
    central = world.central
    station = world.start()
    change = ChangeConfigurationRequest(key="LocalPreAuthorize", value="true")
    out = ChangeAvailabilityRequest(connector_id=1, type="Inoperative")
    assert (central.status_of(change), central.status_of(out)) == ("Accepted", "Accepted")
    central.wait_status("Unavailable")
    station.stop()
    station.state_dir.rename(station.folder / "old")
    station.start()
    central.wait_status("Available")
    shown = central.ask(GetConfigurationRequest(key=("LocalPreAuthorize",)))
    assert [row.value for row in shown.configuration_key] == ["false"]


@rule("R16-089", "R16-090")
def test_a_session_that_was_open_closes_at_its_last_stored_reading(world: World) -> None:
    """No sample that was told may lie above the stop (R16-089, R16-090)."""
    central = world.central
    station = world.start({"MeterValueSampleInterval": "1"}, board="time_scale = 200.0")
    station.plug_in()
    station.card()
    central.wait(MeterValuesRequest, count=2)
    station.kill()
    rows = station.history()
    samples = [row[2] for row in rows if row[1] == "SessionMetered"]
    station.start()
    stopped = central.wait(StopTransactionRequest)
    central.wait_status("Available")
    assert stopped.meter_stop >= samples[-1]["sample"]["wh"] > 0
    assert stopped.timestamp.timestamp() >= samples[-1]["at"]["wall"] - 0.001


def test_a_register_goes_on_after_a_power_cut(world: World) -> None:
    station = world.start(board="time_scale = 200.0")
    station.plug_in()
    station.card()
    station.until(lambda e: e["energy_wh"] > 200)
    before = station.evse()["energy_wh"]
    station.again()
    assert station.evse()["energy_wh"] >= before
    assert station.evse()["power_w"] == 0


def test_meter_resets_on_plug_in(world: World) -> None:
    central = world.central
    station = world.start(board="time_scale = 200.0\nmeter_resets_on_plug_in = true")
    for session in (1, 2):
        station.plug_in()
        assert station.evse()["energy_wh"] == 0
        station.card()
        station.until(lambda e: e["energy_wh"] > 100)
        station.card()
        stopped = central.wait(StopTransactionRequest, count=session)
        assert stopped.meter_stop > 100
        eventually(lambda: station.evse()["transaction"] is None)
        station.unplug()
        station.until(lambda e: not e["plugged"])
    assert [s.meter_start for s in central.of(StartTransactionRequest)] == [0, 0]
    station.again()
    assert station.evse()["energy_wh"] == 0


def test_two_stations_at_once(world: World) -> None:
    one, two = world.station(), world.station()
    one.launch()
    two.launch()
    one.until_running()
    two.until_running()
    one.plug_in()
    one.until(lambda e: e["plugged"])
    assert not two.evse()["plugged"]
    senders = {r.sender for r in world.central.received}
    assert len(senders) == 2
    assert one.stop() == 0
    assert two.state()["phase"] == "running"


def test_a_second_process_for_the_same_folder_is_refused(world: World) -> None:
    station = world.start()
    station.plug_in()
    station.card()
    station.charging()
    second = world.station()
    second.state_dir = station.state_dir
    second.launch()
    status = second.wait()
    assert status == 1
    assert "Traceback" not in second.lines
    assert f"another interlock is at work in {station.state_dir}" in second.lines
    assert station.evse()["relay_closed"]
    station.card()
    world.central.wait(StopTransactionRequest)


def test_the_soap_port_of_last_time_is_preferred(world: World) -> None:
    central = world.central
    station = world.start()
    url = central.station_url
    station.again()
    central.wait_for(lambda: central.kinds().count("BootNotification") == 2)
    assert central.received[-1].sender == url
    station.stop()
    port = int(url.rstrip("/").rsplit(":", 1)[1])
    mark = central.mark
    with socket.create_server(("127.0.0.1", port)):
        station.start()
    central.wait_for(lambda: central.kinds(mark))
    assert central.received[-1].sender != url


def test_a_callback_url_is_what_from_announces(world: World) -> None:
    more = '[soap]\ncallback_url = "http://station.example:8080/here"'
    world.start(more=more)
    assert world.central.received[0].sender == "http://station.example:8080/here"
