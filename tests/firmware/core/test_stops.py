"""What ends a session, and what does not (R16-071 ... R16-090)."""

from firmware.core.connector import Finishing, Idle, Permit
from firmware.core.settings import Settings
from firmware.events import StopAsked, TransactionKnown, Undelivered, Verdict
from firmware.orders import Reset
from tests.firmware.rig import Rig


def test_own_card_stops() -> None:
    """R16-079: without a question; R16-082: its idTag is told; reason Local; meter after it."""
    rig = Rig()
    rig.charges(token="CARD")
    rig.passes(3)
    rig.presents("card")
    assert rig.wanted() is None
    assert rig.status() == "Finishing"
    assert (rig.stops, len(rig.questions)) == ([], 1)
    told_at = rig.clock.mono
    rig.passes(0.1)
    rig.registers[1] = 1234
    rig.opens()
    stop = rig.stops[0]
    assert (stop.session, stop.reason, stop.token, stop.wh) == (1, "Local", "card", 1234)
    assert stop.at.mono == told_at


def test_stop_does_not_wait_for_ever_for_the_meter() -> None:
    """ADR 2: one second, then the last reading will have to do."""
    rig = Rig()
    rig.charges()
    rig.reads(wh=1500)
    rig.passes(5)
    rig.presents("CARD")
    rig.passes(0.99)
    assert rig.stops == []
    rig.passes(0.02)
    assert rig.stops[0].wh == 1500


def test_stop_waits_for_a_reading_taken_with_the_contact_open() -> None:
    """ADR 2: a reading asked for between the card and the contact's opening is too early."""
    rig = Rig()
    rig.charges()
    rig.passes(3)
    rig.presents("CARD")
    rig.passes(0.02)
    rig.reads(wh=1100)
    rig.passes(0.02)
    rig.sees(1, "C")
    assert rig.stops == []
    rig.passes(0.02)
    rig.reads(wh=1101)
    assert rig.stops[0].wh == 1101


def test_card_again_while_the_stop_waits_is_ignored() -> None:
    rig = Rig()
    rig.charges()
    rig.passes(1)
    rig.presents("CARD")
    rig.presents("CARD")
    rig.presents("OTHER")
    rig.opens()
    assert len(rig.stops) == 1
    assert len(rig.questions) == 1


def test_other_card_is_ignored() -> None:
    """R16-080 (TC_068): no group, so it is not even asked about."""
    rig = Rig()
    rig.charges()
    rig.presents("OTHER")
    assert len(rig.questions) == 1
    assert rig.wanted() == Permit(1, 16.0)
    rig.passes(10)
    assert rig.stops == []


def test_card_of_the_group_stops() -> None:
    """R16-079 (TC_069): asked, accepted, equal parent; the idTag told is the presented one."""
    rig = Rig()
    rig.charges(parent="GROUP")
    rig.passes(1)
    rig.presents("MATE")
    assert rig.questions[-1].token == "MATE"
    assert rig.wanted() == Permit(1, 16.0)
    rig.replies(parent="group")
    assert rig.wanted() is None
    rig.opens()
    assert (rig.stops[0].token, rig.stops[0].reason) == ("MATE", "Local")


def test_card_of_another_group_does_not_stop() -> None:
    """R16-062, R16-079: parents are compared with parents, and the card must be accepted."""
    rig = Rig()
    rig.charges(parent="GROUP")
    for status, parent in (
        ("Accepted", "OTHERS"),
        ("Accepted", None),
        ("Blocked", "GROUP"),
        ("Accepted", "CARD"),
    ):
        rig.presents("MATE")
        rig.replies(status, parent=parent)
    rig.presents("MATE")
    rig.is_silent()
    rig.passes(5)
    assert rig.stops == []
    assert rig.wanted() == Permit(1, 16.0)


def test_group_question_ends_with_its_time() -> None:
    """R16-056: an answer after MessageTimeout is none."""
    rig = Rig(settings=Settings(message_timeout=10))
    rig.charges(parent="GROUP")
    rig.presents("MATE")
    rig.passes(10)
    rig.replies(parent="GROUP")
    assert rig.wanted() == Permit(1, 16.0)


def test_group_card_without_connection_is_ignored() -> None:
    rig = Rig()
    rig.charges(parent="GROUP")
    rig.goes_offline()
    rig.presents("MATE")
    assert len(rig.questions) == 1


def test_parent_learned_from_the_start_makes_a_group() -> None:
    """R16-079: StartTransaction.conf may be the first to name the parent."""
    rig = Rig(settings=Settings(allow_offline_tx_for_unknown_id=True), online=False)
    rig.boots()
    rig.goes_offline()
    rig.charges()
    rig.boots()
    rig.confirms(parent="GROUP")
    rig.presents("MATE")
    rig.replies(parent="GROUP")
    assert rig.wanted() is None


