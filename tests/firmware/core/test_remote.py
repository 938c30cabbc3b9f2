"""Remote start and stop (R16-120 ... R16-129)."""

import pytest

from firmware.core.connector import Permit
from firmware.core.settings import Settings
from firmware.events import Booted
from firmware.facts import OrderAnswered, StatusChanged
from firmware.orders import ChangeAvailability, RemoteStart, RemoteStop, Reserve
from tests.firmware.rig import WALL, Rig

ASKS = Settings(authorize_remote_tx=True)


def start(rig: Rig, evse: int | None = 1, token: str = "CARD") -> str:
    return rig.orders(RemoteStart(token, evse)).status


def test_starts_at_once_on_a_plug() -> None:
    """R16-121: AuthorizeRemoteTxRequests=false: StartTransaction is the check."""
    rig = Rig()
    rig.plugs()
    assert start(rig) == "Accepted"
    assert (rig.starts[0].token, rig.questions) == ("CARD", [])
    assert rig.wanted() == Permit(1, 16.0)


def test_waits_for_a_plug() -> None:
    """R16-124 (TC_011): Preparing, and ConnectionTimeOut as for a card."""
    rig = Rig()
    assert start(rig) == "Accepted"
    assert rig.status() == "Preparing"
    rig.passes(59)
    rig.plugs()
    assert len(rig.starts) == 1


def test_no_plug_in_time() -> None:
    """R16-124 (TC_011_2)."""
    rig = Rig()
    start(rig)
    rig.passes(60)
    assert rig.status() == "Available"


@pytest.mark.parametrize(("status", "sessions"), [("Accepted", 1), ("Blocked", 0)])
def test_asks_first_if_so_set(status: str, sessions: int) -> None:
    """R16-121: true: like presenting the card; Accepted only says "will try" (R16-120)."""
    rig = Rig(settings=ASKS)
    rig.plugs()
    assert start(rig) == "Accepted"
    assert rig.starts == []
    rig.replies(status)
    assert len(rig.starts) == sessions


def test_answer_goes_out_before_what_it_causes() -> None:
    """R16-129."""
    rig = Rig()
    before = len(rig.told)
    start(rig)
    assert [type(fact) for fact in rig.told[before:]] == [OrderAnswered, StatusChanged]


def test_card_of_a_remote_start_stops_and_cancels() -> None:
    """R16-121: as for a card presented at the reader."""
    rig = Rig()
    start(rig)
    rig.presents("CARD")
    assert rig.status() == "Available"


@pytest.mark.parametrize("evse", [0, -1, 3])
def test_no_such_evse(evse: int) -> None:
    """R16-122 (TC_027)."""
    assert start(Rig(2), evse) == "Rejected"


@pytest.mark.parametrize("registration", ["None", "Pending", "Rejected"])
def test_not_accepted(registration: str) -> None:
    """R16-024, R16-122."""
    rig = Rig()
    rig.boots(registration)
    assert start(rig) == "Rejected"


def test_running_already() -> None:
    """R16-122 (TC_026), also while somebody else's card waits for its plug or answer."""
    rig = Rig()
    rig.presents("FIRST")
    assert start(rig) == "Rejected"
    rig.replies()
    assert start(rig) == "Rejected"
    rig.plugs()
    assert start(rig) == "Rejected"
    assert start(rig, None) == "Rejected"


def test_faulted() -> None:
    """R16-158 (TC_041)."""
    rig = Rig()
    rig.sees(1, "B", "OverTemperature")
    assert start(rig) == "Rejected"
    assert start(rig, None) == "Rejected"


@pytest.mark.parametrize("evse", [0, 1])
def test_unavailable(evse: int) -> None:
    """R16-122, R16-174."""
    rig = Rig()
    rig.orders(ChangeAvailability(evse, operative=False))
    assert start(rig) == "Rejected"


def test_station_unavailable_with_an_evse_that_would_work() -> None:
    """R16-174."""
    rig = Rig()
    rig.orders(ChangeAvailability(0, operative=False))
    rig.orders(ChangeAvailability(1, operative=True))
    assert start(rig) == "Rejected"


def test_not_seen_yet() -> None:
    assert start(Rig(seen=False)) == "Rejected"


