"""The link: the history, told in order until settled, whatever the central system does with it."""

import logging
import uuid

import pytest

from firmware.core.settings import Settings
from firmware.events import Answered, ClockLearned, Delivered, TransactionKnown, Undelivered
from firmware.facts import HeartbeatAsked, Instant, SessionStarted
from ocpp import v16

from .central import BOOT, World, fault, gone, proxy_error
from .made import CARD, WALL, metered, started, status, stopped

SESSION = (started(7), metered(7, 1.0), metered(7, 2.0), stopped(7, 3.0))


def outcomes(world: World) -> list[tuple[int, object]]:
    return [(event.row, event.outcome) for event in world.heard(Answered)]


def test_a_session_is_told_in_order_with_the_id_learned_on_the_way(registered: World) -> None:
    """R16-100; what is told late is put into words late (rule 6)."""
    registered.stores(*SESSION)
    registered.works()
    assert registered.sent() == [
        *("StartTransaction", "MeterValues", "MeterValues", "StopTransaction")
    ]
    told = [call.message for call in registered.calls[1:]]
    assert [message.transaction_id for message in told] == [4711] * 3  # type: ignore[attr-defined]
    assert [outcome for _, outcome in outcomes(registered)][1:] == [Delivered()] * 3
    known = outcomes(registered)[0][1]
    assert isinstance(known, TransactionKnown)
    assert known.transaction == "4711"


def test_nothing_follows_before_the_fact_ahead_is_settled_on_disk(registered: World) -> None:
    """Rule 4: else a crash could tell one twice and forget the other."""
    registered.prompt = False
    registered.stores(*SESSION)
    registered.works()
    registered.link.stored()  # something else was stored
    registered.passes(100)
    assert registered.sent() == ["StartTransaction"]
    registered.settles()
    registered.works()
    assert registered.sent() == ["StartTransaction", "MeterValues"]


def test_an_answer_is_told_to_the_station_with_its_row_and_fact(registered: World) -> None:
    registered.stores(started(7))
    registered.works()
    [answered] = registered.heard(Answered)
    assert (answered.row, answered.fact) == (1, started(7))


# --- not processed -------------------------------------------------------------------------------


def test_what_it_refuses_is_tried_again_after_ever_longer_waits(registered: World) -> None:
    """R16-102: n x interval after the n-th attempt, so many attempts in all."""
    registered.always("StartTransaction", fault())
    registered.stores(started(7))
    registered.passes(1000)
    assert registered.times("StartTransaction") == [0, 60, 180]
    assert outcomes(registered) == [(1, Undelivered())]


@pytest.mark.parametrize(("attempts", "times"), [(1, [0]), (5, [0, 10, 30, 60, 100])])
def test_attempts_and_interval_are_settings(
    registered: World, attempts: int, times: list[float]
) -> None:
    registered.link.settings = Settings(message_attempts=attempts, message_retry_interval=10)
    registered.always("StartTransaction", fault())
    registered.stores(started(7))
    registered.passes(1000)
    assert registered.times("StartTransaction") == times


def test_after_the_attempts_the_next_fact_has_all_of_its_own(registered: World) -> None:
    registered.link.settings = Settings(message_attempts=2, message_retry_interval=10)
    registered.always("StartTransaction", fault())
    registered.always("StopTransaction", fault())
    registered.stores(started(7), stopped(7))
    registered.passes(1000)
    assert registered.times("StartTransaction") == [0, 10]
    assert registered.times("StopTransaction") == [10, 20]
    assert outcomes(registered) == [(1, Undelivered()), (2, Undelivered())]


def test_what_follows_an_undelivered_start_names_no_transaction(registered: World) -> None:
    """R16-075."""
    registered.always("StartTransaction", fault())
    registered.stores(*SESSION)
    registered.passes(1000)
    assert registered.last("MeterValues").transaction_id == -1
    assert registered.last("StopTransaction").transaction_id == -1


def test_while_one_waits_the_others_wait_too(registered: World) -> None:
    """R16-103, and what is stored meanwhile hurries nothing."""
    registered.answers("StartTransaction", fault())
    registered.stores(started(7))
    registered.passes(30)
    registered.stores(started(8), stopped(8))
    registered.passes(29.9)
    assert registered.sent() == ["StartTransaction"]
    registered.passes(0.1)
    assert registered.sent() == [*["StartTransaction"] * 3, "StopTransaction"]
    assert registered.calls[1].at == 1060.0


