"""How a connector's state changes: authorisation, session and plug as one state machine.

Three kinds of function, in the order in which `station.step` uses them:

* `observe` takes in what the world looks like now and decides nothing;
* the functions named after what happened (`card`, `asked`, `stop`, ...) react to it, once;
* `settle` draws what follows from how things stand, until nothing more follows. Without it an
  event that arrives together with a deadline would skip a branch.

Nothing else changes a connector, but for `operative`, which an order sets.
"""

import math
from typing import assert_never

import msgspec

from firmware.core import metering
from firmware.core.cache import find
from firmware.core.cards import named, same
from firmware.core.connector import (
    Authorized,
    Authorizing,
    Charging,
    Connector,
    Ending,
    Finishing,
    Idle,
    Kept,
    Rules,
    Session,
    Unlocking,
)
from firmware.events import (
    EvseReported,
    InterlockLost,
    MeterLost,
    MeterRead,
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
    StopReason,
)
from hal.ports import Fault, Reading

replace = msgspec.structs.replace

START_GRACE_S = 5.0
"""A vehicle has this long to ask for current before the session counts as suspended by it; the
contactor closes within 3 s of its asking (IEC 61851-1 Table A.6, sequence 4)."""
UNPLUG_DWELL_S = 1.0
"""Finishing is shown at least this long after an EV-side disconnect (R16-084)."""
UNLOCK_S = 5.0
"""A lock that has not opened by then has failed (R16-130)."""
LAST_READING_S = 1.0
"""A stop waits at most this long for the contact to open and the meter to be read after it."""
ENDING_FAULTS: frozenset[Fault] = frozenset(
    (
        "ConnectorLockFailure",
        "DiodeFault",
        "EmergencyStop",
        "GroundFailure",
        "Other",
        "OverCurrent",
        "PowerSwitchFailure",
    )
)
"""Faults after which a session cannot go on (R16-157); the others suspend it while they last."""


Observed = EvseReported | InterlockLost | MeterRead | MeterLost
Said = tuple[Connector, list[Fact]]


def observe(c: Connector, event: Observed) -> Connector:
    """What the world looks like now."""
    match event:
        case EvseReported():
            plugged_in = not c.plugged and event.pilot in ("B", "C", "D")
            opened = c.closed and not event.closed
            return replace(
                c,
                pilot=event.pilot,
                closed=event.closed,
                locked=event.locked,
                offered_a=event.offered_a,
                reported=event.faults,
                plugged_at=event.seen if plugged_in else c.plugged_at,
                opened_at=event.seen if opened else c.opened_at,
            )
        case InterlockLost():
            return replace(
                c, pilot=None, closed=False, offered_a=0.0, reported=frozenset({"InterlockLost"})
            )
        case MeterRead():
            return _read(c, event)
        case MeterLost():
            return replace(c, meter_lost=True)
        case _:
            assert_never(event)


def _read(c: Connector, event: MeterRead) -> Connector:
    """A register below the last known value is a replaced meter: the session goes on from there."""
    phase, last = c.phase, c.reading
    if isinstance(phase, Charging) and last is not None and event.reading.wh < last.wh:
        shift = phase.session.shift + last.wh - event.reading.wh
        phase = replace(phase, session=replace(phase.session, shift=shift))
    return replace(c, phase=phase, reading=event.reading, read_at=event.asked, meter_lost=False)


# --- what happened, and what it triggers once ---------------------------------------------------


def card(c: Connector, token: str, now: Instant, rules: Rules) -> Said:
    """A card meant for this connector: it starts, cancels, stops or releases (R16-063, R16-079)."""
    match c.phase:
        case Charging(ending=Ending()):
            return c, []
        case Charging(session=session) if same(session.token, token):
            return stop(c, "Local", now, token=token), []
        case Finishing(hold=True, token=known) if same(known, token):
            return _release(c, c.phase, now), []
        case Charging() | Finishing(hold=True):
            return _other_card(c, c.phase, token, now, rules)
        case Authorizing(token=known) | Authorized(token=known) if same(known, token):
            return replace(c, phase=Idle()), [Noted(f"EVSE {c.evse}: card again, cancelled")]
        case _:
            return authorize(c, token, now, rules)


