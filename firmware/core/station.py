"""The station machine: `step`, the only way the state changes.

`step(state, event, now)` observes, reacts once, then settles; it returns the new state and the
facts that follow from the event.
"""

import math

import msgspec

from firmware.core import authorization, local, metering, orders, reservation, transitions
from firmware.core import connector as one
from firmware.core.state import Said, Station, on
from firmware.events import (
    Answered,
    Asked,
    Booted,
    CardPresented,
    ClockLearned,
    Event,
    EvseReported,
    HeartbeatDue,
    InterlockLost,
    LinkChanged,
    MeterLost,
    MeterRead,
    Ordered,
    ReaderChanged,
    Restarted,
    Started,
    StopAsked,
)
from firmware.facts import (
    Fact,
    HeartbeatAsked,
    Instant,
    RestartDue,
    SessionStarted,
    SessionStopped,
    StopReason,
)

replace = msgspec.structs.replace


def step(s: Station, event: Event, now: Instant) -> Said:
    s = observe(s, event)
    s, said = react(s, event, now)
    s, also = settle(s, now)
    return s, said + also


def observe(s: Station, event: Event) -> Station:
    match event:
        case EvseReported() | MeterRead() | MeterLost():
            c = s.connector(event.evse)
            return s if c is None else s.with_connector(transitions.observe(c, event))
        case InterlockLost(evses=evses):
            seen = (transitions.observe(c, event) if c.evse in evses else c for c in s.connectors)
            return replace(s, connectors=tuple(seen))
        case LinkChanged(up=up):
            return replace(s, link_up=up)
        case ReaderChanged(reader=reader, alive=alive):
            dead = s.dead_readers - {reader} if alive else s.dead_readers | {reader}
            return replace(s, dead_readers=dead)
        case _:
            return s


def react(s: Station, event: Event, now: Instant) -> Said:  # noqa: C901, PLR0911 (a table)
    match event:
        case CardPresented():
            return authorization.card(s, event, now)
        case EvseReported():
            return authorization.plugged_in(s, event, now)
        case Asked():
            return authorization.asked(authorization.learned(s, event, now), event, now)
        case Answered():
            return _answered(authorization.learned(s, event, now), event, now)
        case Booted():
            return _booted(s, event), []
        case ClockLearned(offset_s=offset):
            return _corrected(s, now.boot, offset), []
        case HeartbeatDue() if s.registration == "Accepted":
            return s, [HeartbeatAsked()]
        case Ordered(number=number, order=order):
            return orders.carry_out(s, number, order, now)
        case Started():
            return recover(s, now)
        case StopAsked():
            return _stop_all(s, "Reboot", now), []
        case Restarted():
            return _restarted(s), []
        case _:
            return s, []


def _answered(s: Station, event: Answered, now: Instant) -> Said:
    fact, outcome, rules = event.fact, event.outcome, s.rules
    if not isinstance(fact, SessionStarted):
        return s, []
    return on(
        s, fact.evse, lambda c: transitions.started_known(c, fact.session, outcome, now, rules)
    )


def _booted(s: Station, event: Booted) -> Station:
    accepted = event.registration == "Accepted"
    interval = event.interval_s if accepted and event.interval_s > 0 else None  # R16-021
    settings = s.settings if interval is None else replace(s.settings, heartbeat_interval=interval)
    return replace(
        s,
        registration=event.registration,
        accepted_once=s.accepted_once or accepted,
        settings=settings,
    )


def _corrected(s: Station, boot: int, offset_s: float) -> Station:
    """The first correction of a boot is the one that counts: what was sent stays as it was sent."""
    if any(known == boot for known, _ in s.corrections):
        return s
    return replace(s, corrections=(*s.corrections, (boot, offset_s))[-20:])


def _restarted(s: Station) -> Station:
    """As after a boot: registration is to be had anew, and nobody is authorised."""
    s = authorization.forget(s)
    return replace(s, resetting=None, restarting=False, registration="None")


def _stop_all(s: Station, reason: StopReason, now: Instant) -> Station:
    stopped = tuple(transitions.stop(c, reason, now) for c in s.connectors)
    return replace(s, connectors=stopped)


def recover(s: Station, now: Instant) -> Said:
    """A session that was open when the power failed ends at its last stored reading and time
    (R16-089). Its plug must be seen anew, so the connector is idle."""
    said: list[Fact] = []
    for c in s.connectors:
        if c.session is None:
            continue
        kept = c.session.kept
        end = metering.bound(c, c.session, s.settings)
        said.append(
            SessionStopped(c.session.number, c.evse, kept.at, kept.wh, "PowerLoss", sample=end)
        )
        s = s.with_connector(replace(c, phase=one.Idle()))
    for evse, session in s.left:
        kept = session.kept
        said.append(SessionStopped(session.number, evse, kept.at, kept.wh, "PowerLoss"))
    return replace(s, left=()), said


def settle(s: Station, now: Instant) -> Said:
    """First what time and faults have ended, then every connector to its fixed point."""
    current = reservation.current(s.reservations, s.connectors, now.wall)
    s, said = authorization.unanswered(replace(s, reservations=current), now)
    s, said = local.settle_learning(s, now, said)
    for each in s.connectors:
        used = reservation.used(s.reservations, each)
        c, facts = transitions.settle(each, now, s.rules, s.next_session, used)
        started = [f for f in facts if isinstance(f, SessionStarted)]
        s = replace(s.with_connector(c), next_session=s.next_session + len(started))
        if started and used is not None:  # R16-227
            s = replace(s, reservations=tuple(r for r in s.reservations if r.id != used))
        said += facts
    return _settle_reset(s, now, said)


def _settle_reset(s: Station, now: Instant, said: list[Fact]) -> Said:
    """A reset ends the sessions, drops what was only asked, and then restarts (R16-141)."""
    if s.resetting is None or s.restarting:
        return s, said
    kind = s.resetting
    s = _stop_all(s, "HardReset" if kind == "Hard" else "SoftReset", now)
    if any(c.session is not None for c in s.connectors):
        return s, said
    return replace(s, restarting=True), [*said, RestartDue(kind)]


def deadline(s: Station, now: Instant) -> float:
    """Monotonic time of the next thing that follows without an event, s; inf = never."""
    expiries = [now.mono + r.expires - now.wall for r in s.reservations]
    if s.learning is not None:
        expiries.append(s.learning.until)
    return min(
        [*(transitions.deadline(c, now, s.rules) for c in s.connectors), *expiries],
        default=math.inf,
    )
