"""ChangeAvailability (R16-170 ... R16-176)."""

import pytest

from firmware.core.connector import Permit
from firmware.orders import ChangeAvailability
from tests.firmware.rig import Rig


def change(rig: Rig, evse: int, operative: bool) -> str:
    return rig.orders(ChangeAvailability(evse, operative)).status


def test_out_of_service_and_back() -> None:
    rig = Rig(2)
    assert change(rig, 1, False) == "Accepted"
    assert [rig.status(evse) for evse in (0, 1, 2)] == ["Available", "Unavailable", "Available"]
    assert rig.disk.inoperative == (1,)
    assert change(rig, 1, True) == "Accepted"
    assert (rig.status(1), rig.disk.inoperative) == ("Available", ())


@pytest.mark.parametrize("operative", [True, False])
def test_same_again_changes_nothing(operative: bool) -> None:
    """R16-170: Accepted, and no status told."""
    rig = Rig()
    change(rig, 1, operative)
    statuses = rig.statuses()
    assert change(rig, 1, operative) == "Accepted"
    assert rig.statuses() == statuses


def test_whole_station() -> None:
    """R16-171 (TC_034): told for 0 and for each."""
    rig = Rig(2)
    assert change(rig, 0, False) == "Accepted"
    assert [rig.status(evse) for evse in (0, 1, 2)] == ["Unavailable"] * 3
    assert rig.disk.inoperative == (0, 1, 2)


def test_station_operative_makes_all_so() -> None:
    """R16-174: the request applies to all."""
    rig = Rig(2)
    change(rig, 2, False)
    change(rig, 0, False)
    change(rig, 0, True)
    assert [rig.status(evse) for evse in (0, 1, 2)] == ["Available"] * 3


def test_operative_only_if_the_station_is() -> None:
    """R16-174."""
    rig = Rig(2)
    change(rig, 0, False)
    assert change(rig, 1, True) == "Accepted"
    assert rig.status(1) == "Unavailable"
    rig.plugs(1)
    rig.taps()
    assert rig.starts == []


@pytest.mark.parametrize("evse", [-1, 3, 99])
def test_unknown(evse: int) -> None:
    """R16-176."""
    rig = Rig(2)
    before = rig.state
    assert change(rig, evse, False) == "Rejected"
    assert rig.state == before


def test_running_session_ends_first() -> None:
    """R16-170: Scheduled; charging goes on, then Unavailable instead of Finishing → Available."""
    rig = Rig()
    rig.charges()
    assert change(rig, 1, False) == "Scheduled"
    assert (rig.status(), rig.wanted()) == ("Charging", Permit(1, 16.0))
    rig.passes(10)
    rig.presents("CARD")
    assert change(rig, 1, False) == "Scheduled"
    rig.opens()
    assert rig.status() == "Unavailable"
    assert change(rig, 1, False) == "Accepted"
    rig.unplugs()
    assert rig.status() == "Unavailable"


def test_station_with_one_busy() -> None:
    """R16-171: Scheduled, the free ones at once."""
    rig = Rig(2)
    rig.charges(1)
    assert change(rig, 0, False) == "Scheduled"
    assert [rig.status(evse) for evse in (0, 1, 2)] == ["Unavailable", "Charging", "Unavailable"]


def test_scheduled_is_cancelled() -> None:
    """R16-173."""
    rig = Rig()
    rig.charges()
    change(rig, 1, False)
    assert change(rig, 1, True) == "Accepted"
    rig.presents("CARD")
    rig.passes(2)
    assert rig.status() == "Finishing"


def test_survives_a_power_cut() -> None:
    """R16-172 (TC_034), also scheduled ones (R16-144)."""
    rig = Rig(2)
    rig.charges(1)
    change(rig, 1, False)
    again = rig.loses_power()
    assert [again.status(evse) for evse in (0, 1, 2)] == ["Available", "Unavailable", "Available"]
    change(again, 0, False)
    assert again.loses_power().status(0) == "Unavailable"


def test_ended_plug_of_an_evse_back_in_service() -> None:
    """The plug is still the ended session's (R16-088)."""
    rig = Rig()
    rig.charges()
    rig.passes(1)
    rig.presents("CARD")
    rig.opens()
    change(rig, 1, False)
    assert rig.status() == "Unavailable"
    change(rig, 1, True)
    assert rig.status() == "Finishing"