def _other_card(
    c: Connector, phase: Charging | Finishing, token: str, now: Instant, rules: Rules
) -> Said:
    """Only a card of the same group may stop or release; who belongs to it the central system
    knows, or the cache (R16-081)."""
    known = _known(token, now, rules)
    if known is not None and c.group is not None and known.accepted and _may_trust(rules):
        return _asked_of_group(c, phase, token, known, now)
    if c.group is None or not rules.online:
        return c, [Noted(f"EVSE {c.evse}: another card, ignored")]
    asking = Authorizing(token, now.mono + rules.settings.message_timeout)
    return replace(c, phase=replace(phase, asking=asking)), [_ask(c, token)]


def _release(c: Connector, phase: Finishing, now: Instant) -> Connector:
    return replace(c, phase=replace(phase, hold=False, until=now.mono, asking=None))


def authorize(c: Connector, token: str, now: Instant, rules: Rules) -> Said:
    """What is known and valid may do without asking (R16-052); else ask the central system, or
    without it decide by the offline rules."""
    if not rules.online:
        return _offline(c, token, now, rules)
    known = _known(token, now, rules)
    if known is not None and known.accepted and rules.settings.local_pre_authorize:
        return accept(c, token, known.parent, now, rules)
    until = now.mono + rules.settings.message_timeout
    return replace(c, phase=Authorizing(token, until)), [_ask(c, token)]


def _ask(c: Connector, token: str) -> AuthorizationAsked:
    return AuthorizationAsked(c.evse, token)


def _known(token: str, now: Instant, rules: Rules) -> Verdict | None:
    if rules.cards is not None:
        return None if named(rules.cards, token) is None else Verdict("Accepted")
    entry = find(rules.cache, token)
    return None if entry is None else entry.verdict(now.wall)


def _may_trust(rules: Rules) -> bool:
    """Whether what is known counts without asking."""
    settings = rules.settings
    return settings.local_pre_authorize if rules.online else settings.local_authorize_offline


def _offline(c: Connector, token: str, now: Instant, rules: Rules) -> Said:
    """A card known to be bad is refused whatever the settings; a good one needs
    LocalAuthorizeOffline, an unknown one AllowOfflineTxForUnknownId (R16-054, R16-055)."""
    known = _known(token, now, rules)
    trusted = known is not None and known.accepted and rules.settings.local_authorize_offline
    stranger = known is None or (known.accepted and not rules.settings.local_authorize_offline)
    if trusted or (stranger and rules.settings.allow_offline_tx_for_unknown_id):
        return accept(c, token, known.parent if known else None, now, rules)
    why = "the central system cannot be asked" if stranger else f"known as {_word(known)}"
    if rules.cards is not None:
        why = "not on the list of cards"
    return replace(c, phase=Idle()), [Noted(f"EVSE {c.evse}: card refused, {why}")]


def _word(known: Verdict | None) -> str:
    return "" if known is None else known.status


def asked(
    c: Connector,
    question: AuthorizationAsked,
    outcome: Verdict | Undelivered,
    now: Instant,
    rules: Rules,
) -> Said:
    """The answer to an authorisation question; to a question nobody asks any more it is nothing."""
    match c.phase:
        case Authorizing(token=token) if same(token, question.token):
            if isinstance(outcome, Undelivered):  # R16-056
                return _offline(c, token, now, rules)
            if outcome.accepted:
                return accept(c, token, outcome.parent, now, rules)
            return replace(c, phase=Idle()), [
                Noted(f"EVSE {c.evse}: card refused: {outcome.status}")
            ]
        case Charging() | Finishing() if c.asking and same(c.asking.token, question.token):
            return _asked_of_group(c, c.phase, c.asking.token, outcome, now)
        case _:
            return c, []


def _asked_of_group(
    c: Connector,
    phase: Charging | Finishing,
    token: str,
    outcome: Verdict | Undelivered,
    now: Instant,
) -> Said:
    known = isinstance(outcome, Verdict) and outcome.accepted and same(outcome.parent, c.group)
    if not known:
        note = Noted(f"EVSE {c.evse}: another card, not of this group")
        return replace(c, phase=replace(phase, asking=None)), [note]
    if isinstance(phase, Finishing):
        return _release(c, phase, now), []
    return stop(c, "Local", now, token=token), []


