"""The fake board's card reader: cards are presented by bench control."""

import queue

from hal.ports import Card


class FakeReader:
    """The port `CardReader`; `present` may be called from any thread."""

    name = "fake"

    def __init__(self) -> None:
        self._presented: queue.SimpleQueue[Card | None] = queue.SimpleQueue()

    def present(self, card: Card) -> None:
        self._presented.put(card)

    def read(self, timeout_s: float) -> Card | None:
        try:
            return self._presented.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def close(self) -> None:
        """Make a waiting `read` return."""
        self._presented.put(None)
