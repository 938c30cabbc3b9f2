"""Which status is told: what differs, and what has lasted long enough."""

from types import SimpleNamespace

import pytest

from firmware.core.settings import Settings
from firmware.facts import HeartbeatAsked
from firmware.shell import statuses as module
from firmware.shell.statuses import Statuses

from .central import World
from .made import status


class Time:
    def __init__(self) -> None:
        self.now = 100.0


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: time.now))
    return time


def test_without_a_minimum_every_status_is_told_at_once(time: Time) -> None:
    statuses = Statuses()
    assert statuses.changed(status(1, "Preparing"), 0)
    assert statuses.due_in() is None


def test_with_one_a_status_has_to_last(time: Time) -> None:
    """R16-150."""
    statuses = Statuses()
    assert not statuses.changed(status(1, "Preparing"), 5)
    assert statuses.due_in() == 5.0
    assert statuses.settled() == statuses.untold() == []
    time.now += 5
    assert statuses.due_in() == 0.0
    assert statuses.settled() == [status(1, "Preparing")]
    assert statuses.due_in() is None


def test_one_that_does_not_last_is_left_out(time: Time) -> None:
    statuses = Statuses()
    statuses.told(status(1, "Available"))
    statuses.changed(status(1, "Preparing"), 5)
    time.now += 3
    statuses.changed(status(1, "Available"), 5)
    time.now += 5
    assert statuses.settled() == []


def test_a_change_begins_the_wait_anew(time: Time) -> None:
    statuses = Statuses()
    statuses.changed(status(1, "Preparing"), 5)
    time.now += 3
    statuses.changed(status(1, "Charging"), 5)
    time.now += 3
    assert statuses.settled() == []
    time.now += 2
    assert statuses.settled() == [status(1, "Charging")]


def test_each_connector_has_its_own(time: Time) -> None:
    statuses = Statuses()
    statuses.changed(status(2, "Preparing"), 5)
    time.now += 2
    statuses.changed(status(1, "Preparing"), 5)
    assert statuses.due_in() == 3.0
    time.now += 3
    assert statuses.settled() == [status(2, "Preparing")]
    assert statuses.due_in() == 2.0


def test_what_was_told_is_not_untold_until_it_is_forgotten(time: Time) -> None:
    """R16-151, R16-027."""
    statuses = Statuses()
    for evse in (1, 0):
        statuses.changed(status(evse), 0)
        statuses.told(status(evse))
    assert statuses.untold() == []
    statuses.changed(status(1, "Preparing"), 0)
    assert statuses.untold() == [status(1, "Preparing")]
    statuses.forget()
    assert statuses.untold() == [status(0), status(1, "Preparing")]


# --- with the link around it ---------------------------------------------------------------------


def patient(world: World) -> None:
    world.link.settings = Settings(minimum_status_duration=5)


def test_the_link_tells_a_status_when_it_has_lasted(registered: World) -> None:
    patient(registered)
    registered.link.say(status(1, "Preparing"))
    registered.passes(3)
    registered.link.say(status(1, "Charging"))
    registered.passes(100)
    assert registered.times("StatusNotification") == [8]
    assert registered.last("StatusNotification").status == "Charging"


def test_the_link_tells_at_once_what_was_asked_for(registered: World) -> None:
    patient(registered)
    registered.link.say(status(1, "Preparing", asked=True))
    registered.passes(100)
    assert registered.times("StatusNotification") == [0]


def test_a_status_that_settles_during_an_outage_is_told_after_it(registered: World) -> None:
    patient(registered)
    registered.link.say(status(1, "Preparing"))
    registered.goes()
    registered.link.say(HeartbeatAsked())
    registered.passes(20)
    assert registered.times("StatusNotification") == []
    registered.returns()
    registered.passes(30)
    assert registered.sent()[-2:] == ["Heartbeat", "StatusNotification"]
    registered.passes(100)
    assert len(registered.times("StatusNotification")) == 1
