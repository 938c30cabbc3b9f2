"""Authorisation: which connector a card is meant for, and what the answer about it means."""

import msgspec

from firmware.core import connector as one
from firmware.core import reservation, transitions
from firmware.core.connector import Connector, same
from firmware.core.state import Said, Station, on
from firmware.events import Asked, CardPresented, Verdict
from firmware.facts import Instant, Noted

replace = msgspec.structs.replace


def card(s: Station, event: CardPresented, now: Instant) -> Said:
    if not s.accepted_once:  # R16-029
        return s, [Noted("card refused: no central system has accepted this station yet")]
    reach = [c for c in s.connectors if not event.evses or c.evse in event.evses]
    c = _owner(reach, event.token) or _taker(s, reach, event.token) or _group(reach)
    if c is None:
        return s, [Noted("card refused: no usable EVSE for it")]
    return on(s, c.evse, lambda c: transitions.card(c, event.token, now, s.rules))


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
    """The first usable EVSE: one reserved for the card, else a plugged one, else a free one."""

    def rank(c: Connector) -> tuple[bool, bool]:
        held = s.reserved(c.evse)
        return (held is None or not same(held.token, token), not c.plugged)

    open_ = [
        c
        for c in reach
        if s.operative and c.usable and isinstance(c.phase, one.Idle | one.Finishing)
    ]
    return min((c for c in open_ if _might(s, c, token)), key=rank, default=None)


def _might(s: Station, c: Connector, token: str) -> bool:
    """Not kept for somebody else; where a group is reserved only the central system can say."""
    held = s.reserved(c.evse)
    return held is None or same(held.token, token) or (held.parent is not None and s.online)


def _group(reach: list[Connector]) -> Connector | None:
    """A running session that another card of its group may stop (R16-079)."""
    return next((c for c in reach if c.session is not None and c.session.parent is not None), None)


def asked(s: Station, event: Asked, now: Instant) -> Said:
    s, said = on(
        s,
        event.question.evse,
        lambda c: transitions.asked(c, event.question, event.outcome, now, s.rules),
    )
    parent = event.outcome.parent if isinstance(event.outcome, Verdict) else None
    s, also = admit(s, event.question.evse, parent)
    return s, said + also


def admit(s: Station, evse: int, parent: str | None) -> Said:
    """An authorised card uses the reservation that suits it, or is turned away by another's."""
    c = s.connector(evse)
    if c is None or not isinstance(c.phase, one.Authorized):
        return s, []
    others = replace(s, connectors=tuple(o for o in s.connectors if o.evse != evse))
    welcome, used = reservation.admit(
        s.reservations,
        (*others.connectors, replace(c, phase=one.Idle())),
        evse,
        c.phase.token,
        parent,
    )
    if welcome:
        return s.with_connector(replace(c, phase=replace(c.phase, reservation=used))), []
    note = Noted(f"EVSE {evse}: card refused, reserved for another")
    return s.with_connector(replace(c, phase=one.Idle())), [note]
