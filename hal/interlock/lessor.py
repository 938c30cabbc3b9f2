"""The firmware's side of the interlock: it leases permissions and hears what the interlock sees."""

import contextlib
import os
import select
import threading
import time
import weakref
from collections.abc import Callable, Sequence

from hal.interlock import channel
from hal.interlock.launch import Launched
from hal.interlock.rules import LEASE_S
from hal.ports import EvseReport, HalError

SILENT_S = 3.0
"""An interlock not heard for so long is lost: it reports every 500 ms."""


class Lessor:
    """The port `Evse`. `launch` starts an interlock; it is called by the constructor and `restart`.

    `lease` and `reports` belong to one thread, `restart` and `close` to the main thread.
    """

    def __init__(self, evses: Sequence[int], launch: Callable[[], Launched]) -> None:
        self.evses: Sequence[int] = tuple(evses)
        self._launch = launch
        self._woken = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        weakref.finalize(self, os.close, self._woken)
        self._lock = threading.Lock()
        self._running: Launched | None = None
        self._live: Launched | None = None
        self._untold: HalError | None = None
        self._sequence = 0
        self._heard = 0.0
        self.restart()

    def lease(self, evse: int, limit_a: float, lock: bool) -> None:
        if evse not in self.evses:
            raise HalError(f"this interlock serves no EVSE {evse}")
        live = self._live
        if live is None:
            raise HalError("the interlock is gone: nothing is permitted until it is back")
        self._sequence += 1
        expires = time.monotonic() + LEASE_S
        frame = channel.LeaseFrame(self._sequence, evse, limit_a, lock, expires)
        try:
            live.leases.send(channel.encode_lease(frame, live.nonce))
        except BlockingIOError:
            return  # it does not read now, and what it was permitted before expires by itself
        except OSError as problem:
            self._lose(live, f"takes no lease ({problem.strerror})")
            raise HalError("the interlock is gone") from problem

    def reports(self, timeout_s: float) -> Sequence[EvseReport]:
        live = self._live
        self._wait(live, timeout_s)
        found = self._received(live) if live else []
        if not found and self._untold:
            untold, self._untold = self._untold, None
            raise untold
        return found

    def wake(self) -> None:
        os.eventfd_write(self._woken, 1)

    def restart(self) -> None:
        """Nothing if the interlock is running and not lost: a second call does no harm."""
        if self._live and self._live.process.poll() is None:
            return
        self._end_running()
        try:
            launched = self._launch()
        except HalError as problem:
            self._untold = problem  # a start that fails is a loss too: `reports` tells it
            self.wake()
            raise
        with self._lock:
            self._running = self._live = launched
            self._untold = None
            self._heard = time.monotonic()
        self.wake()

    def close(self) -> None:
        if self._live:
            with contextlib.suppress(HalError):
                for evse in self.evses:
                    self.lease(evse, 0.0, False)
        self._end_running()
        self.wake()

    def _end_running(self) -> None:
        with self._lock:
            running, self._running, self._live = self._running, None, None
        if running:
            running.end()

    def _wait(self, live: Launched | None, timeout_s: float) -> None:
        """Until something is to be read, the wake, or the timeout."""
        if self._untold:
            return
        poll = select.poll()
        poll.register(self._woken, select.POLLIN)
        end = live.leases.fileno() if live else -1
        if end >= 0:
            poll.register(end, select.POLLIN)
        if any(ready == self._woken for ready, _ in poll.poll(1000 * timeout_s)):
            os.eventfd_read(self._woken)

    def _received(self, live: Launched) -> list[EvseReport]:
        found = channel.received(live.leases)
        now = time.monotonic()
        try:
            reports = [channel.decode_report(data, live.nonce) for data in found if data]
        except channel.BadFrame as bad:
            self._lose(live, f"sends nonsense ({bad})")
            return []
        if reports:
            self._heard = now
        if None in found:
            self._lose(live, f"ended{live.how_it_ended()}")
        elif now - self._heard > SILENT_S:
            self._lose(live, f"has been silent for {SILENT_S:g} s")
        return reports

    def _lose(self, live: Launched, why: str) -> None:
        with self._lock:
            if self._live is live:
                self._live = None
                self._untold = HalError(f"the interlock {why}: it must be started again")
