"""What the pages and the bench see of the station: read from published values, never waiting."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from firmware.config import Site
from firmware.core.cards import Cards, named
from firmware.core.connector import Connector
from firmware.core.local import LEARN_S
from firmware.core.metering import register
from firmware.core.state import Durable, Station, status_of
from firmware.core.why import Reason, why
from firmware.dialects import v16
from firmware.facts import Instant, OrderOutcome
from firmware.orders import LearnCard, Order
from firmware.shell.clock import Clock
from firmware.shell.desk import Desk
from firmware.shell.journal import Outbox
from firmware.shell.link import Link
from firmware.shell.logs import Lines
from firmware.shell.messages import Messages
from firmware.shell.sessions import SessionRow, Sessions
from firmware.shell.supervisor import Worker
from firmware.shell.telling import masked
from hal.ports import Bench, BenchError, EvseSpec, HalError

HISTORY_S = 900
ANSWER_S = 10.0
STATION_STUCK_S = 5.0
STUCK_S = 120.0
"""A link may wait that long for a central system that says nothing; the station for nobody."""


class View:
    """The facade that `firmware.web` asks for (see there for the shapes)."""

    def __init__(  # noqa: PLR0913, PLR0917 (all that it looks at)
        self,
        site: Site,
        specs: Mapping[int, EvseSpec],
        bench: Bench | None,
        link: Link,
        outbox: Outbox,
        clock: Clock,
        lines: Lines,
        workers: Sequence[Worker],
        desk: Desk,
        messages: Messages,
        sessions: Sessions,
    ) -> None:
        self.fake = bench is not None
        self.messages = messages
        self.phase = "starting"
        self._site = site
        self._specs = specs
        self._bench = bench
        self._link = link
        self._outbox = outbox
        self._outbox_lock = threading.Lock()
        self._clock = clock
        self._lines = lines
        self._workers = workers
        self._desk = desk
        self._sessions = sessions
        self._station = Station(())
        self._stored: Callable[[], Durable] = Durable
        self._changes = 0
        self._changed = threading.Condition()
        self._plots: dict[int, deque[tuple[float, float, float, int]]] = {}
        lines.on_line = self._count

    def publish(self, station: Station, stored: Callable[[], Durable]) -> None:
        """From the station thread: the newest state."""
        self._station, self._stored = station, stored
        for c in station.connectors:
            self._plot(c)
        self._count()

    def _count(self) -> None:
        with self._changed:
            self._changes += 1
            self._changed.notify_all()

    def _plot(self, c: Connector) -> None:
        plot = self._plots.setdefault(c.evse, deque(maxlen=HISTORY_S))
        now = time.time()
        if c.reading is not None and (not plot or now - plot[-1][0] >= 1.0):
            limit_w = c.offered_a * self._volts(c.evse)
            plot.append((now, c.reading.watts, limit_w, c.reading.wh))

    def _volts(self, evse: int) -> float:
        """All phases together."""
        spec = self._specs[evse]
        return spec.voltage_v * spec.phases

    def wait_change(self, seen: int, timeout_s: float) -> int:
        with self._changed:
            self._changed.wait_for(lambda: self._changes != seen, timeout_s)
            return self._changes

    def history(self) -> Mapping[str, object]:
        return {str(evse): [list(point) for point in list(p)] for evse, p in self._plots.items()}

    def snapshot(self) -> Mapping[str, object]:
        station, now = self._station, self._clock.now()
        return {
            "station": self._about(now),
            "fake": self.fake,
            "evses": [self._evse(station, c, now) for c in station.connectors],
            "threads": [self._thread(worker) for worker in self._workers],
            "queue": {"history": self.waiting()},
            "lines": self._lines.last(),
        }

    def _about(self, now: Instant) -> dict[str, object]:
        table = self._site.station
        return {
            "id": table.id,
            "vendor": table.vendor,
            "model": table.model,
            "version": table.firmware_version,
            "central": self._site.csms[0].url if self._site.csms else None,
            "phase": self.phase,
            "time": _iso(now.wall),
            **self._link.view(),
        }

    def _evse(self, station: Station, c: Connector, now: Instant) -> dict[str, object]:
        status, reading = status_of(station, c.evse, now), c.reading
        stored = self._stored()
        permit = station.permit(c.evse, stored)
        limit_a = 0.0 if permit is None else permit.amps
        reserved = station.reserved(c.evse)
        return {
            "id": c.evse,
            "status": status.status,
            "error": v16.error_code(status.fault),
            "pilot": c.pilot,
            "plugged": c.plugged,
            "closed": c.closed,
            "locked": c.locked if c.has_lock else None,
            "faults": sorted(c.faults),
            "power_w": 0 if reading is None else reading.watts,
            "energy_wh": 0 if reading is None else reading.wh,
            "current_a": [] if reading is None else reading.amps,
            "soc": None if reading is None else reading.soc,
            "limit_a": limit_a,
            "limit_w": limit_a * self._volts(c.evse),
            "offered_a": c.offered_a,
            "fuse_a": c.fuse_a,
            "set_a": c.limit_a,
            "why": [_reason(reason) for reason in why(station, stored, c.evse)],
            "session": _session(c, now),
            "reservation": reserved and {"id": reserved.id, "expires": _iso(reserved.expires)},
        }

    def _thread(self, worker: Worker) -> dict[str, object]:
        pulse = worker.pulse
        busy = None if pulse.busy_since is None else pulse.busy_s
        return {"name": worker.name, "alive": worker.alive, "busy_s": busy, "turns": pulse.turns}

    def ailing(self) -> list[str]:
        """What is wrong with the threads, in a sentence each."""
        if self.phase == "starting":
            return ["the station is starting"]
        return [
            f"thread {worker.name} is {'stuck' if worker.alive else 'dead'}"
            for worker in self._workers
            if not worker.alive or worker.pulse.busy_s > _patience_s(worker)
        ]

    # --- orders and records -----------------------------------------------------------------------

    def ask(self, order: Order) -> OrderOutcome:
        """Raises NoAnswer. A card that is to be learned is waited for."""
        return self._desk.ask(order, ANSWER_S + LEARN_S * isinstance(order, LearnCard))

    @property
    def cards(self) -> Cards:
        return self._station.cards

    @property
    def free_token(self) -> str | None:
        return self._station.free_token

    def sessions(self) -> list[Mapping[str, object]]:
        return [_session_row(row, self.cards) for row in self._sessions.rows()]

    def curve(self, session: int) -> list[tuple[float, float, float, int]]:
        return self._sessions.curve(session)

    def waiting(self) -> int:
        """Facts of the history that the central system does not have yet."""
        with self._outbox_lock:
            return self._outbox.waiting()

    # --- the bench --------------------------------------------------------------------------------

    def bench(self, verb: str, body: Mapping[str, object]) -> None:
        if self._bench is None:
            raise BenchError(404, "only the fake board has a bench")
        if verb == "link":
            self._link.hold(not body["up"])
        else:
            self._bench.command(verb, body)

    def bench_state(self) -> Mapping[str, object]:
        seen = self._seen()
        evses = [
            {"id": c.evse, **seen[c.evse], "transaction": _transaction(c)}
            for c in self._station.connectors
        ]
        return {"phase": self.phase, "link": self._link.view()["link"], "evses": evses}

    def _seen(self) -> Mapping[int, Mapping[str, object]]:
        assert self._bench is not None
        try:
            return self._bench.state()
        except HalError:  # with the interlock, vehicles and contacts are gone until it is back
            return {c.evse: _unseen(c) for c in self._station.connectors}


def _patience_s(worker: Worker) -> float:
    return STATION_STUCK_S if worker.name == "station" else STUCK_S


def _reason(reason: Reason) -> dict[str, object]:
    card = f", card {masked(reason.token)}" if reason.token else ""
    return {
        "what": reason.what + card,
        "effect": reason.effect,
        "by": reason.by,
        "amps": reason.amps,
    }


def _session_row(row: SessionRow, cards: Cards) -> Mapping[str, object]:
    card = named(cards, row.token)
    return {
        "number": row.number,
        "evse": row.evse,
        "transaction": row.transaction,
        "card": masked(row.token),
        "name": "" if card is None else card.name,
        "started": _iso(row.started),
        "stopped": None if row.stopped is None else _iso(row.stopped),
        "seconds": None if row.seconds is None else round(row.seconds, 1),
        "wh": row.wh,
        "reason": row.reason,
        "delivery": row.delivery,
    }


def _unseen(c: Connector) -> Mapping[str, object]:
    return {
        "plugged": False,
        "cp_state": "F",
        "locked": False,
        "relay_closed": False,
        "faults": ["InterlockLost"],
        "energy_wh": 0 if c.reading is None else c.reading.wh,
        "power_w": 0,
        "current_a": 0,
        "soc": None,
    }


def _transaction(c: Connector) -> str | None:
    """The central system's name for the running transaction, before that our own."""
    if c.session is None:
        return None
    return c.session.transaction or f"session-{c.session.number}"


def _session(c: Connector, now: Instant) -> dict[str, object] | None:
    session = c.session
    if session is None:
        return None
    transaction = session.transaction
    return {
        "number": session.number,
        "transaction": None if transaction is None else int(transaction),
        "token_masked": masked(session.token),
        "wh": register(c.reading, session.shift, session.kept.wh) - session.wh_start,
        "started": _iso(session.started.wall),
        "seconds": round(now.mono - session.started.mono),
    }


def _iso(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
