"""Pulse and worker: how long a thread is busy, and who hears of it when it dies."""

import logging
import threading

import pytest
from pytest_mock import MockerFixture

from firmware.shell.supervisor import Pulse, Worker

PATIENCE_S = 20.0


def test_a_waiting_thread_is_not_busy() -> None:
    pulse = Pulse("link")
    assert (pulse.busy_s, pulse.turns) == (0.0, 0)
    with pulse:
        pass
    assert (pulse.busy_s, pulse.turns) == (0.0, 1)


def test_a_thread_is_busy_since_its_present_work_began(mocker: MockerFixture) -> None:
    monotonic = mocker.patch("firmware.shell.supervisor.time.monotonic", return_value=100.0)
    pulse = Pulse("link")
    with pulse:
        monotonic.return_value = 107.5
        assert pulse.busy_s == 7.5
    assert pulse.busy_s == 0.0


def test_work_that_fails_is_over_too() -> None:
    pulse = Pulse("link")
    with pytest.raises(ZeroDivisionError), pulse:
        raise ZeroDivisionError
    assert pulse.busy_since is None


def test_the_body_runs_in_a_thread_of_the_workers_name_until_it_returns() -> None:
    names, go = [], threading.Event()

    def body(pulse: Pulse) -> None:
        names.append((threading.current_thread().name, pulse.name))
        go.wait(PATIENCE_S)

    worker = Worker("meter", body, lambda dead: None)
    assert not worker.alive
    worker.start()
    assert worker.alive
    assert not worker.join(0.001)
    go.set()
    assert worker.join(PATIENCE_S)
    assert not worker.alive
    assert names == [("meter", "meter")]


def test_an_unhandled_error_ends_the_thread_at_its_root_and_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    died: list[Worker] = []

    def body(pulse: Pulse) -> None:
        pulse.__enter__()
        raise KeyError("what nobody expected")

    worker = Worker("link", body, died.append)
    with caplog.at_level(logging.ERROR, "pilotwire"):
        worker.start()
        assert worker.join(PATIENCE_S)
    assert died == [worker]
    assert worker.deaths == 1
    assert worker.pulse.busy_s == 0.0, "a dead thread is dead, not stuck"
    assert "thread link died" in caplog.text
    assert "what nobody expected" in caplog.text, "the log says where it comes from"


def test_a_thread_that_ends_by_itself_is_no_death() -> None:
    died: list[Worker] = []
    worker = Worker("meter", lambda pulse: None, died.append)
    worker.start()
    assert worker.join(PATIENCE_S)
    assert (died, worker.deaths) == ([], 0)


def test_a_dead_thread_can_be_started_again() -> None:
    lives = threading.Semaphore(0)

    def body(pulse: Pulse) -> None:
        lives.release()
        raise OSError("again")

    worker = Worker("rfid", body, lambda dead: None)
    for _ in range(3):
        worker.start()
        assert worker.join(PATIENCE_S)
    assert worker.deaths == 3
    assert all(lives.acquire(blocking=False) for _ in range(3))
