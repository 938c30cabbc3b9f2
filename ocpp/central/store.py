"""What the bench central system remembers: stations, cards, sessions, meter values, messages."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec

from ocpp.central.database import Database
from ocpp.central.metering import reading
from ocpp.central.state import Card, Exchange, Registration
from ocpp.v16 import (
    AuthorizationStatus,
    BootNotificationRequest,
    IdTagInfo,
    MeterValue,
    MeterValuesRequest,
    RegistrationStatus,
    ReserveNowRequest,
    StartTransactionRequest,
    StatusNotificationRequest,
    StopTransactionRequest,
)

KEPT_MESSAGES = 1_000


def stamp(time: datetime) -> str:
    """UTC in one fixed form, so that text sorts and compares as time does."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


class Tariff(msgspec.Struct, frozen=True):
    """What a kilowatt-hour costs; a session keeps the tariff it started with."""

    price_per_kwh: Decimal
    currency: str


class Stopped(msgspec.Struct, frozen=True):
    """A session that has just ended, with its bill."""

    card: str
    energy_wh: int
    price: Decimal
    currency: str


class Store:
    """The only place that writes the file. Every method is one transaction, from any thread.

    `changed` is called after each change that the page shows.
    """

    def __init__(self, path: Path, changed: Callable[[], None]) -> None:
        self.database = Database(path)
        self._changed = changed

    def close(self) -> None:
        self.database.close()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self.database.transaction() as db:
            yield db
        self._changed()

    def boot(self, station: str, request: BootNotificationRequest) -> Registration:
        """Note what a station says it is; returns what it shall be answered, true from now on."""
        with self._write() as db:
            _ensure(db, station)
            db.execute(
                "UPDATE stations SET vendor = ?, model = ?, firmware = ?, registration = answer"
                " WHERE id = ?",
                (
                    request.charge_point_vendor,
                    request.charge_point_model,
                    request.firmware_version or "",
                    station,
                ),
            )
            row = db.execute(
                "SELECT id AS station, answer AS status, interval_s FROM stations WHERE id = ?",
                (station,),
            ).fetchone()
        return msgspec.convert(dict(row), Registration)

    def set_registration(self, wish: Registration) -> None:
        """Decide what the station's next BootNotification is answered; it need not be known yet."""
        with self._write() as db:
            _ensure(db, wish.station)
            db.execute(
                "UPDATE stations SET answer = ?, interval_s = ? WHERE id = ?",
                (wish.status, wish.interval_s, wish.station),
            )

    def registration(self, station: str) -> RegistrationStatus | None:
        """What the station was last answered; None if it never booted here."""
        with self.database.reading() as db:
            row = db.execute(
                "SELECT registration FROM stations WHERE id = ?", (station,)
            ).fetchone()
        return row["registration"] if row else None

    def seen(self, station: str, now: datetime) -> None:
        """The station gave a sign of life. Creates nothing: only a BootNotification does."""
        with self._write() as db:
            db.execute("UPDATE stations SET last_seen = ? WHERE id = ?", (stamp(now), station))

    def locate(self, station: str, address: str | None, problem: str | None) -> bool:
        """Note where the station is called, or why it cannot be; returns whether that is news."""
        with self._write() as db:
            _ensure(db, station)
            done = db.execute(
                "UPDATE stations SET address = ?1, problem = ?2"
                " WHERE id = ?3 AND (address IS NOT ?1 OR problem IS NOT ?2)",
                (address, problem, station),
            )
        return done.rowcount > 0

    def address(self, station: str) -> tuple[str | None, str | None]:
        """Where the station is called, and if nowhere, why (None also if it is unknown)."""
        with self.database.reading() as db:
            row = db.execute(
                "SELECT address, problem FROM stations WHERE id = ?", (station,)
            ).fetchone()
        return (row["address"], row["problem"]) if row else (None, None)

    def status(self, station: str, request: StatusNotificationRequest, now: datetime) -> bool:
        """Note a connector's status; returns whether status or error differ from the last one."""
        with self._write() as db:
            key = (station, request.connector_id)
            old = db.execute(
                "SELECT status, error FROM connectors WHERE station = ? AND id = ?", key
            ).fetchone()
            since = stamp(request.timestamp or now)
            said = (request.status, request.error_code, request.info, since)
            db.execute("INSERT OR REPLACE INTO connectors VALUES (?, ?, ?, ?, ?, ?)", key + said)
        return old is None or tuple(old) != said[:2]

    def save_card(self, card: Card) -> None:
        """Add the card or change it."""
        with self._write() as db:
            db.execute(
                "INSERT OR REPLACE INTO cards (id, name, status, expiry, parent)"
                " VALUES (?, ?, ?, ?, ?)",
                (
                    card.id,
                    card.name,
                    card.status,
                    stamp(card.expiry) if card.expiry else None,
                    card.parent,
                ),
            )

    def card(self, card_id: str, now: datetime, unknown: AuthorizationStatus) -> IdTagInfo:
        """What is answered for a card. One never seen joins the table with the status `unknown`."""
        with self._write() as db:
            db.execute("INSERT OR IGNORE INTO cards (id, status) VALUES (?, ?)", (card_id, unknown))
            row = db.execute(
                "SELECT id, name, status, expiry, parent FROM cards WHERE id = ?", (card_id,)
            ).fetchone()
        card = msgspec.convert(dict(row), Card)
        expired = card.expiry is not None and card.expiry <= now and card.status == "Accepted"
        return IdTagInfo(
            status="Expired" if expired else card.status,
            expiry_date=card.expiry,
            parent_id_tag=card.parent,
        )

    def start(
        self, station: str, request: StartTransactionRequest, tariff: Tariff
    ) -> tuple[int, bool]:
        """Open a session. Returns its transactionId and whether it is new: a station repeats a
        StartTransaction whose answer it did not get (R16-102, R16-105), unchanged."""
        identity = (
            station,
            request.connector_id,
            stamp(request.timestamp),
            request.id_tag,
            request.meter_start,
        )
        with self._write() as db:
            new = db.execute(
                "INSERT OR IGNORE INTO sessions (station, connector, start_time, card, meter_start,"
                " price_per_kwh, currency) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*identity, str(tariff.price_per_kwh), tariff.currency),
            ).rowcount
            _count_repeat(db, station, not new)
            if request.reservation_id is not None:
                _drop_reservation(db, station, request.reservation_id)
            (number,) = db.execute(
                "SELECT id FROM sessions WHERE station = ? AND connector = ? AND start_time = ?"
                " AND card = ? AND meter_start = ?",
                identity,
            ).fetchone()
        return number, bool(new)

    def meter(self, station: str, request: MeterValuesRequest) -> bool:
        """Keep meter values; returns whether any of them is new."""
        with self._write() as db:
            new = _keep(
                db, (station, request.connector_id, request.transaction_id), request.meter_value
            )
            _count_repeat(db, station, bool(request.meter_value) and not new)
        return new

    def stop(self, station: str, request: StopTransactionRequest) -> Stopped | None:
        """End the session and bill it; None if it had ended before, or is none of the station's."""
        with self._write() as db:
            row = db.execute(
                "SELECT * FROM sessions WHERE id = ? AND station = ?",
                (request.transaction_id, station),
            ).fetchone()
            known_end = row is not None and row["stop_time"] is not None
            _count_repeat(db, station, known_end)
            if row is None or known_end:
                return None
            _keep(db, (station, row["connector"], row["id"]), request.transaction_data)
            energy = max(0, request.meter_stop - row["meter_start"])
            price = bill(energy, Decimal(row["price_per_kwh"]))
            db.execute(
                "UPDATE sessions SET stop_time = ?, meter_stop = ?, reason = ?, price = ?,"
                " power_w = NULL WHERE id = ?",
                (
                    stamp(request.timestamp),
                    request.meter_stop,
                    request.reason or "Local",  # the meaning of no reason (R16-083)
                    str(price),
                    row["id"],
                ),
            )
        return Stopped(row["card"], energy, price, row["currency"])

    def reserve(self, station: str, request: ReserveNowRequest) -> None:
        """The station accepted this reservation."""
        with self._write() as db:
            db.execute(
                "INSERT OR REPLACE INTO reservations VALUES (?, ?, ?, ?, ?)",
                (
                    station,
                    request.reservation_id,
                    request.connector_id,
                    request.id_tag,
                    stamp(request.expiry_date),
                ),
            )

    def cancel(self, station: str, reservation_id: int) -> None:
        """The reservation exists no more."""
        with self._write() as db:
            _drop_reservation(db, station, reservation_id)

    def log(self, exchange: Exchange) -> None:
        """Append to the message log, of which the newest 1,000 are kept. The id is given here."""
        with self._write() as db:
            done = db.execute(
                "INSERT INTO messages (time, station, direction, action, summary, outcome, ok,"
                " latency_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    stamp(exchange.time),
                    exchange.station,
                    exchange.direction,
                    exchange.action,
                    exchange.summary,
                    exchange.outcome,
                    exchange.ok,
                    exchange.latency_ms,
                ),
            )
            db.execute(
                "DELETE FROM messages WHERE id <= ?", ((done.lastrowid or 0) - KEPT_MESSAGES,)
            )


