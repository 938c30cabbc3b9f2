"""The firmware's side of the interlock: waking, losing it once, and bringing it back."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hal.interlock import lessor
from hal.interlock.launch import Launched
from hal.interlock.lessor import Lessor
from hal.ports import HalError

from .conftest import PATIENCE_S, Played, gone, interlock_pid

Play = Callable[..., Played]


def wait_for_loss(played: Played) -> HalError:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            played.interlock.reports(0.1)
        except HalError as lost:
            return lost
    raise AssertionError("the loss was never told")


def kill(state_dir: Path) -> None:
    pid = interlock_pid(state_dir)
    os.kill(pid, signal.SIGKILL)
    assert gone(pid)


def test_a_killed_interlock_is_told_once_then_waited_for(play: Play, tmp_path: Path) -> None:
    played = play()
    kill(tmp_path)
    assert "ended" in str(wait_for_loss(played))
    assert not played.interlock.reports(0.01)
    with pytest.raises(HalError, match="gone"):
        played.interlock.lease(1, 16.0, True)
    assert not played.interlock.reports(0.01)


def test_a_loss_found_by_leasing_is_told_by_reports_too(play: Play, tmp_path: Path) -> None:
    played = play()
    kill(tmp_path)
    with pytest.raises(HalError):
        played.interlock.lease(1, 16.0, True)
    wait_for_loss(played)


def test_after_a_restart_everything_works_again(play: Play, tmp_path: Path) -> None:
    played = play()
    played.charges()
    kill(tmp_path)
    wait_for_loss(played)
    played.interlock.restart()
    played.seen.clear()
    fresh = played.until(lambda report: True)
    assert (fresh.pilot, fresh.closed) == ("A", False)
    played.charges()
    assert played.board.meters[1].read().watts > 0


def test_a_restart_that_fails_is_told_and_may_be_repeated(play: Play, tmp_path: Path) -> None:
    played = play()
    kill(tmp_path)
    wait_for_loss(played)
    lock = tmp_path / "interlock.lock"
    lock.unlink()
    lock.mkdir()
    with pytest.raises(HalError, match="did not start"):
        played.interlock.restart()
    assert "did not start" in str(wait_for_loss(played))
    lock.rmdir()
    played.interlock.restart()
    played.until(lambda report: True)


def test_restarting_a_running_interlock_does_nothing(play: Play, tmp_path: Path) -> None:
    played = play()
    pid = interlock_pid(tmp_path)
    played.interlock.restart()
    assert interlock_pid(tmp_path) == pid


def test_a_stopped_interlock_is_lost_and_replaced(
    play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lessor, "SILENT_S", 0.8)
    played = play()
    pid = interlock_pid(tmp_path)
    os.kill(pid, signal.SIGSTOP)
    assert "silent" in str(wait_for_loss(played))
    played.interlock.restart()
    assert gone(pid)
    played.until(lambda report: True)


def test_leasing_to_a_stopped_interlock_never_waits(play: Play, tmp_path: Path) -> None:
    played = play()
    os.kill(interlock_pid(tmp_path), signal.SIGSTOP)
    for _ in range(2000):
        played.interlock.lease(1, 16.0, True)
    os.kill(interlock_pid(tmp_path), signal.SIGCONT)


def test_wake_ends_a_wait_at_once(play: Play) -> None:
    played = play()
    played.until(lambda report: True)
    began = time.monotonic()
    threading.Timer(0.05, played.interlock.wake).start()
    waited = 0
    while time.monotonic() - began < 0.05:
        played.interlock.reports(PATIENCE_S)
        waited += 1
    assert waited <= 3
    assert time.monotonic() - began < PATIENCE_S / 2


def test_an_unknown_evse_cannot_be_leased(play: Play) -> None:
    with pytest.raises(HalError, match="no EVSE 7"):
        play().interlock.lease(7, 16.0, True)


def test_an_interlock_that_cannot_start_is_an_error() -> None:
    def launch() -> Launched:
        raise HalError("no such thing")

    with pytest.raises(HalError, match="no such thing"):
        Lessor([1], launch)
