"""The watchers of reader, meter and interlock, with scripted ports and a clock that is moved."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace

import pytest

from firmware.core.connector import Permit
from firmware.events import (
    CardPresented,
    Event,
    EvseReported,
    InterlockLost,
    MeterLost,
    MeterRead,
    ReaderChanged,
)
from firmware.shell import supervisor, watchers
from firmware.shell.inbox import Inbox
from firmware.shell.supervisor import Pulse, Worker
from firmware.shell.watchers import EvseWatcher, MeterWatcher, ReaderWatcher
from hal.ports import Card, EvseReport, HalError, Reading

PATIENCE_S = 20.0


class Clock:
    def __init__(self) -> None:
        self.mono = 1000.0


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The watchers' clock; what they retry they retry at once."""
    clock = Clock()
    still = SimpleNamespace(monotonic=lambda: clock.mono)
    for module in (watchers, supervisor):
        monkeypatch.setattr(module, "time", still)
    for name in ("RETRY_S", "POLL_S"):
        monkeypatch.setattr(watchers, name, 0.0)
    return clock


def events(inbox: Inbox) -> list[Event]:
    return [event for event in iter(lambda: inbox.get(0), None) if event]


# --- reader --------------------------------------------------------------------------------------


class Reader:
    """Gives what was scripted, then ends the watcher."""

    name = "door"

    def __init__(self, *script: Card | HalError | None) -> None:
        self._script = list(script)
        self.closed = False
        self.stop: Callable[[], None] = lambda: None

    def read(self, timeout_s: float) -> Card | None:
        if not self._script:
            self.stop()
            return None
        step = self._script.pop(0)
        if isinstance(step, HalError):
            raise step
        return step

    def close(self) -> None:
        self.closed = True


def watch_reader(*script: Card | HalError | None) -> tuple[list[Event], Pulse]:
    inbox, reader, pulse = Inbox(), Reader(*script), Pulse("rfid")
    watcher = ReaderWatcher(reader, inbox)
    reader.stop = watcher.stop
    watcher.run(pulse)
    return events(inbox), pulse


def test_a_card_comes_with_the_evses_its_reader_serves() -> None:
    seen, pulse = watch_reader(None, Card("04A1", evses=(2,)), None, Card("04A1", evses=(2,)))
    assert seen == [CardPresented("04A1", (2,))] * 2
    assert pulse.turns == 2, "waiting is no turn"


def test_a_dead_reader_is_told_once_and_its_return_too(caplog: pytest.LogCaptureFixture) -> None:
    dead = HalError("no answer on SPI 0")
    with caplog.at_level(logging.INFO, "pilotwire"):
        seen, _ = watch_reader(None, dead, dead, dead, None, dead, Card("04A1"))
    lost, found = ReaderChanged("door", alive=False), ReaderChanged("door", alive=True)
    assert seen == [lost, found, lost, found, CardPresented("04A1")]
    assert caplog.messages[:2] == [
        *("card reader door: no answer on SPI 0", "card reader door answers again")
    ]


def test_a_stop_ends_a_wait_for_cards_at_once() -> None:
    reader = Reader()
    ReaderWatcher(reader, Inbox()).stop()
    assert reader.closed


# --- meter ---------------------------------------------------------------------------------------


class Meter:
    """Shows the scripted registers, `None` = no answer; then ends the watcher."""

    def __init__(self, evse: int, *script: int | None) -> None:
        self.evse = evse
        self._script = list(script)
        self.stop: Callable[[], None] = lambda: None
        self.clock = Clock()

    def read(self) -> Reading:
        wh = self._script.pop(0)
        if not self._script:
            self.stop()
        self.clock.mono += 0.25
        if wh is None:
            raise HalError("silence on the bus")
        return Reading(wh)

    def close(self) -> None:
        pass


def watch_meters(clock: Clock, *meters: Meter) -> list[Event]:
    inbox = Inbox()
    watcher = MeterWatcher({meter.evse: meter for meter in meters}, inbox)
    seen: list[Event] = []
    inbox.put_reading = lambda key, event: seen.append(event)  # type: ignore[method-assign]
    inbox.put_urgent = seen.append  # type: ignore[method-assign]
    for meter in meters:
        meter.stop, meter.clock = watcher.stop, clock
    watcher.run(Pulse("meter"))
    return seen


