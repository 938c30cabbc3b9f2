"""The link: what lives in memory only, its answers, and the thread around it all."""

import logging
import threading
from datetime import timedelta

import pytest

from firmware.events import Asked, LinkChanged, Undelivered, Verdict
from firmware.facts import AuthorizationAsked, HeartbeatAsked, Measured, Sample
from firmware.shell.supervisor import Worker
from ocpp import v16

from .central import World, fault, proxy_error
from .made import CARD, at, metered, started, status, stopped

PATIENCE_S = 20.0
ASKED = AuthorizationAsked(1, CARD)


def test_a_card_is_asked_about_and_the_answer_comes_back(registered: World) -> None:
    info = v16.IdTagInfo(status="Accepted", parent_id_tag="GROUP")
    registered.answers("Authorize", v16.AuthorizeResponse(id_tag_info=info))
    registered.link.say(ASKED)
    registered.works()
    assert registered.last("Authorize").id_tag == CARD
    assert registered.heard(Asked) == [Asked(ASKED, Verdict("Accepted", "GROUP"))]


def test_an_expiry_date_is_judged_by_the_central_systems_clock(registered: World) -> None:
    """R16-058."""
    expired = v16.IdTagInfo(status="Accepted", expiry_date=registered.now - timedelta(seconds=1))
    registered.answers("Authorize", v16.AuthorizeResponse(id_tag_info=expired))
    registered.link.say(ASKED)
    registered.works()
    [answer] = registered.heard(Asked)
    assert isinstance(answer.outcome, Verdict)
    assert answer.outcome.status == "Expired"


def test_a_fault_is_no_verdict(registered: World) -> None:
    registered.answers("Authorize", fault())
    registered.link.say(ASKED)
    registered.works()
    assert registered.heard(Asked) == [Asked(ASKED, Undelivered())]
    assert registered.sent() == ["Authorize"]


@pytest.mark.parametrize("token", ["X" * 21, "\x00"])
def test_a_card_that_no_message_can_hold_is_invalid(registered: World, token: str) -> None:
    if len(token) == 1:  # the transport finds out
        registered.answers("Authorize", ValueError("XML cannot carry the character U+0000"))
    asked = AuthorizationAsked(1, token)
    registered.link.say(asked)
    registered.works()
    assert registered.heard(Asked) == [Asked(asked, Verdict("Invalid"))]


def test_talk_is_told_in_order_and_before_history(registered: World) -> None:
    """R16-106: it may overtake."""
    registered.stores(started(), metered(), stopped())
    registered.during = lambda: (
        registered.link.say(ASKED) if registered.sent()[-1] == "StartTransaction" else None
    )
    registered.link.say(status(1, "Preparing"))
    registered.link.say(HeartbeatAsked())
    registered.works()
    assert registered.sent() == [
        *("StatusNotification", "Heartbeat"),
        *("StartTransaction", "Authorize", "MeterValues", "StopTransaction"),
    ]


def test_a_sample_outside_a_session_names_no_transaction(registered: World) -> None:
    registered.link.say(Measured(2, at(0), Sample(42)))
    registered.works()
    told = registered.last("MeterValues")
    assert (told.connector_id, told.transaction_id) == (2, None)
    assert told.meter_value[0].sampled_value[0].context == "Trigger"


def test_a_refused_status_is_not_repeated(registered: World) -> None:
    registered.answers("StatusNotification", fault())
    registered.link.say(status(1, "Preparing"))
    registered.passes(1000)
    assert registered.sent() == ["StatusNotification"]


def test_a_status_that_a_gateway_swallowed_is_told_when_the_central_system_is_back(
    world: World,
) -> None:
    """ES 3.2: an HTTP error may come from a proxy with nothing behind it; a heartbeat tells."""
    world.link.say(status(1, "Available"))
    world.works()
    world.always("*", proxy_error())
    since = len(world.calls)
    world.link.say(status(1, "Preparing"))
    world.works()
    assert world.sent(since) == ["StatusNotification", "Heartbeat"]
    assert world.view()["link"] == "down"
    world.always("*", None)
    world.passes(10)
    assert world.sent(since)[2:] == ["Heartbeat", "StatusNotification"]
    assert world.last("StatusNotification").status == "Preparing"