def accept(c: Connector, token: str, parent: str | None, now: Instant, rules: Rules) -> Said:
    """Authorised: a plug has `ConnectionTimeOut` seconds to follow (R16-064)."""
    until = now.mono + rules.settings.connection_timeout
    return replace(c, phase=Authorized(token, parent, until)), []


def started_known(c: Connector, number: int, outcome: object, now: Instant, rules: Rules) -> Said:
    """The central system's answer to StartTransaction (R16-077, R16-078)."""
    phase = c.phase
    if not isinstance(phase, Charging) or phase.session.number != number:
        return c, []
    if not isinstance(outcome, TransactionKnown):
        return c, []
    session = replace(
        phase.session,
        transaction=outcome.transaction,
        parent=outcome.verdict.parent or phase.session.parent,
    )
    c = replace(c, phase=replace(phase, session=session))
    if outcome.verdict.accepted:
        return c, []
    if rules.settings.stop_on_invalid_id:
        return stop(c, "DeAuthorized", now), []
    return _suspend_after(c, replace(phase, session=session), rules), []


def _suspend_after(c: Connector, phase: Charging, rules: Rules) -> Connector:
    """The transaction goes on without energy, or with what MaxEnergyOnInvalidId leaves of it."""
    session, allowed = phase.session, rules.settings.max_energy_on_invalid_id
    session = replace(session, suspended=allowed == 0, allowance=session.wh_start + allowed)
    grace = None if session.suspended else phase.grace_until
    return replace(c, phase=replace(phase, session=session, grace_until=grace))


def stop(c: Connector, reason: StopReason, now: Instant, *, token: str | None = None) -> Connector:
    """End the session: its permit is gone at once. Nothing happens without a running one."""
    if not isinstance(c.phase, Charging) or c.phase.ending is not None:
        return c
    return replace(c, phase=replace(c.phase, ending=Ending(reason, token, now), asking=None))


def unlock(c: Connector, number: int, now: Instant) -> Said:
    """End what there is to end, and let go of the cable (R16-130)."""
    said: list[Fact] = []
    if c.unlocking is not None:  # one lock, one answer each
        said.append(OrderAnswered(c.unlocking.order, OrderOutcome("UnlockFailed")))
    c = stop(c, "UnlockCommand", now)
    if isinstance(c.phase, Finishing):
        c = _release(c, c.phase, now)
    return replace(c, unlocking=Unlocking(number, now.mono + UNLOCK_S)), said


# --- what follows from how things stand -----------------------------------------------------------


def settle(c: Connector, now: Instant, rules: Rules, number: int, reservation: int | None) -> Said:
    """Apply the state-triggered rules until none applies; `number` is for a session to start, and
    `reservation` the one it would use up."""
    said: list[Fact] = []
    while True:
        before = c
        c, facts = _follow(c, now, rules, number, reservation)
        said += facts
        if c == before:
            break
    c, facts = _settle_unlocking(c, now)
    c, values = metering.aligned(c, now, rules.settings)
    return c, said + facts + values


def _settle_unlocking(c: Connector, now: Instant) -> Said:
    """The answer to an unlock: what the lock was seen to do, within a time."""
    if c.unlocking is None:
        return c, []
    opened = not isinstance(c.phase, Charging) and not c.locked
    if not opened and now.mono < c.unlocking.until:
        return c, []
    outcome = OrderOutcome("Unlocked" if opened else "UnlockFailed")
    return replace(c, unlocking=None), [OrderAnswered(c.unlocking.order, outcome)]


def _follow(c: Connector, now: Instant, rules: Rules, number: int, reservation: int | None) -> Said:
    match c.phase:
        case Authorizing() | Authorized() if not c.usable:
            return replace(c, phase=Idle()), []
        case Authorized():
            return _settle_authorized(c, c.phase, now, rules, number, reservation)
        case Charging():
            return _settle_charging(c, c.phase, now, rules)
        case Finishing(until=until) if c.unplugged and now.mono >= until:
            return replace(c, phase=Idle()), []
        case _:
            return c, []


