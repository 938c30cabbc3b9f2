"""What the samples of one instant say about energy and power."""

from collections.abc import Sequence
from math import isfinite

from ocpp.v16 import SampledValue

_SCALE = {"Wh": 1.0, "kWh": 1000.0, "W": 1.0, "kW": 1000.0}


def reading(samples: Sequence[SampledValue]) -> tuple[float | None, float | None]:
    """Imported energy (register, Wh) and active power (W) among these samples; None if absent."""
    return (
        _total(samples, "Energy.Active.Import.Register", "Wh"),
        _total(samples, "Power.Active.Import", "W"),
    )


def _total(samples: Sequence[SampledValue], measurand: str, unit: str) -> float | None:
    """The value over all phases; where only phases are given, their sum."""
    # Absent fields mean an energy register in Wh at the outlet (R16-197).
    wanted = [
        (sample.phase, number * _SCALE[sample.unit or unit])
        for sample in samples
        if (sample.measurand or "Energy.Active.Import.Register") == measurand
        and sample.location in (None, "Outlet")
        and (sample.unit or unit) in _SCALE
        and (number := _number(sample)) is not None
    ]
    whole = [value for phase, value in wanted if phase is None]
    if whole:
        return whole[-1]
    return sum(value for _, value in wanted) if wanted else None


def _number(sample: SampledValue) -> float | None:
    """Values travel as text; signed data and nonsense are kept but not understood."""
    if sample.format == "SignedData":
        return None
    try:
        number = float(sample.value)
    except ValueError:
        return None
    return number if isfinite(number) else None
