"""The fake EVSE as a simulation: vehicle, energy, state of charge, faults and overrides in time."""

import pytest

from hal.evse.fake import FakeEvse, FakeOptions
from hal.evse.verbs import Faults, Override, Pause, PlugIn, Resume
from hal.interlock.rules import Outputs
from hal.ports import BenchError, EvseSpec

CHARGE = Outputs(offered_a=16.0, lock=True, close=True)
OFFER = Outputs(offered_a=16.0, lock=True)


class Simulated:
    """A fake EVSE and the time, in steps of 10 ms."""

    def __init__(self, spec: EvseSpec | None = None, wh: float = 0.0, **options: object) -> None:
        self.now = 50.0
        self.evse = FakeEvse(spec or EvseSpec(1), FakeOptions(**options), wh, self.now)

    def passes(self, seconds: float) -> None:
        for _ in range(round(seconds * 100)):
            self.now += 0.01
            self.evse.advance(self.now)

    def drive(self, out: Outputs) -> None:
        self.evse.drive(out, self.now)

    def plug_in(self, **body: object) -> None:
        self.evse.plug_in(PlugIn(1, 1, **body), self.now)
        self.evse.advance(self.now)

    def charges(self, **body: object) -> None:
        self.plug_in(**body)
        self.drive(CHARGE)
        self.passes(0.05)
        assert self.evse.amps > 0


def test_a_vehicle_is_b_until_power_is_offered_then_c() -> None:
    fake = Simulated()
    fake.plug_in(ready_after_s=2)
    fake.passes(10)
    assert fake.evse.pilot == "B"
    fake.drive(OFFER)
    fake.passes(1.9)
    assert fake.evse.pilot == "B"
    fake.passes(0.2)
    assert fake.evse.pilot == "C"
    fake.drive(Outputs())
    fake.passes(0.01)
    assert fake.evse.pilot == "B"


def test_ready_after_counts_anew_from_a_new_offer() -> None:
    fake = Simulated()
    fake.plug_in(ready_after_s=1)
    for out in (OFFER, Outputs(), OFFER):
        fake.drive(out)
        fake.passes(0.9)
        assert fake.evse.pilot == "B"
    fake.passes(0.2)
    assert fake.evse.pilot == "C"


def test_the_cable_is_plugged_after_the_delay_and_leaves_by_itself() -> None:
    fake = Simulated()
    fake.plug_in(delay_s=1, unplug_after_s=2)
    fake.passes(0.9)
    assert fake.evse.pilot == "A"
    fake.passes(0.2)
    assert fake.evse.pilot == "B"
    fake.passes(1.8)
    assert fake.evse.pilot == "B"
    fake.passes(0.2)
    assert fake.evse.pilot == "A"


def test_an_unplug_calls_off_a_vehicle_on_its_way() -> None:
    fake = Simulated()
    fake.plug_in(delay_s=1)
    fake.evse.unplug()
    fake.passes(2)
    assert fake.evse.pilot == "A"


def test_the_same_vehicle_again_is_fine_another_is_refused() -> None:
    fake = Simulated()
    fake.plug_in(current_a=10)
    fake.plug_in(current_a=10)
    with pytest.raises(BenchError) as refused:
        fake.plug_in(current_a=11)
    assert refused.value.status == 409


@pytest.mark.parametrize(
    ("wish", "offered", "fuse", "drawn"), [(10, 16, 32, 10), (20, 16, 32, 16), (32, 32, 20, 20)]
)
def test_the_least_of_wish_offer_and_fuse_is_drawn(
    wish: float, offered: float, fuse: float, drawn: float
) -> None:
    fake = Simulated(EvseSpec(1, fuse_limit_a=fuse))
    fake.plug_in(current_a=wish)
    fake.drive(Outputs(offered, True, True))
    fake.passes(0.05)
    assert fake.evse.amps == drawn


def test_nothing_is_drawn_with_the_contactor_open() -> None:
    fake = Simulated()
    fake.plug_in()
    fake.drive(OFFER)
    fake.passes(5)
    assert fake.evse.pilot == "C"
    assert fake.evse.reading().watts == 0
    assert fake.evse.register_wh == 0


@pytest.mark.parametrize(("phases", "wired", "used"), [(3, 3, 3), (1, 3, 1), (3, 1, 1)])
def test_volts_amperes_and_watts_agree_per_phase(phases: int, wired: int, used: int) -> None:
    fake = Simulated(EvseSpec(1, phases=wired))
    fake.charges(phases=phases)
    reading = fake.evse.reading()
    assert reading.volts == (230.0,) * used
    assert reading.amps == (16.0,) * used
    assert reading.watts == 230 * 16 * used
    assert reading.hertz == 50


def test_an_idle_meter_still_shows_the_voltage() -> None:
    reading = Simulated().evse.reading()
    assert (reading.volts, reading.amps, reading.watts) == ((230.0,), (0.0,), 0.0)
    assert reading.soc is None


def test_energy_integrates_power_at_the_time_scale() -> None:
    fake = Simulated(time_scale=60)
    fake.charges(current_a=10, phases=1)
    before = fake.evse.register_wh
    fake.passes(60)
    assert fake.evse.register_wh - before == pytest.approx(2300)


