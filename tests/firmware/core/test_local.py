"""Orders of people at the station, its own list of cards, charging without a card or a centre."""

import pytest

from firmware.core.cards import Card
from firmware.core.connector import Permit
from firmware.core.settings import Settings
from firmware.core.state import Durable
from firmware.events import CardPresented, InterlockLost, Ordered
from firmware.facts import AuthorizationAsked
from firmware.orders import (
    DropCard,
    LearnCard,
    Limit,
    Order,
    RemoteStart,
    Reset,
    SaveCard,
    Start,
    Stop,
    Unlock,
)
from tests.firmware.rig import Rig

FREE = "FREE"


def free(**settings: object) -> Rig:
    return Rig(settings=Settings(**settings), standalone=True, free_token=FREE, online=False)  # type: ignore[arg-type]


def test_start_is_like_a_card() -> None:
    rig = Rig()
    rig.plugs()
    assert rig.orders(Start(1, "CARD")).status == "Accepted"
    rig.replies()
    assert rig.starts[0].token == "CARD"


def test_stop_is_local() -> None:
    rig = Rig()
    assert rig.orders(Stop(1)).status == "Rejected"
    assert rig.orders(Stop(9)).status == "Rejected"
    rig.charges()
    rig.passes(1)
    assert rig.orders(Stop(1)).status == "Accepted"
    assert rig.orders(Stop(1)).status == "Rejected"
    rig.opens()
    assert (rig.stops[0].reason, rig.stops[0].token) == ("Local", None)


def test_limit() -> None:
    """The lesser of limit and fuse; below 6 A is a pause (IEC 61851-1)."""
    rig = Rig()
    rig.charges()
    for amps in (-1.0, 16.1):
        assert rig.orders(Limit(1, amps)).status == "Rejected"
    assert rig.orders(Limit(9, 10.0)).status == "Rejected"
    assert rig.orders(Limit(1, 10.0)).status == "Accepted"
    assert rig.wanted() == Permit(1, 10.0)
    rig.orders(Limit(1, 5.9))
    assert rig.wanted() is None
    rig.sees(1, "B")
    assert rig.status() == "SuspendedEVSE"
    rig.orders(Limit(1, None))
    assert rig.wanted() == Permit(1, 16.0)


# --- the list of cards ----------------------------------------------------------------------------


def test_list_decides_without_a_central_system() -> None:
    rig = Rig(standalone=True, online=False)
    rig.plugs()
    rig.presents("CARD")
    assert rig.starts == []
    rig.orders(SaveCard("CARD", "Ann"))
    rig.presents("card")
    assert (len(rig.starts), rig.questions) == (1, [])
    assert rig.disk.cards == (Card("CARD", "Ann"),)
    rig.orders(SaveCard("Card", "Ann B."))
    rig.orders(DropCard("OTHER"))
    assert [card.name for card in rig.disk.cards] == ["Ann B."]
    rig.orders(DropCard("CARD"))
    assert rig.disk.cards == ()


def test_next_card_is_learned_instead_of_used() -> None:
    rig = Rig()
    rig.plugs()
    rig.happens(Ordered(50, LearnCard("Ann")))
    assert 50 not in rig.answers
    rig.presents("CARD")
    assert rig.answers[50].status == "Accepted"
    assert (rig.disk.cards, rig.questions) == ((Card("CARD", "Ann"),), [])


def test_no_card_to_learn() -> None:
    rig = Rig()
    rig.happens(Ordered(50, LearnCard("Ann")))
    rig.happens(Ordered(51, LearnCard("Ben")))
    assert rig.answers[50].status == "Rejected"
    rig.passes(31)
    assert rig.answers[51].status == "Rejected"
    rig.presents("CARD")
    assert len(rig.questions) == 1


@pytest.mark.parametrize("order", [Start(1, "CARD"), RemoteStart("CARD", 1)])
def test_only_a_card_at_the_reader_is_learned(order: Order) -> None:
    rig = Rig()
    rig.plugs()
    rig.happens(Ordered(50, LearnCard("Ann")))
    rig.orders(order)
    assert (rig.disk.cards, 50 in rig.answers) == ((), False)


# --- charging without a card ----------------------------------------------------------------------


