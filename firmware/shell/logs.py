"""Logging: one line a change on the terminal, through a bounded queue so that no thread waits."""

import logging
import logging.handlers
import queue
import select
import sys
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

CAPACITY = 10_000
SHOWN = 100
TAKES_S = 0.2
"""A terminal that takes nothing for so long gets no more lines until it does."""


class Lines(logging.Handler):
    """The last lines, for the page."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._last: deque[dict[str, str]] = deque(maxlen=SHOWN)
        self.on_line: Callable[[], None] = lambda: None

    def emit(self, record: logging.LogRecord) -> None:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="seconds")
        self._last.append({"time": moment, "text": record.getMessage()})
        self.on_line()

    def last(self) -> list[dict[str, str]]:
        return list(self._last)


class _Dropping(logging.handlers.QueueHandler):
    """A full queue loses lines, never time."""

    def __init__(self, waiting: queue.SimpleQueue[logging.LogRecord]) -> None:
        super().__init__(waiting)
        self._waiting = waiting

    def enqueue(self, record: logging.LogRecord) -> None:
        if self._waiting.qsize() < CAPACITY:
            self._waiting.put(record)


class _Terminal(logging.StreamHandler[TextIO]):
    """A pipe that nobody reads, or whose reader is gone, loses lines. Waiting for it would keep the
    process from ending."""

    _jammed = False

    def emit(self, record: logging.LogRecord) -> None:
        self._jammed = not _takes(self.stream.fileno(), 0.0 if self._jammed else TAKES_S)
        if not self._jammed:
            super().emit(record)


def _takes(descriptor: int, timeout_s: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return poll.poll(1000 * timeout_s) == [(descriptor, select.POLLOUT)]


def begin(lines: Lines, prefix: str = "") -> logging.handlers.QueueListener:
    """Send everything below `pilotwire` to the terminal and to `lines`; returns what to stop."""
    terminal = _Terminal(sys.stdout)
    terminal.setFormatter(logging.Formatter(f"%(asctime)s {prefix}%(message)s", "%H:%M:%S"))
    waiting: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    root = logging.getLogger("pilotwire")
    root.setLevel(logging.INFO)
    root.propagate = False
    root.handlers = [_Dropping(waiting)]
    listener = logging.handlers.QueueListener(waiting, terminal, lines)
    listener.start()
    return listener
