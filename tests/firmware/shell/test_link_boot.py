"""The link: registration, the way back after a loss, and what may be said before and after."""

import logging

import pytest

from firmware.events import Asked, Booted, ClockLearned, LinkChanged, Undelivered
from firmware.facts import AuthorizationAsked, BootAsked, HeartbeatAsked, Measured, Sample, Talk
from firmware.shell.link import BACK_OFF_S, LONGEST_BACK_OFF_S

from .central import INTERVAL_S, World, fault, gone, proxy_error
from .made import CARD, at, started, status

ASKED = AuthorizationAsked(1, CARD)


def says_statuses(world: World, *words: str) -> None:
    """The station shows these statuses, of the station itself first."""
    for evse, word in enumerate(words):
        world.link.say(status(evse, word))


# --- accepted ------------------------------------------------------------------------------------


def test_the_first_word_is_boot_notification_then_every_status_then_history(world: World) -> None:
    """R16-020, R16-027."""
    world.stores(started())
    says_statuses(world, "Available", "Preparing", "Faulted")
    world.works()
    assert world.sent() == ["BootNotification", *["StatusNotification"] * 3, "StartTransaction"]
    told = [call.message for call in world.calls if call.name == "StatusNotification"]
    assert [(m.connector_id, m.status) for m in told] == [  # type: ignore[attr-defined]
        *((0, "Available"), (1, "Preparing"), (2, "Faulted"))
    ]


def test_the_station_hears_that_it_is_accepted_and_how_often_to_beat(world: World) -> None:
    world.works()
    assert world.heard(Booted) == [Booted("Accepted", INTERVAL_S)]
    assert world.heard(LinkChanged) == [LinkChanged(up=True)]
    assert world.view() == {"link": "up", "registration": "Accepted", "problem": None}


def test_once_accepted_it_boots_no_more(world: World) -> None:
    world.passes(10 * INTERVAL_S)
    assert world.sent() == ["BootNotification"]


def test_the_time_of_the_answer_is_learned(world: World) -> None:
    """R16-041."""
    world.ahead_s = 3600.0
    world.works()
    [learned] = world.heard(ClockLearned)
    assert learned.offset_s == pytest.approx(3600.0, abs=0.01)
    assert world.clock.now().trusted


def test_every_call_has_the_configured_deadline(world: World) -> None:
    world.link.settings = world.link.settings.__class__(message_timeout=12)
    world.works()
    assert world.calls[0].timeout_s == 12.0


# --- not reached ---------------------------------------------------------------------------------


def test_unreachable_at_boot_it_tries_again_ever_more_rarely(world: World) -> None:
    """R16-028: nothing else is said meanwhile."""
    world.goes()
    says_statuses(world, "Available", "Available")
    world.stores(started())
    world.passes(125)
    assert world.times("BootNotification") == [0, 1, 3, 7, 15, 31, 61, 91, 121]
    assert set(world.sent()) == {"BootNotification"}


@pytest.mark.parametrize("jitter", [0.8, 1.2])
def test_stations_do_not_come_back_all_at_once(world: World, jitter: float) -> None:
    world.jitter = jitter
    world.goes()
    world.passes(40)
    assert world.times("BootNotification")[:4] == pytest.approx([0, jitter, 3 * jitter, 7 * jitter])
    assert set(world.jitters) == {(0.8, 1.2)}


def test_a_fault_or_http_error_to_boot_is_tried_again_too(world: World) -> None:
    world.answers("BootNotification", fault(), fault("SecurityError"), proxy_error())
    world.passes(60)
    assert world.times("BootNotification") == [0, 1, 3, 7]
    assert world.link.registration == "Accepted"


def test_after_an_answer_the_waits_begin_small_again(world: World) -> None:
    world.goes()
    world.passes(100)
    world.returns()
    world.passes(LONGEST_BACK_OFF_S)
    world.goes()
    since = len(world.calls)
    world.link.say(HeartbeatAsked())
    world.works()
    lost = world.mono
    world.passes(10)
    assert [call.at - lost for call in world.calls[since:]] == [0, 1, 3, 7]


