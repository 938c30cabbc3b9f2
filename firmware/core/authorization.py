"""Authorisation: which connector a card is meant for, and what the answer about it means."""

from collections.abc import Callable, Iterable

import msgspec

from firmware.core import cache, reservation, transitions
from firmware.core import connector as one
from firmware.core.cards import Card, same, saved
from firmware.core.connector import Connector
from firmware.core.state import Learning, Said, Station, on
from firmware.events import (
    Answered,
    Asked,
    CardPresented,
    EvseReported,
    TransactionKnown,
    Undelivered,
    Verdict,
)
from firmware.facts import (
    AuthorizationAsked,
    Fact,
    Instant,
    Noted,
    OrderAnswered,
    OrderOutcome,
    SessionStarted,
    SessionStopped,
)

replace = msgspec.structs.replace


def card(s: Station, event: CardPresented, now: Instant) -> Said:
    if s.learning is not None:
        return _learn_card(s, s.learning, event.token)
    return shown(s, event, now)


def shown(s: Station, event: CardPresented, now: Instant) -> Said:
    """A card, or what stands for one, is to be used."""
    if not s.accepted_once and not s.standalone:  # R16-029
        return s, [Noted("card refused: no central system has accepted this station yet")]
    if s.resetting:
        return s, [Noted("card refused: the station is about to restart")]
    reach = [c for c in s.connectors if not event.evses or c.evse in event.evses]
    c = _owner(reach, event.token) or _taker(s, reach, event.token) or _group(reach)
    if c is None:
        return s, [Noted("card refused: no usable EVSE for it")]
    return let(s, c.evse, lambda c: transitions.card(c, event.token, now, s.rules))


def _learn_card(s: Station, learning: Learning, token: str) -> Said:
    listed = saved(s.cards, Card(token, learning.name))
    answer = OrderAnswered(learning.order, OrderOutcome("Accepted"))
    return replace(s, cards=listed, learning=None), [answer]


def plugged_in(s: Station, event: EvseReported, now: Instant) -> Said:
    """Where charging is free, the plug is the card."""
    c = s.connector(event.evse)
    edge = c is not None and c.startable and c.plugged and c.plugged_at == event.seen
    if s.free_token is None or not edge:
        return s, []
    return shown(s, CardPresented(s.free_token, (event.evse,)), now)


def _owner(reach: list[Connector], token: str) -> Connector | None:
    """The connector that serves this card already, running sessions first."""
    running = [c for c in reach if c.session is not None and same(c.session.token, token)]
    waiting = [
        c
        for c in reach
        if isinstance(c.phase, one.Authorizing | one.Authorized) and same(c.phase.token, token)
    ]
    held = [
        c
        for c in reach
        if isinstance(c.phase, one.Finishing) and c.phase.hold and same(c.phase.token, token)
    ]
    return next(iter(running + waiting + held), None)


def _taker(s: Station, reach: list[Connector], token: str) -> Connector | None:
    """The best of the EVSEs that a card may begin at."""
    able = [c for c in reach if s.operative and c.startable and _might(s, c, token)]
    return best(s, able, token)


def best(s: Station, able: Iterable[Connector], token: str) -> Connector | None:
    """One reserved for the card, else a plugged one, else a free one; last of all one where the
    vehicle of another still stands after its session (R16-088, R16-123)."""

    def rank(c: Connector) -> tuple[bool, bool, bool]:
        held = s.reserved(c.evse)
        left = isinstance(c.phase, one.Finishing) and not same(c.phase.token, token)
        return (held is None or not same(held.token, token), left, not c.plugged)

    return min(able, key=rank, default=None)


def _might(s: Station, c: Connector, token: str) -> bool:
    """Not kept for somebody else; where a group is reserved only the central system can say."""
    held = s.reserved(c.evse)
    if held is None or same(held.token, token):
        return True
    entry = cache.find(s.rules.cache, token)
    return held.parent is not None and (s.online or entry is not None)


def _group(reach: list[Connector]) -> Connector | None:
    """A session or held cable that another card of its group may end (R16-077, R16-079)."""
    return next((c for c in reach if c.group is not None), None)


def asked(s: Station, event: Asked, now: Instant) -> Said:
    question, outcome = event.question, event.outcome
    return let(s, question.evse, lambda c: transitions.asked(c, question, outcome, now, s.rules))


def learned(s: Station, event: Asked | Answered, now: Instant) -> Station:
    """Whatever the central system says of a card goes into the cache, valid or not (R16-057)."""
    said = _said_of_card(event)
    if said is None or not s.settings.cache_enabled:  # R16-060
        return s
    token, verdict = said
    return replace(s, cache=cache.learn(s.cache, token, verdict, now.wall))


def _said_of_card(event: Asked | Answered) -> tuple[str, Verdict] | None:
    match event:
        case Asked(question=question, outcome=Verdict() as verdict):
            return question.token, verdict
        case Answered(fact=SessionStarted(token=token), outcome=TransactionKnown(verdict=verdict)):
            return token, verdict
        case Answered(fact=SessionStopped(token=str() as token), outcome=Verdict() as verdict):
            return token, verdict
        case _:
            return None


def unanswered(s: Station, now: Instant) -> Said:
    """An answer that does not come in time is none (R16-056)."""
    said: list[Fact] = []
    for c in s.connectors:
        if c.asking is not None and now.mono >= c.asking.until:
            question = AuthorizationAsked(c.evse, c.asking.token)
            s, also = asked(s, Asked(question, Undelivered()), now)
            said += also
    return s, said


def forget(s: Station) -> Station:
    """Nobody is authorised or asked about any more; sessions are left as they are."""
    waiting = one.Authorizing | one.Authorized
    fresh = (
        replace(c, phase=one.Idle()) if isinstance(c.phase, waiting) else c for c in s.connectors
    )
    return replace(s, connectors=tuple(fresh))


def let(s: Station, evse: int, change: Callable[[Connector], tuple[Connector, list[Fact]]]) -> Said:
    """A change that may authorise a card, who then is turned away where another has reserved
    (R16-225). Every way to an authorisation leads through here."""
    before = s.connector(evse)
    s, said = on(s, evse, change)
    c = s.connector(evse)
    if c is None or c is before or not isinstance(c.phase, one.Authorized):
        return s, said
    as_it_was = s.with_connector(replace(c, phase=one.Idle()))
    if reservation.admits(
        s.reservations, as_it_was.connectors, evse, c.phase.token, c.phase.parent
    ):
        return s, said
    return as_it_was, [*said, Noted(f"EVSE {evse}: card refused, reserved for another")]
