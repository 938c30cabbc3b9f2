"""Power cuts and boots: what survives, how an open session ends (R16-020 ... R16-041, R16-089)."""

import msgspec
import pytest

from firmware.core.settings import Settings
from firmware.core.state import Durable, Station
from firmware.core.station import step
from firmware.events import Booted, ClockLearned, HeartbeatDue, Started
from firmware.facts import BootAsked, HeartbeatAsked
from firmware.orders import ChangeAvailability, ChangeSetting
from tests.firmware.rig import Rig

# --- sessions -------------------------------------------------------------------------------------


def test_open_session_ends_at_its_last_stored_reading_and_time() -> None:
    """R16-089: PowerLoss, with time and boot of the reading."""
    rig = Rig(settings=Settings(sample_interval=0))
    rig.charges()
    for wh in range(1001, 1030):
        rig.passes(1)
        rig.reads(wh=wh)
    again = rig.loses_power()
    assert again.starts == []
    stop = again.stops[0]
    assert (stop.session, stop.reason, stop.token) == (1, "PowerLoss", None)
    assert (stop.wh, stop.at.mono, stop.at.boot) == (1020, 1020.0, 1)
    assert again.disk.sessions == ()
    assert again.loses_power().stops == []


def test_the_stop_after_a_power_cut_carries_its_last_value() -> None:
    """R16-091: the end, if the stop is to carry values; what no meter says now is left out."""
    rig = Rig(settings=Settings(stop_sampled_measurands=("Energy.Active.Import.Register", "SoC")))
    rig.charges()
    again = rig.loses_power()
    end = again.stops[0].sample
    assert end is not None
    assert (end.wh, end.soc) == (again.stops[0].wh, None)


def test_reading_is_stored_at_most_every_ten_seconds() -> None:
    """Which spares the flash."""
    rig = Rig(settings=Settings(sample_interval=0))
    rig.charges()
    stored = set()
    for wh in range(1001, 1061):
        rig.passes(1)
        rig.reads(wh=wh)
        stored.add(rig.disk)
    assert len(stored) == 7


def test_open_session_never_ends_before_what_was_told_of_it() -> None:
    """R16-089, R16-198: its samples are stored too, and the stop is not earlier, nor less."""
    rig = Rig(settings=Settings(sample_interval=60))
    rig.charges()
    rig.passes(55)
    rig.reads(wh=1100)
    rig.passes(4)
    rig.reads(wh=1120)
    rig.passes(2)
    again = rig.loses_power()
    sample, stop = rig.samples[0], again.stops[0]
    assert (sample.sample.wh, stop.wh) == (1120, 1120)
    assert stop.at.mono >= sample.at.mono
    full = Rig()
    full.charges()
    full.passes(8 * 3600)
    assert full.loses_power().stops[0].at.mono >= full.samples[-1].at.mono


def test_cut_right_after_the_start() -> None:
    rig = Rig()
    rig.charges()
    stop = rig.loses_power().stops[0]
    assert (stop.wh, stop.at) == (1000, rig.starts[0].at)


def test_cut_while_the_stop_waits_for_the_meter() -> None:
    """ADR 2: the stop is not on disk yet, so there is one, and it is PowerLoss."""
    rig = Rig()
    rig.charges()
    rig.passes(1)
    rig.presents("CARD")
    again = rig.loses_power()
    assert (rig.stops, [stop.reason for stop in again.stops]) == ([], ["PowerLoss"])


def test_numbers_go_on_after_the_cut() -> None:
    rig = Rig(2)
    rig.charges(1, "ONE")
    rig.charges(2, "TWO")
    again = rig.loses_power()
    assert [(s.session, s.evse) for s in again.stops] == [(1, 1), (2, 2)]
    again.charges(1)
    assert again.starts[0].session == 3


def test_plug_that_is_still_in_after_the_cut_gets_no_current() -> None:
    """R16-089, R16-143: the session is over; Preparing."""
    rig = Rig()
    rig.charges()
    again = rig.loses_power()
    again.plugs()
    assert (again.wanted(), again.status()) == (None, "Preparing")


def test_authorisation_does_not_survive() -> None:
    rig = Rig()
    rig.taps()
    again = rig.loses_power()
    again.plugs()
    assert again.starts == []


def test_recovery_is_told_once_whatever_the_state_is() -> None:
    rig = Rig()
    rig.charges()
    state, facts = step(Station(()), Started(), rig.clock.now())
    assert (state.durable, facts) == (Durable(), [])


