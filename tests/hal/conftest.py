"""Boards on a real interlock process for the tests of hal, none of which may outlive its test."""

import json
import os
import select
import threading
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import pytest

from hal.board import open_board
from hal.fake.board import FakeBoard
from hal.interlock.record import RECORD
from hal.ports import EvseReport, EvseSpec

PATIENCE_S = 20.0
"""Long enough for the slowest machine; nothing waits for it where the code is right."""


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds that nobody announces, such as a line in a file."""
    deadline = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        pause.wait(0.01)


def gone(pid: int) -> bool:
    """Wait until the process has ended, also one that is not our child."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    ended = bool(poll.poll(1000 * PATIENCE_S))
    os.close(descriptor)
    return ended


def interlock_pid(state_dir: Path) -> int:
    """The interlock at work in this folder, as its lock file says."""
    return int((state_dir / "interlock.lock").read_text())


def record(state_dir: Path, event: str | None = None) -> list[dict[str, object]]:
    """The interlock's record, or its lines of one kind."""
    path = state_dir / RECORD
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [line for line in lines if event in (None, line["event"])]


class Played:
    """A fake board with somebody who leases and looks: `permits` is renewed while waiting."""

    def __init__(self, state_dir: Path, evses: Sequence[EvseSpec], **options: object) -> None:
        board = open_board("fake", options, evses, state_dir)
        assert isinstance(board, FakeBoard)
        assert board.bench is not None
        self.board = board
        self.bench = board.bench
        self.interlock = board.interlock
        self.permits: dict[int, tuple[float, bool]] = {}
        self.seen: dict[int, EvseReport] = {}

    def command(self, verb: str, **body: object) -> None:
        self.bench.command(verb, {"evse": 1, "connector": 1, **body})

    def until(self, holds: Callable[[EvseReport], bool], evse: int = 1) -> EvseReport:
        """Lease and wait until a report of this EVSE shows what is waited for."""
        deadline = time.monotonic() + PATIENCE_S
        while evse not in self.seen or not holds(self.seen[evse]):
            assert time.monotonic() < deadline, f"last seen: {self.seen}"
            self.lease()
            for report in self.interlock.reports(0.2):
                self.seen[report.evse] = report
        return self.seen[evse]

    def lease(self) -> None:
        for evse, (limit_a, lock) in self.permits.items():
            self.interlock.lease(evse, limit_a, lock)

    def charges(self, **body: object) -> None:
        """Plug in, permit 16 A, and wait until the contactor is closed."""
        self.command("plug-in", **body)
        self.permits[1] = (16.0, True)
        self.until(lambda report: report.closed)

    def close(self) -> None:
        self.board.close()


@pytest.fixture
def play(tmp_path: Path) -> Generator[Callable[..., Played]]:
    """Open fake boards; `evses` and the board's options may be given."""
    opened: list[Played] = []

    def start(evses: Sequence[EvseSpec] = (EvseSpec(1),), **options: object) -> Played:
        opened.append(Played(tmp_path, evses, **options))
        return opened[-1]

    yield start
    pids = [interlock_pid(tmp_path)] if opened else []
    for played in opened:
        played.close()
    assert all(gone(pid) for pid in pids)
