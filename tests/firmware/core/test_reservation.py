"""Reservations: how ReserveNow is answered, and one for any EVSE (R16-220 ... R16-224)."""

import pytest

from firmware.core.reservation import Reservation
from firmware.core.settings import Settings
from firmware.orders import CancelReservation, ChangeAvailability, Reserve
from tests.firmware.rig import WALL, Rig

LATER = WALL + 100_000


def reserve(
    rig: Rig,
    evse: int = 1,
    *,
    number: int = 7,
    token: str = "MINE",
    parent: str | None = None,
    expires: float = LATER,
) -> str:
    return rig.orders(Reserve(number, evse, token, parent, expires)).status


def ids(rig: Rig) -> list[int]:
    return [r.id for r in rig.state.reservations]


# --- answers --------------------------------------------------------------------------------------


def test_accepted_is_reserved() -> None:
    """R16-222."""
    rig = Rig()
    assert reserve(rig) == "Accepted"
    assert rig.status() == "Reserved"
    assert rig.disk.reservations == (Reservation(7, 1, "MINE", None, LATER),)


@pytest.mark.parametrize("evse", [-1, 2, 99])
def test_unknown_evse(evse: int) -> None:
    """R16-224."""
    assert reserve(Rig(), evse) == "Rejected"


def test_expired_before_it_begins() -> None:
    """R16-224."""
    rig = Rig()
    assert reserve(rig, expires=rig.clock.now().wall) == "Rejected"


@pytest.mark.parametrize("registration", ["Pending", "Rejected"])
def test_not_accepted_yet(registration: str) -> None:
    rig = Rig()
    rig.boots(registration)
    assert reserve(rig) == "Rejected"


def test_faulted() -> None:
    rig = Rig(2)
    rig.sees(1, "A", "OverTemperature")
    assert reserve(rig, 1) == "Faulted"
    assert reserve(rig, 0) == "Accepted"
    rig.orders(CancelReservation(7))
    rig.sees(2, "A", "OverTemperature")
    assert reserve(rig, 0) == "Faulted"


@pytest.mark.parametrize("whole", [True, False])
def test_unavailable(whole: bool) -> None:
    rig = Rig()
    rig.orders(ChangeAvailability(0 if whole else 1, operative=False))
    assert reserve(rig, 1) == "Unavailable"
    assert reserve(rig, 0) == "Unavailable"


def test_unavailable_station_with_an_evse_that_would_work() -> None:
    """R16-174: usable only if both are operative."""
    rig = Rig(2)
    rig.orders(ChangeAvailability(0, operative=False))
    rig.orders(ChangeAvailability(1, operative=True))
    assert reserve(rig, 1) == "Unavailable"
    assert reserve(rig, 0) == "Unavailable"


def test_what_makes_no_sense_is_rejected_before_all_else() -> None:
    """R16-221: what is asked for comes before how the connector is."""
    rig = Rig(settings=Settings(reserve_zero=False))
    rig.orders(ChangeAvailability(0, operative=False))
    assert reserve(rig, 0) == "Rejected"
    assert reserve(rig, 1, expires=WALL) == "Rejected"
    rig.sees(1, "A", "GroundFailure")
    assert reserve(rig, 1) == "Faulted"


def test_unseen_evse_is_unavailable() -> None:
    assert reserve(Rig(seen=False)) == "Unavailable"


def test_occupied() -> None:
    """R16-222: plugged is occupied too; R16-220: so is reserved by another id."""
    rig = Rig(2)
    rig.plugs(1)
    assert reserve(rig, 1) == "Occupied"
    assert reserve(rig, 2, number=1) == "Accepted"
    assert reserve(rig, 2, number=2) == "Occupied"
    assert reserve(rig, 0, number=2) == "Occupied"
    rig.taps("OTHER", 1)
    assert reserve(rig, 1, number=2) == "Occupied"
    assert ids(rig) == [1]


def test_occupied_by_a_card_that_is_being_asked_about() -> None:
    rig = Rig()
    rig.presents()
    assert reserve(rig) == "Occupied"


# --- any EVSE -------------------------------------------------------------------------------------


def test_any_evse_must_be_allowed() -> None:
    """R16-223: ReserveConnectorZeroSupported."""
    assert reserve(Rig(settings=Settings(reserve_zero=False)), 0) == "Rejected"


def test_any_evse_shows_on_the_last_free_one() -> None:
    """R16-223 (TC_049): with more than one free, none is reserved yet."""
    rig = Rig(2)
    assert reserve(rig, 0) == "Accepted"
    assert (rig.status(1), rig.status(2)) == ("Available", "Available")
    rig.orders(ChangeAvailability(1, operative=False))
    assert (rig.status(1), rig.status(2)) == ("Unavailable", "Reserved")
    rig.orders(ChangeAvailability(1, operative=True))
    assert (rig.status(1), rig.status(2)) == ("Available", "Available")


def test_any_evse_as_often_as_there_are_free_ones() -> None:
    rig = Rig(2)
    assert reserve(rig, 0, number=1) == "Accepted"
    assert reserve(rig, 0, number=2) == "Accepted"
    assert (rig.status(1), rig.status(2)) == ("Reserved", "Reserved")
    assert reserve(rig, 0, number=3) == "Occupied"
    assert reserve(rig, 1, number=3) == "Occupied"


def test_one_evse_stays_free_for_the_card() -> None:
    """R16-223: others charge while another EVSE is left, the last one is the card's."""
    rig = Rig(2)
    reserve(rig, 0)
    rig.charges(1, "OTHER")
    assert rig.status(2) == "Reserved"
    rig.plugs(2)
    rig.taps("THIRD")
    assert [question.token for question in rig.questions] == ["OTHER"]
    rig.taps("MINE")
    assert [(start.token, start.reservation) for start in rig.starts] == [
        ("OTHER", None),
        ("MINE", 7),
    ]
    assert ids(rig) == []


def test_two_cards_asked_about_at_once_take_only_one() -> None:
    """R16-223: both were presented while there was room, only one can have it."""
    rig = Rig(2)
    reserve(rig, 0)
    rig.plugs(1)
    rig.plugs(2)
    rig.presents("ONE", 1)
    rig.presents("TWO", 2)
    rig.replies(to=0)
    rig.replies(to=1)
    assert [start.token for start in rig.starts] == ["ONE"]
    assert rig.status(2) == "Reserved"


def test_card_uses_its_reservation_for_any_evse() -> None:
    rig = Rig(2)
    reserve(rig, 0)
    rig.charges(1, "MINE")
    assert rig.starts[0].reservation == 7
    assert (ids(rig), rig.status(2)) == ([], "Available")
