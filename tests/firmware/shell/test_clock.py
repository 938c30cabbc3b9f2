"""The clock: the central system's time laid on a monotonic line that never jumps."""

from types import SimpleNamespace

import pytest

from firmware.shell import clock as clocks
from firmware.shell.clock import TOLERANCE_S, Clock


class Machine:
    """The machine's own clocks, moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.mono, self.wall = 1000.0, 1_700_000_000.0
        clock = SimpleNamespace(monotonic=lambda: self.mono, time=lambda: self.wall)
        monkeypatch.setattr(clocks, "time", clock)

    def passes(self, seconds: float) -> None:
        self.mono += seconds
        self.wall += seconds


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_before_anything_is_learned_it_is_the_machines_time_and_not_trusted(
    machine: Machine,
) -> None:
    now = Clock(3).now()
    assert (now.mono, now.wall, now.boot, now.trusted) == (1000.0, 1_700_000_000.0, 3, False)


def test_both_clocks_pass_together(machine: Machine) -> None:
    clock = Clock(1)
    before = clock.now()
    machine.passes(12.5)
    after = clock.now()
    assert after.wall - before.wall == after.mono - before.mono == 12.5


def test_the_machines_clock_is_read_once(machine: Machine) -> None:
    """Somebody setting it in between, as NTP does, moves nothing."""
    clock = Clock(1)
    machine.wall += 86_400
    assert clock.now().wall == 1_700_000_000.0


def test_the_central_systems_time_is_taken_over(machine: Machine) -> None:
    """R16-041; the difference is what corrects the times noted before (rule 6)."""
    clock = Clock(1)
    noted = clock.now()
    machine.passes(10)
    correction = clock.learn(1_700_000_110.0)
    assert correction == pytest.approx(100.0, abs=1e-3)
    assert clock.now().trusted
    assert clock.now().wall == pytest.approx(1_700_000_110.0, abs=1e-3)
    assert noted.wall + correction == pytest.approx(1_700_000_100.0, abs=1e-3)


def test_the_monotonic_line_does_not_move_when_the_time_is_set_back(machine: Machine) -> None:
    clock = Clock(1)
    clock.learn(1_600_000_000.0)
    machine.passes(1)
    assert clock.now().mono == 1001.0
    assert clock.now().wall == pytest.approx(1_600_000_001.0, abs=1e-3)


def test_only_the_first_correction_is_told(machine: Machine) -> None:
    """What was told with it stays as it was told."""
    clock = Clock(1)
    assert clock.learn(1_700_000_100.0) == pytest.approx(100.0, abs=1e-3)
    assert clock.learn(1_700_000_200.0) is None
    assert clock.now().wall == pytest.approx(1_700_000_200.0, abs=1e-3)


@pytest.mark.parametrize("off", [-0.999, 0.999])
def test_a_small_difference_is_left_alone(machine: Machine, off: float) -> None:
    clock = Clock(1)
    assert clock.learn(1_700_000_000.0 + off * TOLERANCE_S) == 0.0
    assert clock.now().wall == 1_700_000_000.0
    assert clock.now().trusted


@pytest.mark.parametrize("off", [-1.001, 1.001])
def test_a_difference_beyond_the_tolerance_is_taken_over_also_later(
    machine: Machine, off: float
) -> None:
    clock = Clock(1)
    clock.learn(1_700_000_000.0)
    clock.learn(1_700_000_000.0 + off * TOLERANCE_S)
    assert clock.now().wall == pytest.approx(1_700_000_000.0 + off * TOLERANCE_S, abs=1e-3)
