"""The fake board's EVSEs together, and the answers to what its bench controls and meters ask."""

from collections.abc import Iterable, Mapping
from typing import assert_never

from hal.evse.fake import FakeEvse
from hal.evse.verbs import (
    Ask,
    BenchVerb,
    EvseState,
    Faults,
    Lock,
    Override,
    Pause,
    PlugIn,
    ReadMeter,
    ReadState,
    Reply,
    Resume,
    Unplug,
)
from hal.ports import BenchError, EvseReport


class World:
    """All fake EVSEs. `now` is monotonic time throughout."""

    def __init__(self, evses: Iterable[FakeEvse]) -> None:
        self.evses = {evse.spec.id: evse for evse in evses}

    @property
    def busy(self) -> bool:
        return any(evse.busy for evse in self.evses.values())

    @property
    def registers(self) -> dict[int, float]:
        return {id: evse.register_wh for id, evse in self.evses.items()}

    def advance(self, now: float) -> None:
        for evse in self.evses.values():
            evse.advance(now)

    def carry_out(self, ask: Ask, now: float) -> Reply:
        """Do or refuse what is asked; looking at instruments is `answer`'s."""
        if isinstance(ask.request, ReadState):
            return Reply(ask.serial)
        try:
            evse = self._evse(ask.request)
            if not isinstance(ask.request, ReadMeter):
                _perform(evse, ask.request, now)
        except BenchError as refused:
            return Reply(ask.serial, refused.status, str(refused))
        return Reply(ask.serial)

    def _evse(self, verb: BenchVerb | ReadMeter) -> FakeEvse:
        if verb.evse not in self.evses:
            known = ", ".join(map(str, self.evses))
            raise BenchError(404, f"there is no EVSE {verb.evse}, only {known}")
        if not isinstance(verb, ReadMeter | Override) and verb.connector != 1:
            raise BenchError(404, f"EVSE {verb.evse} has connector 1 only")
        return self.evses[verb.evse]

    def state(self, reports: Mapping[int, EvseReport]) -> dict[int, EvseState]:
        return {id: _state(self.evses[id], report) for id, report in reports.items()}


def _perform(evse: FakeEvse, verb: BenchVerb, now: float) -> None:
    match verb:
        case PlugIn():
            evse.plug_in(verb, now)
        case Unplug():
            evse.unplug()
        case Pause() | Resume():
            evse.wish(verb)
        case Faults():
            evse.plan(verb, now)
        case Lock():
            evse.lock.jammed = verb.jammed
        case Override():
            evse.override(verb)
        case _:
            assert_never(verb)
    evse.advance(now)


def _state(evse: FakeEvse, report: EvseReport) -> EvseState:
    reading = evse.reading()
    return EvseState(
        plugged=evse.vehicle is not None,
        cp_state=report.pilot,
        locked=report.locked,
        relay_closed=report.closed,
        faults=sorted(report.faults),
        energy_wh=reading.wh,
        power_w=reading.watts,
        current_a=max(reading.amps),
        soc=reading.soc,
    )
