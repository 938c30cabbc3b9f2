"""Rule 4: less at once, more when stored; nothing is told nor answered before it is stored."""

from firmware.core.connector import Permit
from firmware.core.settings import Settings
from firmware.events import Delivered, Ordered
from firmware.facts import HeartbeatAsked, OrderAnswered, SessionMetered, SessionStarted
from firmware.orders import ChangeAvailability, ChangeSetting, GetSettings, RemoteStart, Trigger
from tests.firmware.rig import Rig


def slow(**settings: object) -> Rig:
    """A rig whose journal takes its time."""
    rig = Rig(settings=Settings(**settings))  # type: ignore[arg-type]
    rig.prompt = False
    return rig


def test_no_current_before_the_session_is_on_disk() -> None:
    rig = slow()
    rig.plugs()
    rig.taps()
    assert rig.state.connectors[0].permit == Permit(1, 16.0)
    assert rig.wanted() is None
    rig.passes(60)
    assert rig.wanted() is None
    rig.stores()
    assert rig.wanted() == Permit(1, 16.0)


def test_current_is_withdrawn_before_anything_is_stored() -> None:
    rig = slow()
    rig.charges()
    rig.stores()
    rig.passes(1)
    rig.presents("CARD")
    assert rig.wanted() is None
    rig.opens()
    assert rig.stops == []
    rig.stores()
    assert len(rig.stops) == 1


def test_a_stored_session_permits_no_other() -> None:
    """The lesser of two sessions is none."""
    rig = slow()
    rig.charges()
    rig.stores()
    rig.passes(1)
    rig.presents("CARD")
    rig.opens()
    rig.happens(Ordered(1, RemoteStart("NEXT", 1)))
    assert rig.state.connectors[0].permit == Permit(2, 16.0)
    assert rig.wanted() is None
    rig.stores()
    assert rig.wanted() == Permit(2, 16.0)


def test_suspended_at_once_and_on_disk() -> None:
    """R16-078."""
    rig = slow(stop_on_invalid_id=False)
    rig.charges()
    rig.stores()
    rig.confirms("1", "Invalid")
    assert rig.wanted() is None
    rig.stores()
    assert rig.disk.permit(1, 16.0) is None


def test_a_passing_fault_needs_no_disk() -> None:
    """ADR 3: what is stored has not changed by it."""
    rig = slow()
    rig.charges()
    rig.stores()
    rig.sees(1, "C", "OverTemperature")
    assert rig.wanted() is None
    rig.sees(1, "C")
    assert (rig.wanted(), rig.batches) == (Permit(1, 16.0), [])


def test_order_is_answered_when_its_effect_is_stored() -> None:
    rig = slow()
    rig.happens(Ordered(1, ChangeAvailability(1, operative=False)))
    assert rig.answers == {}
    assert rig.statuses()[-1] == "Available"
    rig.stores()
    assert rig.answers[1].status == "Accepted"
    assert rig.statuses()[-1] == "Unavailable"


def test_order_without_effect_is_answered_at_once() -> None:
    rig = slow()
    rig.happens(Ordered(1, GetSettings()))
    assert rig.answers[1].status == "Accepted"


def test_what_rests_on_an_earlier_batch_waits_for_it_only() -> None:
    """Answers and talk keep their order."""
    rig = slow()
    rig.happens(Ordered(1, ChangeSetting("ConnectionTimeOut", "10")))
    rig.happens(Ordered(2, Trigger("Heartbeat")))
    rig.happens(Ordered(3, ChangeSetting("ConnectionTimeOut", "20")))
    assert rig.answers == {}
    later = rig.batches.pop()
    rig.stores()
    assert list(rig.answers) == [1, 2]
    rig.batches.append(later)
    rig.stores()
    assert list(rig.answers) == [1, 2, 3]
    kinds = [type(fact) for fact in rig.told if isinstance(fact, OrderAnswered | HeartbeatAsked)]
    assert kinds == [OrderAnswered, OrderAnswered, HeartbeatAsked, OrderAnswered]


def test_status_of_a_session_waits_for_the_session() -> None:
    rig = slow()
    rig.charges()
    assert rig.statuses()[-1] == "Preparing"
    rig.stores()
    assert rig.statuses()[-1] == "Charging"


def test_one_turn_is_one_batch() -> None:
    """State and facts of a turn are stored together or not at all."""
    rig = slow()
    rig.plugs()
    rig.happens(Ordered(1, RemoteStart("CARD", 1)))
    (batch,) = rig.batches
    assert [type(fact) for fact in batch.facts] == [SessionStarted]
    assert batch.durable.sessions[0][1].number == 1
    rig.stores()
    rig.confirms("4711")
    (batch,) = rig.batches
    assert batch.settled[0].row == 1
    assert batch.durable.sessions[0][1].transaction == "4711"


def test_settled_sample_is_stored_though_the_state_is_as_before() -> None:
    rig = slow(sample_interval=60)
    rig.charges()
    rig.passes(60)
    rig.stores()
    rig.settles(rig.samples[0], Delivered())
    (batch,) = rig.batches
    assert isinstance(batch.settled[0].fact, SessionMetered)


def test_nothing_is_handed_over_where_nothing_changed() -> None:
    rig = slow()
    rig.plugs()
    rig.reads(wh=1234)
    rig.unplugs()
    rig.goes_offline()
    rig.passes(1000)
    assert rig.batches == []
