"""Supervision: every thread has a name, a pulse and somebody who notices when it dies."""

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger("pilotwire.supervisor")


class Pulse:
    """A thread's pulse: since when it is busy with one thing. Waiting is healthy and costs nothing.

    `with pulse:` around each piece of work."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.turns = 0
        self.busy_since: float | None = None

    def __enter__(self) -> None:
        self.turns += 1
        self.busy_since = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.busy_since = None

    @property
    def busy_s(self) -> float:
        """Seconds since the present piece of work began; 0 = waiting."""
        since = self.busy_since
        return 0.0 if since is None else time.monotonic() - since


class Worker:
    """One thread: its body, its pulse, and the one place where its errors end."""

    def __init__(
        self, name: str, body: Callable[[Pulse], None], died: Callable[["Worker"], None]
    ) -> None:
        self.name = name
        self.pulse = Pulse(name)
        self.deaths = 0
        self._body = body
        self._died = died
        self._thread = threading.Thread()

    def start(self) -> None:
        # daemon: a body that hangs in a library must not keep the process; it is named in `join`.
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._body(self.pulse)
        except Exception:  # the thread's root
            log.exception("thread %s died", self.name)
            self.deaths += 1
            self.pulse.busy_since = None
            self._died(self)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def join(self, timeout_s: float) -> bool:
        """True if the thread has ended within `timeout_s`."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()