def test_a_reading_is_as_old_as_its_question(clock: Clock) -> None:
    seen = watch_meters(clock, Meter(1, 500, 501))
    assert seen == [MeterRead(1, Reading(500), 1000.0), MeterRead(1, Reading(501), 1000.25)]


def test_a_meter_is_lost_after_three_misses_in_a_row(clock: Clock) -> None:
    """Hardware reference §4.2: one or two happen on every bus."""
    seen = watch_meters(clock, Meter(1, None, None, 5, None, None, 6))
    assert [type(event) for event in seen] == [MeterRead, MeterRead]
    seen = watch_meters(clock, Meter(1, None, None, None, None, None, 7))
    assert [type(event) for event in seen] == [MeterLost, MeterRead]


def test_a_meter_lost_again_is_told_again(clock: Clock) -> None:
    seen = watch_meters(clock, Meter(1, *[None] * 3, 5, *[None] * 3, 6))
    assert [type(event) for event in seen] == [MeterLost, MeterRead, MeterLost, MeterRead]


def test_a_silent_meter_keeps_none_of_the_others_from_being_read(clock: Clock) -> None:
    seen = watch_meters(clock, Meter(1, *[None] * 4), Meter(2, 1, 2, 3, 4))
    assert [e.reading.wh for e in seen if isinstance(e, MeterRead)] == [1, 2, 3, 4]
    assert MeterLost(1) in seen


def test_the_newest_reading_of_each_meter_waits_for_the_station() -> None:
    inbox = Inbox()
    first, second = Meter(1, 10, 11, 12), Meter(2, 20, 21, 22)
    watcher = MeterWatcher({1: first, 2: second}, inbox)
    second.stop = watcher.stop
    watcher.run(Pulse("meter"))
    readings = [e.reading.wh for e in events(inbox) if isinstance(e, MeterRead)]
    assert readings == [12, 22]


def test_it_is_read_at_once_when_something_switches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchers, "POLL_S", 3600.0)
    inbox, meter = Inbox(), Meter(1, *range(10))
    watcher = MeterWatcher({1: meter}, inbox)
    worker = Worker("meter", watcher.run, lambda dead: None)
    worker.start()
    assert inbox.get(PATIENCE_S)
    watcher.poke()
    assert inbox.get(PATIENCE_S)
    watcher.stop()
    assert worker.join(PATIENCE_S)


def test_a_change_that_comes_when_it_has_just_waited_in_vain_is_not_lost(clock: Clock) -> None:
    """A session begins with a reading younger than its plug: an idle meter says nothing else."""
    meter, waits = Meter(1, *[500] * 4), [False, True]
    inbox = Inbox()
    watcher = MeterWatcher({1: meter}, inbox)
    meter.stop, meter.clock = watcher.stop, clock

    class Late(threading.Event):
        """The change comes in the moment after the first wait has ended without it."""

        def wait(self, timeout: float | None = None) -> bool:
            came = self.is_set()
            if waits:
                waits.pop()
                self.set()
            return came

    watcher._poked = Late()
    seen: list[Event] = []
    inbox.put_reading = lambda key, event: seen.append(event)  # type: ignore[method-assign]
    watcher.run(Pulse("meter"))
    assert len(seen) > 1


# --- interlock -----------------------------------------------------------------------------------

IDLE = EvseReport(1, "A", closed=False, locked=False, offered_a=0.0)
PLUGGED = EvseReport(1, "B", closed=False, locked=False, offered_a=0.0)
OFFERED = EvseReport(1, "B", closed=False, locked=False, offered_a=16.0)
CLOSED = EvseReport(1, "C", closed=True, locked=True, offered_a=16.0)

Step = Sequence[EvseReport] | HalError | Callable[[], object] | float
"""What the interlock does next: report, be gone, let the test act, or be silent so many seconds."""


