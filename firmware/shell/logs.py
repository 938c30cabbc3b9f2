"""Logging: one line a change on the terminal, through a bounded queue so that no thread waits."""

import logging
import logging.handlers
import queue
import sys
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

CAPACITY = 10_000
SHOWN = 100


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

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            return


def begin(lines: Lines, prefix: str = "") -> logging.handlers.QueueListener:
    """Send everything below `pilotwire` to the terminal and to `lines`; returns what to stop."""
    terminal = logging.StreamHandler(sys.stdout)
    terminal.setFormatter(logging.Formatter(f"%(asctime)s {prefix}%(message)s", "%H:%M:%S"))
    waiting: queue.Queue[logging.LogRecord] = queue.Queue(CAPACITY)
    root = logging.getLogger("pilotwire")
    root.setLevel(logging.INFO)
    root.propagate = False
    root.handlers = [_Dropping(waiting)]
    listener = logging.handlers.QueueListener(waiting, terminal, lines)
    listener.start()
    return listener
