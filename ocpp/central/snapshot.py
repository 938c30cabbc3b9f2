"""Reads one consistent picture of the store for the page."""

import sqlite3
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

import msgspec

from ocpp.central.state import (
    Card,
    Connector,
    Exchange,
    Reservation,
    Session,
    Station,
    Totals,
)
from ocpp.central.store import Store, bill, stamp

T = TypeVar("T")

SHOWN_SESSIONS = 50
SHOWN_MESSAGES = 100

_SESSIONS = """
    SELECT *,
        CAST(MAX(0, COALESCE(meter_stop, register_wh, meter_start) - meter_start) AS INTEGER)
            AS energy_wh,
        stop_time IS NULL AND id = (
            SELECT MAX(id) FROM sessions AS newer
            WHERE newer.station = sessions.station AND newer.connector = sessions.connector
        ) AS live
    FROM sessions
"""


class Snapshot(msgspec.Struct, frozen=True):
    """The part of the page's state that comes from the store."""

    totals: Totals
    stations: tuple[Station, ...]
    sessions: tuple[Session, ...]
    reservations: tuple[Reservation, ...]
    cards: tuple[Card, ...]
    messages: tuple[Exchange, ...]


def read_snapshot(store: Store, now: datetime) -> Snapshot:
    """All that is shown, as of one moment."""
    with store.database.reading() as db:
        return Snapshot(
            totals=_totals(db),
            stations=_stations(db),
            sessions=_sessions(db),
            reservations=_rows(
                db,
                "SELECT * FROM reservations WHERE expiry > ? ORDER BY expiry",
                Reservation,
                stamp(now),
            ),
            cards=_rows(db, "SELECT * FROM cards ORDER BY name = '', name, id", Card),
            messages=_rows(
                db, "SELECT * FROM messages ORDER BY id DESC LIMIT ?", Exchange, SHOWN_MESSAGES
            ),
        )


def _rows(db: sqlite3.Connection, query: str, kind: type[T], *values: object) -> tuple[T, ...]:
    return tuple(_value(row, kind) for row in db.execute(query, values))


def _value(row: sqlite3.Row, kind: type[T], **more: object) -> T:
    # Not strict: SQLite has neither booleans nor dates of its own.
    return msgspec.convert({**dict(row), **more}, kind, strict=False)


def _totals(db: sqlite3.Connection) -> Totals:
    row = db.execute(
        "SELECT COUNT(*) AS sessions, COALESCE(SUM(energy_wh), 0) AS energy_wh,"
        f" COALESCE(SUM(CAST(price AS REAL)), 0) AS billed FROM ({_SESSIONS})"
    ).fetchone()
    return _value(row, Totals, billed=Decimal(row["billed"]).quantize(Decimal("0.01")))


def _stations(db: sqlite3.Connection) -> tuple[Station, ...]:
    connectors: dict[str, list[Connector]] = {}
    for row in db.execute("SELECT * FROM connectors ORDER BY station, id"):
        connectors.setdefault(row["station"], []).append(_value(row, Connector))
    return tuple(
        _value(row, Station, connectors=connectors.get(row["id"], []))
        for row in db.execute("SELECT * FROM stations ORDER BY id")
    )


def _sessions(db: sqlite3.Connection) -> tuple[Session, ...]:
    """The running ones and the newest."""
    rows = db.execute(
        f"SELECT * FROM ({_SESSIONS}) ORDER BY live DESC, id DESC LIMIT ?", (SHOWN_SESSIONS,)
    )
    return tuple(_value(row, Session, price=_price(row)) for row in rows)


def _price(row: sqlite3.Row) -> Decimal:
    """What was billed, or what would be if the session ended now."""
    if row["price"] is not None:
        return Decimal(row["price"])
    return bill(row["energy_wh"], Decimal(row["price_per_kwh"]))
