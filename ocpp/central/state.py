"""What the bench central system knows, as values: read from the store, shown on the page."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ocpp.message import DateTime
from ocpp.v16 import (
    AuthorizationStatus,
    ChargePointErrorCode,
    ChargePointStatus,
    IdToken,
    RegistrationStatus,
)

IDENTITY_MAX = 255
"""Characters that a station's identity may have here. OCPP-S names no limit."""


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One card (idTag) and what is answered for it; after `expiry`, Expired."""

    id: IdToken
    name: Annotated[str, Meta(max_length=60)] = ""
    status: AuthorizationStatus = "Accepted"
    expiry: DateTime | None = None
    parent: IdToken | None = None


class Registration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the station's next BootNotification is answered."""

    station: Annotated[str, Meta(min_length=1, max_length=IDENTITY_MAX)]
    status: RegistrationStatus
    interval_s: Annotated[int, Meta(ge=0, le=86_400)] | None = None
    """Heartbeat interval, or the wait before the next try if not Accepted. None = as configured."""


class Reservation(msgspec.Struct, frozen=True):
    """A reservation that the station accepted."""

    id: int
    station: str
    connector: int
    card: str
    expiry: datetime


class Connector(msgspec.Struct, frozen=True):
    """The last StatusNotification of one connector; 0 is the station as a whole."""

    id: int
    status: ChargePointStatus
    error: ChargePointErrorCode
    info: str | None
    since: datetime


class Station(msgspec.Struct, frozen=True):
    """A station that has spoken, or that was given a registration answer before it did."""

    id: str
    vendor: str
    model: str
    firmware: str
    registration: RegistrationStatus | None
    """As last answered; None before the first BootNotification."""
    answer: RegistrationStatus
    interval_s: int | None
    address: str | None
    """Where the station is called; None if `problem` says why it cannot be."""
    problem: str | None
    last_seen: datetime | None
    repeats: int
    """Transaction messages that came again and changed nothing."""
    connectors: tuple[Connector, ...] = ()


class Session(msgspec.Struct, frozen=True):
    """One transaction; its id is the transactionId."""

    id: int
    station: str
    connector: int
    card: str
    start_time: datetime
    stop_time: datetime | None
    reason: str | None
    energy_wh: int
    power_w: float | None
    price: Decimal
    currency: str
    live: bool
    """Not stopped, and the newest on its connector: an older one without a stop is unfinished."""


class Exchange(msgspec.Struct, frozen=True):
    """One request and its answer, in words; card numbers are masked."""

    id: int
    time: datetime
    station: str
    direction: Literal["in", "out"]
    action: str
    summary: str
    outcome: str
    ok: bool
    latency_ms: float


class Totals(msgspec.Struct, frozen=True):
    """Sums over all sessions; money over the finished ones."""

    sessions: int
    energy_wh: int
    billed: Decimal


class State(msgspec.Struct, frozen=True):
    """One consistent picture: everything the page shows."""

    soap_url: str
    currency: str
    price_per_kwh: Decimal
    heartbeat_interval_s: int
    totals: Totals
    stations: tuple[Station, ...]
    sessions: tuple[Session, ...]
    reservations: tuple[Reservation, ...]
    cards: tuple[Card, ...]
    messages: tuple[Exchange, ...]
