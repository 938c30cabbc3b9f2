"""Metering: the sampling grid, what a sample holds, registers that jump (R16-190 ... R16-201)."""

import pytest

from firmware.core.metering import register
from firmware.core.settings import Settings
from firmware.events import InterlockLost, MeterLost, MeterRead
from firmware.facts import Measured, SessionMetered
from firmware.orders import ChangeSetting, Trigger
from hal.ports import Reading
from tests.firmware.rig import Rig


def charging(interval_s: int = 60, **settings: object) -> Rig:
    rig = Rig(settings=Settings(sample_interval=interval_s, **settings))  # type: ignore[arg-type]
    rig.charges()
    return rig


def moments(rig: Rig) -> list[float]:
    """When samples were taken, s after the session's start."""
    return [round(s.at.mono - rig.starts[0].at.mono, 6) for s in rig.samples]


def change(rig: Rig, key: str, value: str) -> None:
    assert rig.orders(ChangeSetting(key, value)).status == "Accepted"


# --- the grid -------------------------------------------------------------------------------------


def test_sampled_from_the_start_on() -> None:
    """R16-190 (TC_070), R16-107: exactly the interval apart, on both clocks."""
    rig = charging(60)
    rig.passes(200)
    assert moments(rig) == [60, 120, 180]
    assert {s.trigger for s in rig.samples} == {"Periodic"}
    walls = [s.at.wall - rig.starts[0].at.wall for s in rig.samples]
    assert walls == [60, 120, 180]


def test_events_between_do_not_shift_the_grid() -> None:
    rig = charging(60)
    for _ in range(20):
        rig.passes(7.3)
        rig.reads()
    assert moments(rig) == [60, 120]


def test_only_during_a_session() -> None:
    """R16-190."""
    rig = Rig(settings=Settings(sample_interval=10))
    rig.plugs()
    rig.passes(100)
    assert rig.samples == []
    rig.taps()
    rig.passes(15)
    rig.presents("CARD")
    rig.passes(100)
    assert moments(rig) == [10]


def test_suspended_session_is_sampled_too() -> None:
    rig = charging(60, stop_on_ev_disconnect=False)
    rig.passes(10)
    rig.unplugs()
    rig.passes(120)
    assert moments(rig) == [60, 120]


def test_zero_is_none() -> None:
    """R16-190."""
    rig = charging(0)
    rig.passes(100_000)
    assert rig.samples == []


def test_stalled_station_samples_once_for_the_newest_moment() -> None:
    """R16-107: what was missed is missed; the grid stays."""
    rig = charging(60)
    rig.stalls(310)
    rig.passes(50)
    assert moments(rig) == [300, 360]


def test_shorter_interval_holds_from_now_on() -> None:
    """R16-186, R16-190: on the grid of the session's start, and for no moment that has passed."""
    rig = charging(600)
    rig.passes(305)
    change(rig, "MeterValueSampleInterval", "10")
    assert rig.samples == []
    rig.passes(20)
    assert moments(rig) == [310, 320]


def test_longer_interval_holds_from_now_on() -> None:
    rig = charging(10)
    rig.passes(25)
    change(rig, "MeterValueSampleInterval", "60")
    rig.passes(100)
    assert moments(rig) == [10, 20, 60, 120]


def test_samples_switched_off_and_on_again() -> None:
    rig = charging(10)
    rig.passes(15)
    change(rig, "MeterValueSampleInterval", "0")
    rig.passes(1000)
    change(rig, "MeterValueSampleInterval", "10")
    assert moments(rig) == [10]
    rig.passes(10)
    assert moments(rig) == [10, 1020]


def test_same_interval_again_shifts_nothing() -> None:
    rig = charging(60)
    rig.clock.mono += 60
    change(rig, "MeterValueSampleInterval", "60")
    assert moments(rig) == [60]


# --- what a sample holds --------------------------------------------------------------------------


def test_sample_holds_what_is_known() -> None:
    """R16-199: with what is offered; which of it is told is as configured then."""
    rig = charging(60)
    reading = Reading(1500, 11_000.0, (230.0,), (16.0,), 50.0, 42.0)
    rig.happens(MeterRead(1, reading, rig.clock.mono))
    rig.passes(60)
    sample = rig.samples[0].sample
    assert (sample.wh, sample.watts, sample.volts) == (1500, 11_000.0, (230.0,))
    assert (sample.amps, sample.hertz, sample.soc, sample.offered_a) == ((16.0,), 50.0, 42.0, 16.0)
    assert sample.measurands == Settings().sampled_measurands


def test_no_measurands_mean_the_register() -> None:
    """R16-196."""
    rig = charging(60, sampled_measurands=())
    rig.passes(60)
    assert rig.samples[0].sample.measurands == ("Energy.Active.Import.Register",)


def test_changed_measurands_take_effect_at_once() -> None:
    """R16-186."""
    rig = charging(60)
    change(rig, "MeterValuesSampledData", "Voltage.L1,SoC")
    rig.passes(60)
    assert rig.samples[0].sample.measurands == ("Voltage.L1", "SoC")


