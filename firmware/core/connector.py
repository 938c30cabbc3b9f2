"""One connector: what it holds, and what is derived from it.

`permit`, `lock` and `status` are derived and written nowhere. How the state changes stands in
`transitions.py`.
"""

import math

import msgspec

from firmware.core.cache import Cache
from firmware.core.cards import Cards
from firmware.core.settings import Settings
from firmware.facts import (
    Instant,
    Status,
    StopReason,
)
from hal.ports import Fault, PilotState, Reading

LEAST_A = 6.0
"""IEC 61851-1 knows no smaller current to offer: less is a pause."""


class Permit(msgspec.Struct, frozen=True):
    """Current may flow for this session, up to this many A per phase."""

    session: int
    amps: float


def lesser(one: Permit | None, other: Permit | None) -> Permit | None:
    """What both allow; permits of two different sessions have nothing in common."""
    if one is None or other is None or one.session != other.session:
        return None
    return one if one.amps <= other.amps else other


class Rules(msgspec.Struct, frozen=True):
    """What a connector must know of the rest of the station."""

    settings: Settings
    online: bool
    """The central system has accepted us and answers."""
    cache: Cache = ()
    """What is known of cards without asking."""
    cards: Cards | None = None
    """The station's own list, where it decides: without any central system."""


class Kept(msgspec.Struct, frozen=True):
    """The session's last stored reading: where it ends if the power fails now."""

    wh: int
    at: Instant


class Session(msgspec.Struct, frozen=True):
    """The part of a session that survives a reboot."""

    number: int
    token: str
    started: Instant
    wh_start: int
    kept: Kept
    parent: str | None = None
    reservation: int | None = None
    transaction: str | None = None
    """The central system's name for it, once told."""
    shift: int = 0
    """Added to the meter's register, Wh, so that a replaced meter does not turn time back."""
    suspended: bool = False
    """The central system refused the card, but the transaction goes on (R16-078)."""
    allowance: int | None = None
    """Register, Wh, up to which a refused card may still charge (MaxEnergyOnInvalidId)."""


class Idle(msgspec.Struct, frozen=True, tag=True):
    pass


class Authorizing(msgspec.Struct, frozen=True, tag=True):
    token: str
    until: float


class Authorized(msgspec.Struct, frozen=True, tag=True):
    token: str
    parent: str | None
    until: float


class Ending(msgspec.Struct, frozen=True):
    """The session is over and its permit gone; what is missing is the meter's last word."""

    reason: StopReason
    token: str | None
    at: Instant


class Charging(msgspec.Struct, frozen=True, tag=True):
    session: Session
    sampled: float
    """Monotonic time of the last sample, or of the start."""
    grace_until: float | None = None
    """Until then (or the first current) the status stays Preparing."""
    asking: Authorizing | None = None
    """Another card asks whether it belongs to the group that may stop this session (R16-079)."""
    ending: Ending | None = None


class Finishing(msgspec.Struct, frozen=True, tag=True):
    token: str
    parent: str | None
    hold: bool
    """The cable stays locked until the card is shown again (R16-077, R16-084)."""
    until: float
    reason: StopReason
    asking: Authorizing | None = None
    """Another card asks whether it belongs to the group that may release the cable (R16-077)."""


class Unlocking(msgspec.Struct, frozen=True):
    """Somebody waits to hear that the lock has opened."""

    order: int
    until: float


Phase = Idle | Authorizing | Authorized | Charging | Finishing


