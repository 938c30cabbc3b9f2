"""When a heartbeat is due: after an interval in which nothing was sent, and only if accepted."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from firmware.events import HeartbeatDue
from firmware.shell import watchers
from firmware.shell.inbox import Inbox
from firmware.shell.supervisor import Pulse, Worker
from firmware.shell.watchers import Heartbeat

PATIENCE_S = 20.0


class Time:
    """A clock that a waiting thread moves, and what happens at which moment (s from the start)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.due: list[float] = []
        self._plan: list[tuple[float, Callable[[], None]]] = []
        fake = SimpleNamespace(Condition=lambda: self)
        monkeypatch.setattr(watchers, "threading", fake)
        monkeypatch.setattr(watchers, "time", SimpleNamespace(monotonic=lambda: self.now))
        self.heartbeat = Heartbeat(self)  # type: ignore[arg-type]

    def put(self, event: HeartbeatDue) -> bool:
        """As the inbox of the station."""
        self.due.append(self.now)
        return True

    def at(self, moment: float, act: Callable[[], None]) -> None:
        self._plan.append((moment, act))

    def runs_until(self, end: float) -> list[float]:
        """When heartbeats were due."""
        self.at(end, self.heartbeat.stop)
        self._plan.sort(key=lambda step: step[0])
        self.heartbeat.run(Pulse("heartbeat"))
        return self.due

    # --- as a condition -------------------------------------------------------------------------

    def wait(self, timeout_s: float | None) -> None:
        moment, act = self._plan[0]
        if timeout_s is not None and self.now + timeout_s < moment:
            self.now += timeout_s
            return
        self._plan.pop(0)
        self.now = moment
        act()

    def notify(self) -> None:
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


def test_while_not_accepted_none_is_due(time: Time) -> None:
    assert time.runs_until(1000) == []


def test_idle_it_is_due_every_interval(time: Time) -> None:
    """R16-040; TC_001 expects every one."""
    time.heartbeat.every(300)
    assert time.runs_until(1000) == [300, 600, 900]


def test_it_is_skipped_while_other_messages_are_sent(time: Time) -> None:
    time.heartbeat.every(300)
    time.at(100, time.heartbeat.sent)
    time.at(350, time.heartbeat.sent)
    assert time.runs_until(1000) == [650, 950]


def test_a_new_interval_holds_from_now_on(time: Time) -> None:
    """R16-045."""
    time.heartbeat.every(300)
    time.at(100, lambda: time.heartbeat.every(120))
    assert time.runs_until(400) == [120, 240, 360]


def test_a_shorter_interval_that_has_passed_already_is_due_at_once(time: Time) -> None:
    time.heartbeat.every(300)
    time.at(100, lambda: time.heartbeat.every(30))
    assert time.runs_until(150) == [100, 130]


@pytest.mark.parametrize("none", [None, 0])
def test_it_ends_with_the_acceptance_or_an_interval_of_zero(time: Time, none: int | None) -> None:
    time.heartbeat.every(300)
    time.at(400, lambda: time.heartbeat.every(none))
    assert time.runs_until(2000) == [300]


def test_the_thread_wakes_for_a_change_and_for_the_end() -> None:
    inbox = Inbox()
    heartbeat = Heartbeat(inbox)
    worker = Worker("heartbeat", heartbeat.run, lambda dead: None)
    worker.start()
    heartbeat.every(0.001)
    assert inbox.get(PATIENCE_S) == HeartbeatDue()
    heartbeat.every(None)
    heartbeat.stop()
    assert worker.join(PATIENCE_S)
    assert worker.deaths == 0
