"""Metering: what the register stands at for a session, when it is sampled, what a sample holds."""

import math

import msgspec

from firmware.core.connector import Charging, Connector, Kept
from firmware.core.settings import Settings
from firmware.facts import Fact, Instant, Measured, Sample, SessionMetered, Trigger
from hal.ports import Reading

replace = msgspec.structs.replace
Said = tuple[Connector, list[Fact]]

KEEP_S = 10.0
"""The session's last reading is stored at most this often, which spares the flash."""


def register(reading: Reading | None, shift: int, otherwise: int) -> int:
    """The import register as the session counts it, Wh; `otherwise` where nothing was read."""
    return otherwise if reading is None else reading.wh + shift


def _sample(wh: int, reading: Reading | None, offered_a: float, settings: Settings) -> Sample:
    """All that is known now; of a meter that does not answer (None) only its last register. What
    is told of it are the measurands configured now; an empty list means that one (R16-196)."""
    measurands = settings.sampled_measurands or ("Energy.Active.Import.Register",)
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
    if isinstance(c.phase, Charging) and c.phase.ending is None:
        return _metered(c, c.phase, now, "Trigger", now, settings)
    taken = _sample(register(c.reading, 0, 0), c.present, c.offered_a, settings)
    return c, [Measured(c.evse, now, taken)]


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
    return _metered(c, phase, now.at(moment), "Periodic", now, settings)


def _metered(
    c: Connector, phase: Charging, at: Instant, trigger: Trigger, now: Instant, settings: Settings
) -> Said:
    """A sample of the session; what is told is kept, so no end may lie before it (R16-089)."""
    session = phase.session
    wh = register(c.reading, session.shift, session.kept.wh)
    taken = _sample(wh, c.present, c.offered_a, settings)
    fact = SessionMetered(session.number, c.evse, at, taken, trigger)
    session = replace(session, kept=Kept(wh, now))
    return replace(c, phase=replace(phase, session=session)), [fact]


def next_sample(phase: Charging, settings: Settings) -> float:
    interval, start = settings.sample_interval, phase.session.started.mono
    if interval == 0:
        return math.inf
    return start + (math.floor((phase.sampled - start) / interval + 1e-6) + 1) * interval


def regrid(c: Connector, now: Instant) -> Connector:
    """A changed interval holds from now on (R16-186): nothing is sampled for moments gone by."""
    if not isinstance(c.phase, Charging):
        return c
    return replace(c, phase=replace(c.phase, sampled=now.mono))
