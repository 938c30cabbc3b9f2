"""A seeded random walk over the whole station: what must hold after every step, whatever happened.

PILOTWIRE_SEED=n repeats a walk, PILOTWIRE_STEPS=n makes it longer; `pytest -s` shows what it saw.
"""

import os
import random

from firmware.events import Ordered
from firmware.facts import AuthorizationAsked
from tests.firmware.core.witness import Witness
from tests.firmware.core.world import World

STEPS = int(os.environ.get("PILOTWIRE_STEPS", "90000"))
LIFE = 500
"""About so many steps lie between two power cuts."""

PHASES = {"Idle", "Authorizing", "Authorized", "Charging", "Ending", "Finishing", "Held"}
MOVES = {
    *(("Idle", to) for to in ("Authorizing", "Authorized", "Charging")),
    *(("Authorizing", to) for to in ("Idle", "Authorized", "Charging")),
    *(("Authorized", to) for to in ("Idle", "Charging")),
    *(("Charging", to) for to in ("Ending", "Finishing", "Held", "Idle")),
    *(("Ending", to) for to in ("Finishing", "Held", "Idle")),
    *(("Finishing", to) for to in ("Idle", "Authorizing", "Authorized", "Charging")),
    *(("Held", to) for to in ("Finishing", "Idle")),
}
"""Every way from one phase to another that one event may lead."""


class Walk:
    def __init__(self, seed: int) -> None:
        self.world = World(seed)
        self.witness = Witness()
        self.rig = self.world.rig()
        self.rows = 0
        self.hear()

    def step(self) -> None:
        dice, rig = self.world.dice, self.rig
        rig.clock.mono += self.world.elapsed(rig)
        event = self.world.event(rig)
        if isinstance(event, Ordered):
            self.witness.asked.add(event.number)
        before = rig.state
        rig.happens(event)
        if dice.random() < 0.6:
            rig.stores()
        self.hear()
        self.witness.look(rig, before, event)
        if dice.random() < 1 / LIFE:
            self.cut_power()

    def hear(self) -> None:
        """Take what was stored and told since the last step."""
        for fact in self.rig.log:
            self.witness.stored(fact)
            self.rows += 1
            self.world.open_rows.append((self.rows, fact))
        for said in self.rig.told:
            self.witness.told(said)
            if isinstance(said, AuthorizationAsked):
                self.world.questions.append(said)
        self.rig.log.clear()
        self.rig.told.clear()

    def cut_power(self) -> None:
        if self.world.dice.random() < 0.5:
            self.all_is_answered()
        self.witness.power_is_cut(self.rig.disk)
        self.world.questions.clear()
        online = self.world.dice.random() < 0.5
        self.rig = self.rig.loses_power(30.0, prompt=False, seen=False, online=online)
        self.hear()

    def all_is_answered(self) -> None:
        """Once all is stored, and locks and learned cards had their time, so has every order its
        answer."""
        self.rig.passes(31)
        self.rig.stores()
        self.hear()
        assert self.witness.asked <= self.witness.answered


def test_random_walk() -> None:
    seed = int(os.environ.get("PILOTWIRE_SEED", random.SystemRandom().randrange(2**32)))
    print(f"\nPILOTWIRE_SEED={seed}")
    walk = Walk(seed)
    for number in range(STEPS):
        try:
            walk.step()
        except AssertionError as error:
            raise AssertionError(f"PILOTWIRE_SEED={seed}, step {number}: {error}") from error
    walk.all_is_answered()
    report(walk)


def report(walk: Walk) -> None:
    """What was visited; nothing declared may be left out, and nothing undeclared seen."""
    seen = walk.witness
    lines = [f"{count:7d}  {phase}" for phase, count in sorted(seen.phases.items())]
    lines += [f"{count:7d}  {a} -> {b}" for (a, b), count in sorted(seen.moves.items())]
    lines += [f"{count:7d}  {a} -> {b}" for (a, b), count in sorted(seen.statuses.items())]
    lines += [f"{len(seen.started):7d}  sessions"]
    print("\n".join(lines))
    assert seen.phases.keys() == PHASES, lines
    assert seen.moves.keys() == MOVES, (seen.moves.keys() ^ MOVES, lines)