class Interlock:
    """Goes through the script, then ends the watcher. Waiting moves the clock."""

    def __init__(self, clock: Clock, *script: Step) -> None:
        self.evses = (1, 2)
        self.leases: list[tuple[float, int, float, bool]] = []
        self.gone = False
        self.woken = 0
        self.stop: Callable[[], None] = lambda: None
        self._clock = clock
        self._script: Iterator[Step] = iter(script)
        self._silent_until = 0.0

    def lease(self, evse: int, limit_a: float, lock: bool) -> None:
        if self.gone:
            raise HalError("the interlock is gone")
        self.leases.append((self._clock.mono - 1000.0, evse, limit_a, lock))

    def reports(self, timeout_s: float) -> Sequence[EvseReport]:
        if self._clock.mono < self._silent_until:
            self._clock.mono += min(timeout_s, self._silent_until - self._clock.mono)
            return ()
        step = next(self._script, None)
        match step:
            case None:
                self.stop()
            case HalError():
                raise step
            case float():
                self._silent_until = self._clock.mono + step
                return self.reports(timeout_s)
            case _ if callable(step):
                step()
            case _:
                return step
        return ()

    def wake(self) -> None:
        self.woken += 1

    def restart(self) -> None:
        raise AssertionError("only the main thread restarts it")

    def close(self) -> None:
        pass


class Watched:
    """An evse watcher on a scripted interlock."""

    def __init__(self, clock: Clock, *script: Step) -> None:
        self.clock = clock
        self.inbox = Inbox()
        self.station = Pulse("station")
        self.switched = self.lost = 0
        self.interlock = Interlock(clock, *script)
        self.watcher = EvseWatcher(
            self.interlock,
            self.inbox,
            self.station,
            switched=self._count("switched"),
            lost=self._count("lost"),
        )
        self.interlock.stop = self.watcher.stop

    def _count(self, name: str) -> Callable[[], None]:
        return lambda: setattr(self, name, getattr(self, name) + 1)

    def wants(self, amps: float | None, *, evse: int = 1, lock: bool = True) -> None:
        self.watcher.want(evse, None if amps is None else Permit(17, amps), lock)

    def runs(self) -> list[Event]:
        self.watcher.run(Pulse("evse"))
        return events(self.inbox)

    @property
    def times(self) -> list[float]:
        return [round(at, 3) for at, *_ in self.interlock.leases]


def ends(watcher: EvseWatcher) -> None:
    watcher.stop()


def works_on(station: Pulse) -> None:
    station.__enter__()


def goes_on(station: Pulse) -> None:
    station.__exit__()


def test_leases_are_renewed_every_half_second(clock: Clock) -> None:
    """A lease holds 2 s: three may go missing."""
    watched = Watched(clock, 2.2)
    watched.wants(16.0)
    watched.runs()
    assert watched.times == [0, 0.5, 1.0, 1.5, 2.0]
    assert {lease[1:] for lease in watched.interlock.leases} == {(1, 16.0, True)}


def test_every_evse_is_leased_what_it_is_permitted(clock: Clock) -> None:
    watched = Watched(clock)
    watched.wants(16.0)
    watched.wants(None, evse=2, lock=False)
    watched.runs()
    assert [lease[1:] for lease in watched.interlock.leases] == [(1, 16.0, True), (2, 0.0, False)]


def test_a_change_is_leased_at_once(clock: Clock) -> None:
    """Less at once (rule 4): a permit withdrawn waits for no renewal."""
    watched = Watched(clock, 0.2, lambda: watched.wants(None), 0.4)
    watched.wants(16.0)
    watched.runs()
    assert [(round(at, 3), amps) for at, _, amps, _ in watched.interlock.leases] == [
        *((0, 16.0), (0.2, 0.0))
    ]
    assert watched.interlock.woken == 3, "two changes and the end wake it"


def test_before_the_station_wants_anything_nothing_is_leased(clock: Clock) -> None:
    watched = Watched(clock, 2.0)
    watched.runs()
    assert watched.times == []


def test_a_stuck_station_is_renewed_nothing(clock: Clock) -> None:
    """Busy with one event for more than a second: its leases lapse."""
    watched = Watched(clock, lambda: works_on(watched.station), 3.0)
    watched.wants(16.0)
    watched.runs()
    assert watched.times == [0, 0.5, 1.0]