def test_an_http_error_to_one_kind_of_message_only_is_a_refusal(registered: World) -> None:
    registered.always("StatusNotification", proxy_error())
    registered.link.say(status(1, "Preparing"))
    registered.works()
    assert registered.sent() == ["StatusNotification", "Heartbeat"]
    assert registered.view()["link"] == "up"


def test_moments_before_the_clock_was_known_are_told_corrected(world: World) -> None:
    """Rule 6, R16-044."""
    world.ahead_s = 3600.0
    world.link.say(status(1, "Available"))
    fact = status(1, "Preparing")
    untrusted = fact.__class__(*(1, "Preparing", None, None, at(990.0, trusted=False)))
    world.link.say(untrusted)
    world.works()
    told = world.last("StatusNotification").timestamp
    assert (world.now - told).total_seconds() == pytest.approx(10.0, abs=0.01)


def test_a_heartbeat_brings_the_time(registered: World) -> None:
    """R16-041."""
    registered.ahead_s = 100.0
    registered.link.say(HeartbeatAsked())
    registered.works()
    seen = registered.clock.now().wall
    assert seen == pytest.approx(registered.now.timestamp(), abs=0.01)


def test_every_answer_puts_the_next_heartbeat_off(
    registered: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R16-040; a call without an answer does not."""
    put_off: list[str] = []
    monkeypatch.setattr(
        registered.link._heartbeat, "sent", lambda: put_off.append(registered.sent()[-1])
    )
    registered.stores(started())
    registered.works()
    registered.goes()
    registered.link.say(HeartbeatAsked())
    registered.works()
    assert registered.sent() == ["StartTransaction", "Heartbeat"]
    assert put_off == ["StartTransaction"]


def test_it_waits_for_a_reply_before_every_call(
    registered: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R16-129."""
    waited: list[int] = []
    monkeypatch.setattr(
        registered.desk, "wait_replied", lambda: waited.append(len(registered.calls))
    )
    registered.link.say(HeartbeatAsked())
    registered.stores(started())
    registered.works()
    assert waited == [0, 1]


def test_it_says_what_was_refused_and_never_the_card(
    registered: World, caplog: pytest.LogCaptureFixture
) -> None:
    registered.answers("Authorize", fault())
    with caplog.at_level(logging.INFO, "pilotwire"):
        registered.link.say(ASKED)
        registered.works()
    assert "AuthorizationAsked refused" in caplog.text
    assert CARD not in caplog.text


# --- the thread ----------------------------------------------------------------------------------


def test_the_thread_wakes_for_what_it_is_given_and_stops_when_told(world: World) -> None:
    called = threading.Semaphore(0)
    world.during = called.release
    worker = Worker("link", world.link.run, lambda dead: None)
    worker.start()
    assert called.acquire(timeout=PATIENCE_S), "it boots by itself"
    world.link.say(HeartbeatAsked())
    assert called.acquire(timeout=PATIENCE_S)
    world.stores(started())
    assert called.acquire(timeout=PATIENCE_S)
    world.link.hold(True)
    while (event := world.inbox.get(PATIENCE_S)) != LinkChanged(up=False):
        assert event, "the loss is told"
    world.link.hold(False)
    assert called.acquire(timeout=PATIENCE_S), "let go it probes"
    world.link.reboot()
    assert called.acquire(timeout=PATIENCE_S)
    world.link.stop()
    assert worker.join(PATIENCE_S)
    assert worker.deaths == 0
    assert world.sent()[:3] == ["BootNotification", "Heartbeat", "StartTransaction"]
    assert world.sent()[-1] == "BootNotification"
    assert world.closed == 2


def test_a_thread_that_died_over_its_history_finds_it_again(registered: World) -> None:
    """Nothing new may ever be stored: what waits must not need that to be told."""
    registered.stores(started())
    registered.during = lambda: (_ for _ in ()).throw(MemoryError)
    with pytest.raises(MemoryError):
        registered.works()
    registered.during = registered.link.stop
    registered.link.run(Worker("link", registered.link.run, lambda dead: None).pulse)
    assert registered.sent() == ["StartTransaction"] * 2
