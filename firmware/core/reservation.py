"""Reservations: who may charge where, and how ReserveNow is answered (R16-220 ... R16-233)."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from firmware.core.cards import same
from firmware.core.connector import Authorized, Connector
from firmware.orders import Reserve

ReserveStatus = Literal["Accepted", "Faulted", "Occupied", "Rejected", "Unavailable"]


class Reservation(msgspec.Struct, frozen=True):
    id: int
    evse: int
    """0 = any one EVSE stays free for the card."""
    token: str
    parent: str | None
    expires: float
    """UTC seconds since 1970."""

    def suits(self, token: str, parent: str | None) -> bool:
        """The reserved card, or one of the reserved group: parents with parents (R16-225)."""
        return same(self.token, token) or same(self.parent, parent)


Reservations = tuple[Reservation, ...]


def reserve(
    order: Reserve,
    existing: Reservations,
    connectors: Sequence[Connector],
    *,
    operative: bool,
    zero: bool,
    wall: float,
) -> tuple[ReserveStatus, Reservations]:
    """Answer ReserveNow; a known id is replaced if the new one is feasible (16 §5.13)."""
    others = tuple(r for r in existing if r.id != order.id)
    status = _feasible(order, others, connectors, operative=operative, zero=zero, wall=wall)
    if status != "Accepted":
        return status, existing
    return status, (
        *others,
        Reservation(order.id, order.evse, order.token, order.parent, order.expires),
    )


def _feasible(
    order: Reserve,
    others: Reservations,
    connectors: Sequence[Connector],
    *,
    operative: bool,
    zero: bool,
    wall: float,
) -> ReserveStatus:
    if order.expires <= wall or (order.evse == 0 and not zero):
        return "Rejected"
    candidates = [c for c in connectors if order.evse in (0, c.evse)]
    if not candidates:
        return "Rejected"
    if all(c.faults for c in candidates):
        return "Faulted"
    if not operative or all(not c.usable for c in candidates):
        return "Unavailable"
    unclaimed = [c for c in connectors if c.free and _of(others, c.evse) is None]
    anywhere = sum(r.evse == 0 for r in others)
    if not any(c in unclaimed for c in candidates) or len(unclaimed) <= anywhere:
        return "Occupied"
    return "Accepted"


def _of(reservations: Reservations, evse: int) -> Reservation | None:
    return next((r for r in reservations if r.evse == evse), None)


def claimed(
    reservations: Reservations, connectors: Sequence[Connector], evse: int
) -> Reservation | None:
    """The reservation that keeps this EVSE from others: its own, or one for any EVSE when every
    unclaimed idle EVSE is needed for such reservations (R16-223)."""
    own = _of(reservations, evse)
    if own is not None:
        return own
    anywhere = [r for r in reservations if r.evse == 0]
    unclaimed = [c.evse for c in connectors if c.idle and _of(reservations, c.evse) is None]
    if evse in unclaimed and len(unclaimed) <= len(anywhere):
        return anywhere[unclaimed.index(evse)]
    return None


def suiting(
    reservations: Reservations, evse: int, token: str, parent: str | None
) -> Reservation | None:
    """The reservation that this card may use here: the EVSE's own before one for any EVSE."""
    suits = [r for r in reservations if r.evse in (0, evse) and r.suits(token, parent)]
    return max(suits, key=lambda r: r.evse, default=None)


def used(reservations: Reservations, c: Connector) -> int | None:
    """The reservation that a session started now would use up (R16-227)."""
    if not isinstance(c.phase, Authorized):
        return None
    mine = suiting(reservations, c.evse, c.phase.token, c.phase.parent)
    return None if mine is None else mine.id


def admits(
    reservations: Reservations,
    connectors: Sequence[Connector],
    evse: int,
    token: str,
    parent: str | None,
) -> bool:
    """May this card charge here? Reserved by its own EVSE's number counts more than for any."""
    mine = suiting(reservations, evse, token, parent)
    keeps = claimed(reservations, connectors, evse)
    return keeps is None or mine is not None and mine.evse >= keeps.evse


def current(
    reservations: Reservations, connectors: Sequence[Connector], wall: float
) -> Reservations:
    """Those that still hold: not expired, and not on a connector that became Faulted or Unavailable
    (R16-228, R16-229)."""
    broken = {c.evse for c in connectors if c.faults or not c.operative}
    kept = tuple(r for r in reservations if r.expires > wall and r.evse not in broken)
    return kept if len(kept) < len(reservations) else reservations
