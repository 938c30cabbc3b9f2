"""Clock-aligned values, and what StopTransaction carries (R16-091, R16-191 ... R16-200)."""

from firmware.core.settings import Settings
from firmware.events import MeterLost
from firmware.facts import Measured
from firmware.orders import ChangeSetting
from tests.firmware.rig import WALL, Rig

DAY_S = 86_400
MIDNIGHT = WALL // DAY_S * DAY_S


def aligned(interval_s: int = 900, *, wall: float = MIDNIGHT + 10, **settings: object) -> Rig:
    """A rig whose clock is known, some seconds after midnight unless told."""
    rig = Rig(settings=Settings(clock_aligned_interval=interval_s, **settings), wall=wall)  # type: ignore[arg-type]
    rig.clock.trusted = True
    rig.reads()
    return rig


def moments(rig: Rig) -> list[float]:
    """When values were taken, s after the first midnight."""
    told = [*rig.all_told(Measured), *rig.samples]
    return [round(fact.at.wall - MIDNIGHT, 3) for fact in told if fact.trigger == "Clock"]


def test_on_the_grid_without_a_session() -> None:
    """R16-191 (TC_071): multiples of the interval, counted from midnight UTC (R16-193)."""
    rig = aligned()
    rig.passes(2000)
    assert moments(rig) == [900, 1800]
    assert rig.all_told(Measured)[0].sample.measurands == Settings().aligned_measurands


def test_in_a_session_they_are_part_of_it() -> None:
    """R16-194; the sampled values go on beside them (R16-190)."""
    rig = aligned(60, sample_interval=45)
    rig.charges()
    rig.passes(120)
    kinds = [(s.trigger, round(s.at.wall - MIDNIGHT)) for s in rig.samples]
    assert kinds == [("Periodic", 55), ("Clock", 60), ("Periodic", 100), ("Clock", 120)]
    assert rig.all_told(Measured) == []


def test_every_midnight_begins_the_grid_anew() -> None:
    """R16-192: an interval that does not divide the day."""
    rig = aligned(50_000, wall=MIDNIGHT + 49_990)
    rig.passes(DAY_S + 20)
    assert moments(rig) == [50_000, DAY_S, DAY_S + 50_000]


def test_off() -> None:
    rig = aligned(0)
    rig.passes(DAY_S)
    assert moments(rig) == []


def test_no_grid_without_a_known_clock() -> None:
    """R16-044: nobody knows yet where the grid is."""
    rig = aligned()
    rig.clock.trusted = False
    rig.passes(2000)
    assert moments(rig) == []


def test_clock_that_jumps_begins_a_new_grid() -> None:
    """R16-041: an instant that is passed over backwards is not told again at once."""
    rig = aligned()
    rig.passes(1000)
    rig.clock.wall_at_zero -= 500
    rig.reads()
    assert moments(rig) == [900]
    rig.passes(500)
    assert moments(rig) == [900, 900]


def test_silent_meter_tells_nothing() -> None:
    rig = aligned()
    rig.happens(MeterLost(1))
    rig.passes(2000)
    assert moments(rig) == []


def test_while_the_stop_waits_the_session_gets_no_more() -> None:
    """R16-194: the transaction has ended by then."""
    rig = aligned(60, wall=MIDNIGHT + 59.5, sample_interval=0)
    rig.charges()
    rig.presents("CARD")
    rig.passes(0.9)
    assert (rig.samples, len(rig.all_told(Measured))) == ([], 1)


def test_changed_interval_holds_from_now_on() -> None:
    """R16-186."""
    rig = aligned(900)
    rig.passes(100)
    rig.orders(ChangeSetting("ClockAlignedDataInterval", "60"))
    assert moments(rig) == []
    rig.passes(60)
    assert moments(rig) == [120]


def test_stop_carries_nothing_unless_told_to() -> None:
    """R16-091."""
    rig = aligned(60)
    rig.charges()
    rig.passes(60)
    rig.presents("CARD")
    rig.passes(2)
    assert {s.for_stop for s in rig.samples} == {()}
    assert (rig.starts[0].sample, rig.stops[0].sample) == (None, None)


def test_stop_carries_begin_and_end() -> None:
    """R16-091, R16-200: each measurand of both lists once, and what was sampled in between."""
    rig = aligned(
        60,
        sample_interval=45,
        stop_sampled_measurands=("Voltage", "SoC"),
        stop_aligned_measurands=("SoC",),
    )
    rig.charges()
    rig.passes(70)
    rig.reads(wh=1500)
    rig.presents("CARD")
    rig.passes(2)
    begin, end = rig.starts[0].sample, rig.stops[0].sample
    assert begin is not None
    assert end is not None
    assert begin.measurands == end.measurands == ("Voltage", "SoC")
    assert (begin.wh, end.wh) == (1000, 1500)
    assert [(s.trigger, s.for_stop) for s in rig.samples] == [
        ("Periodic", ("Voltage", "SoC")),
        ("Clock", ("SoC",)),
    ]
