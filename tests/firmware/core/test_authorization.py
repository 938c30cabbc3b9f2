"""Authorisation: who is asked, what holds without an answer, and which EVSE a card goes to."""

import pytest

from firmware.core.connector import Authorizing, Idle
from firmware.core.settings import Settings
from firmware.core.state import Durable
from firmware.events import Asked, InterlockLost, ReaderChanged, Verdict
from firmware.facts import AuthorizationAsked, StatusChanged
from firmware.orders import ChangeAvailability
from tests.firmware.rig import Rig

UNKNOWN_MAY = Settings(allow_offline_tx_for_unknown_id=True)


def test_never_accepted_no_card_is_taken() -> None:
    """R16-029: default deny before the first acceptance."""
    rig = Rig(settings=UNKNOWN_MAY, online=False)
    rig.plugs()
    rig.taps()
    assert (rig.starts, rig.questions) == ([], [])


def test_accepted_once_a_boot_without_network_works_offline() -> None:
    """R16-030."""
    rig = Rig(settings=UNKNOWN_MAY, online=False, durable=Durable(accepted_once=True))
    rig.plugs()
    rig.taps()
    assert (len(rig.starts), rig.questions) == (1, [])


def test_offline_unknown_card_is_refused() -> None:
    """R16-055: unless AllowOfflineTxForUnknownId."""
    rig = Rig()
    rig.goes_offline()
    rig.plugs()
    rig.taps()
    assert (rig.starts, rig.questions, rig.status()) == ([], [], "Preparing")


@pytest.mark.parametrize("registration", ["Pending", "Rejected"])
def test_not_accepted_counts_as_offline(registration: str) -> None:
    """R16-023, R16-024: nothing is asked of a central system that has not accepted us."""
    rig = Rig(settings=UNKNOWN_MAY)
    rig.boots(registration)
    rig.plugs()
    rig.taps()
    assert (len(rig.starts), rig.questions) == (1, [])


@pytest.mark.parametrize(("allowed", "sessions"), [(True, 1), (False, 0)])
def test_no_answer_in_time_is_like_offline(allowed: bool, sessions: int) -> None:
    """R16-056: it does not hang, whether the link says so or MessageTimeout is over."""
    settings = Settings(allow_offline_tx_for_unknown_id=allowed, message_timeout=10)
    for silence in (lambda rig: rig.is_silent(), lambda rig: rig.passes(10)):
        rig = Rig(settings=settings)
        rig.plugs()
        rig.presents()
        assert isinstance(rig.at().phase, Authorizing)
        silence(rig)
        assert len(rig.starts) == sessions
        assert not isinstance(rig.at().phase, Authorizing)


def test_late_answer_is_no_answer() -> None:
    """R16-056."""
    rig = Rig(settings=Settings(message_timeout=10))
    rig.plugs()
    rig.presents()
    rig.passes(11)
    rig.replies("Accepted")
    assert (rig.starts, rig.wanted()) == ([], None)


def test_answer_that_comes_with_the_timeout_counts() -> None:
    rig = Rig(settings=Settings(message_timeout=10))
    rig.plugs()
    rig.presents()
    rig.clock.mono += 10
    rig.replies("Accepted")
    assert len(rig.starts) == 1


def test_answer_for_an_evse_that_is_none_of_ours() -> None:
    rig = Rig()
    before = rig.state
    rig.happens(Asked(AuthorizationAsked(9, "CARD"), Verdict("Accepted")))
    assert rig.state.connectors == before.connectors


@pytest.mark.parametrize("ends", ["fault", "availability"])
@pytest.mark.parametrize("answered", [True, False])
def test_card_is_dropped_when_the_evse_cannot_be_used(ends: str, answered: bool) -> None:
    """R16-158: also where the card was presented before, and answered after."""
    rig = Rig()
    rig.presents()
    if answered:
        rig.replies()
    if ends == "fault":
        rig.sees(1, "A", "GroundFailure")
        rig.sees(1, "A")
    else:
        rig.orders(ChangeAvailability(1, operative=False))
        rig.orders(ChangeAvailability(1, operative=True))
    rig.replies("Accepted")
    rig.plugs()
    assert (rig.at().phase, rig.starts) == (Idle(), [])


