"""The journal: state, history and ledger in SQLite; one thread writes, the link reads.

WAL with synchronous=FULL: a commit that was acknowledged survives a power cut (hardware reference:
400 of 400 simulated cuts). What waits while a commit is under way goes into the next one together.
"""

import contextlib
import itertools
import logging
import os
import sqlite3
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

import msgspec

from firmware.core.state import Durable
from firmware.events import Outcome, TransactionKnown, Undelivered
from firmware.facts import SessionFact, SessionStarted, SessionStopped
from firmware.shell.schema import migrate
from firmware.shell.supervisor import Pulse

log = logging.getLogger("pilotwire.journal")

RETRY_S = 1.0
NO_TRANSACTION = "-1"
"""The id of a transaction whose start could not be delivered (R16-075)."""
KEEP_SESSIONS = 10_000
KEEP_CURVES = 50
"""Samples that were delivered are kept for the curves of the last sessions."""


class Settled(msgspec.Struct, frozen=True):
    """A row of the history that need not be sent again, and what was answered."""

    row: int
    fact: SessionFact
    outcome: Outcome


class Batch(msgspec.Struct, frozen=True):
    """What one turn of the station hands over: stored together or not at all."""

    number: int
    durable: Durable
    facts: tuple[SessionFact, ...] = ()
    settled: tuple[Settled, ...] = ()


class OpenRow(msgspec.Struct, frozen=True):
    """A fact of the history that the central system does not have yet."""

    row: int
    fact: SessionFact
    transaction: str | None
    before: tuple[SessionFact, ...] = ()
    """Of a stop that carries values: what the session has told before."""


def open_checked(path: Path) -> sqlite3.Connection:
    """Open and migrate the database; one that cannot be used, broken or of a newer program, is set
    aside and an empty one begun, because a station that does not start cannot tell anybody what is
    wrong with it. Raises sqlite3.OperationalError where the file itself may be sound: locked, no
    such folder, disk full."""
    try:
        return _open(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        aside = _set_aside(path)
        log.error("journal %s cannot be used (%s): kept as %s, begun anew", path, error, aside.name)
        return _open(path)


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        if db.execute("PRAGMA quick_check").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("quick_check failed")
        migrate(db)
        _state(db)
    except sqlite3.Error:
        db.close()  # before the file is moved: closing removes the log beside it, by its name
        raise
    return db


def _state(db: sqlite3.Connection) -> Durable | None:
    """Raises sqlite3.DatabaseError for a state that this program cannot read."""
    row = db.execute("SELECT body FROM state").fetchone()
    try:
        return None if row is None else msgspec.json.decode(row[0], type=Durable)
    except (ValueError, TypeError) as error:
        raise sqlite3.DatabaseError(f"the state in it is unreadable: {error}") from error


def _set_aside(path: Path) -> Path:
    """The clock may stand still from boot to boot, so a number keeps one from replacing another."""
    aside = next(
        a for n in itertools.count(1) if not (a := path.with_suffix(f".broken-{n}")).exists()
    )
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.replace(f"{path}{suffix}", f"{aside}{suffix}")
    return aside


class Journal:
    """Owns the only connection that writes."""

    def __init__(self, folder: Path, *, standalone: bool = False) -> None:
        self._begins = "kept" if standalone else None
        """The outcome that facts begin with: where there is nobody to tell, they are only kept."""
        self.path = folder / "journal.sqlite"
        self._copy = folder / "settings.json"
        self._copied = self._read_copy()
        self._db = open_checked(self.path)
        self.identity = uuid.UUID(self._meta("identity", str(uuid.uuid4())))
        """Message ids of the history are derived from it: a repeat has the id of the original."""
        self.boot = int(self._meta("boot", "0")) + 1
        self._set_meta("boot", str(self.boot))
        self._queue: SimpleQueue[Batch | None] = SimpleQueue()
        self.on_stored: Callable[[int], None] = lambda number: None

    def _meta(self, key: str, default: str) -> str:
        self._db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (key, default))
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0])

    def _set_meta(self, key: str, value: str) -> None:
        self._db.execute("UPDATE meta SET value = ? WHERE key = ?", (value, key))

    def load(self) -> Durable:
        """The stored state; of a lost one at least the settings, from their second copy."""
        return _state(self._db) or self._copied or Durable()

    def hand_over(self, batch: Batch) -> None:
        """Give the next batch to the journal thread. Never waits."""
        self._queue.put(batch)

    def finish(self) -> None:
        """Let the thread end after what has been handed over."""
        self._queue.put(None)

    def run(self, pulse: Pulse) -> None:
        """Body of the journal thread."""
        while (batches := self._next()) is not None:
            with pulse:
                self._store(batches)
                self._keep_copy(_copied(batches[-1].durable))
                self.on_stored(batches[-1].number)

    def close(self) -> None:
        self._db.close()

    def _next(self) -> list[Batch] | None:
        first = self._queue.get()
        if first is None:
            return None
        batches = [first]
        while not self._queue.empty():
            more = self._queue.get()
            if more is None:
                self._queue.put(None)
                break
            batches.append(more)
        return batches

    def _store(self, batches: list[Batch]) -> None:
        """Commit, however long it takes: nothing is permitted or said before."""
        told = False
        while True:
            try:
                self._commit(batches)
                return
            except sqlite3.OperationalError as error:
                if not told:
                    log.error(
                        "cannot store (%s): is the disk full? nothing new is permitted", error
                    )
                told = True
                time.sleep(RETRY_S)

    def _commit(self, batches: list[Batch]) -> None:
        with contextlib.closing(self._db.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            try:
                for batch in batches:
                    self._write(cursor, batch)
                body = msgspec.json.encode(batches[-1].durable)
                cursor.execute("INSERT OR REPLACE INTO state VALUES (1, ?)", (body,))
                cursor.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.OperationalError):
                    cursor.execute("ROLLBACK")
                raise

    def _write(self, cursor: sqlite3.Cursor, batch: Batch) -> None:
        for fact in batch.facts:
            cursor.execute(
                "INSERT INTO history (session, kind, body, outcome) VALUES (?, ?, ?, ?)",
                (fact.session, type(fact).__name__, msgspec.json.encode(fact), self._begins),
            )
            if self._begins and isinstance(fact, SessionStopped):
                self._prune(cursor, fact.session)
        for settled in batch.settled:
            self._settle(cursor, settled)

    def _settle(self, cursor: sqlite3.Cursor, settled: Settled) -> None:
        """One commit settles fact, ledger and the state that resulted from the answer."""
        fact, outcome = settled.fact, settled.outcome
        word = "undelivered" if isinstance(outcome, Undelivered) else "delivered"
        cursor.execute("UPDATE history SET outcome = ? WHERE row = ?", (word, settled.row))
        if isinstance(fact, SessionStarted):
            name = NO_TRANSACTION
            if isinstance(outcome, TransactionKnown):
                name = outcome.transaction
            cursor.execute("INSERT OR REPLACE INTO ledger VALUES (?, ?)", (fact.session, name))
        if isinstance(fact, SessionStopped):
            self._prune(cursor, fact.session)

    def _prune(self, cursor: sqlite3.Cursor, session: int) -> None:
        """Samples stay until their session's stop is settled, and for the curves of the last
        sessions; starts and stops much longer."""
        cursor.execute(
            "DELETE FROM history WHERE session <= ? AND kind = 'SessionMetered'"
            " AND outcome IN ('delivered', 'kept') AND session IN"
            " (SELECT session FROM history WHERE kind = 'SessionStopped' AND outcome IS NOT NULL)",
            (session - KEEP_CURVES,),
        )
        cursor.execute(
            "DELETE FROM history WHERE session < ? AND outcome IN ('delivered', 'kept')",
            (session - KEEP_SESSIONS,),
        )

    # --- the second copy of the settings ---------------------------------------------------------

    def _read_copy(self) -> Durable | None:
        try:
            return msgspec.json.decode(self._copy.read_bytes(), type=Durable)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            log.error("%s is unreadable (%s)", self._copy, error)
            return None

    def _keep_copy(self, durable: Durable) -> None:
        if durable == self._copied:
            return
        try:
            self._write_copy(durable)
        except OSError as error:
            log.error("cannot write %s: %s", self._copy, error.strerror)
        else:
            self._copied = durable

    def _write_copy(self, durable: Durable) -> None:
        """Written whole, then put in place."""
        temporary = self._copy.with_suffix(".tmp")
        with temporary.open("wb") as file:
            file.write(msgspec.json.encode(durable))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self._copy)


