"""EV-side disconnects and held cables (R16-077, R16-084 ... R16-087)."""

import pytest

from firmware.core.connector import Finishing, Permit
from firmware.core.settings import Settings
from firmware.events import InterlockLost
from firmware.facts import StatusChanged
from firmware.orders import RemoteStart
from hal.ports import PilotState
from tests.firmware.rig import Rig

HOLDS = Settings(unlock_on_ev_disconnect=False)
GOES_ON = Settings(stop_on_ev_disconnect=False)


def held(parent: str | None = None) -> Rig:
    """A cable held since its vehicle was disconnected."""
    rig = Rig(settings=HOLDS)
    rig.charges(parent=parent)
    rig.passes(5)
    rig.unplugs()
    assert rig.locks()
    return rig


def info(rig: Rig) -> str | None:
    return rig.all_told(StatusChanged)[-1].info


def test_disconnect_stops_and_unlocks() -> None:
    """R16-084 (TC_005_1): EVDisconnected, Finishing for a moment with its info, then Available."""
    rig = Rig()
    rig.charges()
    rig.passes(5)
    rig.registers[1] = 1100
    rig.unplugs()
    assert (rig.stops[0].reason, rig.stops[0].token) == ("EVDisconnected", None)
    assert rig.stops[0].wh == 1100
    assert (rig.status(), info(rig)) == ("Finishing", "EV side disconnected")
    assert not rig.locks()
    rig.passes(0.9)
    assert rig.status() == "Finishing"
    rig.passes(0.2)
    assert (rig.status(), info(rig)) == ("Available", None)


def test_disconnect_stops_and_holds() -> None:
    """R16-084 (TC_005_2): locked until the card is shown again."""
    rig = held()
    rig.passes(3600)
    assert (rig.status(), rig.locks()) == ("Finishing", True)
    rig.presents("card")
    assert (rig.status(), rig.locks()) == ("Available", False)
    assert len(rig.questions) == 1


def test_fixed_cable_is_held_by_nobody() -> None:
    """R16-086: it may go straight to Available."""
    rig = Rig(settings=HOLDS, lock=False)
    rig.charges()
    rig.passes(5)
    assert not rig.locks()
    rig.unplugs()
    assert (rig.stops[0].reason, rig.status()) == ("EVDisconnected", "Available")


def test_held_cable_with_the_vehicle_back() -> None:
    """R16-084: released by the card, then a card again for a new session (R16-088)."""
    rig = held()
    rig.plugs()
    assert (rig.status(), rig.locks()) == ("Finishing", True)
    rig.presents("CARD")
    assert (rig.status(), rig.locks()) == ("Finishing", False)
    assert len(rig.starts) == 1


def test_held_cable_is_released_to_nobody_else() -> None:
    """R16-077, R16-084: neither another card nor a remote start lets go of it."""
    rig = held()
    rig.taps("THIEF")
    assert rig.orders(RemoteStart("THIEF", 1)).status == "Rejected"
    assert rig.orders(RemoteStart("CARD", 1)).status == "Rejected"
    assert (rig.status(), rig.locks()) == ("Finishing", True)
    assert len(rig.questions) == 1


def test_held_cable_is_released_to_the_group() -> None:
    """R16-077: the same idTag or one with the same parentIdTag, as the central system says."""
    rig = held(parent="GROUP")
    rig.presents("MATE")
    assert rig.locks()
    rig.replies(parent="group")
    assert (rig.status(), rig.locks(), len(rig.starts)) == ("Available", False, 1)


@pytest.mark.parametrize(("status", "parent"), [("Accepted", "OTHERS"), ("Blocked", "GROUP")])
def test_held_cable_is_not_released_to_another_group(status: str, parent: str) -> None:
    rig = held(parent="GROUP")
    rig.presents("STRANGER")
    rig.replies(status, parent=parent)
    assert rig.locks()
    rig.presents("STRANGER")
    rig.passes(40)
    rig.replies(parent="GROUP")
    assert rig.locks()


def test_held_cable_and_group_without_connection() -> None:
    rig = held(parent="GROUP")
    rig.goes_offline()
    rig.presents("MATE")
    assert (rig.locks(), len(rig.questions)) == (True, 1)


