"""A card is presented until the interlock has its lease: the real station thread, the journal on a
real folder and the thread that leases, with a fake interlock that notes what it is leased.
"""

import os
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from firmware.core.cache import Entry
from firmware.core.connector import Connector, Permit
from firmware.core.settings import Settings
from firmware.core.state import Durable, Station, restore
from firmware.events import Booted, CardPresented, EvseReported, LinkChanged, MeterRead
from firmware.facts import OrderAnswered, RestartDue, Talk
from firmware.shell.clock import Clock
from firmware.shell.inbox import Inbox
from firmware.shell.journal import Batch, Journal
from firmware.shell.loop import Loop, StopLoop, Stored
from firmware.shell.supervisor import Pulse, Worker
from firmware.shell.watchers import EvseWatcher
from hal.ports import EvseReport, PilotState, Reading
from tests.figures.process import PATIENCE_S, disk_folder
from tests.figures.row import Goal, Row, quantile

CARD = "04A1B2C3D4E580"
MOST_MS = 20.0


class Interlock:
    """The port `Evse`; notes since when how much is leased."""

    evses: Sequence[int] = (1,)

    def __init__(self) -> None:
        self._leased = (0.0, 0.0)
        self._changed = threading.Condition()
        self._awake = threading.Event()

    def lease(self, evse: int, limit_a: float, lock: bool) -> None:
        now = time.monotonic()
        with self._changed:
            if limit_a != self._leased[0]:
                self._leased = (limit_a, now)
                self._changed.notify()

    def leased(self, wanted: bool) -> float:
        """When there was a lease, or none any more."""
        with self._changed:
            if not self._changed.wait_for(lambda: (self._leased[0] > 0) == wanted, PATIENCE_S):
                raise TimeoutError(f"lease {wanted}")
            return self._leased[1]

    def reports(self, timeout_s: float) -> Sequence[EvseReport]:
        self._awake.wait(timeout_s)
        self._awake.clear()
        return ()

    def wake(self) -> None:
        self._awake.set()

    def restart(self) -> None: ...

    def close(self) -> None: ...


class Wires:
    """`loop.Outputs`, and the threads of the part of a station that a tap goes through."""

    def __init__(self, folder: Path) -> None:
        known = Durable(accepted_once=True, cache=(Entry(CARD, "Accepted"),))
        settings = Settings(local_pre_authorize=True)
        state = restore(Station((Connector(1, has_lock=False),), settings), known)
        self.state = state
        self.interlock = Interlock()
        self.inbox = Inbox()
        self.journal = Journal(folder)
        self.journal.on_stored = lambda number: self.inbox.put_urgent(Stored(number))
        self._loop = Loop(state, known, self, Clock(self.journal.boot))
        self._changed = threading.Condition()
        self._workers = [Worker("station", self._station, lambda dead: None)]
        self._evses = EvseWatcher(
            self.interlock,
            self.inbox,
            self._workers[0].pulse,
            switched=lambda: None,
            lost=lambda: None,
        )
        self._workers.append(Worker("evse", self._evses.run, lambda dead: None))
        self._workers.append(Worker("journal", self.journal.run, lambda dead: None))
        for worker in self._workers:
            worker.start()

    def _station(self, pulse: Pulse) -> None:
        self._loop.run(self.inbox, pulse)

    def want(self, evse: int, permit: Permit | None, lock: bool) -> None:
        self._evses.want(evse, permit, lock)

    def store(self, batch: Batch) -> None:
        self.journal.hand_over(batch)

    def say(self, fact: Talk) -> None: ...

    def answer(self, answered: OrderAnswered) -> None: ...

    def restart(self, due: RestartDue) -> None: ...

    def changed(self, state: Station) -> None:
        with self._changed:
            self.state = state
            self._changed.notify()

    def wait(self, holds: Callable[[Station], bool], what: str) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: holds(self.state), PATIENCE_S):
                raise TimeoutError(what)

    def close(self) -> None:
        self._evses.stop()
        self.inbox.put_urgent(StopLoop())
        self.journal.finish()
        for worker in self._workers:
            worker.join(PATIENCE_S)
        self.journal.close()


def tap(count: int = 1000) -> list[Row]:
    """Each value is one tap that begins a session; in between another tap ends it."""
    with disk_folder() as folder, closing(Wires(Path(folder))) as w:
        w.inbox.put_urgent(Booted("Accepted", 300))
        w.inbox.put_urgent(LinkChanged(up=True))
        w.wait(lambda s: s.online, "online")
        found = [_session(w) for _ in range(count)]
        synced = [_synced(Path(folder)) for _ in range(min(count, 100))]
    goals = (Goal("p95", quantile(found, 0.95), MOST_MS),)
    note = f"one fsync on this disk: {statistics.median(synced):.1f} ms"
    return [Row("card presented to lease", "ours", "ms", tuple(found), goals=goals, note=note)]


def _session(w: Wires) -> float:
    """Plug, tap, tap, unplug; how long the first tap took, ms."""
    _sees(w, "B")
    w.wait(lambda s: s.status(1) == "Preparing", "plugged")
    tapped = time.monotonic()
    w.inbox.put(CardPresented(CARD))
    took = w.interlock.leased(True) - tapped
    w.inbox.put(CardPresented(CARD))
    w.interlock.leased(False)
    _sees(w, "A")
    w.wait(lambda s: s.status(1) == "Available", "free")
    return took * 1e3


def _sees(w: Wires, pilot: PilotState) -> None:
    w.inbox.put_urgent(EvseReported(1, pilot, False, False, seen=time.monotonic()))
    w.inbox.put_reading("meter", MeterRead(1, Reading(1000), time.monotonic()))


def _synced(folder: Path) -> float:
    """What the disk takes for one small write, ms: most of a tap."""
    with (folder / "synced").open("ab", buffering=0) as file:
        began = time.monotonic()
        file.write(bytes(4096))
        os.fsync(file.fileno())
        return (time.monotonic() - began) * 1e3