@pytest.mark.parametrize("evse", [0, 1])
def test_reserved_for_somebody_else(evse: int) -> None:
    """R16-122; no connectorId finds nothing either."""
    rig = Rig()
    rig.orders(Reserve(7, evse, "OTHER", None, WALL + 10_000))
    assert start(rig, 1) == "Rejected"
    assert start(rig, None) == "Rejected"


def test_any_evse_is_the_plugged_one() -> None:
    """R16-123."""
    rig = Rig(2)
    rig.plugs(2)
    assert start(rig, None) == "Accepted"
    assert rig.starts[0].evse == 2


def test_any_evse_is_the_only_free_one() -> None:
    """R16-123."""
    rig = Rig(2)
    rig.charges(1, "OTHER")
    assert start(rig, None) == "Accepted"
    assert rig.status(2) == "Preparing"


def test_any_evse_is_not_where_anothers_vehicle_was_left() -> None:
    """R16-088, R16-123."""
    rig = Rig(2)
    rig.charges(1, "LEFT")
    rig.presents("LEFT")
    rig.passes(2)
    start(rig, None)
    assert (rig.status(1), rig.status(2)) == ("Finishing", "Preparing")


def test_any_evse_is_the_reserved_one() -> None:
    rig = Rig(2)
    rig.orders(Reserve(7, 2, "CARD", None, WALL + 10_000))
    rig.plugs(1)
    assert start(rig, None) == "Accepted"
    assert rig.status(2) == "Preparing"


def test_again_on_the_same_plug() -> None:
    """R16-088: F2."""
    rig = Rig()
    rig.charges()
    rig.presents("CARD")
    rig.passes(2)
    assert start(rig) == "Accepted"
    assert [s.session for s in rig.starts] == [1, 2]


# --- stop -----------------------------------------------------------------------------------------


def test_stops_the_transaction_it_names() -> None:
    """R16-127 (TC_012): reason Remote, no idTag, Finishing, unlocked; R16-074: any id."""
    rig = Rig(2)
    rig.charges(1, "ONE")
    rig.confirms("0")
    rig.charges(2, "TWO")
    rig.confirms("-5")
    rig.passes(1)
    assert rig.orders(RemoteStop("-5")).status == "Accepted"
    assert (rig.wanted(1), rig.wanted(2)) == (Permit(1, 16.0), None)
    rig.opens(2)
    stop = rig.stops[0]
    assert (stop.session, stop.reason, stop.token) == (2, "Remote", None)
    assert (rig.status(2), rig.locks(2)) == ("Finishing", False)
    assert rig.orders(RemoteStop("-5")).status == "Rejected"
    assert rig.orders(RemoteStop("0")).status == "Accepted"


def test_unknown_transaction() -> None:
    """R16-127 (TC_028)."""
    rig = Rig()
    assert rig.orders(RemoteStop("4711")).status == "Rejected"
    rig.charges()
    rig.confirms("4711")
    assert rig.orders(RemoteStop("4712")).status == "Rejected"
    assert rig.wanted() == Permit(1, 16.0)


def test_transaction_without_an_id_cannot_match() -> None:
    """R16-128: our own number is no transactionId."""
    rig = Rig()
    rig.charges()
    assert rig.orders(RemoteStop("1")).status == "Rejected"
    assert rig.orders(RemoteStop("-1")).status == "Rejected"
    assert rig.wanted() == Permit(1, 16.0)


def test_ending_transaction_is_not_running() -> None:
    rig = Rig()
    rig.charges()
    rig.confirms("4711")
    rig.passes(1)
    assert rig.orders(RemoteStop("4711")).status == "Accepted"
    assert rig.orders(RemoteStop("4711")).status == "Rejected"
    rig.passes(1)
    assert len(rig.stops) == 1


@pytest.mark.parametrize("registration", ["None", "Pending", "Rejected"])
def test_stop_before_acceptance(registration: str) -> None:
    """R16-024: also of a session that began before the central system forgot us."""
    rig = Rig()
    rig.charges()
    rig.confirms("4711")
    rig.happens(Booted(registration, 0))  # type: ignore[arg-type]
    assert rig.orders(RemoteStop("4711")).status == "Rejected"
    assert rig.wanted() == Permit(1, 16.0)