def test_plug_is_the_card() -> None:
    rig = free()
    rig.plugs()
    assert rig.starts[0].token == FREE
    rig.draws()
    rig.reads()
    assert rig.status() == "Charging"
    rig.unplugs()
    rig.passes(2)
    assert (len(rig.stops), rig.status()) == (1, "Available")


def test_plug_is_not_learned_as_a_card() -> None:
    rig = free()
    rig.happens(Ordered(50, LearnCard("Ann")))
    rig.plugs()
    assert (rig.disk.cards, len(rig.starts)) == ((), 1)


def test_vehicle_that_comes_back_goes_on_charging() -> None:
    """R16-085: it is no card shown again, which would stop the session."""
    rig = free(stop_on_ev_disconnect=False)
    rig.plugs()
    rig.passes(1)
    rig.unplugs()
    rig.passes(1)
    rig.plugs()
    assert (rig.wanted(), rig.stops) == (Permit(1, 16.0), [])


def test_interlock_that_comes_back_stops_nobody() -> None:
    rig = free()
    rig.plugs()
    rig.passes(1)
    rig.happens(InterlockLost((1,)))
    rig.sees(1, "C")
    assert (rig.wanted(), rig.stops) == (Permit(1, 16.0), [])


def test_free_where_a_central_system_is_asked() -> None:
    rig = Rig(free_token=FREE)
    rig.plugs()
    assert rig.questions == [AuthorizationAsked(1, FREE)]
    rig.sees(1, "E")
    rig.sees(1, "B")
    rig.replies()
    rig.reads()
    assert len(rig.starts) == 1


# --- unlock and reset -----------------------------------------------------------------------------


def test_unlock_ends_the_session_first() -> None:
    """R16-130 (TC_018_1): answered when the lock was seen to open."""
    rig = Rig()
    rig.charges()
    rig.passes(1)
    rig.happens(Ordered(50, Unlock(1)))
    assert (rig.wanted(), 50 in rig.answers) == (None, False)
    rig.opens()
    assert (rig.stops[0].reason, rig.answers[50].status) == ("UnlockCommand", "Unlocked")
    assert rig.status() == "Finishing"


def test_lock_that_does_not_open() -> None:
    """R16-130 (TC_030); of two orders each is answered."""
    rig = Rig()
    rig.charges()
    rig.passes(1)
    rig.happens(Ordered(50, Unlock(1)))
    rig.happens(Ordered(51, Unlock(1)))
    assert rig.answers[50].status == "UnlockFailed"
    rig.passes(4.9)
    assert 51 not in rig.answers
    rig.passes(0.2)
    assert rig.answers[51].status == "UnlockFailed"


def test_unlock_without_a_plug() -> None:
    """R16-131 (TC_017_1)."""
    assert Rig().orders(Unlock(1)).status == "Unlocked"


@pytest.mark.parametrize("evse", [0, 1, 9])
def test_nothing_to_unlock(evse: int) -> None:
    """R16-130 (TC_017_2, TC_031): and the transaction is left alone."""
    rig = Rig(lock=False)
    rig.charges()
    assert rig.orders(Unlock(evse)).status == "NotSupported"
    assert rig.wanted() == Permit(1, 16.0)


def test_unlock_lets_go_of_a_held_cable() -> None:
    """R16-084."""
    rig = Rig(settings=Settings(unlock_on_ev_disconnect=False))
    rig.charges()
    rig.passes(5)
    rig.unplugs()
    assert rig.locks()
    assert rig.orders(Unlock(1)).status == "Unlocked"
    assert (rig.locks(), rig.status()) == (False, "Available")


@pytest.mark.parametrize(("kind", "reason"), [("Soft", "SoftReset"), ("Hard", "HardReset")])
def test_reset_ends_the_sessions_first(kind: str, reason: str) -> None:
    """R16-140, R16-141."""
    rig = Rig()
    rig.charges()
    rig.passes(1)
    assert rig.orders(Reset(kind)).status == "Accepted"  # type: ignore[arg-type]
    assert rig.wanted() is None
    rig.happens(CardPresented("OTHER"))
    assert not rig.state.restarting
    rig.opens()
    assert rig.stops[0].reason == reason
    assert rig.state.restarting


def test_what_the_list_holds_survives() -> None:
    rig = Rig(durable=Durable(cards=(Card("CARD", "Ann"),)))
    assert rig.loses_power().disk.cards == (Card("CARD", "Ann"),)