def test_what_survives_is_what_was_stored() -> None:
    """R16-172, R16-186, R16-231: as bytes, and back."""
    rig = Rig(2)
    rig.orders(ChangeAvailability(2, operative=False))
    rig.orders(ChangeSetting("HeartbeatInterval", "77"))
    rig.happens(ClockLearned(3.5))
    rig.charges(1)
    durable = rig.state.durable
    assert rig.disk == durable
    assert msgspec.json.decode(msgspec.json.encode(durable), type=Durable) == durable
    again = rig.loses_power()
    assert msgspec.structs.replace(again.disk, sessions=durable.sessions) == durable
    assert again.status(2) == "Unavailable"


# --- registration ---------------------------------------------------------------------------------


def test_every_status_is_told_at_the_start() -> None:
    """R16-027: whether anything changed or not; the link holds them until it may tell."""
    rig = Rig(2, online=False, seen=False)
    assert [rig.statuses(evse) for evse in (0, 1, 2)] == [
        ["Available"],
        ["Unavailable"],
        ["Unavailable"],
    ]


def test_accepted_sets_the_heartbeat() -> None:
    """R16-021; interval 0 keeps a sane default."""
    rig = Rig(online=False)
    rig.happens(Booted("Accepted", 77))
    assert rig.state.settings.heartbeat_interval == 77
    rig.happens(Booted("Accepted", 0))
    assert rig.state.settings.heartbeat_interval == 77
    assert rig.disk.accepted_once


@pytest.mark.parametrize("registration", ["None", "Pending", "Rejected"])
def test_not_accepted(registration: str) -> None:
    """R16-022, R16-024: the interval is not the heartbeat's, and nothing beats."""
    rig = Rig(online=False)
    rig.boots(registration, 5)
    rig.happens(HeartbeatDue())
    assert rig.state.settings.heartbeat_interval == 300
    assert not rig.disk.accepted_once
    assert not rig.state.online
    assert rig.all_told(HeartbeatAsked) == []


def test_acceptance_is_remembered_when_it_is_gone() -> None:
    """R16-029: "ever accepted" is what counts there."""
    rig = Rig()
    rig.boots("Rejected")
    assert rig.disk.accepted_once
    assert rig.loses_power(online=False).state.accepted_once


def test_beats_when_accepted() -> None:
    rig = Rig()
    rig.happens(HeartbeatDue())
    assert len(rig.all_told(HeartbeatAsked)) == 1
    assert rig.all_told(BootAsked) == []


# --- the clock ------------------------------------------------------------------------------------


def test_first_correction_of_a_boot_counts() -> None:
    """Rule 6, R16-105: what was sent stays as it was sent."""
    rig = Rig()
    rig.happens(ClockLearned(100.0))
    rig.happens(ClockLearned(5.0))
    assert rig.disk.corrections == ((1, 100.0),)


def test_each_boot_has_its_correction() -> None:
    rig = Rig()
    rig.happens(ClockLearned(100.0))
    again = rig.loses_power()
    again.happens(ClockLearned(-7.0))
    assert again.disk.corrections == ((1, 100.0), (2, -7.0))


def test_old_corrections_are_forgotten() -> None:
    rig = Rig(durable=Durable(corrections=tuple((boot, 1.0) for boot in range(100, 120))))
    rig.happens(ClockLearned(2.0))
    assert len(rig.disk.corrections) == 20
    assert rig.disk.corrections[-1] == (1, 2.0)


def test_clock_set_while_charging_moves_no_deadline() -> None:
    """R16-041: intervals are monotonic."""
    rig = Rig(settings=Settings(sample_interval=60))
    rig.charges()
    rig.passes(30)
    rig.clock.wall_at_zero -= 3600.0
    rig.passes(30)
    rig.clock.wall_at_zero += 7200.0
    rig.passes(60)
    assert [s.at.mono - rig.starts[0].at.mono for s in rig.samples] == [60, 120]
    assert rig.stops == []


def test_sample_of_a_stalled_station_has_the_time_of_its_moment() -> None:
    """Both clocks agree on it."""
    rig = Rig(settings=Settings(sample_interval=60))
    rig.charges()
    rig.stalls(90)
    sample, start = rig.samples[0], rig.starts[0]
    assert sample.at.mono - start.at.mono == 60
    assert sample.at.wall - start.at.wall == 60


def test_session_of_an_evse_that_the_site_no_longer_has() -> None:
    rig = Rig(2)
    rig.charges(evse=2)
    again = Rig(1, durable=rig.disk, boot=2)
    assert [(stop.evse, stop.reason) for stop in again.stops] == [(2, "PowerLoss")]
    assert again.disk.sessions == ()
