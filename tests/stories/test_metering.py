"""Meter values over the wire: by the clock, in the stop, and of a meter that was replaced."""

from collections.abc import Generator, Iterable
from datetime import datetime, timedelta

import pytest

from ocpp.v16 import (
    HeartbeatRequest,
    MeterValue,
    MeterValuesRequest,
    SampledValue,
    StartTransactionRequest,
    StopTransactionRequest,
    TriggerMessageRequest,
)
from tests.rules import rule

from .conftest import World
from .kept import FAST, Kept, keeping
from .station import eventually

REGISTER = "Energy.Active.Import.Register"
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Generator[Kept]:
    yield from keeping(tmp_path_factory, board=FAST, evses=2)


@pytest.fixture
def cp(kept: Kept) -> Generator[Kept]:
    yield kept
    kept.tidy()


def midnight(of: datetime) -> datetime:
    return of.replace(hour=0, minute=0, second=0, microsecond=0)


def contexts(values: Iterable[MeterValue]) -> list[str | None]:
    """Of each instant; all values of one instant have the same."""
    found = [{v.context for v in value.sampled_value} for value in values]
    assert all(len(each) == 1 for each in found)
    return [each.pop() for each in found]


def register(value: MeterValue) -> int:
    return next(int(v.value) for v in value.sampled_value if v.measurand == REGISTER)


def values(message: MeterValuesRequest) -> dict[tuple[str | None, str | None], SampledValue]:
    (value,) = message.meter_value
    return {(v.measurand, v.phase): v for v in value.sampled_value}


# --- by the clock ---------------------------------------------------------------------------------


@rule("R16-191", "R16-194", "R16-195")
def test_clock_aligned_values_in_and_outside_a_session(cp: Kept) -> None:
    cp.charge(1)
    cp.settled()
    cp.set(MeterValuesAlignedData=f"{REGISTER},Voltage", ClockAlignedDataInterval=1)
    for evse, transaction in ((1, cp.central.newest), (2, None)):
        told = cp.wait(MeterValuesRequest, lambda m, n=evse: m.connector_id == n, 2)
        assert told.transaction_id == transaction
        assert told.meter_value[0].timestamp.microsecond == 0
        assert contexts(told.meter_value) == ["Sample.Clock"]
        phases = ["L1-N", "L2-N", "L3-N"][: 3 if evse == 1 else 1]  # of the vehicle, or one
        assert list(values(told)) == [(REGISTER, None), *(("Voltage", p) for p in phases)]
    cp.set(ClockAlignedDataInterval=0)
    cp.new()
    assert cp.ask(TriggerMessageRequest(requested_message="MeterValues")) == "Accepted"
    cp.wait(MeterValuesRequest, n=2)
    assert {c for m in cp.of(MeterValuesRequest) for c in contexts(m.meter_value)} == {"Trigger"}


@rule("R16-192", "R16-193", "R16-041")
def test_the_grid_is_counted_from_midnight_utc(world: World) -> None:
    """Once at an instant of the day, once at the midnight that no interval divides."""
    central = world.central
    world.start()
    cp = Kept(world, world.stations[0])

    def aligned(interval: int, moment: timedelta) -> datetime:
        """The next instant, if it is a little before this moment of the day."""
        cp.set(ClockAlignedDataInterval=0)
        central.offset += midnight(central.now) + moment - central.now - timedelta(seconds=4)
        cp.new()
        for beat in (1, 2):  # with the second the answer to the first has been read
            assert cp.ask(TriggerMessageRequest(requested_message="Heartbeat")) == "Accepted"
            cp.wait(HeartbeatRequest, n=beat)
        cp.set(ClockAlignedDataInterval=interval)
        return cp.wait(MeterValuesRequest).meter_value[0].timestamp

    told = aligned(43201, timedelta(seconds=43201))
    assert told == midnight(told) + timedelta(seconds=43201)
    assert aligned(43201, DAY) == midnight(told) + DAY


# --- which values -------------------------------------------------------------------------------


@rule("R16-196", "R16-197")
def test_no_measurand_means_the_register(cp: Kept) -> None:
    cp.set(MeterValuesSampledData="", MeterValuesAlignedData="", MeterValueSampleInterval=1)
    cp.set(ClockAlignedDataInterval=1)
    cp.charge()
    for context in ("Sample.Periodic", "Sample.Clock"):
        told = cp.wait(MeterValuesRequest, lambda m, c=context: contexts(m.meter_value) == [c])
        (value,) = values(told).values()
        assert (value.measurand, value.unit, value.location) == (REGISTER, "Wh", "Outlet")


