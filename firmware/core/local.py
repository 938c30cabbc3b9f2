"""Orders given at the station itself: start, stop, limit, and the list of cards."""

import msgspec

from firmware.core import authorization, transitions
from firmware.core.cards import Card, dropped, saved
from firmware.core.state import Learning, Said, Station
from firmware.events import CardPresented
from firmware.facts import Fact, Instant, OrderAnswered, OrderOutcome
from firmware.orders import DropCard, LearnCard, Limit, Order, SaveCard, Start, Stop

replace = msgspec.structs.replace
Answer = tuple[Station, OrderOutcome, list[Fact]]
"""New state, the answer, and what follows after the answer was given."""

ACCEPTED = OrderOutcome("Accepted")
REJECTED = OrderOutcome("Rejected")
LEARN_S = 30.0
"""Somebody who wants a card learned has this long to show it."""


def answer(s: Station, order: Order, now: Instant) -> Answer:
    match order:
        case Start():
            s, said = authorization.shown(s, CardPresented(order.token, (order.evse,)), now)
            return s, ACCEPTED, said
        case Stop(evse=evse):
            return _stop(s, evse, now)
        case Limit():
            return _limit(s, order)
        case SaveCard():
            return replace(s, cards=saved(s.cards, Card(order.token, order.name))), ACCEPTED, []
        case DropCard():
            return replace(s, cards=dropped(s.cards, order.token)), ACCEPTED, []
        case _:
            raise TypeError(f"no such order: {order!r}")


def _stop(s: Station, evse: int, now: Instant) -> Answer:
    c = s.connector(evse)
    if c is None or c.running is None:
        return s, REJECTED, []
    return s.with_connector(transitions.stop(c, "Local", now)), ACCEPTED, []


def _limit(s: Station, order: Limit) -> Answer:
    c = s.connector(order.evse)
    if c is None or (order.amps is not None and not 0 <= order.amps <= c.fuse_a):
        return s, REJECTED, []
    return s.with_connector(replace(c, limit_a=order.amps)), ACCEPTED, []


def learn(s: Station, number: int, order: LearnCard, now: Instant) -> Said:
    """Answered when a card is shown, or rejected when none is in time."""
    s, said = settle_learning(s, now, [], over=True)
    return replace(s, learning=Learning(number, order.name, now.mono + LEARN_S)), said


def settle_learning(s: Station, now: Instant, said: list[Fact], *, over: bool = False) -> Said:
    if s.learning is None or not (over or now.mono >= s.learning.until):
        return s, said
    return replace(s, learning=None), [*said, OrderAnswered(s.learning.order, REJECTED)]