def _settle_authorized(
    c: Connector,
    phase: Authorized,
    now: Instant,
    rules: Rules,
    number: int,
    reservation: int | None,
) -> Said:
    # The reading must be younger than the plug: some meters restart with every vehicle.
    if c.plugged and c.reading is not None and c.read_at >= c.plugged_at:
        session = _session(phase, c.reading, now, number, reservation)
        return _start(c, session, now, rules)
    if not c.plugged and now.mono >= phase.until:
        return replace(c, phase=Idle()), [
            Noted(f"EVSE {c.evse}: nothing plugged in, authorisation dropped")
        ]
    return c, []


def _session(
    phase: Authorized, reading: Reading, now: Instant, number: int, reservation: int | None
) -> Session:
    return Session(
        number,
        phase.token,
        started=now,
        wh_start=reading.wh,
        kept=Kept(reading.wh, now),
        parent=phase.parent,
        reservation=reservation,
    )


def _start(c: Connector, session: Session, now: Instant, rules: Rules) -> Said:
    fact = SessionStarted(
        session.number,
        c.evse,
        now,
        session.token,
        session.wh_start,
        session.reservation,
        metering.bound(c, session, rules.settings),
    )
    charging = Charging(session, sampled=now.mono, grace_until=now.mono + START_GRACE_S)
    return replace(c, phase=charging), [fact]


def _settle_charging(c: Connector, phase: Charging, now: Instant, rules: Rules) -> Said:
    if phase.ending is not None:
        return _end(c, phase, phase.ending, now, rules)
    if c.faults & ENDING_FAULTS:
        return stop(c, "EmergencyStop" if "EmergencyStop" in c.faults else "Other", now), []
    if c.unplugged and rules.settings.stop_on_ev_disconnect:
        return stop(c, "EVDisconnected", now), []
    if phase.grace_until is not None and (c.closed or now.mono >= phase.grace_until):
        phase = replace(phase, grace_until=None)
    phase = _spend(c, phase)
    return metering.sampled(c, metering.keep(c, phase, now), now, rules.settings)


def _spend(c: Connector, phase: Charging) -> Charging:
    """A refused card's allowance is used up (MaxEnergyOnInvalidId, R16-078)."""
    session = phase.session
    wh = metering.register(c.reading, session.shift, session.kept.wh)
    if session.suspended or session.allowance is None or wh < session.allowance:
        return phase
    return replace(phase, session=replace(session, suspended=True))


def _end(c: Connector, phase: Charging, ending: Ending, now: Instant, rules: Rules) -> Said:
    """The stop is told with what the meter shows once the contact is open: no energy is given away
    or charged twice. A meter that does not answer is not waited for."""
    final = not c.closed and c.read_at >= max(ending.at.mono, c.opened_at)
    if not final and now.mono < ending.at.mono + LAST_READING_S:
        return c, []
    session = phase.session
    wh = metering.register(c.reading, session.shift, session.kept.wh)
    fact = SessionStopped(
        session.number,
        c.evse,
        ending.at,
        wh,
        ending.reason,
        ending.token,
        metering.bound(c, session, rules.settings),
    )
    unlock = rules.settings.unlock_on_ev_disconnect
    gone = ending.reason == "EVDisconnected" and c.has_lock
    finishing = Finishing(
        session.token,
        session.parent,
        hold=c.has_lock and (ending.reason == "DeAuthorized" or (gone and not unlock)),
        until=ending.at.mono if not gone else now.mono + UNPLUG_DWELL_S if unlock else math.inf,
        reason=ending.reason,
    )
    return replace(c, phase=finishing), [fact]


def deadline(c: Connector, now: Instant, rules: Rules) -> float:
    """Monotonic time at which something follows without any event, s; inf = never."""
    answer = metering.next_aligned(now, rules.settings)
    if c.asking is not None:
        answer = min(answer, c.asking.until)
    if c.unlocking is not None:
        answer = min(answer, c.unlocking.until)
    match c.phase:
        case Authorized(until=until):
            return answer if c.plugged else min(answer, until)
        case Charging(ending=Ending(at=at)):
            return min(answer, at.mono + LAST_READING_S)
        case Charging(grace_until=grace):
            calm = math.inf if grace is None else grace
            return min(answer, calm, metering.next_sample(c.phase, rules.settings))
        case Finishing(until=until):
            return min(answer, until) if c.unplugged else answer
        case _:
            return answer
