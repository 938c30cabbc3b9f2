"""All ordered pairs of what may happen at one connector, from every base state (hardware X8): no
energy without authorisation, and never more than one transaction at a time.
"""

from collections.abc import Callable
from itertools import product

import pytest

from firmware.core.settings import Settings
from firmware.events import LinkChanged, MeterLost, Ordered
from firmware.facts import SessionMetered, SessionStarted, SessionStopped
from firmware.orders import RemoteStart, RemoteStop, Unlock
from tests.firmware.rig import Rig


class Scene:
    """One connector, and how often somebody was let in."""

    def __init__(self, *, patient: bool) -> None:
        settings = Settings(stop_on_ev_disconnect=not patient, cache_enabled=False)
        self.rig = Rig(settings=settings)
        self.granted = 0

    def card(self) -> None:
        self.rig.presents("CARD")

    def answer(self, status: str) -> None:
        """To the latest question, unless it was answered by time."""
        if self.rig.questions:
            waits = self.rig.at().asking is not None and self.rig.at().session is None
            self.granted += waits and status == "Accepted"
            self.rig.replies(status)

    def late(self) -> None:
        """The answer comes after MessageTimeout."""
        self.rig.passes(31)
        self.answer("Accepted")

    def remote_start(self) -> None:
        self.granted += self.rig.orders(RemoteStart("REMOTE", 1)).status == "Accepted"

    def remote_stop(self) -> None:
        self.rig.orders(RemoteStop("4711"))

    def unlock(self) -> None:
        self.rig.happens(Ordered(99, Unlock(1)))

    def confirm(self, status: str) -> None:
        running = self.rig.at().running
        if running is not None and running.transaction is None:
            self.rig.confirms("4711", status)

    def begin(self) -> None:
        self.rig.plugs()
        self.card()
        self.answer("Accepted")

    def check(self) -> None:
        rig = self.rig
        permit = rig.wanted()
        assert len(rig.starts) <= self.granted
        assert 0 <= len(rig.starts) - len(rig.stops) <= 1
        assert len({start.session for start in rig.starts}) == len(rig.starts)
        if permit is not None:
            c = rig.at()
            assert c.running is not None
            assert permit.session == c.running.number
            assert c.plugged
            assert not c.faults


ACTIONS: dict[str, Callable[[Scene], None]] = {
    "plug": lambda s: s.rig.plugs(),
    "draw": lambda s: s.rig.wanted() and s.rig.draws(),
    "unplug": lambda s: s.rig.unplugs(),
    "card": lambda s: s.card(),
    "accepted": lambda s: s.answer("Accepted"),
    "invalid": lambda s: s.answer("Invalid"),
    "late": lambda s: s.late(),
    "start accepted": lambda s: s.confirm("Accepted"),
    "start refused": lambda s: s.confirm("Invalid"),
    "remote start": lambda s: s.remote_start(),
    "remote stop": lambda s: s.remote_stop(),
    "unlock": lambda s: s.unlock(),
    "meter lost": lambda s: s.rig.happens(MeterLost(1)),
    "meter back": lambda s: s.rig.reads(),
    "link down": lambda s: s.rig.goes_offline(),
    "link up": lambda s: s.rig.happens(LinkChanged(up=True)),
    "fault": lambda s: s.rig.sees(1, s.rig.at().pilot or "A", "GroundFailure"),
    "hot": lambda s: s.rig.sees(1, s.rig.at().pilot or "A", "OverTemperature"),
    "fault cleared": lambda s: s.rig.sees(1, s.rig.at().pilot or "A"),
    "a second": lambda s: s.rig.passes(1),
}
BASES: dict[str, tuple[str, ...]] = {
    "idle": (),
    "plugged": ("plug",),
    "asking": ("card",),
    "asking, plugged": ("plug", "card"),
    "authorised": ("card", "accepted"),
    "started": ("plug", "card", "accepted"),
    "charging": ("plug", "card", "accepted", "draw", "start accepted"),
    "ending": ("plug", "card", "accepted", "draw", "a second", "card"),
    "finishing": ("plug", "card", "accepted", "a second", "card", "a second"),
    "faulted": ("plug", "hot"),
    "offline": ("plug", "link down"),
}


@pytest.mark.parametrize("patient", [False, True])
@pytest.mark.parametrize("base", BASES)
def test_pairs(base: str, patient: bool) -> None:
    for pair in product(ACTIONS, repeat=2):
        scene = Scene(patient=patient)
        for name in (*BASES[base], *pair):
            ACTIONS[name](scene)
            try:
                scene.check()
            except AssertionError as error:
                raise AssertionError(f"{base}: {pair}, at {name}: {error}") from error
        leave(scene)


def leave(scene: Scene) -> None:
    """Everybody goes home: nothing is left, and each start has its stop."""
    rig = scene.rig
    rig.sees(1, "A")
    rig.reads()
    if rig.at().running is not None:
        rig.presents(rig.at().running.token)
    rig.passes(70)
    assert (rig.wanted(), rig.at().session) == (None, None)
    assert [start.session for start in rig.starts] == [stop.session for stop in rig.stops]
    ends = [type(fact) for fact in rig.log if not isinstance(fact, SessionMetered)]
    assert ends == [SessionStarted, SessionStopped] * len(rig.starts)
