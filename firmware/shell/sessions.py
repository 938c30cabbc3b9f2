"""What the journal holds of past and present sessions, for the page: read only."""

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from firmware.core.state import Durable
from firmware.facts import Instant, SessionFact, SessionMetered, SessionStarted, SessionStopped

DELIVERY = {None: "waiting", "delivered": "delivered", "undelivered": "not delivered"}
"""Of an outcome in the journal; one that is only kept has nobody to be delivered to."""


class SessionRow(msgspec.Struct, frozen=True):
    """One session; what is None is not known yet."""

    number: int
    evse: int
    transaction: str | None
    token: str
    """In full: to be masked before it is shown."""
    started: float
    """UTC s."""
    stopped: float | None
    seconds: float | None
    wh: int | None
    reason: str | None
    delivery: str


class Sessions:
    """Every question opens the database anew: it is asked seldom, and from any thread."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal

    def rows(self, most: int = 500) -> list[SessionRow]:
        """The last sessions, newest first."""
        with self._open() as db:
            found = db.execute(
                "SELECT start.body, stop.body, start.outcome, stop.outcome, transaction_id"
                " FROM history start LEFT JOIN history stop"
                " ON stop.session = start.session AND stop.kind = 'SessionStopped'"
                " LEFT JOIN ledger ON ledger.session = start.session"
                " WHERE start.kind = 'SessionStarted' ORDER BY start.session DESC LIMIT ?",
                (most,),
            ).fetchall()
            corrections = _corrections(db)
        return [_row(corrections, *columns) for columns in found]

    def curve(self, session: int) -> list[tuple[float, float, float, int]]:
        """The samples of a session: UTC s, W, A offered, Wh since its start."""
        with self._open() as db:
            found = db.execute(
                "SELECT body FROM history WHERE session = ? ORDER BY row", (session,)
            ).fetchall()
            corrections = _corrections(db)
        facts = [msgspec.json.decode(body, type=SessionFact) for (body,) in found]
        begin = next((fact.wh for fact in facts if isinstance(fact, SessionStarted)), 0)
        return [
            (_wall(f.at, corrections), f.sample.watts, f.sample.offered_a, f.sample.wh - begin)
            for f in facts
            if isinstance(f, SessionMetered)
        ]

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(
            sqlite3.connect(f"{self._journal.resolve().as_uri()}?mode=ro", uri=True)
        ) as db:
            yield db


def _corrections(db: sqlite3.Connection) -> Mapping[int, float]:
    row = db.execute("SELECT body FROM state").fetchone()
    return {} if row is None else dict(msgspec.json.decode(row[0], type=Durable).corrections)


def _row(
    corrections: Mapping[int, float],
    start: bytes,
    stop: bytes | None,
    start_outcome: str | None,
    stop_outcome: str | None,
    transaction: str | None,
) -> SessionRow:
    began = msgspec.json.decode(start, type=SessionStarted)
    ended = None if stop is None else msgspec.json.decode(stop, type=SessionStopped)
    outcome = start_outcome if ended is None else stop_outcome
    started = _wall(began.at, corrections)
    stopped = None if ended is None else _wall(ended.at, corrections)
    return SessionRow(
        number=began.session,
        evse=began.evse,
        transaction=transaction,
        token=began.token,
        started=started,
        stopped=stopped,
        seconds=None if ended is None else _between(began.at, ended.at, corrections),
        wh=None if ended is None else ended.wh - began.wh,
        reason=None if ended is None else ended.reason,
        delivery=DELIVERY.get(outcome, "kept here"),
    )


def _wall(at: Instant, corrections: Mapping[int, float]) -> float:
    """Taken before the clock was known, a time is corrected as soon as it can be (rule 6)."""
    return at.wall if at.trusted else at.wall + corrections.get(at.boot, 0.0)


def _between(one: Instant, other: Instant, corrections: Mapping[int, float]) -> float:
    if one.boot == other.boot:
        return other.mono - one.mono
    return max(_wall(other, corrections) - _wall(one, corrections), 0.0)
