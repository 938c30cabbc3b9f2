"""Faults: which end a session, which suspend it; none lets current flow (R16-154 ... R16-158)."""

from typing import get_args

import pytest

from firmware.core.connector import Permit
from firmware.core.transitions import ENDING_FAULTS
from firmware.events import InterlockLost, MeterLost
from firmware.facts import StatusChanged
from hal.ports import Fault
from tests.firmware.rig import Rig

FAULTS: tuple[Fault, ...] = get_args(Fault)
SUSPENDING = sorted(set(FAULTS) - ENDING_FAULTS)


def told(rig: Rig) -> tuple[str, str | None, str | None]:
    fact = [fact for fact in rig.all_told(StatusChanged) if fact.evse == 1][-1]
    return fact.status, fact.fault, fact.info


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_starts_with_a_fault(fault: Fault) -> None:
    """R16-158, R16-154 (TC_024): Faulted with its name; afterwards the status before it."""
    rig = Rig()
    rig.plugs()
    rig.sees(1, "B", fault)
    assert told(rig) == ("Faulted", fault, fault)
    rig.taps()
    assert (rig.starts, rig.questions) == ([], [])
    rig.sees(1, "B")
    assert told(rig) == ("Preparing", None, None)
    assert rig.starts == []


def test_fault_between_card_and_plug() -> None:
    rig = Rig()
    rig.taps()
    rig.sees(1, "A", "ConnectorLockFailure")
    rig.plugs()
    rig.sees(1, "B")
    assert (rig.starts, rig.status()) == ([], "Preparing")


@pytest.mark.parametrize("fault", sorted(ENDING_FAULTS))
def test_fault_that_ends_the_session(fault: Fault) -> None:
    """R16-157: Faulted, and StopTransaction with Other or EmergencyStop (R16-083)."""
    rig = Rig()
    rig.charges()
    rig.passes(10)
    rig.sees(1, "C", fault, closed=True)
    assert rig.wanted() is None
    assert rig.status() == "Faulted"
    rig.sees(1, "C", fault)
    rig.reads()
    assert rig.stops[0].reason == ("EmergencyStop" if fault == "EmergencyStop" else "Other")
    assert rig.stops[0].token is None
    rig.sees(1, "B")
    assert (rig.status(), rig.wanted(), len(rig.starts)) == ("Finishing", None, 1)


@pytest.mark.parametrize("fault", SUSPENDING)
def test_fault_that_suspends_the_session(fault: Fault) -> None:
    """R16-157: no current while it lasts, then the status before it."""
    rig = Rig()
    rig.charges()
    rig.passes(10)
    rig.sees(1, "C", fault)
    assert (rig.wanted(), rig.status()) == (None, "Faulted")
    rig.passes(600)
    assert rig.stops == []
    rig.sees(1, "C")
    assert rig.wanted() == Permit(1, 16.0)
    assert rig.status() == "SuspendedEVSE"
    rig.draws()
    assert rig.status() == "Charging"


def test_card_stops_a_suspended_session() -> None:
    rig = Rig()
    rig.charges()
    rig.passes(10)
    rig.sees(1, "C", "OverTemperature")
    rig.presents("CARD")
    rig.passes(2)
    assert rig.stops[0].reason == "Local"


def test_vehicle_may_leave_with_a_fault() -> None:
    """R16-084."""
    rig = Rig()
    rig.charges()
    rig.passes(10)
    rig.sees(1, "C", "OverTemperature")
    rig.sees(1, "A", "OverTemperature")
    rig.reads()
    assert rig.stops[0].reason == "EVDisconnected"
    rig.passes(2)
    rig.sees(1, "A")
    assert rig.status() == "Available"


def test_emergency_stop_wins_over_other_faults() -> None:
    rig = Rig()
    rig.charges()
    rig.passes(1)
    rig.sees(1, "C", "Other", "EmergencyStop", "DiodeFault")
    rig.reads()
    assert rig.stops[0].reason == "EmergencyStop"
    assert told(rig) == ("Faulted", "DiodeFault", "DiodeFault,EmergencyStop,Other")


def test_info_fits() -> None:
    """R16-156: at most 50 characters."""
    rig = Rig()
    rig.sees(1, "A", *FAULTS)
    info = told(rig)[2]
    assert info is not None
    assert len(info) == 50


def test_lost_meter_suspends() -> None:
    """What cannot be billed does not flow."""
    rig = Rig()
    rig.charges()
    rig.passes(10)
    rig.happens(MeterLost(1))
    assert rig.wanted() is None
    assert told(rig) == ("Faulted", "PowerMeterFailure", "PowerMeterFailure")
    rig.passes(60)
    rig.reads()
    assert (rig.wanted(), rig.stops, rig.status()) == (Permit(1, 16.0), [], "Charging")


def test_lost_interlock_suspends() -> None:
    """Nothing is known of the EVSE; back again, the session goes on."""
    rig = Rig(2)
    rig.charges(1)
    rig.passes(10)
    rig.happens(InterlockLost((1,)))
    assert told(rig) == ("Faulted", "InterlockLost", "InterlockLost")
    assert (rig.wanted(), rig.at(1).pilot, rig.at(1).closed) == (None, None, False)
    assert rig.status(2) == "Available"
    rig.passes(600)
    rig.sees(1, "B")
    assert (rig.wanted(), rig.stops) == (Permit(1, 16.0), [])


def test_stop_does_not_wait_for_a_lost_interlock() -> None:
    rig = Rig()
    rig.charges()
    rig.passes(1)
    rig.presents("CARD")
    rig.happens(InterlockLost((1,)))
    rig.passes(1)
    assert len(rig.stops) == 1


def test_news_of_an_evse_that_is_none_of_ours() -> None:
    rig = Rig()
    before = rig.state
    rig.sees(9, "B", "GroundFailure")
    rig.registers[9] = 5
    rig.reads(9)
    rig.happens(MeterLost(9))
    rig.happens(InterlockLost((9,)))
    assert rig.state == before
