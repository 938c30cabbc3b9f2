"""The journal's tables, as migrations: those after a database's version are applied."""

import sqlite3

MIGRATIONS = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), body BLOB NOT NULL);
    CREATE TABLE history (
        row INTEGER PRIMARY KEY AUTOINCREMENT,
        session INTEGER NOT NULL,
        kind TEXT NOT NULL,
        body BLOB NOT NULL,
        outcome TEXT
    );
    CREATE INDEX history_open ON history (row) WHERE outcome IS NULL;
    CREATE UNIQUE INDEX one_start ON history (session) WHERE kind = 'SessionStarted';
    CREATE UNIQUE INDEX one_stop ON history (session) WHERE kind = 'SessionStopped';
    CREATE TABLE ledger (session INTEGER PRIMARY KEY, transaction_id TEXT NOT NULL);
    """,
)


def migrate(db: sqlite3.Connection) -> None:
    """Bring the database to the newest version, each step in a transaction of its own.

    Raises sqlite3.DatabaseError for a database newer than this program."""
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > len(MIGRATIONS):
        raise sqlite3.DatabaseError(f"journal of version {version}, newer than this program")
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        db.executescript(f"BEGIN; {script} PRAGMA user_version = {number}; COMMIT;")