def test_same_plug_again_needs_a_card_again() -> None:
    """R16-088: Finishing until unplugged; a new card on the same plug starts a new session."""
    rig = Rig()
    rig.charges()
    rig.passes(1)
    rig.presents("CARD")
    rig.opens()
    rig.passes(60)
    assert (rig.status(), len(rig.starts)) == ("Finishing", 1)
    rig.taps("CARD")
    assert [start.session for start in rig.starts] == [1, 2]
    assert rig.wanted() == Permit(2, 16.0)
    assert rig.starts[1].wh == rig.stops[0].wh
    rig.unplugs()
    rig.passes(2)
    assert rig.status() == "Available"


def test_normal_end_unlocks() -> None:
    """R16-087: locked through the session until the contact was seen open."""
    rig = Rig()
    rig.charges()
    assert rig.locks()
    rig.passes(1)
    rig.presents("CARD")
    assert rig.locks()
    rig.opens()
    assert not rig.locks()
    assert isinstance(rig.at().phase, Finishing)
    rig.unplugs()
    assert isinstance(rig.at().phase, Idle)


def test_refused_start_stops() -> None:
    """R16-077 (TC_037_3): DeAuthorized, Finishing."""
    rig = Rig()
    rig.charges()
    rig.passes(1)
    rig.confirms("4711", "Invalid")
    assert rig.wanted() is None
    rig.opens()
    assert (rig.stops[0].reason, rig.stops[0].token) == ("DeAuthorized", None)
    assert rig.status() == "Finishing"


def test_refused_start_suspends() -> None:
    """R16-078 (TC_037_2): no current, and the transaction goes on until it is stopped."""
    rig = Rig(settings=Settings(stop_on_invalid_id=False))
    rig.charges()
    rig.confirms("4711", "Blocked")
    assert rig.wanted() is None
    assert rig.disk.permit(1, 16.0) is None
    rig.opens()
    assert rig.status() == "SuspendedEVSE"
    rig.passes(600)
    assert rig.stops == []
    rig.presents("CARD")
    rig.passes(2)
    assert rig.stops[0].reason == "Local"


def test_refused_before_any_current_is_suspended_at_once() -> None:
    """R16-078: it does not stay Preparing for the vehicle's grace."""
    rig = Rig(settings=Settings(stop_on_invalid_id=False))
    rig.plugs()
    rig.taps()
    rig.confirms("4711", "Invalid")
    assert rig.status() == "SuspendedEVSE"


def test_refusal_of_a_session_that_is_over_is_nothing() -> None:
    """The answer may come after the stop, and after the next start (R16-076)."""
    rig = Rig()
    rig.charges()
    rig.passes(1)
    rig.presents("CARD")
    rig.confirms("1", "Invalid")
    rig.opens()
    assert [stop.reason for stop in rig.stops] == ["Local"]
    first = rig.starts[0]
    rig.taps("CARD")
    rig.settles(first, TransactionKnown("1", Verdict("Invalid")))
    assert rig.wanted() == Permit(2, 16.0)
    assert rig.at().running is not None
    assert rig.at().running.transaction is None


def test_start_never_delivered_changes_nothing() -> None:
    """R16-075: the session goes on."""
    rig = Rig()
    rig.charges()
    rig.settles(rig.starts[0], Undelivered())
    assert rig.wanted() == Permit(1, 16.0)


def test_courteous_stop_of_the_process() -> None:
    """R16-083: reason Reboot, every session, none without one."""
    rig = Rig(2)
    rig.charges(1)
    rig.passes(1)
    rig.happens(StopAsked())
    assert rig.wanted(1) is None
    rig.opens(1)
    assert [(stop.evse, stop.reason) for stop in rig.stops] == [(1, "Reboot")]
    rig.happens(StopAsked())
    assert len(rig.stops) == 1


def test_two_evses_two_sessions() -> None:
    """R16-071: one per connector, and each has its own."""
    rig = Rig(2)
    rig.charges(1, "ONE")
    rig.charges(2, "TWO")
    assert [(start.evse, start.session) for start in rig.starts] == [(1, 1), (2, 2)]
    rig.passes(1)
    rig.presents("ONE")
    assert (rig.wanted(1), rig.wanted(2)) == (None, Permit(2, 16.0))


def test_meter_that_is_silent_starts_nothing() -> None:
    """The reading must be younger than the plug: some meters restart with every vehicle."""
    rig = Rig()
    rig.passes(1)
    rig.sees(1, "B")
    rig.taps("CARD")
    rig.passes(600)
    assert (rig.starts, rig.status()) == ([], "Preparing")


def test_nobody_begins_while_a_reset_is_under_way() -> None:
    """R16-141: who waits for an answer or a plug is forgotten; there is nothing to end then."""
    rig = Rig(2)
    rig.taps("ONE", 1)
    rig.presents("TWO", 2)
    rig.orders(Reset("Soft"))
    rig.plugs(1)
    rig.plugs(2)
    rig.replies()
    assert (rig.starts, rig.wanted(1), rig.wanted(2)) == ([], None, None)
