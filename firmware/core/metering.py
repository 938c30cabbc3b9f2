"""Metering: what the register stands at for a session, when it is sampled, what a sample holds."""

import math

import msgspec

from firmware.core.connector import Charging, Connector, Kept, Session
from firmware.core.settings import Settings
from firmware.facts import Fact, Instant, Measured, Sample, SessionMetered, Trigger
from hal.ports import Reading

replace = msgspec.structs.replace
Said = tuple[Connector, list[Fact]]

Measurands = tuple[str, ...]
DAY_S = 86400

KEEP_S = 10.0
"""The session's last reading is stored at most this often, which spares the flash."""


def register(reading: Reading | None, shift: int, otherwise: int) -> int:
    """The import register as the session counts it, Wh; `otherwise` where nothing was read."""
    return otherwise if reading is None else reading.wh + shift


def _sample(
    wh: int, reading: Reading | None, offered_a: float, measurands: tuple[str, ...]
) -> Sample:
    """All that is known now; of a meter that does not answer (None) only its last register. What
    is told of it are the measurands configured now; an empty list means that one (R16-196)."""
    measurands = measurands or ("Energy.Active.Import.Register",)
    if reading is None:
        return Sample(wh, offered_a=offered_a, measurands=measurands)
    return Sample(
        wh,
        reading.watts,
        reading.volts,
        reading.amps,
        reading.hertz,
        reading.soc,
        offered_a,
        measurands,
    )


def measure(c: Connector, now: Instant, settings: Settings) -> Said:
    """Present values: part of the history while a session runs (R16-194, R16-201)."""
    told = settings.sampled_measurands
    if isinstance(c.phase, Charging) and c.phase.ending is None:
        return _metered(c, c.phase, now, now, "Trigger", told, ())
    return c, [_measured(c, now, "Trigger", told)]


def _measured(c: Connector, at: Instant, trigger: Trigger, told: Measurands) -> Measured:
    taken = _sample(register(c.reading, 0, 0), c.present, c.offered_a, told)
    return Measured(c.evse, at, taken, trigger)


def bound(c: Connector, session: Session, settings: Settings) -> Sample | None:
    """The values of a start or an end for StopTransaction, if it is to carry any (R16-091)."""
    told = dict.fromkeys(settings.stop_sampled_measurands + settings.stop_aligned_measurands)
    if not told:
        return None
    wh = register(c.reading, session.shift, session.kept.wh)
    return _sample(wh, c.present, c.offered_a, tuple(told))


def keep(c: Connector, phase: Charging, now: Instant) -> Charging:
    """Where the session ends if the power fails from now on (R16-089)."""
    session = phase.session
    wh = register(c.reading, session.shift, session.kept.wh)
    if wh <= session.kept.wh or now.mono - session.kept.at.mono < KEEP_S:
        return phase
    return replace(phase, session=replace(session, kept=Kept(wh, now)))


def sampled(c: Connector, phase: Charging, now: Instant, settings: Settings) -> Said:
    """Sampled values every MeterValueSampleInterval from the start of the session (R16-190)."""
    due = next_sample(phase, settings)
    if now.mono < due:
        return replace(c, phase=phase), []
    behind = math.floor((now.mono - due) / settings.sample_interval)
    moment = due + behind * settings.sample_interval
    phase = replace(phase, sampled=moment)
    told, for_stop = settings.sampled_measurands, settings.stop_sampled_measurands
    return _metered(c, phase, now.at(moment), now, "Periodic", told, for_stop)


def _metered(
    c: Connector,
    phase: Charging,
    at: Instant,
    now: Instant,
    trigger: Trigger,
    told: Measurands,
    for_stop: Measurands,
) -> Said:
    """A sample of the session; what is told is kept, so no end may lie before it (R16-089)."""
    session = phase.session
    wh = register(c.reading, session.shift, session.kept.wh)
    taken = _sample(wh, c.present, c.offered_a, told)
    fact = SessionMetered(session.number, c.evse, at, taken, trigger, for_stop)
    session = replace(session, kept=Kept(wh, now))
    return replace(c, phase=replace(phase, session=session)), [fact]


def next_sample(phase: Charging, settings: Settings) -> float:
    interval, start = settings.sample_interval, phase.session.started.mono
    if interval == 0:
        return math.inf
    return start + (math.floor((phase.sampled - start) / interval + 1e-6) + 1) * interval


def aligned(c: Connector, now: Instant, settings: Settings) -> Said:
    """Clock-aligned values, also without a session (R16-191 ... R16-194). Without a known clock
    there is no grid; a clock that jumps begins a new one."""
    if settings.clock_aligned_interval == 0 or not now.trusted:
        return c, []
    grid = _grid(now.wall, settings.clock_aligned_interval)
    missed = c.aligned != grid and math.isfinite(c.aligned) and c.aligned < grid
    c = replace(c, aligned=grid)
    if not missed or c.present is None:
        return c, []
    at = replace(now, mono=now.mono - (now.wall - grid), wall=grid)
    told, for_stop = settings.aligned_measurands, settings.stop_aligned_measurands
    if isinstance(c.phase, Charging) and c.phase.ending is None:
        return _metered(c, c.phase, at, now, "Clock", told, for_stop)
    return c, [_measured(c, at, "Clock", told)]


def _grid(wall: float, interval: int) -> float:
    """The last grid instant: multiples of the interval, counted from midnight UTC (R16-193)."""
    midnight = wall // DAY_S * DAY_S
    return midnight + (wall - midnight) // interval * interval


def next_aligned(now: Instant, settings: Settings) -> float:
    """Monotonic time of the next grid instant; every midnight is one (R16-192)."""
    interval = settings.clock_aligned_interval
    if interval == 0 or not now.trusted:
        return math.inf
    midnight = (now.wall // DAY_S + 1) * DAY_S
    return now.mono + min(_grid(now.wall, interval) + interval, midnight) - now.wall


def regrid(c: Connector, now: Instant) -> Connector:
    """A changed interval holds from now on (R16-186): nothing is sampled for moments gone by."""
    c = replace(c, aligned=-math.inf)
    if not isinstance(c.phase, Charging):
        return c
    return replace(c, phase=replace(c.phase, sampled=now.mono))