def test_lost_meter_leaves_its_last_register() -> None:
    """What it drew before it was lost is not told as drawn now."""
    rig = charging(60)
    rig.reads(wh=1500, watts=11_000)
    rig.happens(MeterLost(1))
    rig.passes(60)
    assert (rig.samples[0].sample.wh, rig.samples[0].sample.watts) == (1500, 0.0)


def test_register_without_a_reading() -> None:
    assert register(None, 5, 100) == 100
    assert register(Reading(20), 5, 100) == 25


# --- registers that jump --------------------------------------------------------------------------


def test_replaced_meter_does_not_turn_time_back() -> None:
    """H4, R16-090: a lower register is another meter, and the session goes on from there."""
    rig = charging(60)
    rig.reads(wh=1500)
    rig.reads(wh=20)
    rig.reads(wh=120)
    rig.passes(60)
    rig.reads(wh=0)
    rig.reads(wh=7)
    rig.presents("CARD")
    rig.opens()
    assert rig.samples[0].sample.wh == 1600
    assert (rig.starts[0].wh, rig.stops[0].wh) == (1000, 1607)


def test_meter_that_restarts_with_the_vehicle() -> None:
    """The start is read after the plug, not before."""
    rig = Rig()
    rig.reads(wh=9000)
    rig.taps("CARD")
    rig.passes(1)
    rig.sees(1, "B")
    assert rig.starts == []
    rig.passes(0.1)
    rig.reads(wh=0)
    assert rig.starts[0].wh == 0
    rig.reads(wh=300)
    rig.presents("CARD")
    rig.passes(2)
    assert rig.stops[0].wh == 300


def test_reading_asked_for_before_the_plug_does_not_count() -> None:
    """It may arrive after it."""
    rig = Rig()
    rig.taps("CARD")
    rig.passes(1)
    rig.sees(1, "B")
    rig.happens(MeterRead(1, Reading(9000), rig.clock.mono - 0.1))
    assert rig.starts == []


def test_meter_that_restarts_when_the_vehicle_comes_back() -> None:
    """R16-085: the same session, so the register goes on."""
    rig = charging(0, stop_on_ev_disconnect=False)
    rig.reads(wh=1400)
    rig.unplugs()
    rig.passes(10)
    rig.registers[1] = 0
    rig.plugs()
    rig.reads(wh=50)
    rig.presents("CARD")
    rig.passes(2)
    assert rig.stops[0].wh == 1450


def test_next_session_begins_where_the_register_stands() -> None:
    rig = charging(0)
    rig.reads(wh=1400)
    rig.reads(wh=10)
    rig.presents("CARD")
    rig.passes(2)
    rig.taps("CARD")
    assert (rig.stops[0].wh, rig.starts[1].wh) == (1400, 10)


# --- TriggerMessage(MeterValues) ------------------------------------------------------------------


def test_triggered_outside_a_session() -> None:
    """R16-201: context Trigger; no connectorId means all; R16-194: no transaction."""
    rig = Rig(2)
    rig.reads(1, 1111)
    rig.reads(2, 2222)
    assert rig.orders(Trigger("MeterValues")).status == "Accepted"
    told = rig.all_told(Measured)
    assert [(m.evse, m.sample.wh, m.trigger) for m in told] == [
        (1, 1111, "Trigger"),
        (2, 2222, "Trigger"),
    ]
    assert told[0].sample.measurands == Settings().sampled_measurands


def test_triggered_in_a_session() -> None:
    """R16-194: part of the history then, with the session's register."""
    rig = charging(60)
    rig.reads(wh=1500)
    rig.reads(wh=100)
    assert rig.orders(Trigger("MeterValues", 1)).status == "Accepted"
    assert [(m.trigger, m.sample.wh) for m in rig.samples] == [("Trigger", 1500)]
    rig.passes(60)
    assert moments(rig) == [0, 60]


def test_triggered_while_the_stop_waits_for_the_meter() -> None:
    """R16-194: the transaction has ended by then, nothing of it comes after."""
    rig = charging(60)
    rig.passes(1)
    rig.presents("CARD")
    rig.passes(0.5)
    rig.orders(Trigger("MeterValues", 1))
    rig.opens()
    assert (rig.samples, len(rig.all_told(Measured))) == ([], 1)


@pytest.mark.parametrize("evse", [0, 3, -1])
def test_triggered_for_no_evse_of_ours(evse: int) -> None:
    """R16-272 (TC_055)."""
    assert Rig(2).orders(Trigger("MeterValues", evse)).status == "Rejected"


def test_triggered_without_a_meter_that_answers() -> None:
    """R16-270: supported, but not now; of the others the values are told."""
    rig = Rig(2, seen=False)
    assert rig.orders(Trigger("MeterValues")).status == "Rejected"
    rig.reads(1)
    rig.reads(2)
    rig.happens(MeterLost(1))
    assert rig.orders(Trigger("MeterValues", 1)).status == "Rejected"
    assert rig.orders(Trigger("MeterValues")).status == "Accepted"
    assert [m.evse for m in rig.all_told(Measured)] == [2]


def test_samples_go_on_without_the_interlock() -> None:
    rig = charging(60)
    rig.happens(InterlockLost((1,)))
    rig.passes(60)
    assert isinstance(rig.samples[0], SessionMetered)
    assert rig.samples[0].sample.offered_a == 0.0
