"""A sample as SampledValues: one for each configured measurand, and for each of its phases."""

from collections.abc import Iterator

from firmware.facts import Sample
from ocpp import v16

NOMINAL_V = 230.0
PHASES: tuple[v16.Phase, ...] = ("L1", "L2", "L3")
TO_NEUTRAL: tuple[v16.Phase, ...] = ("L1-N", "L2-N", "L3-N")

Row = tuple[v16.Measurand, str, v16.UnitOfMeasure | None, v16.Phase | None]


def sampled_values(sample: Sample, context: v16.ReadingContext) -> tuple[v16.SampledValue, ...]:
    """What of a sample is to be told; what the meter does not know is left out."""
    rows = [row for wanted in sample.measurands for row in _rows(wanted, sample)]
    return tuple(
        v16.SampledValue(
            value=value,
            context=context,
            measurand=measurand,
            phase=phase,
            location="Outlet" if measurand != "SoC" else "EV",
            unit=unit,
        )
        for measurand, value, unit, phase in rows or _rows("Energy.Active.Import.Register", sample)
    )


def _rows(wanted: str, sample: Sample) -> Iterator[Row]:
    match wanted:
        case "Energy.Active.Import.Register":
            yield "Energy.Active.Import.Register", str(sample.wh), "Wh", None
        case "Power.Active.Import":
            yield "Power.Active.Import", _number(sample.watts), "W", None
        case "Current.Offered":
            yield "Current.Offered", _number(sample.offered_a), "A", None
        case "Power.Offered":
            volts = sample.volts or (NOMINAL_V,)
            yield "Power.Offered", _number(sample.offered_a * sum(volts)), "W", None
        case "Frequency" if sample.hertz is not None:  # unit omitted: E16 3.86
            yield "Frequency", _number(sample.hertz), None, None
        case "SoC" if sample.soc is not None:
            yield "SoC", _number(sample.soc), "Percent", None
        case _:
            yield from _phased(wanted, sample)


def _phased(wanted: str, sample: Sample) -> Iterator[Row]:
    """Current and voltage, all phases or the one named as in `Voltage.L1`."""
    name, _, only = wanted.rpartition(".") if wanted.endswith(PHASES) else (wanted, "", "")
    for n, phase in enumerate(PHASES):
        if only not in ("", phase):
            continue
        if name == "Current.Import" and n < len(sample.amps):
            yield "Current.Import", _number(sample.amps[n]), "A", phase
        if name == "Voltage" and n < len(sample.volts):
            yield "Voltage", _number(sample.volts[n]), "V", TO_NEUTRAL[n]


def _number(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")  # + 0.0: no -0
