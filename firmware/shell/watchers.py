"""The watchers: threads that turn reader, meter, interlock and the passing of time into events."""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from firmware.core.connector import Permit
from firmware.events import (
    CardPresented,
    EvseReported,
    HeartbeatDue,
    InterlockLost,
    MeterLost,
    MeterRead,
    ReaderChanged,
)
from firmware.shell.inbox import Inbox
from firmware.shell.supervisor import Pulse
from hal.ports import CardReader, Evse, EvseReport, HalError, Meter, Reading

log = logging.getLogger("pilotwire.hal")

READ_S = 10.0
POLL_S = 1.0
LEASE_S = 0.5
CALM_S = 2.0
RETRY_S = 1.0
STUCK_S = 1.0
"""A station thread busy with one event for longer is stuck: its permits are not renewed."""
MISSES = 3
"""This many unanswered polls in a row make a lost meter (hardware reference §4.2)."""


class ReaderWatcher:
    """One card reader."""

    def __init__(self, reader: CardReader, inbox: Inbox) -> None:
        self._reader = reader
        self._inbox = inbox
        self._alive = True
        self._stop = threading.Event()

    def run(self, pulse: Pulse) -> None:
        while not self._stop.is_set():
            try:
                card = self._reader.read(READ_S)
            except HalError as error:
                self._lost(error)
                self._stop.wait(RETRY_S)
                continue
            self._found()
            if card is not None:
                with pulse:
                    self._inbox.put(CardPresented(card.token, card.evses))

    def _lost(self, error: HalError) -> None:
        if self._alive:
            log.error("card reader %s: %s", self._reader.name, error)
            self._inbox.put(ReaderChanged(self._reader.name, alive=False))
        self._alive = False

    def _found(self) -> None:
        if not self._alive:
            log.info("card reader %s answers again", self._reader.name)
            self._inbox.put(ReaderChanged(self._reader.name, alive=True))
        self._alive = True

    def stop(self) -> None:
        self._stop.set()
        self._reader.close()


class MeterWatcher:
    """The meters of one bus, asked in turn once a second, and at once when a contact changes."""

    def __init__(self, meters: Mapping[int, Meter], inbox: Inbox) -> None:
        self._meters = meters
        self._inbox = inbox
        self._misses = dict.fromkeys(meters, 0)
        self._last: dict[int, Reading] = {}
        self._poked = threading.Event()
        self._stopping = False

    def poke(self) -> None:
        """Read now: a plug or a contact has changed."""
        self._poked.set()

    def run(self, pulse: Pulse) -> None:
        poked = True
        while not self._stopping:
            if poked:  # one that comes just now is not lost, but makes the next wait short
                self._poked.clear()
            with pulse:
                for evse, meter in self._meters.items():
                    self._read(evse, meter, news_only=not poked)
            poked = self._poked.wait(POLL_S)

    def _read(self, evse: int, meter: Meter, *, news_only: bool) -> None:
        """An idle meter says the same every second: that wakes nobody."""
        asked = time.monotonic()
        try:
            reading = meter.read()
        except HalError as error:
            self._misses[evse] += 1
            if self._misses[evse] == MISSES:
                log.error("meter of EVSE %d: %s", evse, error)
                self._inbox.put_urgent(MeterLost(evse))
            return
        known = self._misses[evse] < MISSES and self._last.get(evse) == reading
        self._misses[evse], self._last[evse] = 0, reading
        if not (known and news_only):
            self._inbox.put_reading(("meter", evse), MeterRead(evse, reading, asked))

    def stop(self) -> None:
        self._stopping = True
        self._poked.set()


def _switched(report: EvseReport) -> tuple[bool, bool]:
    """Whether something is plugged, and whether it has current: the moments a meter is read at."""
    return report.pilot == "A", report.closed


def reported(report: EvseReport) -> EvseReported:
    return EvseReported(
        report.evse,
        report.pilot,
        report.closed,
        report.locked,
        report.offered_a,
        report.faults,
        time.monotonic(),
    )


class EvseWatcher:
    """One interlock: leases it what the station permits, and reports what it sees."""

    def __init__(
        self,
        interlock: Evse,
        inbox: Inbox,
        station: Pulse,
        *,
        switched: Callable[[], None],
        lost: Callable[[], None],
    ) -> None:
        self._interlock = interlock
        self._inbox = inbox
        self._station = station
        self._switched = switched
        self._lost = lost
        self._wanted: dict[int, tuple[float, bool]] = {}
        self._last: dict[int, EvseReport] = {}
        self._changed = threading.Event()
        self._problem = ""
        self._stop = threading.Event()

    def want(self, evse: int, permit: Permit | None, lock: bool) -> None:
        """From the station thread: what this EVSE is permitted from now on."""
        self._wanted[evse] = (0.0 if permit is None else permit.amps, lock)
        self._changed.set()
        self._interlock.wake()

    def run(self, pulse: Pulse) -> None:
        renew_at = 0.0
        while not self._stop.is_set():
            try:
                if self._changed.is_set() or time.monotonic() >= renew_at:
                    self._changed.clear()
                    renew_at = time.monotonic() + (LEASE_S if self._any_wanted() else CALM_S)
                    self._lease()
                reports = self._interlock.reports(max(renew_at - time.monotonic(), 0.0))
            except HalError as error:
                self._gone(error)
                continue
            with pulse:
                for report in reports:
                    self._report(report)

    def _any_wanted(self) -> bool:
        """A lease of nothing needs no renewal."""
        return any(amps > 0 or lock for amps, lock in list(self._wanted.values()))

    def _lease(self) -> None:
        if self._station.busy_s > STUCK_S:
            return
        for evse, (amps, lock) in list(self._wanted.items()):
            self._interlock.lease(evse, amps, lock)

    def _report(self, report: EvseReport) -> None:
        last = self._last.get(report.evse)
        if report == last:
            return
        self._last[report.evse] = report
        self._problem = ""
        self._inbox.put_urgent(reported(report))
        if last is None or _switched(last) != _switched(report):
            self._switched()

    def _gone(self, error: HalError) -> None:
        if self._stop.is_set():
            return
        if str(error) != self._problem:
            log.error("interlock: %s", error)
        self._problem = str(error)
        self._last.clear()
        self._inbox.put_urgent(InterlockLost(tuple(self._interlock.evses)))
        self._lost()
        self._stop.wait(RETRY_S)  # what the station wants meanwhile changes nothing

    def stop(self) -> None:
        self._stop.set()
        self._interlock.wake()


class Heartbeat:
    """Says when nothing was sent for the interval; a change of either wakes it (R16-040)."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._changed = threading.Condition()
        self._interval_s: float | None = None
        self._last = time.monotonic()
        self._stopping = False

    def every(self, interval_s: float | None) -> None:
        """None = no heartbeats: the station is not accepted."""
        with self._changed:
            if interval_s != self._interval_s:
                self._interval_s = interval_s
                self._changed.notify()

    def sent(self) -> None:
        """Something was answered by the central system just now."""
        with self._changed:
            self._last = time.monotonic()

    def run(self, pulse: Pulse) -> None:
        with self._changed:
            while not self._stopping:
                wait_s = self._due_in()
                if wait_s is None or wait_s > 0:
                    self._changed.wait(wait_s)
                    continue
                with pulse:
                    self._last = time.monotonic()
                    self._inbox.put(HeartbeatDue())

    def _due_in(self) -> float | None:
        if self._interval_s is None or self._interval_s <= 0:
            return None
        return self._last + self._interval_s - time.monotonic()

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify()
