"""Metering: what the register stands at for a session, and what a sample holds."""

from firmware.core.settings import Settings
from firmware.facts import Sample
from hal.ports import Reading


def register(reading: Reading | None, shift: int, otherwise: int) -> int:
    """The import register as the session counts it, Wh; `otherwise` where nothing was read."""
    return otherwise if reading is None else reading.wh + shift


def sample(
    reading: Reading | None, shift: int, otherwise: int, offered_a: float, settings: Settings
) -> Sample:
    """All that is known now. What is told of it are the measurands configured now; an empty list
    means the energy register (R16-196)."""
    measurands = settings.sampled_measurands or ("Energy.Active.Import.Register",)
    wh = max(register(reading, shift, otherwise), otherwise)
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