def test_why_there_is_no_connection_is_said_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.goes()
    with caplog.at_level(logging.WARNING, "pilotwire"):
        world.passes(100)
    assert [r.getMessage() for r in caplog.records] == [
        "central system: refused: Nothing listens there."
    ]
    assert world.view() == {
        "link": "down",
        "registration": "none",
        "problem": {"reason": "refused", "hint": "Nothing listens there."},
    }


# --- rejected and pending ------------------------------------------------------------------------


def test_rejected_it_says_nothing_and_asks_again_after_exactly_the_interval(world: World) -> None:
    """R16-022, R16-023; TC_001 checks the interval."""
    world.answers("BootNotification", world.registers("Rejected", 17))
    says_statuses(world, "Available", "Available")
    world.stores(started())
    world.works()
    world.link.say(HeartbeatAsked())
    world.link.say(ASKED)
    world.passes(16.999)
    assert world.sent() == ["BootNotification"]
    assert world.heard(Booted) == [Booted("Rejected", 17)]
    assert world.heard(Asked) == [Asked(ASKED, Undelivered())], "nobody waits for an answer"
    world.passes(0.001)
    assert world.times("BootNotification") == [0, 17]
    assert world.link.registration == "Accepted"


@pytest.mark.parametrize("word", ["Rejected", "Pending"])
def test_without_an_interval_it_does_not_flood(world: World, word: str) -> None:
    world.always("BootNotification", world.registers(word, 0))
    world.passes(180)
    assert world.times("BootNotification") == [0, 60, 120, 180]


@pytest.mark.parametrize("word", ["Rejected", "Pending"])
def test_not_being_accepted_is_said_with_what_to_do(world: World, word: str) -> None:
    world.answers("BootNotification", world.registers(word, 17))
    world.works()
    assert world.view() == {
        "link": "up",
        "registration": word,
        "problem": {
            "reason": word.lower(),
            "hint": "asks again in 17 s; accept the station at the central system",
        },
    }


def pending(world: World, interval: int = 17) -> None:
    world.answers("BootNotification", world.registers("Pending", interval))
    world.works()
    world.calls.clear()


def test_pending_it_says_only_what_it_was_asked_for(world: World) -> None:
    """R16-024."""
    pending(world)
    says_statuses(world, "Available", "Preparing")
    world.link.say(ASKED)
    world.stores(started())
    world.works()
    assert world.sent() == []
    assert world.heard(Asked) == [Asked(ASKED, Undelivered())]

    world.link.say(status(1, "Preparing", asked=True))
    world.link.say(HeartbeatAsked())
    world.link.say(Measured(1, at(0), Sample(1)))
    world.works()
    assert world.sent() == ["StatusNotification", "Heartbeat", "MeterValues"]


def test_pending_then_accepted_all_statuses_are_told(world: World) -> None:
    pending(world)
    says_statuses(world, "Available", "Preparing")
    world.link.say(status(1, "Preparing", asked=True))
    world.passes(17)
    assert world.sent() == [
        *("StatusNotification", "BootNotification", "StatusNotification", "StatusNotification")
    ]


def test_asked_to_boot_while_pending_it_does_so_at_once_and_counts_from_there(
    world: World,
) -> None:
    """R16-025: the earlier timer restarts with the new answer."""
    pending(world)
    world.answers("BootNotification", world.registers("Pending", 20))
    world.passes(10)
    world.link.say(BootAsked())
    world.passes(21)
    assert world.times("BootNotification") == [10, 30]


def test_losing_the_connection_while_pending_does_not_shorten_the_interval(world: World) -> None:
    """R16-022."""
    pending(world)
    world.answers("Heartbeat", gone())
    world.link.say(HeartbeatAsked())
    world.passes(17)
    assert world.times("BootNotification") == [17]


def test_while_pending_a_refusal_neither_boots_early_nor_makes_it_beat(world: World) -> None:
    """Some central systems refuse all but boot of a station they have not accepted."""
    pending(world)
    world.answers("StatusNotification", fault("SecurityError"), proxy_error())
    world.link.say(status(1, asked=True))
    world.link.say(status(2, asked=True))
    world.passes(16)
    assert world.sent() == ["StatusNotification"] * 2


