"""The order desk: numbers orders, waits for answers, and knows when a reply is written."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from firmware.events import Ordered
from firmware.facts import OrderAnswered, OrderOutcome
from firmware.orders import Order
from firmware.shell.inbox import Inbox

REPLY_S = 1.0
"""What an order caused is held at most this long for its reply to be written."""


class NoAnswer(Exception):
    """The station did not answer an order in time, or has no room for it."""


class Desk:
    """Where every order comes in, whoever gives it."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._numbers = itertools.count(1)
        self._open: dict[int, OrderOutcome | None] = {}
        self._replying = 0
        self._changed = threading.Condition()

    def ask(self, order: Order, timeout_s: float = 10.0) -> OrderOutcome:
        """Give an order and wait for its answer. Raises NoAnswer."""
        number = next(self._numbers)
        with self._changed:
            self._open[number] = None
        try:
            if not self._inbox.put(Ordered(number, order)):
                raise NoAnswer("too many orders at once")
            with self._changed:
                self._changed.wait_for(lambda: self._open[number] is not None, timeout_s)
                outcome = self._open[number]
        finally:
            with self._changed:
                del self._open[number]
        if outcome is None:
            raise NoAnswer(f"no answer within {timeout_s:g} s")
        return outcome

    def answer(self, answered: OrderAnswered) -> None:
        """From the station thread: the answer to an order. An unknown number has given up."""
        with self._changed:
            if answered.number in self._open:
                self._open[answered.number] = answered.outcome
                self._changed.notify_all()

    @contextmanager
    def replying(self) -> Iterator[None]:
        """Around the whole exchange of an order from the network, reply included."""
        with self._changed:
            self._replying += 1
        try:
            yield
        finally:
            with self._changed:
                self._replying -= 1
                self._changed.notify_all()

    def wait_replied(self) -> None:
        """Before telling anything: let replies under way be written first (R16-129)."""
        with self._changed:
            self._changed.wait_for(lambda: self._replying == 0, REPLY_S)
