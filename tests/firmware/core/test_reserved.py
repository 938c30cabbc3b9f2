"""Who may charge where somebody has reserved, and how that ends (R16-225 ... R16-232)."""

import pytest

from firmware.core.reservation import Reservation
from firmware.core.settings import Settings
from firmware.events import InterlockLost
from firmware.orders import CancelReservation, ChangeAvailability, RemoteStart
from tests.firmware.core.test_reservation import LATER, ids, reserve
from tests.firmware.rig import Rig

OFFLINE = Settings(allow_offline_tx_for_unknown_id=True)

# --- who may --------------------------------------------------------------------------------------


def test_wrong_card_is_refused_and_the_plug_shows_nothing() -> None:
    """R16-226 (TC_046)."""
    rig = Rig()
    reserve(rig)
    rig.plugs()
    assert rig.status() == "Reserved"
    rig.taps("OTHER")
    assert (rig.questions, rig.starts, rig.status()) == ([], [], "Reserved")


def test_right_card_uses_it_up() -> None:
    """R16-227, idTags alike but for case (R16-011)."""
    rig = Rig()
    reserve(rig)
    rig.taps("mine")
    assert rig.statuses()[-2:] == ["Reserved", "Preparing"]
    assert ids(rig) == [7]
    rig.plugs()
    assert rig.starts[0].reservation == 7
    assert (ids(rig), rig.disk.reservations) == ([], ())


def test_right_card_that_does_not_plug_in_keeps_it() -> None:
    """R16-227: after ConnectionTimeOut the reservation still holds."""
    rig = Rig()
    reserve(rig)
    rig.taps("MINE")
    rig.passes(61)
    assert (rig.status(), ids(rig)) == ("Reserved", [7])


def test_card_goes_to_its_reserved_evse() -> None:
    rig = Rig(2)
    reserve(rig, 2)
    rig.plugs(1)
    rig.taps("MINE")
    assert rig.questions[0].evse == 2


def test_group_may() -> None:
    """R16-225 (TC_053): parents with parents, as the central system says."""
    rig = Rig()
    reserve(rig, parent="GROUP")
    rig.plugs()
    rig.taps("MATE", parent="group")
    assert (rig.starts[0].token, rig.starts[0].reservation) == ("MATE", 7)


@pytest.mark.parametrize("parent", [None, "OTHERS", "MINE"])
def test_not_of_the_group_may_not(parent: str | None) -> None:
    """R16-225: accepted, but not for this reservation."""
    rig = Rig()
    reserve(rig, parent="GROUP")
    rig.plugs()
    rig.taps("STRANGER", parent=parent)
    assert (rig.starts, rig.status(), ids(rig)) == ([], "Reserved", [7])


def test_group_cannot_be_known_offline() -> None:
    """R16-225: the reserved card itself still may, and uses the reservation (R16-227)."""
    rig = Rig(settings=OFFLINE)
    reserve(rig, parent="GROUP")
    rig.goes_offline()
    rig.plugs()
    rig.taps("MATE")
    assert rig.starts == []
    rig.taps("MINE")
    assert rig.starts[0].reservation == 7
    assert ids(rig) == []


def test_offline_card_uses_its_reservation_for_any_evse() -> None:
    """R16-227."""
    rig = Rig(2, settings=OFFLINE)
    reserve(rig, 0)
    rig.goes_offline()
    rig.plugs()
    rig.taps("MINE")
    assert rig.starts[0].reservation == 7
    assert ids(rig) == []


@pytest.mark.parametrize("plugged", [True, False])
def test_no_answer_lets_nobody_onto_anothers_evse(plugged: bool) -> None:
    """R16-225 comes before R16-056: offline rules know no groups."""
    for silence in (lambda rig: rig.is_silent(), lambda rig: rig.passes(30)):
        rig = Rig(settings=OFFLINE)
        reserve(rig, parent="GROUP")
        if plugged:
            rig.plugs()
        rig.presents("STRANGER")
        silence(rig)
        rig.plugs()
        assert (rig.starts, rig.status(), ids(rig)) == ([], "Reserved", [7])


def test_answer_to_an_old_question_turns_nobody_away() -> None:
    """The driver let in as one of the group stays in, whatever is answered about others."""
    rig = Rig()
    reserve(rig, parent="GROUP")
    rig.presents("STRANGER")
    rig.presents("STRANGER")
    rig.taps("MATE", parent="GROUP")
    rig.replies(to=0)
    rig.plugs()
    assert [start.token for start in rig.starts] == ["MATE"]