def test_held_cable_does_not_keep_the_card_from_the_next_evse() -> None:
    rig = Rig(2, settings=HOLDS)
    rig.charges(1, "ONE")
    rig.passes(5)
    rig.unplugs(1)
    rig.taps("TWO")
    assert rig.questions[-1].evse == 2


def test_deauthorized_holds() -> None:
    """R16-077 (TC_037_3): the cable stays locked until the card that was refused comes back."""
    rig = Rig()
    rig.charges()
    rig.passes(1)
    rig.confirms("4711", "Invalid")
    rig.opens()
    assert rig.locks()
    rig.taps("OTHER")
    assert rig.locks()
    rig.presents("CARD")
    assert (rig.status(), rig.locks(), len(rig.starts)) == ("Finishing", False, 1)
    rig.unplugs()
    assert rig.status() == "Available"


def test_deauthorized_at_a_fixed_cable_holds_nothing() -> None:
    """R16-077 is about cables that can be taken away: another driver may charge."""
    rig = Rig(lock=False)
    rig.charges()
    rig.passes(1)
    rig.confirms("4711", "Invalid")
    rig.opens()
    rig.taps("OTHER")
    assert [start.token for start in rig.starts] == ["CARD", "OTHER"]


def test_goes_on_without_the_vehicle() -> None:
    """R16-085 (TC_005_3): SuspendedEV with its info, locked, and re-plugging resumes."""
    rig = Rig(settings=GOES_ON)
    rig.charges()
    rig.passes(6)
    rig.unplugs()
    assert (rig.status(), info(rig)) == ("SuspendedEV", "EV side disconnected")
    assert (rig.wanted(), rig.locks()) == (None, True)
    rig.passes(600)
    assert rig.stops == []
    rig.plugs()
    assert (rig.wanted(), info(rig)) == (Permit(1, 16.0), None)
    rig.draws()
    assert rig.status() == "Charging"
    rig.unplugs()
    rig.passes(5)
    rig.presents("CARD")
    rig.passes(2)
    assert rig.stops[0].reason == "Local"
    assert (rig.status(), rig.locks()) == ("Available", False)


def test_goes_on_suspended_without_the_vehicle() -> None:
    """R16-085, R16-159: SuspendedEVSE wins."""
    rig = Rig(settings=Settings(stop_on_ev_disconnect=False, stop_on_invalid_id=False))
    rig.charges()
    rig.confirms("4711", "Invalid")
    rig.unplugs()
    assert (rig.status(), info(rig)) == ("SuspendedEVSE", "EV side disconnected")


@pytest.mark.parametrize("pilot", ["E", "F"])
def test_pilot_error_is_no_disconnect(pilot: PilotState) -> None:
    """IEC 61851-1: only state A says that no vehicle is there; E and F say nothing of it."""
    rig = Rig()
    rig.charges()
    rig.passes(6)
    rig.sees(1, pilot)
    assert rig.wanted() is None
    rig.passes(60)
    assert (rig.stops, info(rig)) == ([], None)
    rig.sees(1, "C")
    assert rig.wanted() == Permit(1, 16.0)


def test_pilot_error_ends_no_finishing() -> None:
    """R16-088: until the plug is removed."""
    rig = Rig()
    rig.charges()
    rig.passes(1)
    rig.presents("CARD")
    rig.opens()
    rig.sees(1, "F")
    rig.passes(60)
    assert isinstance(rig.at().phase, Finishing)
    rig.sees(1, "B")
    assert rig.status() == "Finishing"


def test_lost_interlock_is_no_disconnect() -> None:
    """Nothing is known of the plug: the session waits, and what is held stays held."""
    rig = Rig(settings=HOLDS)
    rig.charges()
    rig.passes(1)
    rig.happens(InterlockLost((1,)))
    assert (rig.wanted(), rig.stops) == (None, [])
    rig.sees(1, "A")
    rig.reads()
    assert rig.stops[0].reason == "EVDisconnected"
    rig.happens(InterlockLost((1,)))
    rig.passes(60)
    assert rig.locks()
