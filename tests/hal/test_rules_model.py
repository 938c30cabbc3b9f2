"""A seeded random walk over the interlock's rules: a closed contactor has every condition met.

The conditions are written a second time here, from the requirement (S3), over the raw history.
"""

import random
from collections import Counter
from typing import get_args

import pytest
from msgspec.structs import replace

from hal.interlock.rules import Lease, Seen, State, step
from hal.ports import EvseSpec, Fault, PilotState

EVENTS = 250_000
FAULTS: tuple[Fault, ...] = get_args(Fault)
PILOTS: tuple[PilotState, ...] = get_args(PilotState)
SPECS = [
    EvseSpec(1),
    EvseSpec(1, lock=False),
    EvseSpec(1, fuse_limit_a=10.0),
    EvseSpec(1, fuse_limit_a=5.0),
]


class Walk:
    """Random hardware, leases and time; what it saw lately it remembers for itself."""

    def __init__(self, spec: EvseSpec, seed: int) -> None:
        self.random = random.Random(seed)
        self.state = State(spec)
        self.seen = Seen()
        self.lease = Lease()
        self.now = 0.0
        self.not_ready_at = self.not_open_at = 0.0
        self.visits: Counter[str] = Counter()

    def event(self) -> None:
        chance = self.random
        match chance.choices(range(6), (55, 12, 6, 3, 12, 12))[0]:
            case 0:
                self.obey(chance.random() < 0.95)
            case 1:
                weights = (1, 3, 12, 1, 1, 1)
                self.seen = replace(self.seen, pilot=chance.choices(PILOTS, weights)[0])
            case 2:
                faults = chance.sample(FAULTS, chance.choice((0, 0, 0, 1, 2)))
                self.seen = replace(self.seen, faults=frozenset(faults))
            case 3:
                flipped = chance.choice(("contact", "locked"))
                self.seen = replace(self.seen, **{flipped: not getattr(self.seen, flipped)})
            case 4:
                self.seen = replace(self.seen, faults=frozenset(), pilot="C")
            case _:
                limit_a = chance.choice((0.0, 5.9, 6.0, 16.0, 16.0, 32.0, float("nan")))
                expires = self.now + chance.uniform(-0.5, 2.0)
                self.lease = Lease(limit_a, chance.random() < 0.9, expires)

    def obey(self, all_of_it: bool) -> None:
        out = self.state.out
        self.now += self.random.choice((0.0, 0.01, 0.05, 0.12, 0.3))
        self.seen = replace(self.seen, locked=out.lock)
        if all_of_it:
            self.seen = replace(self.seen, contact=out.close)

    def turn(self) -> None:
        was = self.state
        if self.seen.pilot != "C":
            self.not_ready_at = self.now
        if self.seen.contact:
            self.not_open_at = self.now
        self.state = step(was, self.seen, self.lease, self.now)
        self.check(was)

    def check(self, was: State) -> None:
        out, spec = self.state.out, self.state.spec
        allowed = self.allowed()
        assert out.offered_a == 0 or 6 <= out.offered_a <= allowed
        if out.close:
            assert out.offered_a >= 6
            assert self.seen.pilot == "C"
            assert not self.seen.faults
            assert not self.state.faults
            assert not spec.lock or (self.seen.locked and self.lease.lock)
        if out.close and not was.out.close:
            assert self.now - self.not_ready_at >= 0.1
            assert self.now - self.not_open_at >= 0.1
            self.visits["closed"] += 1
        if was.out.close and not out.close:
            self.visits[self.way(self.state.because)] += 1
        if was.seen.contact and was.seen.locked and self.seen.contact and self.seen.locked:
            assert out.lock == spec.lock

    @staticmethod
    def way(because: str) -> str:
        words = because.split()
        return words[-1] if words[-1] == "permitted" else words[0]

    def allowed(self) -> float:
        """What may be offered, A."""
        if self.now >= self.lease.expires or self.seen.faults:
            return 0.0
        return min(self.state.spec.fuse_limit_a, self.lease.limit_a)


@pytest.mark.parametrize("spec", SPECS)
def test_closed_means_every_condition_holds(spec: EvseSpec) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    walk = Walk(spec, seed)
    for _ in range(EVENTS):
        walk.event()
        walk.turn()
    if spec.fuse_limit_a < 6:
        assert not walk.visits
        return
    print(walk.visits)
    assert walk.visits["closed"] > 500
    ways = {"closed", "lease", "pilot", "fault", "permitted"}
    assert set(walk.visits) == (ways | {"connector"} if spec.lock else ways)