# --- lost and found ------------------------------------------------------------------------------


def test_a_lost_connection_is_told_and_probed_with_heartbeats(registered: World) -> None:
    registered.goes()
    registered.link.say(status(1, "Preparing"))
    registered.passes(4)
    assert registered.sent() == ["StatusNotification", "Heartbeat", "Heartbeat"]
    assert registered.heard(LinkChanged) == [LinkChanged(up=False)] * 3
    assert registered.view()["link"] == "down"
    registered.returns()
    registered.passes(10)
    assert registered.heard(LinkChanged)[-1] == LinkChanged(up=True)
    assert registered.sent()[3:] == ["Heartbeat", "StatusNotification"]
    assert registered.view() == {"link": "up", "registration": "Accepted", "problem": None}


def test_after_a_loss_statuses_are_told_where_they_differ(world: World) -> None:
    """R16-151: the present ones, none of what was in between."""
    says_statuses(world, "Available", "Available", "Available")
    world.works()
    world.goes()
    world.link.say(HeartbeatAsked())
    world.works()
    since = len(world.calls)
    world.link.say(status(1, "Preparing"))
    world.link.say(status(2, "Preparing"))
    world.link.say(status(1, "Charging"))
    world.link.say(status(2, "Available"))
    world.returns()
    world.passes(BACK_OFF_S)
    assert world.sent(since) == ["Heartbeat", "StatusNotification"]
    assert (world.last("StatusNotification").connector_id) == 1
    assert (world.last("StatusNotification").status) == "Charging"


def test_a_status_that_was_lost_on_the_way_is_told_after_it(world: World) -> None:
    says_statuses(world, "Available", "Available")
    world.works()
    world.goes()
    world.link.say(status(1, "Preparing"))
    world.works()
    world.returns()
    world.passes(BACK_OFF_S)
    assert world.sent()[-2:] == ["Heartbeat", "StatusNotification"]
    assert world.last("StatusNotification").status == "Preparing"


def test_whoever_waits_for_an_answer_is_told_that_none_comes(registered: World) -> None:
    registered.goes()
    second = AuthorizationAsked(2, "OTHER")
    registered.link.say(ASKED)
    registered.link.say(second)
    registered.works()
    assert registered.sent() == ["Authorize"]
    assert registered.heard(Asked) == [Asked(ASKED, Undelivered()), Asked(second, Undelivered())]


def test_while_it_is_down_nobody_waits_at_all(registered: World) -> None:
    registered.goes()
    registered.link.say(HeartbeatAsked())
    registered.works()
    since = len(registered.calls)
    registered.link.say(ASKED)
    assert registered.heard(Asked) == [Asked(ASKED, Undelivered())]
    registered.link.say(HeartbeatAsked())
    registered.works()
    assert registered.sent(since) == []


# --- forgotten by the central system -------------------------------------------------------------


@pytest.mark.parametrize(
    ("fact", "name"),
    [
        (HeartbeatAsked(), "Heartbeat"),
        (status(1, "Charging"), "StatusNotification"),
        (ASKED, "Authorize"),
    ],
)
def test_a_central_system_that_forgot_the_station_is_booted_at(
    world: World, fact: Talk, name: str
) -> None:
    says_statuses(world, "Available", "Available")
    world.works()
    world.answers(name, fault("SecurityError"))
    since = len(world.calls)
    world.link.say(fact)
    world.passes(10)
    assert world.sent(since) == [name, "BootNotification", *["StatusNotification"] * 2]
    assert world.heard(Booted)[-2:] == [Booted("None", 0), Booted("Accepted", INTERVAL_S)]


def test_one_that_forgot_it_while_it_was_away_is_booted_at(registered: World) -> None:
    """It has been restarted with an empty memory: its first word is the refusal of our probe."""
    registered.goes()
    registered.link.say(HeartbeatAsked())
    registered.works()
    registered.returns()
    registered.answers("Heartbeat", fault("SecurityError"))
    since = len(registered.calls)
    registered.passes(5)
    assert registered.sent(since) == ["Heartbeat", "BootNotification"]
    assert registered.calls[-1].at - registered.calls[-2].at >= BACK_OFF_S, "no flood"
    assert registered.view()["registration"] == "Accepted"


