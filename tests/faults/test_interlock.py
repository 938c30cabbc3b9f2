"""Whatever becomes of the firmware or the interlock, the contactor opens, and is of use again."""

import os
import signal
import time

import pytest

from ocpp.v16 import StartTransactionRequest, StatusNotificationRequest, StopTransactionRequest

from ..stories.conftest import World
from ..stories.station import Station, eventually, gone, survivors

OPEN_S = 2.1
"""A lease lasts 2 s; the rest is for the interlock to see it lapse."""


def opened(station: Station, since: float) -> float:
    """How long after this the contact was seen to open, by the interlock's own record."""
    eventually(lambda: any(line["monotonic"] >= since for line in station.record("open")))
    (line,) = [line for line in station.record("open") if line["monotonic"] >= since]
    return float(line["monotonic"]) - since


def charging(world: World) -> Station:
    station = world.start(evses=2)
    for evse in (1, 2):
        station.plug_in(evse)
        station.card(f"CARD{evse}", evse)
        station.charging(evse)
    station.do("ev/unplug", evse=2, connector=1)
    world.central.wait(StopTransactionRequest)
    eventually(lambda: len(station.record("close")) == 2 and len(station.record("open")) == 1)
    return station


def test_the_firmware_is_killed(world: World) -> None:
    station = charging(world)
    killed = time.monotonic()
    station.kill()
    assert opened(station, killed) <= OPEN_S
    eventually(lambda: survivors(station.folder) == [])


def test_the_firmware_is_stopped_and_goes_on(world: World) -> None:
    """As if every thread of it were stuck: the lease lapses; afterwards the session goes on."""
    station = charging(world)
    stopped = time.monotonic()
    station.signal(signal.SIGSTOP)
    assert opened(station, stopped) <= OPEN_S
    assert not gone(station.interlock_pid, 0)
    mark = world.central.mark
    station.signal(signal.SIGCONT)
    station.until(lambda e: e["relay_closed"])
    world.central.wait_status("Charging")
    station.card("CARD1", 1)
    world.central.wait(StopTransactionRequest, since=mark)


def test_the_interlock_is_killed(world: World) -> None:
    station = charging(world)
    central, before = world.central, station.interlock_pid
    mark = central.mark
    os.kill(before, signal.SIGKILL)
    central.wait_for(lambda: "Faulted" in central.statuses(1, mark))
    faulted = central.wait(StatusNotificationRequest, lambda s: s.status == "Faulted", since=mark)
    assert faulted.error_code == "InternalError"
    eventually(lambda: station.interlock_pid != before)
    for evse in (1, 2):
        central.wait_status("Available", evse, mark)
    assert central.of(StopTransactionRequest)[-1].reason in ("Other", "EVDisconnected", "PowerLoss")
    assert station.lines.count("interlock: ") == 1
    assert len(survivors(station.folder)) == 2  # the firmware, and one interlock
    station.plug_in()
    station.card("CARD1", 1)
    central.wait(StartTransactionRequest, since=mark)
    station.charging()
    stops, starts = central.of(StopTransactionRequest), central.of(StartTransactionRequest)
    assert starts[-1].meter_start <= stops[-1].meter_stop + 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_only_letting_go_ends_the_interlock(world: World, number: signal.Signals) -> None:
    """What a terminal sends to all is for the firmware alone."""
    station = charging(world)
    os.kill(station.interlock_pid, number)
    assert not gone(station.interlock_pid, 0.3)
    assert station.evse()["relay_closed"]
    killed = time.monotonic()
    station.kill()
    assert opened(station, killed) <= OPEN_S


def test_the_interlock_is_stopped(world: World) -> None:
    """A silent interlock is lost: it is ended and replaced."""
    station = charging(world)
    central, before = world.central, station.interlock_pid
    mark = central.mark
    os.kill(before, signal.SIGSTOP)
    central.wait_for(lambda: "Faulted" in central.statuses(1, mark))
    assert gone(before)
    central.wait_status("Available", since=mark)
    assert station.state()["phase"] == "running"


def test_bench_control_while_the_interlock_is_gone(world: World) -> None:
    """It answers, whatever it answers, and is of use again when there is a new interlock."""
    station = world.start()
    before = station.interlock_pid
    os.kill(before, signal.SIGKILL)

    def replaced() -> bool:
        assert station.evse()["faults"] in ([], ["InterlockLost"])
        assert station.verb("ev/plug-in", evse=1, connector=1)[0] in (200, 409)
        return station.interlock_pid != before

    eventually(replaced)
    eventually(lambda: station.verb("ev/plug-in", evse=1, connector=1)[0] == 200)
    station.until(lambda e: e["plugged"])
