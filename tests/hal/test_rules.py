"""The interlock's rules: when the contactor may close, when it opens, and what is a fault."""

import pytest
from msgspec.structs import replace

from hal.interlock.rules import Lease, Outputs, Seen, State, step
from hal.ports import EvseSpec

TICK = 0.01


class Wires:
    """An EVSE whose contactor and lock obey in one tick unless told not to; time is told too."""

    def __init__(self, spec: EvseSpec | None = None) -> None:
        self.state = State(spec or EvseSpec(1))
        self.seen = Seen()
        self.lease = Lease()
        self.now = 100.0
        self.obeys = True
        self.passes(0.5)

    @property
    def out(self) -> Outputs:
        return self.state.out

    def passes(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK)):
            self.now += TICK
            if self.obeys:
                self.seen = replace(self.seen, contact=self.out.close, locked=self.out.lock)
            self.turn()

    def turn(self) -> None:
        self.state = step(self.state, self.seen, self.lease, self.now)

    def sees(self, **what: object) -> None:
        """Let it be seen now, and nothing else happen."""
        self.seen = replace(self.seen, **what)
        self.turn()

    def leased(self, limit_a: float = 16.0, *, lock: bool = True, for_s: float = 2.0) -> None:
        self.lease = Lease(limit_a, lock, self.now + for_s)
        self.turn()

    def charges(self) -> None:
        """Bring it to a closed contact, with a lease that lasts."""
        self.leased(for_s=1000.0)
        self.seen = replace(self.seen, pilot="C")
        self.passes(0.3)
        assert self.out.close
        assert self.seen.contact


@pytest.fixture
def wires() -> Wires:
    return Wires()


def test_nothing_is_driven_without_a_lease(wires: Wires) -> None:
    wires.seen = Seen(pilot="C")
    wires.passes(10)
    assert wires.out == Outputs()


def test_a_lease_locks_then_offers_then_closes_when_the_vehicle_is_ready(wires: Wires) -> None:
    wires.leased()
    wires.sees(pilot="B")
    assert wires.out == Outputs(offered_a=0.0, lock=True, close=False)
    wires.passes(TICK)
    assert wires.out == Outputs(offered_a=16.0, lock=True, close=False)
    wires.sees(pilot="C")
    wires.passes(0.09)
    assert not wires.out.close
    wires.passes(0.02)
    assert wires.out.close
    assert wires.state.because == "vehicle ready, 16 A offered"


def test_the_pilot_must_be_stable_for_100_ms(wires: Wires) -> None:
    wires.leased()
    for _ in range(10):
        wires.sees(pilot="C")
        wires.passes(0.08)
        wires.sees(pilot="B")
    assert not wires.out.close


@pytest.mark.parametrize("pilot", ["A", "B", "D", "E", "F"])
def test_leaving_state_c_opens_at_once(wires: Wires, pilot: str) -> None:
    wires.charges()
    wires.sees(pilot=pilot)
    assert not wires.out.close
    assert wires.state.because == f"pilot {pilot}"


@pytest.mark.parametrize("pilot", ["A", "E", "F"])
def test_nothing_is_offered_without_a_vehicle(wires: Wires, pilot: str) -> None:
    wires.leased()
    wires.sees(pilot=pilot)
    wires.passes(0.5)
    assert wires.out.offered_a == 0


def test_a_vehicle_that_wants_ventilation_gets_no_power(wires: Wires) -> None:
    wires.leased()
    wires.sees(pilot="D")
    wires.passes(1)
    assert wires.out == Outputs(offered_a=16.0, lock=True, close=False)


def test_a_lapsed_lease_opens_and_unlocks_once_the_contact_is_seen_open(wires: Wires) -> None:
    wires.charges()
    wires.leased(for_s=2.0)
    wires.passes(1.9)
    assert wires.out.close
    wires.obeys = False
    wires.passes(0.11)
    assert wires.out == Outputs(offered_a=0.0, lock=True, close=False)
    assert wires.state.because == "lease expired"
    wires.sees(contact=False)
    assert not wires.out.lock


def test_a_lease_that_is_withdrawn_opens_and_says_why(wires: Wires) -> None:
    wires.charges()
    wires.lease = Lease(ended="lease channel closed")
    wires.turn()
    assert not wires.out.close
    assert wires.state.because == "lease channel closed"


@pytest.mark.parametrize("limit_a", [0.0, 5.99, -1.0, float("nan")])
def test_less_than_six_amperes_is_no_pwm(wires: Wires, limit_a: float) -> None:
    wires.charges()
    wires.leased(limit_a)
    assert wires.out == Outputs(offered_a=0.0, lock=True, close=False)


def test_the_least_of_lease_and_fuse_is_offered() -> None:
    wires = Wires(EvseSpec(1, fuse_limit_a=20.0))
    wires.charges()
    wires.leased(10.0)
    assert wires.out.offered_a == 10.0
    wires.leased(32.0)
    assert wires.out.offered_a == 20.0