class Connector(msgspec.Struct, frozen=True):
    """State of one connector; `evse` is its EVSE's number and, in OCPP 1.x, its own."""

    evse: int
    fuse_a: float = 32.0
    has_lock: bool = True
    operative: bool = True
    limit_a: float | None = None
    """What somebody at the station has limited it to, A per phase."""
    phase: Phase = Idle()
    pilot: PilotState | None = None
    """None = the interlock has not reported yet, or is lost."""
    closed: bool = False
    locked: bool = False
    offered_a: float = 0.0
    reported: frozenset[Fault] = frozenset()
    meter_lost: bool = False
    plugged_at: float = 0.0
    opened_at: float = 0.0
    """Monotonic times at which the plug, and last the open contact, was first seen."""
    reading: Reading | None = None
    read_at: float = -math.inf
    """Monotonic time at which the meter was asked for `reading`."""
    unlocking: Unlocking | None = None
    aligned: float = -math.inf
    """UTC of the last clock-aligned instant, s; -inf = none since the interval was set."""

    @property
    def plugged(self) -> bool:
        return self.pilot in ("B", "C", "D")

    @property
    def unplugged(self) -> bool:
        """Seen to be: pilot states E and F, or none, say nothing of the vehicle."""
        return self.pilot == "A"

    @property
    def faults(self) -> frozenset[Fault]:
        return self.reported | {"PowerMeterFailure"} if self.meter_lost else self.reported

    @property
    def present(self) -> Reading | None:
        """What the meter shows now; None = it does not answer."""
        return None if self.meter_lost else self.reading

    @property
    def session(self) -> Session | None:
        return self.phase.session if isinstance(self.phase, Charging) else None

    @property
    def running(self) -> Session | None:
        """The session, if nothing has ended it."""
        going = isinstance(self.phase, Charging) and self.phase.ending is None
        return self.session if going else None

    @property
    def asking(self) -> Authorizing | None:
        """The question about a card that the central system has not answered yet."""
        match self.phase:
            case Authorizing():
                return self.phase
            case Charging(asking=asking) | Finishing(asking=asking):
                return asking
            case _:
                return None

    @property
    def group(self) -> str | None:
        """The parent idTag of the cards that may stop the session, or release its cable."""
        match self.phase:
            case Charging(session=Session(parent=parent)) | Finishing(parent=parent, hold=True):
                return parent
            case _:
                return None

    @property
    def permit(self) -> Permit | None:
        """The only place that says current may flow."""
        session = self.running
        if session is None or session.suspended or self.faults or not self.plugged:
            return None
        return Permit(session.number, self.allowed_a) if self.allowed_a >= LEAST_A else None

    @property
    def allowed_a(self) -> float:
        """The lesser of fuse and limit, A per phase."""
        return self.fuse_a if self.limit_a is None else min(self.fuse_a, self.limit_a)

    @property
    def lock(self) -> bool:
        """The cable is to be locked: all through a session until the contact is seen open, and
        after it while held."""
        match self.phase:
            case Charging():
                return self.has_lock
            case Finishing(hold=hold):
                return self.has_lock and hold
            case _:
                return False

    @property
    def idle(self) -> bool:
        """Works and serves nobody: at most somebody has asked, or has plugged in."""
        return self.usable and isinstance(self.phase, Idle | Authorizing)

    @property
    def free(self) -> bool:
        """Works, and nobody is there at all."""
        return self.idle and not self.plugged and isinstance(self.phase, Idle)

    @property
    def startable(self) -> bool:
        """Works, and a card may begin a session: also on the plug of one that has ended, but not
        with a cable that is held for somebody."""
        ended = isinstance(self.phase, Finishing) and not self.phase.hold
        return self.usable and (ended or isinstance(self.phase, Idle))

    @property
    def usable(self) -> bool:
        return self.operative and not self.faults and self.pilot is not None

    def status(self, *, operative: bool, reserved: bool) -> Status:
        """ChargePointStatus of 1.6 (16 §4.9): faults lie over everything, then the session."""
        if self.faults:
            return "Faulted"
        if isinstance(self.phase, Charging):
            return self._session_status(self.phase)
        if not operative or self.pilot is None:
            return "Unavailable"
        if isinstance(self.phase, Finishing):
            return "Finishing"
        if reserved and not isinstance(self.phase, Authorized):
            return "Reserved"
        busy = self.plugged or not isinstance(self.phase, Idle)
        return "Preparing" if busy else "Available"

    def _session_status(self, phase: Charging) -> Status:
        if phase.ending is not None:
            return "Finishing"
        if self.closed:
            return "Charging"
        if phase.grace_until is not None:
            return "Preparing"
        if phase.session.suspended or self.allowed_a < LEAST_A:
            return "SuspendedEVSE"
        return "SuspendedEVSE" if self.pilot in ("C", "D") else "SuspendedEV"

    @property
    def info(self) -> str | None:
        if self.faults:
            return ",".join(sorted(self.faults))[:50]
        gone = self.unplugged and self.running is not None
        if gone or _ended_by(self.phase) == "EVDisconnected":
            return "EV side disconnected"
        return None


def _ended_by(phase: Phase) -> StopReason | None:
    match phase:
        case Finishing(reason=reason) | Charging(ending=Ending(reason=reason)):
            return reason
        case _:
            return None
