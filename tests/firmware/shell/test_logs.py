"""Logging: lines for terminal and page, through a bounded queue that never holds a thread up."""

import logging
import os
import sys
import threading
from collections.abc import Callable, Generator
from logging.handlers import QueueListener

import pytest

from firmware.shell import logs
from firmware.shell.logs import SHOWN, Lines

PATIENCE_S = 20.0
MORE_THAN_A_PIPE_HOLDS = 2000
log = logging.getLogger("pilotwire.test")

Begin = Callable[..., QueueListener]


class Terminal:
    """Standard output as a pipe."""

    def __init__(self) -> None:
        self._reading, writing = os.pipe()
        os.set_blocking(self._reading, False)
        self.stream = os.fdopen(writing, "w")

    def read(self) -> list[str]:
        return os.read(self._reading, 10_000_000).decode().splitlines()

    def hang_up(self) -> None:
        os.close(self._reading)
        self._reading = -1

    def close(self) -> None:
        self.stream.close()
        if self._reading >= 0:
            self.hang_up()


@pytest.fixture
def terminal() -> Generator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.close()


@pytest.fixture
def begin(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Generator[Begin]:
    """`logs.begin` on this terminal. What it does to the logger is undone."""
    root = logging.getLogger("pilotwire")
    was = root.level, root.propagate, root.handlers

    def begin(lines: Lines, prefix: str = "") -> QueueListener:
        monkeypatch.setattr(sys, "stdout", terminal.stream)
        monkeypatch.setattr(logs, "TAKES_S", 0.001)
        return logs.begin(lines, prefix)

    yield begin
    root.level, root.propagate, root.handlers = was


def texts(lines: Lines) -> list[str]:
    return [line["text"] for line in lines.last()]


def test_a_line_comes_to_the_page_and_to_the_terminal(begin: Begin, terminal: Terminal) -> None:
    lines = Lines()
    listener = begin(lines, prefix="cp001  ")
    log.info("EVSE %d: %s", 1, "Charging")
    log.debug("a card in full")
    listener.stop()
    assert texts(lines) == ["EVSE 1: Charging"]
    assert [line[9:] for line in terminal.read()] == ["cp001  EVSE 1: Charging"]


def test_a_line_knows_its_moment() -> None:
    lines = Lines()
    record = logging.makeLogRecord({"msg": "hello", "created": 1_700_000_000.9})
    lines.emit(record)
    assert lines.last() == [{"time": "2023-11-14T22:13:20+00:00", "text": "hello"}]


def test_only_the_last_lines_are_kept() -> None:
    lines = Lines()
    for n in range(SHOWN + 5):
        lines.emit(logging.makeLogRecord({"msg": f"line {n}"}))
    assert texts(lines) == [f"line {n}" for n in range(5, SHOWN + 5)]


def test_a_new_line_is_announced() -> None:
    lines, seen = Lines(), []
    lines.on_line = lambda: seen.append(texts(lines))
    lines.emit(logging.makeLogRecord({"msg": "one"}))
    assert seen == [["one"]]


def test_what_is_wrong_is_shown_with_where_it_comes_from(begin: Begin) -> None:
    lines = Lines()
    listener = begin(lines)
    try:
        raise LookupError("unexpected")
    except LookupError:
        log.exception("thread link died")
    listener.stop()
    assert "thread link died" in texts(lines)[0]
    assert "LookupError: unexpected" in texts(lines)[0]


class Jammed(Lines):
    """A page that takes nothing until told."""

    def __init__(self) -> None:
        super().__init__()
        self.taking = threading.Event()
        self.go_on = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.taking.set()
        self.go_on.wait(PATIENCE_S)
        super().emit(record)


def test_a_full_queue_loses_lines_and_never_time(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "CAPACITY", 10)
    lines = Jammed()
    listener = begin(lines)
    log.info("first")
    assert lines.taking.wait(PATIENCE_S)
    for n in range(100):
        log.info("more %d", n)  # returns, or the test hangs
    threading.Timer(0.01, lines.go_on.set).start()
    listener.stop()
    assert texts(lines) == ["first", *(f"more {n}" for n in range(10))]


def test_a_pipe_that_nobody_reads_does_not_keep_the_program_from_ending(
    begin: Begin, terminal: Terminal
) -> None:
    lines = Lines()
    listener = begin(lines)
    for n in range(MORE_THAN_A_PIPE_HOLDS):
        log.info("%s", f"line {n} ".ljust(100, "."))
    listener.stop()
    assert texts(lines)[-1].startswith("line 1999"), "the page has them all the same"
    written = terminal.read()
    assert 0 < len(written) < MORE_THAN_A_PIPE_HOLDS
    assert all(len(line) == 109 for line in written), "lines are lost whole"


def test_a_pipe_that_is_read_again_gets_lines_again(begin: Begin, terminal: Terminal) -> None:
    listener = begin(Lines())
    for n in range(MORE_THAN_A_PIPE_HOLDS):
        log.info("%s", f"line {n} ".ljust(100, "."))
    listener.stop()
    terminal.read()
    listener.start()
    log.info("again")
    listener.stop()
    assert [line[9:] for line in terminal.read()] == ["again"]


def test_a_pipe_whose_reader_is_gone_is_no_error(
    begin: Begin, terminal: Terminal, capfd: pytest.CaptureFixture[str]
) -> None:
    listener = begin(Lines())
    terminal.hang_up()
    log.info("to nobody")
    listener.stop()
    assert capfd.readouterr().err == ""
