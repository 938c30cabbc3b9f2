"""A sample as SampledValues: what is configured and known, per phase, in the standard's words."""

import pytest

from firmware.core.settings import MEASURANDS, PHASED, PHASES
from firmware.dialects.measurands import sampled_values
from firmware.facts import Sample
from ocpp.message import to_plain
from ocpp.v16 import SampledValue

FULL = Sample(
    12345,
    watts=11040.04,
    volts=(230.0, 231.5, 229.25),
    amps=(16.0, 15.999, 0.0),
    hertz=49.98,
    soc=41.5,
    offered_a=16.0,
)
Told = tuple[str, str | None, str | None, str | None]


def told(measurand: str, sample: Sample = FULL) -> list[Told]:
    values = sampled_values(_with(sample, measurand), "Sample.Periodic")
    return [(v.value, v.unit, v.phase, v.location) for v in values]


def _with(sample: Sample, *measurands: str) -> Sample:
    fields = {name: getattr(sample, name) for name in sample.__struct_fields__}
    return Sample(**{**fields, "measurands": measurands})


@pytest.mark.parametrize(
    ("measurand", "expected"),
    [
        ("Energy.Active.Import.Register", [("12345", "Wh", None, "Outlet")]),
        ("Power.Active.Import", [("11040.04", "W", None, "Outlet")]),
        ("Current.Offered", [("16", "A", None, "Outlet")]),
        ("Power.Offered", [("11052", "W", None, "Outlet")]),
        ("Frequency", [("49.98", None, None, "Outlet")]),  # E16 3.86: no unit fits
        ("SoC", [("41.5", "Percent", None, "EV")]),
        (
            "Current.Import",
            [
                ("16", "A", "L1", "Outlet"),
                ("16", "A", "L2", "Outlet"),
                ("0", "A", "L3", "Outlet"),
            ],
        ),
        (
            "Voltage",
            [
                ("230", "V", "L1-N", "Outlet"),
                ("231.5", "V", "L2-N", "Outlet"),
                ("229.25", "V", "L3-N", "Outlet"),
            ],
        ),
        ("Current.Import.L2", [("16", "A", "L2", "Outlet")]),
        ("Voltage.L3", [("229.25", "V", "L3-N", "Outlet")]),
    ],
)
def test_each_measurand_has_value_unit_phase_and_place(
    measurand: str, expected: list[Told]
) -> None:
    assert told(measurand) == expected


EVERYTHING = (*MEASURANDS, *(f"{name}.{phase}" for name in PHASED for phase in PHASES))


@pytest.mark.parametrize("measurand", EVERYTHING)
def test_whatever_can_be_configured_can_be_told(measurand: str) -> None:
    values = sampled_values(_with(FULL, measurand), "Sample.Periodic")
    name = measurand.rpartition(".")[0] if measurand.endswith(PHASES) else measurand
    assert {v.measurand for v in values} == {name}
    for value in values:
        to_plain(value)


def test_they_come_in_the_order_configured() -> None:
    sample = _with(FULL, "SoC", "Voltage.L2", "Energy.Active.Import.Register")
    told = [v.measurand for v in sampled_values(sample, "Sample.Periodic")]
    assert told == ["SoC", "Voltage", "Energy.Active.Import.Register"]


@pytest.mark.parametrize(
    "measurand", ["Current.Import", "Voltage", "Frequency", "SoC", "Voltage.L2"]
)
def test_what_the_meter_does_not_know_is_left_out(measurand: str) -> None:
    sample = _with(Sample(500), "Energy.Active.Import.Register", measurand)
    assert [v.measurand for v in sampled_values(sample, "Sample.Periodic")] == [
        "Energy.Active.Import.Register"
    ]


@pytest.mark.parametrize("measurands", [(), ("SoC",), ("Current.Import.L3",)])
def test_there_is_always_a_value(measurands: tuple[str, ...]) -> None:
    """The standard wants at least one, and the register is always known (R16-196)."""
    [value] = sampled_values(_with(Sample(500), *measurands), "Sample.Periodic")
    assert (value.value, value.measurand) == ("500", "Energy.Active.Import.Register")


def test_one_phase_is_one_value() -> None:
    single = Sample(1, volts=(230.0,), amps=(10.0,), offered_a=10.0)
    assert told("Current.Import", single) == [("10", "A", "L1", "Outlet")]
    assert told("Voltage", single) == [("230", "V", "L1-N", "Outlet")]
    assert told("Power.Offered", single) == [("2300", "W", None, "Outlet")]
    assert told("Current.Import.L2", single) == [("1", "Wh", None, "Outlet")]


def test_without_voltage_the_offer_is_reckoned_at_the_nominal_one() -> None:
    assert told("Power.Offered", Sample(1, offered_a=10.0)) == [("2300", "W", None, "Outlet")]


@pytest.mark.parametrize(
    ("watts", "text"),
    [(0.0, "0"), (-0.0, "0"), (-0.004, "0"), (0.005, "0.01"), (100.0, "100"), (1e6, "1000000")],
)
def test_numbers_are_plain_decimals(watts: float, text: str) -> None:
    assert told("Power.Active.Import", Sample(1, watts=watts))[0][0] == text


def test_why_it_was_taken_is_said_of_every_value() -> None:
    sample = _with(FULL, "Voltage")
    values = sampled_values(sample, "Transaction.End")
    assert [v.context for v in values] == ["Transaction.End"] * 3
    assert all(isinstance(v, SampledValue) and v.format is None for v in values)
