"""A number that grows with every change, and threads that wait for it to grow."""

import threading


class Changes:
    """Tells the page's viewers that there is something new. Closing wakes whoever waits."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._version = 0
        self._closed = threading.Event()

    @property
    def version(self) -> int:
        return self._version

    @property
    def closed(self) -> bool:
        return self._closed.is_set()

    def notify(self) -> None:
        with self._condition:
            self._version += 1
            self._condition.notify_all()

    def close(self) -> None:
        with self._condition:
            self._closed.set()
            self._condition.notify_all()

    def wait_past(self, version: int, timeout_s: float) -> int:
        """The version once it is greater than `version`, or as it stands after the time-out."""
        with self._condition:
            self._condition.wait_for(lambda: self._version > version or self.closed, timeout_s)
            return self._version

    def pause(self, seconds: float) -> None:
        """Wait that long, but not beyond closing."""
        self._closed.wait(seconds)
