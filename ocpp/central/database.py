"""The file beneath the store: one SQLite connection behind one lock, and its schema by version."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MIGRATIONS = (
    """
    CREATE TABLE stations (
        id TEXT PRIMARY KEY,
        vendor TEXT NOT NULL DEFAULT '',
        model TEXT NOT NULL DEFAULT '',
        firmware TEXT NOT NULL DEFAULT '',
        registration TEXT,
        answer TEXT NOT NULL DEFAULT 'Accepted',
        interval_s INTEGER,
        address TEXT,
        problem TEXT,
        last_seen TEXT,
        repeats INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE connectors (
        station TEXT NOT NULL,
        id INTEGER NOT NULL,
        status TEXT NOT NULL,
        error TEXT NOT NULL,
        info TEXT,
        since TEXT NOT NULL,
        PRIMARY KEY (station, id)
    );
    CREATE TABLE cards (
        id TEXT PRIMARY KEY COLLATE NOCASE,
        name TEXT NOT NULL DEFAULT '',
        status TEXT NOT NULL,
        expiry TEXT,
        parent TEXT
    );
    CREATE TABLE sessions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        station TEXT NOT NULL,
        connector INTEGER NOT NULL,
        card TEXT NOT NULL COLLATE NOCASE,
        start_time TEXT NOT NULL,
        meter_start INTEGER NOT NULL,
        stop_time TEXT,
        meter_stop INTEGER,
        reason TEXT,
        price_per_kwh TEXT NOT NULL,
        currency TEXT NOT NULL,
        price TEXT,
        register_wh REAL,
        power_w REAL,
        measured TEXT,
        UNIQUE (station, connector, start_time, card, meter_start)
    );
    CREATE TABLE meter_values (
        station TEXT NOT NULL,
        connector INTEGER NOT NULL,
        time TEXT NOT NULL,
        samples TEXT NOT NULL,
        session INTEGER,
        PRIMARY KEY (station, connector, time, samples)
    ) WITHOUT ROWID;
    CREATE TABLE reservations (
        station TEXT NOT NULL,
        id INTEGER NOT NULL,
        connector INTEGER NOT NULL,
        card TEXT NOT NULL,
        expiry TEXT NOT NULL,
        PRIMARY KEY (station, id)
    );
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        time TEXT NOT NULL,
        station TEXT NOT NULL,
        direction TEXT NOT NULL,
        action TEXT NOT NULL,
        summary TEXT NOT NULL,
        outcome TEXT NOT NULL,
        ok INTEGER NOT NULL,
        latency_ms REAL NOT NULL
    );
    """,
)
"""Step n leads from version n to n+1; a step that was released is never edited."""


class DatabaseError(Exception):
    """The file cannot be used. The text says what to do about it."""


class Database:
    """One connection that the server's threads share: on a bench statements are few and short."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        try:
            self._prepare(path)
        except sqlite3.DatabaseError as error:
            self.close()
            raise DatabaseError(f"{path} is no usable database ({error}): move it away") from error
        except DatabaseError:
            self.close()
            raise

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside becomes true together, or nothing of it; one thread at a time."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A consistent picture: nobody writes meanwhile."""
        with self._lock:
            yield self._connection

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _prepare(self, path: Path) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        # A killed process loses nothing; a power cut may lose the last second: good enough here.
        self._connection.execute("PRAGMA synchronous = NORMAL")
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            raise DatabaseError(
                f"{path} was written by a newer Pilotwire (schema {version}, here"
                f" {len(MIGRATIONS)}): update Pilotwire, or use another state directory"
            )
        for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
            self._connection.executescript(f"BEGIN;{script};PRAGMA user_version = {number};COMMIT;")
