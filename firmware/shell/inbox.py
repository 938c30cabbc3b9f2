"""The station's inbox: three lanes with one rule each, and nobody ever waits to put."""

import threading
from collections import deque

from firmware.events import Event

CAPACITY = 1000


class Inbox:
    """Urgent events first, then the rest in order, then the newest of each kind of reading.

    The urgent lane is never refused: what comes there is bounded by the hardware and the log."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._urgent: deque[Event] = deque()
        self._rest: deque[Event] = deque()
        self._readings: dict[object, Event] = {}
        self._some = threading.Condition()

    def put_urgent(self, event: Event) -> None:
        with self._some:
            self._urgent.append(event)
            self._some.notify()

    def put_reading(self, key: object, event: Event) -> None:
        """Newest wins: a reading not yet taken is replaced."""
        with self._some:
            self._readings[key] = event
            self._some.notify()

    def put(self, event: Event) -> bool:
        """False = full; what to do about it is the producer's to decide."""
        with self._some:
            if len(self._rest) >= self._capacity:
                return False
            self._rest.append(event)
            self._some.notify()
            return True

    def get(self, timeout_s: float | None) -> Event | None:
        """The next event, or None after `timeout_s` seconds without one (None = for ever)."""
        with self._some:
            self._some.wait_for(self._any, timeout_s)
            return self._take()

    def _any(self) -> bool:
        return bool(self._urgent or self._rest or self._readings)

    def _take(self) -> Event | None:
        if self._urgent:
            return self._urgent.popleft()
        if self._rest:
            return self._rest.popleft()
        if self._readings:
            return self._readings.pop(next(iter(self._readings)))
        return None
