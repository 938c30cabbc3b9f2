"""Statuses are derived from the state; every change is told, once (R16-150 ... R16-159)."""

import pytest

from firmware.core.settings import Settings
from firmware.facts import StatusChanged
from firmware.orders import ChangeAvailability
from tests.firmware.rig import Rig


def test_a_whole_session() -> None:
    """Reference 3.4: A2, B3, C4, D3, C6, F1."""
    rig = Rig()
    rig.plugs()
    rig.taps()
    rig.draws()
    rig.passes(30)
    rig.sees(1, "B", offered_a=16.0)
    rig.draws()
    rig.presents("CARD")
    rig.opens()
    rig.unplugs()
    assert rig.statuses() == [
        "Unavailable",
        "Available",
        "Preparing",
        "Charging",
        "SuspendedEV",
        "Charging",
        "Finishing",
        "Available",
    ]
    assert rig.statuses(0) == ["Available"]


def test_status_is_told_with_the_moment_of_its_change() -> None:
    """R16-156."""
    rig = Rig()
    rig.passes(12)
    rig.plugs()
    assert rig.all_told(StatusChanged)[-1].at == rig.clock.now()


def test_vehicle_gets_a_moment_before_it_counts_as_suspending() -> None:
    """Between start and the contactor it stays Preparing, at most five seconds."""
    rig = Rig()
    rig.plugs()
    rig.taps()
    rig.passes(4.9)
    assert rig.status() == "Preparing"
    rig.passes(0.2)
    assert rig.status() == "SuspendedEV"
    rig.draws()
    assert rig.status() == "Charging"
    rig.sees(1, "B")
    assert rig.status() == "SuspendedEV"


@pytest.mark.parametrize("pilot", ["C", "D"])
def test_vehicle_that_asks_and_gets_nothing(pilot: str) -> None:
    """SuspendedEVSE: it is not the vehicle's doing."""
    rig = Rig()
    rig.plugs()
    rig.taps()
    rig.passes(6)
    rig.sees(1, pilot)  # type: ignore[arg-type]
    assert rig.status() == "SuspendedEVSE"


def test_suspended_by_both() -> None:
    """R16-159: SuspendedEVSE has precedence."""
    rig = Rig(settings=Settings(stop_on_invalid_id=False))
    rig.plugs()
    rig.taps()
    rig.passes(6)
    assert rig.status() == "SuspendedEV"
    rig.confirms("1", "Invalid")
    assert rig.status() == "SuspendedEVSE"


def test_nothing_is_told_where_nothing_changes() -> None:
    """R16-150."""
    rig = Rig()
    rig.charges()
    before = len(rig.all_told(StatusChanged))
    rig.draws()
    rig.reads()
    rig.passes(300)
    assert len(rig.all_told(StatusChanged)) == before


def test_another_fault_is_told_too() -> None:
    """R16-150: the status is the same, its cause is not."""
    rig = Rig()
    rig.sees(1, "A", "OverTemperature")
    rig.sees(1, "A", "GroundFailure")
    faults = [fact.fault for fact in rig.all_told(StatusChanged) if fact.evse == 1]
    assert faults == [None, None, "OverTemperature", "GroundFailure"]


def test_unseen_evse_is_unavailable() -> None:
    rig = Rig(seen=False)
    assert (rig.status(0), rig.status(1)) == ("Available", "Unavailable")


def test_fault_lies_over_everything() -> None:
    """R16-157: also over Unavailable; what is underneath comes back."""
    rig = Rig()
    rig.orders(ChangeAvailability(1, operative=False))
    rig.sees(1, "B", "GroundFailure")
    assert rig.status() == "Faulted"
    rig.sees(1, "B")
    assert rig.status() == "Unavailable"