@pytest.mark.parametrize("asks", [True, False])
@pytest.mark.parametrize("online", [True, False])
def test_remote_start_uses_it(asks: bool, online: bool) -> None:
    """R16-126 (TC_046_2), R16-122."""
    settings = Settings(authorize_remote_tx=asks, allow_offline_tx_for_unknown_id=True)
    rig = Rig(settings=settings)
    reserve(rig)
    rig.plugs()
    if not online:
        rig.goes_offline()
    assert rig.orders(RemoteStart("OTHER", 1)).status == "Rejected"
    assert rig.orders(RemoteStart("MINE", 1)).status == "Accepted"
    if asks and online:
        rig.replies()
    assert rig.starts[0].reservation == 7
    assert ids(rig) == []


# --- how they end ---------------------------------------------------------------------------------


def test_expiry() -> None:
    """R16-228 (TC_047): Available again, by the clock on the wall."""
    rig = Rig()
    reserve(rig, expires=rig.clock.now().wall + 100)
    rig.passes(99)
    assert rig.status() == "Reserved"
    rig.passes(1)
    assert (rig.status(), ids(rig), rig.disk.reservations) == ("Available", [], ())


def test_expired_while_the_card_waits_for_a_plug() -> None:
    """R16-070: the start names no reservation that is not there any more."""
    rig = Rig()
    reserve(rig, expires=rig.clock.now().wall + 10)
    rig.taps("MINE")
    rig.passes(20)
    rig.plugs()
    assert (rig.starts[0].token, rig.starts[0].reservation) == ("MINE", None)


def test_replaced_while_the_card_waits_for_a_plug() -> None:
    """R16-220: the id is somebody else's now, and must not be used up."""
    rig = Rig(2)
    reserve(rig, 1)
    rig.taps("MINE")
    assert reserve(rig, 2, token="OTHER") == "Accepted"
    rig.plugs(1)
    assert rig.starts[0].reservation is None
    assert (ids(rig), rig.status(2)) == ([7], "Reserved")


def test_cancelled() -> None:
    """R16-230 (TC_051, TC_052)."""
    rig = Rig()
    reserve(rig)
    assert rig.orders(CancelReservation(8)).status == "Rejected"
    assert rig.status() == "Reserved"
    assert rig.orders(CancelReservation(7)).status == "Accepted"
    assert (rig.status(), rig.disk.reservations) == ("Available", ())
    assert rig.orders(CancelReservation(7)).status == "Rejected"


def test_replaced() -> None:
    """R16-220: the same id moves, if the new one is feasible."""
    rig = Rig(2)
    reserve(rig, 1)
    assert reserve(rig, 2, token="NEW") == "Accepted"
    assert (rig.status(1), rig.status(2)) == ("Available", "Reserved")
    assert reserve(rig, 2, token="NEWER", expires=LATER + 1) == "Accepted"
    assert rig.state.reservations == (Reservation(7, 2, "NEWER", None, LATER + 1),)


def test_not_replaced_by_what_is_not_feasible() -> None:
    rig = Rig(2)
    reserve(rig, 1)
    rig.plugs(2)
    assert reserve(rig, 2, token="NEW") == "Occupied"
    assert rig.state.reservations[0].token == "MINE"


def test_lost_by_a_fault() -> None:
    """R16-229: no Reserved afterwards."""
    rig = Rig()
    reserve(rig)
    rig.sees(1, "A", "OverTemperature")
    rig.sees(1, "A")
    assert (rig.status(), ids(rig)) == ("Available", [])


def test_lost_with_the_interlock() -> None:
    """R16-229: that is a fault like any other."""
    rig = Rig()
    reserve(rig)
    rig.happens(InterlockLost((1,)))
    rig.sees(1, "A")
    assert (rig.status(), ids(rig)) == ("Available", [])


@pytest.mark.parametrize("evse", [0, 1])
def test_lost_by_unavailability(evse: int) -> None:
    """R16-175, R16-229."""
    rig = Rig()
    reserve(rig)
    rig.orders(ChangeAvailability(evse, operative=False))
    rig.orders(ChangeAvailability(evse, operative=True))
    assert (rig.status(), ids(rig)) == ("Available", [])


def test_survives_a_power_cut() -> None:
    """R16-231, R16-232: Reserved after the boot, before the interlock has reported too."""
    rig = Rig()
    reserve(rig, expires=rig.clock.now().wall + 1000)
    again = rig.loses_power(100)
    assert again.statuses()[-1] == "Reserved"
    later = rig.loses_power(1000)
    assert (later.statuses()[-1], ids(later)) == ("Available", [])