@rule("R16-199", "R16-201")
def test_what_is_offered(cp: Kept) -> None:
    cp.set(MeterValuesSampledData="Current.Offered,Power.Offered")
    trigger = TriggerMessageRequest(requested_message="MeterValues", connector_id=1)

    def offered() -> tuple[float, float]:
        cp.new()
        assert cp.ask(trigger) == "Accepted"
        told = values(cp.wait(MeterValuesRequest))
        amps, watts = told["Current.Offered", None], told["Power.Offered", None]
        assert (amps.context, amps.unit, watts.unit) == ("Trigger", "A", "W")
        return float(amps.value), float(watts.value)

    assert offered() == (0, 0)
    cp.charge()
    assert offered() == (32, 3 * 230 * 32)


# --- in the stop --------------------------------------------------------------------------------


@rule("R16-091", "R16-200", "R16-090")
def test_a_stop_with_values(cp: Kept) -> None:
    cp.set(StopTxnSampledData=f"{REGISTER},SoC", MeterValueSampleInterval=1)
    cp.set(StopTxnAlignedData=f"{REGISTER},Frequency", ClockAlignedDataInterval=2)
    cp.charge()
    for context in ("Sample.Periodic", "Sample.Clock"):
        cp.wait(
            MeterValuesRequest,
            lambda m, c=context: m.connector_id == 1 and contexts(m.meter_value) == [c],
            2 if context == "Sample.Periodic" else 1,
        )
    cp.station.card()
    stopped = cp.wait(StopTransactionRequest)
    begin, *between, end = stopped.transaction_data
    assert contexts([begin, end]) == ["Transaction.Begin", "Transaction.End"]
    assert set(contexts(between)) == {"Sample.Periodic", "Sample.Clock"}
    started = cp.wait(StartTransactionRequest)
    assert (register(begin), begin.timestamp) == (started.meter_start, started.timestamp)
    assert (register(end), end.timestamp) == (stopped.meter_stop, stopped.timestamp)
    for value, context in zip(between, contexts(between), strict=True):
        rest = {"Sample.Periodic": "SoC", "Sample.Clock": "Frequency"}[str(context)]
        assert {v.measurand for v in value.sampled_value} == {REGISTER, rest}
    both = {REGISTER, "SoC", "Frequency"}
    assert {v.measurand for v in begin.sampled_value} == both
    assert {v.measurand for v in end.sampled_value} == both
    rising = [register(value) for value in stopped.transaction_data]
    times = [value.timestamp for value in stopped.transaction_data]
    assert (rising, times) == (sorted(rising), sorted(times))


@rule("R16-091")
def test_a_stop_without_values(cp: Kept) -> None:
    cp.set(MeterValueSampleInterval=1)
    cp.charge()
    cp.wait(MeterValuesRequest)
    cp.station.card()
    assert cp.wait(StopTransactionRequest).transaction_data == ()


@rule("R16-091", "R16-089")
def test_a_stop_with_values_after_a_power_cut(cp: Kept) -> None:
    cp.set(StopTxnSampledData=REGISTER, MeterValueSampleInterval=1)
    cp.charge()
    sample = cp.wait(MeterValuesRequest)
    cp.station.again()
    stopped = cp.wait(StopTransactionRequest)
    assert stopped.reason == "PowerLoss"
    assert stopped.meter_stop >= register(sample.meter_value[0])
    assert contexts(stopped.transaction_data)[:2] == ["Transaction.Begin", "Sample.Periodic"]


# --- the meter ----------------------------------------------------------------------------------


@rule("R16-198", "R16-090", "R16-190")
def test_a_replaced_meter(cp: Kept) -> None:
    """A register below the last known value: the session goes on from there."""
    cp.station.do("meter", evse=1, energy_wh=50_000)
    eventually(lambda: cp.station.snapshot()["evses"][0]["energy_wh"] == 50_000)
    cp.set(MeterValueSampleInterval=1)
    assert cp.charge().meter_start == 50_000
    before = register(cp.wait(MeterValuesRequest).meter_value[0])
    cp.station.do("meter", evse=1, energy_wh=7)
    eventually(lambda: cp.station.snapshot()["evses"][0]["energy_wh"] == 7)
    cp.station.do("meter", evse=1, energy_wh=107)
    eventually(lambda: cp.station.snapshot()["evses"][0]["energy_wh"] == 107)
    cp.station.card()
    stopped = cp.wait(StopTransactionRequest)
    assert before == 50_000
    assert stopped.meter_stop == 50_100
    cp.station.do("meter", evse=1, clear=True)