def test_until_it_is_accepted_again_the_station_is_offline(registered: World) -> None:
    registered.answers("Heartbeat", fault("SecurityError"))
    registered.always("BootNotification", registered.registers("Pending"))
    registered.link.say(HeartbeatAsked())
    registered.link.say(ASKED)
    registered.passes(5)
    assert registered.heard(Asked) == [Asked(ASKED, Undelivered())]
    assert registered.heard(LinkChanged)[0] == LinkChanged(up=False)
    assert registered.heard(Booted) == [Booted("None", 0), Booted("Pending", INTERVAL_S)]


def test_statuses_are_told_once_after_being_forgotten(world: World) -> None:
    says_statuses(world, "Available", "Available")
    world.works()
    world.answers("StatusNotification", fault("SecurityError"))
    since = len(world.calls)
    world.link.say(status(1, "Preparing"))
    world.link.say(status(1, "Charging"))
    world.passes(5)
    assert world.sent(since) == [
        *("StatusNotification", "BootNotification", "StatusNotification", "StatusNotification")
    ]
    assert world.last("StatusNotification").status == "Charging"


# --- after a reset -------------------------------------------------------------------------------


def test_after_a_reset_it_registers_anew_and_tells_every_status_once(world: World) -> None:
    says_statuses(world, "Available", "Available")
    world.works()
    since = len(world.calls)
    world.link.say(status(1, "Preparing"))
    world.link.say(ASKED)
    world.link.reboot()
    world.works()
    assert world.sent(since) == ["BootNotification", *["StatusNotification"] * 2]
    assert world.heard(Asked) == [Asked(ASKED, Undelivered())]


# --- held by the bench ---------------------------------------------------------------------------


def test_held_nothing_is_said_and_everybody_hears_of_it(registered: World) -> None:
    registered.link.hold(True)
    registered.works()
    registered.stores(started())
    registered.link.say(status(1, "Preparing"))
    registered.link.say(ASKED)
    registered.passes(1000)
    assert registered.sent() == []
    assert registered.closed == 1
    assert registered.heard(LinkChanged) == [LinkChanged(up=False)]
    assert registered.heard(Asked) == [Asked(ASKED, Undelivered())]
    assert registered.view()["link"] == "held"


def test_let_go_it_comes_back_at_once(registered: World) -> None:
    registered.link.hold(True)
    registered.works()
    registered.stores(started())
    registered.link.say(status(1, "Preparing"))
    registered.link.hold(False)
    registered.works()
    assert registered.sent() == ["Heartbeat", "StatusNotification", "StartTransaction"]
    assert registered.mono == 1000.0


def test_let_go_it_waits_for_no_back_off(world: World) -> None:
    world.goes()
    world.passes(100)
    since = len(world.calls)
    world.link.hold(True)
    world.link.hold(False)
    world.works()
    assert world.sent(since) == ["BootNotification"]
    world.passes(1.0)
    assert world.sent(since) == ["BootNotification"] * 2, "and small waits again"


def test_held_during_a_call_that_call_is_the_last(registered: World) -> None:
    def hold() -> None:
        registered.link.hold(True)
        registered.always("*", gone())  # the closed caller's word

    registered.during = hold
    registered.stores(started())
    registered.passes(1000)
    assert registered.sent() == ["StartTransaction"]
    assert registered.view() == {"link": "held", "registration": "Accepted", "problem": None}


@pytest.mark.parametrize("end", [lambda world: world.link.hold(True), lambda w: w.link.stop()])
def test_cut_while_it_waits_for_a_reply_it_calls_no_more(
    registered: World, monkeypatch: pytest.MonkeyPatch, end: object
) -> None:
    monkeypatch.setattr(registered.desk, "wait_replied", lambda: end(registered))  # type: ignore[operator]
    registered.stores(started())
    registered.works()
    assert registered.sent() == []
    assert len(registered.rows.facts) == 1