def test_talk_does_not_wait_with_it(registered: World) -> None:
    """R16-106."""
    registered.always("StartTransaction", fault())
    registered.stores(started(7))
    registered.passes(30)
    registered.link.say(status(1, "Charging"))
    registered.passes(1)
    assert registered.times("StatusNotification") == [30]


def test_a_repeat_is_the_same_message_with_the_same_id(registered: World) -> None:
    """R16-105: so that a central system that had it all the same recognises it."""
    registered.always("StartTransaction", fault())
    registered.stores(started(7))
    registered.passes(1000)
    repeats = {(call.message, call.message_id) for call in registered.calls}
    assert len(registered.calls) == 3
    assert len(repeats) == 1


def test_every_fact_has_an_id_of_its_own_that_a_restart_does_not_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = []
    for _ in range(2):
        world = World(monkeypatch)
        world.stores(*SESSION)
        world.works()
        ids.append([call.message_id for call in world.calls[1:]])
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == len(SESSION)
    assert all(uuid.UUID(str(each).removeprefix("urn:uuid:")) for each in ids[0])


# --- no connection -------------------------------------------------------------------------------


def test_time_without_connection_counts_no_attempt(registered: World) -> None:
    """R16-101."""
    registered.always("StartTransaction", fault())
    registered.stores(started(7))
    registered.passes(1)
    registered.goes()
    registered.passes(10_000)
    registered.returns()
    since = len(registered.calls)
    registered.passes(1000)
    again = [call.at for call in registered.calls[since:] if call.name == "StartTransaction"]
    assert len(again) == 2
    assert again[1] - again[0] == 120, "the second wait"
    assert outcomes(registered) == [(1, Undelivered())]


def test_an_attempt_that_met_no_connection_is_none(registered: World) -> None:
    registered.link.settings = Settings(message_attempts=1)
    registered.goes()
    registered.stores(started(7))
    registered.passes(1000)
    assert outcomes(registered) == []
    registered.returns()
    registered.passes(100)
    assert [type(outcome) for _, outcome in outcomes(registered)] == [TransactionKnown]


def test_nothing_is_lost_however_long_it_takes(registered: World) -> None:
    """R16-107: stored samples come first and in order."""
    registered.goes()
    facts = [started(7), *(metered(7, float(n)) for n in range(20)), stopped(7, 20.0)]
    for fact in facts:
        registered.stores(fact)
        registered.passes(3600)
    registered.returns()
    since = len(registered.calls)
    registered.passes(60)
    told = [call for call in registered.calls[since:] if call.name != "Heartbeat"]
    assert [call.name for call in told] == [
        *("StartTransaction", *["MeterValues"] * 20, "StopTransaction")
    ]
    times = [call.message.meter_value[0].timestamp for call in told[1:-1]]  # type: ignore[attr-defined]
    assert [t.timestamp() for t in times] == [WALL + n for n in range(20)]


@pytest.mark.parametrize("failure", [gone(), proxy_error()])
def test_no_answer_is_an_attempt_if_the_central_system_answers_a_heartbeat(
    registered: World, failure: Exception
) -> None:
    """ES 3.2: a timeout with a live connection, or an HTTP error that is its own."""
    registered.always("StartTransaction", failure)
    registered.stores(started(7))
    registered.passes(1000)
    assert registered.times("StartTransaction") == [0, 60, 180]
    assert registered.times("Heartbeat") == [0, 60, 180]
    assert outcomes(registered) == [(1, Undelivered())]
    assert registered.view()["link"] == "up"


@pytest.mark.parametrize("failure", [gone(), proxy_error()])
def test_no_answer_is_none_if_a_heartbeat_is_not_answered_either(
    registered: World, failure: Exception
) -> None:
    registered.always("*", failure)
    registered.stores(started(7))
    registered.works()
    assert registered.sent() == ["StartTransaction", "Heartbeat"]
    assert registered.view()["link"] == "down"
    registered.passes(1000)
    assert outcomes(registered) == []
    assert registered.times("StartTransaction") == [0]


def test_a_fault_needs_no_heartbeat(registered: World) -> None:
    registered.answers("StartTransaction", fault())
    registered.stores(started(7))
    registered.works()
    assert registered.sent() == ["StartTransaction"]


@pytest.mark.parametrize("refuses", ["StartTransaction", "Heartbeat"])
def test_a_central_system_that_forgot_the_station_gets_it_after_booting(
    registered: World, refuses: str
) -> None:
    registered.answers("StartTransaction", *[gone()] if refuses == "Heartbeat" else ())
    registered.answers(refuses, fault("SecurityError"))
    registered.link.settings = Settings(message_attempts=1)
    registered.stores(started(7))
    registered.passes(10)
    assert registered.sent()[-2:] == ["BootNotification", "StartTransaction"]
    assert [type(outcome) for _, outcome in outcomes(registered)] == [TransactionKnown]