def test_a_station_that_goes_on_is_renewed_again(clock: Clock) -> None:
    watched = Watched(
        *(clock, lambda: works_on(watched.station), 2.0),
        *(lambda: goes_on(watched.station), 0.6),
    )
    watched.wants(16.0)
    watched.runs()
    assert watched.times == [0, 0.5, 1.0, 2.5]


def test_a_waiting_station_is_not_stuck(clock: Clock) -> None:
    """However long nothing happens."""
    watched = Watched(clock, 59.9)
    watched.wants(16.0)
    watched.runs()
    assert watched.times == [n / 2 for n in range(120)]


def test_what_the_interlock_sees_is_told_when_it_changes(clock: Clock) -> None:
    watched = Watched(clock, [IDLE], [IDLE, IDLE], 0.3, [PLUGGED, CLOSED], [CLOSED], [IDLE])
    seen = [e for e in watched.runs() if isinstance(e, EvseReported)]
    assert [(e.pilot, e.closed, e.locked, e.offered_a) for e in seen] == [
        ("A", False, False, 0.0),
        ("B", False, False, 0.0),
        ("C", True, True, 16.0),
        ("A", False, False, 0.0),
    ]
    assert [round(e.seen - 1000, 3) for e in seen] == [0, 0.3, 0.3, 0.3]


def test_faults_come_with_it(clock: Clock) -> None:
    faulty = EvseReport(2, "A", False, False, 0.0, frozenset({"GroundFailure"}))
    [seen] = Watched(clock, [faulty]).runs()
    assert isinstance(seen, EvseReported)
    assert (seen.evse, seen.faults) == (2, {"GroundFailure"})


def test_reports_pass_whatever_else_waits_for_the_station(clock: Clock) -> None:
    watched = Watched(clock, [CLOSED])
    watched.inbox.put(CardPresented("04A1"))
    assert [type(event) for event in watched.runs()] == [EvseReported, CardPresented]


def test_the_meter_is_poked_when_plug_or_contact_changes(clock: Clock) -> None:
    watched = Watched(clock, [IDLE], [PLUGGED], [OFFERED], [CLOSED], [OFFERED])
    watched.runs()
    assert watched.switched == 4, "all but the offer"


def test_a_lost_interlock_is_told_and_another_asked_for_until_there_is_one(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    ended, still = HalError("the interlock ended"), HalError("the interlock ended")
    watched = Watched(clock, [CLOSED], ended, still, [IDLE], HalError("the interlock ended"))
    with caplog.at_level(logging.ERROR, "pilotwire"):
        seen = watched.runs()
    lost = [event for event in seen if isinstance(event, InterlockLost)]
    assert set(lost) == {InterlockLost((1, 2))}
    assert watched.lost == 3
    assert caplog.messages == ["interlock: the interlock ended"] * 2, "one line a loss"


def test_a_loss_found_by_leasing_is_told_too(clock: Clock) -> None:
    watched = Watched(clock, lambda: setattr(watched.interlock, "gone", True), 0.6)
    watched.wants(16.0)
    original = watched.interlock.lease

    def lease(evse: int, limit_a: float, lock: bool) -> None:
        try:
            original(evse, limit_a, lock)
        finally:
            if watched.interlock.gone:
                watched.interlock.gone = False  # a new one is there at once

    watched.interlock.lease = lease  # type: ignore[method-assign]
    assert watched.runs() == [InterlockLost((1, 2))]
    assert watched.lost == 1


def test_after_a_loss_everything_is_told_anew(clock: Clock) -> None:
    """Nothing of the EVSEs was known meanwhile, also where they look as before."""
    gone = HalError("the interlock ended")
    watched = Watched(clock, [IDLE], gone, [IDLE], gone, [IDLE])
    assert [type(event) for event in watched.runs()] == [
        *(EvseReported, InterlockLost, EvseReported, InterlockLost, EvseReported)
    ]


def test_the_end_is_no_loss(clock: Clock) -> None:
    watched = Watched(clock, lambda: ends(watched.watcher), HalError("closed"))
    assert watched.runs() == []
    assert watched.lost == 0