def _copied(durable: Durable) -> Durable:
    """What of the state is worth a second copy: what a person has set."""
    return Durable(
        changed=durable.changed,
        inoperative=durable.inoperative,
        accepted_once=durable.accepted_once,
    )


class Outbox:
    """The link's read-only view of the history, in the order in which it must be told."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False
        )

    def next_open(self) -> OpenRow | None:
        """The oldest fact that is not settled."""
        row = self._db.execute(
            "SELECT row, body, transaction_id FROM history LEFT JOIN ledger USING (session)"
            " WHERE outcome IS NULL ORDER BY row LIMIT 1"
        ).fetchone()
        if row is None:
            return None
        fact = msgspec.json.decode(row[1], type=SessionFact)
        carries = isinstance(fact, SessionStopped) and fact.sample is not None
        return OpenRow(row[0], fact, row[2], self._before(fact.session) if carries else ())

    def _before(self, session: int) -> tuple[SessionFact, ...]:
        rows = self._db.execute(
            "SELECT body FROM history WHERE session = ? AND kind != 'SessionStopped' ORDER BY row",
            (session,),
        )
        return tuple(msgspec.json.decode(body, type=SessionFact) for (body,) in rows)

    def waiting(self) -> int:
        return int(
            self._db.execute("SELECT count(*) FROM history WHERE outcome IS NULL").fetchone()[0]
        )

    def correction(self, boot: int) -> float | None:
        """Seconds to add to times of that boot taken before the clock was known, if known."""
        row = self._db.execute("SELECT body FROM state").fetchone()
        durable = Durable() if row is None else msgspec.json.decode(row[0], type=Durable)
        return dict(durable.corrections).get(boot)

    def close(self) -> None:
        self._db.close()
