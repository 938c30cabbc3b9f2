"""Orders: what the station answers to each, and what it does about it."""

from collections.abc import Sequence

import msgspec

from firmware.core import connector as one
from firmware.core import local, metering, reservation, settings, transitions
from firmware.core.authorization import best, forget, let
from firmware.core.cards import same
from firmware.core.local import ACCEPTED, REJECTED, Answer
from firmware.core.settings import Settings
from firmware.core.state import Said, Station, status_of
from firmware.facts import (
    BootAsked,
    Fact,
    HeartbeatAsked,
    Instant,
    OrderAnswered,
    OrderOutcome,
)
from firmware.orders import (
    CancelReservation,
    ChangeAvailability,
    ChangeSetting,
    ClearCache,
    GetSettings,
    LearnCard,
    Order,
    RemoteStart,
    RemoteStop,
    Reserve,
    Reset,
    Trigger,
    Unlock,
)

replace = msgspec.structs.replace


def carry_out(s: Station, number: int, order: Order, now: Instant) -> Said:
    if isinstance(order, Unlock):
        return _unlock(s, number, order, now)
    if isinstance(order, LearnCard):
        return local.learn(s, number, order, now)
    s, outcome, after = _answer(s, order, now)
    return s, [OrderAnswered(number, outcome), *after]


def _answer(s: Station, order: Order, now: Instant) -> Answer:  # noqa: C901, PLR0911 (a table)
    match order:
        case RemoteStart():
            return _remote_start(s, order, now)
        case RemoteStop():
            return _remote_stop(s, order, now)
        case Reserve():
            return _reserve(s, order, now)
        case CancelReservation():
            return _cancel(s, order)
        case Trigger():
            return _trigger(s, order, now)
        case GetSettings():
            shown, unknown = settings.show(s.settings, order.keys, len(s.connectors))
            return s, OrderOutcome("Accepted", shown, unknown), []
        case ChangeSetting():
            return _change_setting(s, order, now)
        case ChangeAvailability():
            return _change_availability(s, order)
        case ClearCache():
            return _clear_cache(s)
        case Reset():
            return replace(forget(s), resetting=order.kind), ACCEPTED, []  # R16-140
        case _:
            return local.answer(s, order, now)


def _remote_start(s: Station, order: RemoteStart, now: Instant) -> Answer:
    """R16-120 ... R16-124; only a station that is accepted may be started from afar (R16-024)."""
    if s.registration != "Accepted" or not s.operative or s.resetting:
        return s, REJECTED, []
    able = (
        c for c in s.connectors if order.evse in (None, c.evse) and _startable(s, c, order.token)
    )
    c = best(s, able, order.token)
    if c is None:
        return s, REJECTED, []
    asks = s.settings.authorize_remote_tx  # R16-121
    s, facts = let(
        s,
        c.evse,
        lambda c: (
            transitions.authorize(c, order.token, now, s.rules)
            if asks
            else transitions.accept(c, order.token, None, now, s.rules)
        ),
    )
    return s, ACCEPTED, facts


def _startable(s: Station, c: one.Connector, token: str) -> bool:
    held = s.reserved(c.evse)
    return c.startable and (held is None or same(held.token, token))


def _remote_stop(s: Station, order: RemoteStop, now: Instant) -> Answer:
    """R16-127: only a transaction that runs here and whose id is known; and only for a central
    system that has accepted us (R16-024)."""
    for each in s.connectors if s.registration == "Accepted" else ():
        if each.running is not None and each.running.transaction == order.transaction:
            return s.with_connector(transitions.stop(each, "Remote", now)), ACCEPTED, []
    return s, REJECTED, []


def _clear_cache(s: Station) -> Answer:
    """R16-059: only the cache; a cache that is switched off cannot be cleared."""
    if not s.settings.cache_enabled:
        return s, REJECTED, []
    return replace(s, cache=()), ACCEPTED, []