# --- which EVSE -----------------------------------------------------------------------------------


def test_card_goes_to_the_plug() -> None:
    rig = Rig(2)
    rig.plugs(2)
    rig.taps()
    assert [start.evse for start in rig.starts] == [2]


def test_card_goes_to_the_first_free_without_a_plug() -> None:
    rig = Rig(2)
    rig.taps("ONE")
    rig.taps("TWO")
    assert [question.evse for question in rig.questions] == [1, 2]


def test_reader_serves_its_evses_only() -> None:
    rig = Rig(2)
    rig.plugs(1)
    rig.presents("CARD", 2)
    assert [question.evse for question in rig.questions] == [2]


def test_card_finds_its_own_session_first() -> None:
    """R16-079: not the EVSE that is free."""
    rig = Rig(2)
    rig.charges(1, "CARD")
    rig.presents("CARD")
    assert rig.wanted(1) is None
    assert len(rig.questions) == 1


def test_card_does_not_start_another_drivers_vehicle() -> None:
    """R16-088: what is plugged since an ended session is the last choice, not the first."""
    rig = Rig(2)
    rig.charges(1, "LEFT")
    rig.presents("LEFT")
    rig.passes(2)
    assert rig.status(1) == "Finishing"
    rig.taps("NEXT")
    rig.plugs(2)
    assert [start.evse for start in rig.starts] == [1, 2]


def test_card_starts_its_own_vehicle_again() -> None:
    """R16-088: the same driver's ended session comes before a free EVSE."""
    rig = Rig(2)
    rig.charges(2, "CARD")
    rig.presents("CARD")
    rig.passes(2)
    rig.taps("CARD")
    assert [start.evse for start in rig.starts] == [2, 2]


def test_ended_session_is_taken_where_nothing_else_is_free() -> None:
    """R16-088: F2, a new authorisation on the same plug."""
    rig = Rig()
    rig.charges(token="LEFT")
    rig.presents("LEFT")
    rig.passes(2)
    rig.taps("NEXT")
    assert [start.token for start in rig.starts] == ["LEFT", "NEXT"]


@pytest.mark.parametrize("gone", ["fault", "unavailable", "station", "unseen"])
def test_no_usable_evse(gone: str) -> None:
    """R16-158, R16-174."""
    rig = Rig(seen=gone != "unseen")
    if gone == "fault":
        rig.sees(1, "B", "OverTemperature")
    elif gone != "unseen":
        rig.orders(ChangeAvailability(0 if gone == "station" else 1, operative=False))
        rig.plugs()
    rig.taps()
    assert (rig.questions, rig.starts) == ([], [])


def test_group_card_stops_only_where_nothing_is_free() -> None:
    """R16-079: where another EVSE is free, the card wants to charge there."""
    rig = Rig(2)
    rig.charges(1, parent="GROUP")
    rig.taps("MATE", parent="GROUP")
    assert [question.evse for question in rig.questions] == [1, 2]
    assert rig.wanted(1) is not None


def test_dead_reader_is_a_warning_of_the_station() -> None:
    """R16-152: an error that leaves the status as it is."""
    rig = Rig()
    rig.happens(ReaderChanged("rc522", alive=False))
    told = [fact for fact in rig.all_told(StatusChanged) if fact.evse == 0]
    assert (told[-1].status, told[-1].fault) == ("Available", "ReaderFailure")
    rig.happens(ReaderChanged("rc522", alive=True))
    told = [fact for fact in rig.all_told(StatusChanged) if fact.evse == 0]
    assert (told[-1].status, told[-1].fault) == ("Available", None)


def test_lost_interlock_is_a_fault_of_the_station_with_its_name() -> None:
    """R16-155: Faulted is never told with NoError (R16-152)."""
    rig = Rig(2)
    rig.happens(InterlockLost((1,)))
    assert (rig.status(0), rig.status(1), rig.status(2)) == ("Available", "Faulted", "Available")
    rig.happens(InterlockLost((1, 2)))
    told = {fact.evse: fact for fact in rig.all_told(StatusChanged)}
    assert {fact.status for fact in told.values()} == {"Faulted"}
    assert {fact.fault for fact in told.values()} == {"InterlockLost"}
