"""The rules of one EVSE's interlock, pure: what was seen and permitted in, what is driven out.

There is no clock and no I/O here. `step` is called at every turn of the interlock's loop with what
the hardware shows, with the newest lease and with the monotonic time; the outputs of the state it
returns are then set. The contactor is closed only while `objection` finds nothing to object to.
"""

import math

import msgspec

from hal.ports import EvseReport, EvseSpec, Fault, PilotState

LEASE_S = 2.0
"""Longest permission: what has not been renewed for so long is withdrawn (S1)."""
READY_S = 0.1
"""How long the pilot must have been in C, and the contact open, before closing (S3)."""
WELD_S = 0.2
"""A contact still seen closed this long after opening is welded (S4)."""
CLOSE_S = 0.5
"""A contact still seen open this long after closing did not close (S4)."""
LOCK_S = 1.0
"""A lock that has not moved for so long will not move."""
MIN_A = 6.0
"""The smallest current a pilot can offer; less is no PWM at all (IEC 61851-1 Table A.8, S5)."""


class Lease(msgspec.Struct, frozen=True):
    """A permission from the firmware; `ended` is why there is none, for the record."""

    limit_a: float = 0.0
    lock: bool = False
    expires: float = -math.inf
    """Monotonic time, s."""
    ended: str = "no lease"


class Seen(msgspec.Struct, frozen=True):
    """What the hardware of one EVSE shows."""

    pilot: PilotState = "A"
    contact: bool = False
    """The mirror contact: the contactor is closed."""
    locked: bool = False
    faults: frozenset[Fault] = frozenset()


class Outputs(msgspec.Struct, frozen=True):
    """What the hardware of one EVSE is told; the default is the safe state."""

    offered_a: float = 0.0
    """PWM offers so much, A per phase; 0 = no PWM (X1)."""
    lock: bool = False
    close: bool = False


class State(msgspec.Struct, frozen=True):
    """One EVSE as the interlock knows it. A fresh one takes the contact for closed: it must be seen
    open first, which is the self-test at start (S7)."""

    spec: EvseSpec
    seen: Seen = Seen(contact=True)
    out: Outputs = Outputs()
    faults: frozenset[Fault] = frozenset()
    pilot_since: float = math.inf
    contact_since: float = math.inf
    contact_wrong_since: float | None = None
    """Since when the contact has not been where the output wants it."""
    lock_wrong_since: float | None = None
    close_failed: bool = False
    """The contactor did not close; it is not tried again with the same vehicle (S6)."""
    because: str = "start"
    """Why the contactor was last told to open or close."""

    @property
    def report(self) -> EvseReport:
        seen = self.seen
        offered = self.out.offered_a
        return EvseReport(self.spec.id, seen.pilot, seen.contact, seen.locked, offered, self.faults)


def step(was: State, seen: Seen, lease: Lease, now: float) -> State:
    """The next state. `now` is monotonic and never less than at the step before."""
    state = _observed(was, seen, now)
    state = msgspec.structs.replace(state, faults=seen.faults | _own_faults(state, now))
    if not now < lease.expires:
        lease = Lease(ended="lease expired" if math.isfinite(lease.expires) else lease.ended)
    offered = _offer(state, lease)
    why_not = objection(state, lease, offered, now)
    out = Outputs(offered, _lock(state, lease, now), why_not is None)
    because = state.because
    if out.close != was.out.close:
        because = why_not or f"vehicle ready, {offered:g} A offered"
    return msgspec.structs.replace(state, out=out, because=because)


def _observed(was: State, seen: Seen, now: float) -> State:
    """What is seen now, and since when."""
    wrong = _since(was.contact_wrong_since, seen.contact != was.out.close, now)
    never_closed = was.out.close and wrong is not None and now - wrong > CLOSE_S
    return msgspec.structs.replace(
        was,
        seen=seen,
        pilot_since=now if seen.pilot != was.seen.pilot else was.pilot_since,
        contact_since=now if seen.contact != was.seen.contact else was.contact_since,
        contact_wrong_since=wrong,
        lock_wrong_since=_since(was.lock_wrong_since, seen.locked != was.out.lock, now),
        close_failed=seen.pilot != "A" and (was.close_failed or never_closed),
    )


def _since(before: float | None, wrong: bool, now: float) -> float | None:
    if not wrong:
        return None
    return now if before is None else before


def _own_faults(state: State, now: float) -> set[Fault]:
    """What the interlock itself finds wrong: conditions that end when the hardware obeys."""
    faults: set[Fault] = set()
    wrong = state.contact_wrong_since
    welded = not state.out.close and wrong is not None and now - wrong > WELD_S
    if welded or state.close_failed:
        faults.add("PowerSwitchFailure")
    if _lock_failed(state, now):
        faults.add("ConnectorLockFailure")
    return faults


def _lock_failed(state: State, now: float) -> bool:
    return state.lock_wrong_since is not None and now - state.lock_wrong_since > LOCK_S


def _lock(state: State, lease: Lease, now: float) -> bool:
    """Where the lock shall be."""
    if not state.spec.lock:
        return False
    if state.seen.contact and state.seen.locked:
        return True  # never unlocked under load (hardware 1.3)
    if state.seen.pilot == "A":
        return False
    if _lock_failed(state, now):
        return state.out.lock  # a stuck lock is tried until it has moved, or the fault never ended
    return lease.lock


def _limit(state: State, lease: Lease) -> float:
    return min(lease.limit_a, state.spec.fuse_limit_a)


def _offer(state: State, lease: Lease) -> float:
    """What the pilot offers: nothing in A, E, F, with a fault, unlocked, or below 6 A (S5)."""
    limit = _limit(state, lease)
    unlocked = state.spec.lock and not (lease.lock and state.seen.locked)
    if state.faults or unlocked or state.seen.pilot not in ("B", "C", "D"):
        return 0.0
    return limit if limit >= MIN_A else 0.0


def objection(state: State, lease: Lease, offered_a: float, now: float) -> str | None:
    """What speaks against a closed contactor, in words for the record; None = nothing (S3)."""
    if state.faults:
        return "fault " + ", ".join(sorted(state.faults))
    if not math.isfinite(lease.expires):
        return lease.ended
    if not _limit(state, lease) >= MIN_A:  # so written, no number is too little as well
        return f"{_limit(state, lease):g} A permitted"
    if state.seen.pilot != "C":
        return f"pilot {state.seen.pilot}"
    if offered_a < MIN_A:
        return "connector not locked"
    return None if state.out.close else _not_yet(state, now)


def _not_yet(state: State, now: float) -> str | None:
    """What more must hold before closing than while closed."""
    if now - state.pilot_since < READY_S:
        return "pilot not yet stable"
    if state.seen.contact or now - state.contact_since < READY_S:
        return "mirror contact not seen open"
    return None