def test_a_fuse_below_six_amperes_permits_nothing() -> None:
    wires = Wires(EvseSpec(1, fuse_limit_a=5.0))
    wires.leased()
    wires.sees(pilot="C")
    wires.passes(1)
    assert wires.out == Outputs(lock=True)


def test_a_lock_that_lets_go_opens(wires: Wires) -> None:
    wires.charges()
    wires.sees(locked=False)
    assert not wires.out.close
    assert wires.state.because == "connector not locked"


def test_a_wish_to_unlock_opens_first(wires: Wires) -> None:
    wires.charges()
    wires.obeys = False
    wires.leased(lock=False)
    assert wires.out == Outputs(offered_a=0.0, lock=True, close=False)
    wires.sees(contact=False)
    assert not wires.out.lock


def test_an_attached_cable_needs_no_lock() -> None:
    wires = Wires(EvseSpec(1, lock=False))
    wires.leased(lock=False)
    wires.sees(pilot="C")
    wires.passes(0.3)
    assert wires.out == Outputs(offered_a=16.0, lock=False, close=True)


def test_any_fault_opens_and_blocks_while_it_lasts(wires: Wires) -> None:
    wires.charges()
    wires.sees(faults=frozenset({"GroundFailure", "Other"}))
    assert wires.out == Outputs(offered_a=0.0, lock=True, close=False)
    assert wires.state.because == "fault GroundFailure, Other"
    assert wires.state.faults == {"GroundFailure", "Other"}
    wires.passes(5)
    assert not wires.out.close
    wires.sees(faults=frozenset())
    wires.passes(0.3)
    assert wires.out.close


def test_a_contact_that_stays_closed_is_welded_after_200_ms(wires: Wires) -> None:
    wires.charges()
    wires.obeys = False
    wires.sees(pilot="B")
    wires.passes(0.19)
    assert not wires.state.faults
    wires.passes(0.03)
    assert wires.state.faults == {"PowerSwitchFailure"}
    assert wires.out.offered_a == 0
    wires.obeys = True
    wires.passes(TICK)
    assert not wires.state.faults


def test_a_contact_that_does_not_close_is_a_fault_after_500_ms_until_unplugged(
    wires: Wires,
) -> None:
    wires.leased(for_s=1000.0)
    wires.sees(pilot="C")
    wires.passes(0.05)
    wires.obeys = False
    wires.sees(locked=True)
    wires.passes(0.06)
    assert wires.out.close
    wires.passes(0.48)
    assert wires.out.close
    wires.passes(0.06)
    assert not wires.out.close
    assert wires.state.faults == {"PowerSwitchFailure"}
    wires.passes(60)
    assert not wires.out.close
    assert wires.state.faults == {"PowerSwitchFailure"}
    wires.sees(pilot="A")
    assert not wires.state.faults


def test_self_test_at_start_wants_the_contact_seen_open() -> None:
    state = State(EvseSpec(1, lock=False))
    stuck = Seen(pilot="C", contact=True)
    lease = Lease(16.0, False, 1e6)
    for turn in range(100):
        state = step(state, stuck, lease, turn * TICK)
        assert not state.out.close
    assert state.faults == {"PowerSwitchFailure"}
    for turn in range(100, 130):
        state = step(state, replace(stuck, contact=state.out.close), lease, turn * TICK)
    assert state.out.close
    assert not state.faults


def test_a_lock_that_does_not_move_is_a_fault_after_a_second(wires: Wires) -> None:
    wires.obeys = False
    wires.leased(for_s=1000.0)
    wires.sees(pilot="B")
    wires.passes(1.0)
    assert not wires.state.faults
    wires.passes(0.05)
    assert wires.state.faults == {"ConnectorLockFailure"}


def test_a_stuck_lock_is_tried_until_it_moves_though_the_lease_is_gone(wires: Wires) -> None:
    wires.obeys = False
    wires.leased(for_s=1.5)
    wires.sees(pilot="B")
    wires.passes(10)
    assert wires.state.faults == {"ConnectorLockFailure"}
    assert wires.out == Outputs(lock=True)
    wires.sees(locked=True)
    assert not wires.state.faults
    assert not wires.out.lock


def test_a_stuck_lock_is_forgotten_when_the_vehicle_leaves(wires: Wires) -> None:
    wires.obeys = False
    wires.leased(for_s=1000.0)
    wires.sees(pilot="B")
    wires.passes(2)
    wires.sees(pilot="A")
    wires.passes(TICK)
    assert not wires.state.faults


def test_a_lock_that_does_not_open_is_a_fault(wires: Wires) -> None:
    wires.leased(for_s=1000.0)
    wires.sees(pilot="B")
    wires.passes(0.1)
    wires.obeys = False
    wires.sees(pilot="A")
    wires.passes(1.1)
    assert wires.state.faults == {"ConnectorLockFailure"}