def bill(energy_wh: int, price_per_kwh: Decimal) -> Decimal:
    """The price of so much energy, to the hundredth."""
    return (price_per_kwh * energy_wh / 1000).quantize(Decimal("0.01"))


def _ensure(db: sqlite3.Connection, station: str) -> None:
    db.execute("INSERT OR IGNORE INTO stations (id) VALUES (?)", (station,))


def _count_repeat(db: sqlite3.Connection, station: str, repeated: bool) -> None:
    db.execute("UPDATE stations SET repeats = repeats + ? WHERE id = ?", (repeated, station))


def _drop_reservation(db: sqlite3.Connection, station: str, number: int) -> None:
    db.execute("DELETE FROM reservations WHERE station = ? AND id = ?", (station, number))


def _keep(
    db: sqlite3.Connection, origin: tuple[str, int, int | None], values: Sequence[MeterValue]
) -> bool:
    """Store what is new of these meter values of (station, connector, session)."""
    station, connector, session = origin
    new = 0
    for value in values:
        samples = msgspec.json.encode(value.sampled_value).decode()
        new += db.execute(
            "INSERT OR IGNORE INTO meter_values VALUES (?, ?, ?, ?, ?)",
            (station, connector, stamp(value.timestamp), samples, session),
        ).rowcount
        energy_wh, power_w = reading(value.sampled_value)
        db.execute(
            "UPDATE sessions SET register_wh = COALESCE(?1, register_wh),"
            " power_w = COALESCE(?2, power_w), measured = ?3"
            " WHERE id = ?4 AND station = ?5 AND stop_time IS NULL"
            " AND (measured IS NULL OR measured <= ?3)",
            (energy_wh, power_w, stamp(value.timestamp), session, station),
        )
    return new > 0