def test_vehicle_durations_follow_the_time_scale_too() -> None:
    fake = Simulated(time_scale=10)
    fake.plug_in(delay_s=10, ready_after_s=10, unplug_after_s=30)
    fake.drive(OFFER)
    fake.passes(0.95)
    assert fake.evse.pilot == "A"
    fake.passes(0.1)
    assert fake.evse.pilot == "B"
    fake.passes(1)
    assert fake.evse.pilot == "C"
    fake.passes(2)
    assert fake.evse.pilot == "A"


def test_a_full_vehicle_goes_back_to_b() -> None:
    fake = Simulated(time_scale=1000)
    fake.charges(soc_start=90, battery_wh=10_000)
    fake.passes(1)
    assert fake.evse.pilot == "B"
    assert fake.evse.reading().soc == 100
    assert fake.evse.register_wh == pytest.approx(1000)


def test_state_of_charge_starts_where_told_and_rises_with_energy() -> None:
    fake = Simulated(time_scale=100)
    fake.charges(soc_start=40, battery_wh=50_000)
    fake.passes(10)
    reading = fake.evse.reading()
    assert reading.soc == pytest.approx(40 + 100 * fake.evse.register_wh / 50_000)
    assert reading.soc > 40


def test_pause_and_resume_perhaps_with_another_wish() -> None:
    fake = Simulated()
    fake.charges()
    fake.evse.wish(Pause(1, 1))
    fake.passes(0.01)
    assert fake.evse.pilot == "B"
    assert fake.evse.amps == 0
    fake.evse.wish(Resume(1, 1, current_a=8, phases=2))
    fake.passes(0.01)
    assert (fake.evse.pilot, fake.evse.amps, fake.evse.phases) == ("C", 8, 2)


@pytest.mark.parametrize("verb", [Pause(1, 1), Resume(1, 1)])
def test_without_a_vehicle_nothing_pauses(verb: Pause | Resume) -> None:
    with pytest.raises(BenchError) as refused:
        Simulated().evse.wish(verb)
    assert refused.value.status == 409


def test_the_register_carries_on_or_restarts_with_every_vehicle() -> None:
    carried = Simulated(wh=1234.9)
    carried.plug_in()
    assert carried.evse.reading().wh == 1234
    anew = Simulated(wh=1234.9, meter_resets_on_plug_in=True, time_scale=1000)
    assert anew.evse.reading().wh == 0
    anew.charges()
    anew.passes(1)
    assert anew.evse.reading().wh > 0
    anew.evse.unplug()
    anew.passes(0.1)
    assert anew.evse.reading().wh > 0
    anew.plug_in()
    assert anew.evse.reading().wh == 0


def test_a_fault_comes_after_its_time_and_goes_without_a_trace() -> None:
    fake = Simulated()
    fake.evse.plan(Faults(1, 1, "GroundFailure", True, after_s=1), fake.now)
    fake.passes(0.9)
    assert not fake.evse.seen().faults
    fake.passes(0.2)
    assert fake.evse.seen().faults == {"GroundFailure"}
    fake.evse.plan(Faults(1, 1, "GroundFailure", False), fake.now)
    fake.passes(0.01)
    assert not fake.evse.seen().faults


def test_a_fault_may_count_from_when_power_flows() -> None:
    fake = Simulated()
    fake.evse.plan(Faults(1, 1, "OverCurrent", True, after_s=1, after="charging"), fake.now)
    fake.passes(5)
    assert not fake.evse.seen().faults
    fake.charges()
    fake.passes(0.9)
    assert not fake.evse.seen().faults
    fake.passes(0.2)
    assert fake.evse.seen().faults == {"OverCurrent"}


def test_clearing_calls_off_a_fault_still_to_come() -> None:
    fake = Simulated()
    fake.evse.plan(Faults(1, 1, "Other", True, after="charging"), fake.now)
    fake.evse.plan(Faults(1, 1, "Other", False), fake.now)
    fake.charges()
    fake.passes(1)
    assert not fake.evse.seen().faults


def test_a_jammed_lock_stays_where_it_is_until_freed() -> None:
    fake = Simulated()
    fake.plug_in()
    fake.evse.lock.jammed = True
    fake.drive(OFFER)
    fake.passes(5)
    assert not fake.evse.seen().locked
    fake.evse.lock.jammed = False
    fake.passes(0.01)
    assert fake.evse.seen().locked


def test_overrides_are_shown_until_cleared_and_the_rest_agrees() -> None:
    fake = Simulated(wh=100)
    fake.charges()
    fake.evse.override(Override(1, energy_wh=5000, power_w=2300))
    reading = fake.evse.reading()
    assert (reading.wh, reading.watts) == (5000, 2300)
    assert sum(volt * amp for volt, amp in zip(reading.volts, reading.amps, strict=True)) == (
        pytest.approx(2300)
    )
    fake.evse.override(Override(1, voltage_v=0, current_a=0))
    reading = fake.evse.reading()
    assert (reading.wh, reading.volts[0], reading.amps[0]) == (5000, 0, 0)
    fake.evse.override(Override(1, clear=True))
    reading = fake.evse.reading()
    assert (reading.wh, reading.watts) == (100, 11040)


def test_busy_says_when_time_matters() -> None:
    fake = Simulated()
    assert not fake.evse.busy
    fake.plug_in(delay_s=1)
    assert fake.evse.busy
    fake.passes(1.1)
    assert not fake.evse.busy
    fake.drive(CHARGE)
    assert fake.evse.busy
    fake.passes(1)
    assert fake.evse.busy