def _unlock(s: Station, number: int, order: Unlock, now: Instant) -> Said:
    """R16-130, R16-131: without a lock nothing happens; else the session ends first, and the
    answer waits for what the lock does."""
    c = s.connector(order.evse)
    if c is None or not c.has_lock:
        return s, [OrderAnswered(number, OrderOutcome("NotSupported"))]
    c, facts = transitions.unlock(c, number, now)
    return s.with_connector(c), facts


def _reserve(s: Station, order: Reserve, now: Instant) -> Answer:
    if s.registration != "Accepted":
        return s, REJECTED, []
    status, reservations = reservation.reserve(
        order,
        s.reservations,
        s.connectors,
        operative=s.operative,
        zero=s.settings.reserve_zero,
        wall=now.wall,
    )
    return replace(s, reservations=reservations), OrderOutcome(status), []


def _cancel(s: Station, order: CancelReservation) -> Answer:
    left = tuple(r for r in s.reservations if r.id != order.id)
    if len(left) == len(s.reservations):
        return s, REJECTED, []
    return replace(s, reservations=left), ACCEPTED, []


def _trigger(s: Station, order: Trigger, now: Instant) -> Answer:
    """R16-270 ... R16-272: the answer first, the message after it."""
    evses = [c.evse for c in s.connectors]
    match order.what:
        case "Heartbeat":
            return s, ACCEPTED, [HeartbeatAsked()]
        case "Boot" if s.registration == "Pending":  # R16-025, R16-026
            return s, ACCEPTED, [BootAsked()]
        case "Status" if order.evse in (None, 0, *evses):
            wanted = [0, *evses] if order.evse is None else [order.evse]
            return s, ACCEPTED, [status_of(s, evse, now, asked=True) for evse in wanted]
        case "MeterValues" if order.evse in (None, *evses):
            return _measure(s, evses if order.evse is None else [order.evse], now)
        case "Other":
            return s, OrderOutcome("NotImplemented"), []
        case _:
            return s, REJECTED, []


def _measure(s: Station, evses: Sequence[int], now: Instant) -> Answer:
    """Of the meters that answer; without any it cannot be done now."""
    able = [c for c in s.connectors if c.evse in evses and c.present is not None]
    said: list[Fact] = []
    for each in able:
        c, facts = metering.measure(each, now, s.settings)
        s, said = s.with_connector(c), said + facts
    return s, ACCEPTED if able else REJECTED, said


def _change_setting(s: Station, order: ChangeSetting, now: Instant) -> Answer:
    changed, status = settings.change(s.settings, order.key, order.value)
    rotations = changed.phase_rotation
    if rotations != s.settings.phase_rotation and not settings.rotations_fit(
        rotations, len(s.connectors)
    ):
        return s, REJECTED, []
    if status == "Accepted":
        row = settings.BY_KEY[order.key.lower()]
        stored = {**dict(s.changed), row.key: settings.to_text(getattr(changed, row.name))}
        if _intervals(changed) != _intervals(s.settings):
            s = replace(s, connectors=tuple(metering.regrid(c, now) for c in s.connectors))
        s = replace(s, settings=changed, changed=tuple(sorted(stored.items())))
    return s, OrderOutcome(status), []


def _intervals(settings: Settings) -> tuple[int, int]:
    return settings.sample_interval, settings.clock_aligned_interval


def _change_availability(s: Station, order: ChangeAvailability) -> Answer:
    """R16-170 ... R16-174. A running session ends first: until then the status shows the session,
    so nothing needs to be scheduled."""
    chosen = [c for c in s.connectors if order.evse in (0, c.evse)]
    if not chosen:
        return s, REJECTED, []
    for c in chosen:
        s = s.with_connector(replace(c, operative=order.operative))
    if order.evse == 0:
        s = replace(s, operative=order.operative)
    busy = not order.operative and any(c.session is not None for c in chosen)
    return s, OrderOutcome("Scheduled" if busy else "Accepted"), []
