"""The clock: one monotonic line of time, on which the central system's time is laid."""

import threading
import time

from firmware.facts import Instant

TOLERANCE_S = 2.0
"""OCPP times may have whole seconds and cross a slow link: smaller differences are left alone, so
that samples stay evenly spaced."""


class Clock:
    """Gives the present `Instant`. The machine's own clock is read once and never set."""

    def __init__(self, boot: int) -> None:
        self.boot = boot
        self._lock = threading.Lock()
        self._trusted = False
        self._wall_at_zero = time.time() - time.monotonic()

    def now(self) -> Instant:
        mono = time.monotonic()
        with self._lock:
            return Instant(mono, self._wall_at_zero + mono, self.boot, self._trusted)

    def learn(self, wall: float) -> float | None:
        """Take over the central system's time, UTC s (R16-041).

        Returns the correction for what was noted before, the first time; then None."""
        with self._lock:
            difference = wall - (self._wall_at_zero + time.monotonic())
            if abs(difference) < TOLERANCE_S:
                difference = 0.0
            self._wall_at_zero += difference
            first, self._trusted = not self._trusted, True
        return difference if first else None