def test_while_not_accepted_nothing_of_it_is_told(world: World) -> None:
    """R16-020, R16-023, R16-024."""
    world.stores(*SESSION)
    world.answers("BootNotification", world.registers("Rejected", 50))
    world.answers("BootNotification", world.registers("Pending", 50))
    world.passes(99)
    assert set(world.sent()) == {"BootNotification"}
    world.passes(1)
    assert world.sent()[2:4] == ["BootNotification", "StartTransaction"]


# --- what cannot be told -------------------------------------------------------------------------


@pytest.mark.parametrize("wh", [2**31, -(2**31) - 1])
def test_what_no_message_can_hold_keeps_nothing_behind_it(
    registered: World, wh: int, caplog: pytest.LogCaptureFixture
) -> None:
    bad = SessionStarted(7, 1, started().at, CARD, wh)
    registered.stores(bad, stopped(7))
    with caplog.at_level(logging.ERROR, "pilotwire"):
        registered.works()
    assert outcomes(registered) == [(1, Undelivered()), (2, Delivered())]
    assert registered.sent() == ["StopTransaction"]
    assert "session 7: cannot be told" in caplog.text


def test_a_transaction_whose_name_is_no_number_cannot_be_told_in_this_dialect(
    registered: World,
) -> None:
    """It was begun in another."""
    registered.rows.ledger[7] = "0a1b-2c3d"
    registered.stores(stopped(7), started(8))
    registered.works()
    assert [type(outcome) for _, outcome in outcomes(registered)] == [
        *(Undelivered, TransactionKnown)
    ]


# --- times ---------------------------------------------------------------------------------------


def untrusted(mono: float, boot: int = BOOT) -> SessionStarted:
    moment = Instant(mono, WALL + mono, boot, trusted=False)
    return SessionStarted(7, 1, moment, CARD, 0)


def told_at(world: World) -> float:
    moment = world.last("StartTransaction").timestamp.timestamp()
    return float(moment - WALL)


def test_a_time_before_the_clock_was_known_is_corrected_only_when_that_is_stored(
    world: World,
) -> None:
    """Rule 6: frozen when first sent, so that a repeat after a crash is identical."""
    world.prompt = False
    world.ahead_s = 100.0
    world.stores(untrusted(990.0))
    world.works()
    assert world.sent() == ["BootNotification"]
    assert world.heard(ClockLearned)  # settles: the correction is stored
    world.works()
    assert world.sent() == ["BootNotification", "StartTransaction"]
    assert told_at(world) == pytest.approx(1090.0, abs=0.01)


def test_the_first_correction_stays(world: World) -> None:
    world.ahead_s = 100.0
    world.stores(untrusted(990.0))
    world.answers("StartTransaction", fault())
    world.works()
    world.ahead_s = 200.0
    world.link.say(HeartbeatAsked())
    world.passes(100)
    first, second = (c.message for c in world.calls if c.name == "StartTransaction")
    assert first == second


def test_a_time_of_an_earlier_boot_takes_that_boots_correction(world: World) -> None:
    world.ahead_s = 100.0
    world.rows.corrections[BOOT - 1] = -50.0
    world.stores(untrusted(990.0, BOOT - 1))
    world.works()
    assert told_at(world) == pytest.approx(940.0)


def test_a_time_of_a_boot_that_never_knew_better_is_told_as_it_was(world: World) -> None:
    world.ahead_s = 100.0
    world.stores(untrusted(990.0, BOOT - 1))
    world.works()
    assert told_at(world) == pytest.approx(990.0)


def test_a_time_that_was_known_stays(world: World) -> None:
    world.ahead_s = 100.0
    world.stores(started(7, 990.0))
    world.works()
    assert told_at(world) == pytest.approx(990.0)


def test_an_invalid_answer_to_the_start_is_judged_by_the_core(registered: World) -> None:
    info = v16.IdTagInfo(status="Blocked")
    answer = v16.StartTransactionResponse(transaction_id=5, id_tag_info=info)
    registered.answers("StartTransaction", answer)
    registered.stores(started(7))
    registered.works()
    [(_, outcome)] = outcomes(registered)
    assert isinstance(outcome, TransactionKnown)
    assert (outcome.transaction, outcome.verdict.status) == ("5", "Blocked")
