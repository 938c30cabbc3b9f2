"""What starts a session, and what does not (R16-050, R16-063, R16-064, R16-070)."""

from firmware.core.connector import Permit
from firmware.core.settings import Settings
from tests.firmware.rig import Rig


def test_plug_first_then_card() -> None:
    """R16-050, R16-070: no current and no session before both are there."""
    rig = Rig()
    rig.plugs()
    assert rig.status() == "Preparing"
    assert rig.wanted() is None
    rig.presents("CARD")
    assert (rig.starts, rig.wanted()) == ([], None)
    rig.replies("Accepted")
    start = rig.starts[0]
    assert (start.session, start.evse, start.token, start.wh) == (1, 1, "CARD", 1000)
    assert start.at.mono == rig.clock.mono
    assert rig.wanted() == Permit(1, 16.0)
    assert rig.status() == "Preparing"
    rig.draws()
    assert rig.statuses() == ["Unavailable", "Available", "Preparing", "Charging"]


def test_card_first_then_plug() -> None:
    """R16-064: the card is good for ConnectionTimeOut, the session starts with the plug."""
    rig = Rig()
    rig.taps("CARD")
    assert rig.status() == "Preparing"
    rig.passes(59.9)
    assert rig.starts == []
    rig.plugs()
    assert [start.token for start in rig.starts] == ["CARD"]
    assert rig.wanted() == Permit(1, 16.0)


def test_refused_card_gets_no_current() -> None:
    rig = Rig()
    rig.plugs()
    for status in ("Blocked", "Expired", "Invalid", "ConcurrentTx"):
        rig.presents("CARD")
        rig.replies(status)
        assert (rig.starts, rig.wanted(), rig.status()) == ([], None, "Preparing")


def test_no_plug_within_the_timeout_drops_the_card() -> None:
    """R16-064 (TC_004_2)."""
    rig = Rig(settings=Settings(connection_timeout=30))
    rig.taps("CARD")
    rig.passes(30)
    assert rig.status() == "Available"
    rig.plugs()
    assert rig.starts == []


def test_timeout_counts_while_preparing_only() -> None:
    """R16-064: with a plug in, the card waits for the meter's reading and is not dropped."""
    rig = Rig(settings=Settings(connection_timeout=30))
    rig.taps("CARD")
    rig.passes(29)
    rig.sees(1, "B")
    rig.passes(5)
    assert rig.starts == []
    rig.reads()
    assert len(rig.starts) == 1


def test_plug_that_comes_with_the_timeout_counts() -> None:
    rig = Rig(settings=Settings(connection_timeout=30))
    rig.taps("CARD")
    rig.clock.mono += 31
    rig.sees(1, "B")
    rig.reads()
    assert len(rig.starts) == 1


def test_unplugged_again_before_the_start_the_timeout_counts_again() -> None:
    rig = Rig(settings=Settings(connection_timeout=30))
    rig.taps("CARD")
    rig.passes(1)
    rig.sees(1, "B")
    rig.passes(31)
    assert rig.status() == "Preparing"
    rig.sees(1, "A")
    assert rig.status() == "Available"


def test_same_card_again_before_the_start_cancels() -> None:
    """R16-063 (TC_061), idTags alike but for case (R16-011)."""
    rig = Rig()
    rig.taps("CARD")
    rig.taps("card")
    assert rig.status() == "Available"
    rig.plugs()
    assert rig.starts == []


def test_same_card_again_cancels_the_question_too() -> None:
    """R16-063: plugged, it is back to Preparing; the late answer changes nothing."""
    rig = Rig()
    rig.plugs()
    rig.presents("CARD")
    rig.presents("CARD")
    rig.replies("Accepted")
    assert (rig.starts, rig.status()) == ([], "Preparing")


def test_answer_to_another_card_is_not_ours() -> None:
    """R16-050: a question cancelled and a new one asked: only the new one's answer counts."""
    rig = Rig()
    rig.plugs()
    rig.presents("OLD")
    rig.presents("OLD")
    rig.presents("NEW")
    rig.replies("Accepted", to=0)
    assert rig.starts == []
    rig.replies("Accepted", to=1)
    assert [start.token for start in rig.starts] == ["NEW"]


def test_second_card_while_the_first_waits_for_a_plug() -> None:
    """One EVSE, one driver: somebody else's card changes nothing."""
    rig = Rig()
    rig.taps("FIRST")
    rig.taps("SECOND")
    rig.plugs()
    assert [start.token for start in rig.starts] == ["FIRST"]
