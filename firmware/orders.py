"""All that the station can be asked to do, whoever asks: central system, page or bench."""

from typing import Literal

import msgspec

from firmware.facts import ResetKind

Triggered = Literal["Boot", "Heartbeat", "Status", "MeterValues", "Other"]


class Order(msgspec.Struct, frozen=True):
    """Base of all orders. Each is answered once by an `OrderAnswered` with its number."""


class RemoteStart(Order, frozen=True):
    token: str
    evse: int | None = None


class RemoteStop(Order, frozen=True):
    transaction: str
    """The central system's name for the transaction."""


class Reserve(Order, frozen=True):
    id: int
    evse: int
    """0 = any one EVSE stays free."""
    token: str
    parent: str | None
    expires: float
    """UTC seconds since 1970."""


class CancelReservation(Order, frozen=True):
    id: int


class Trigger(Order, frozen=True):
    what: Triggered
    evse: int | None = None


class GetSettings(Order, frozen=True):
    keys: tuple[str, ...] = ()
    """Empty = all."""


class ChangeSetting(Order, frozen=True):
    key: str
    value: str


class ClearCache(Order, frozen=True):
    pass


class Reset(Order, frozen=True):
    kind: ResetKind


class Unlock(Order, frozen=True):
    evse: int


class Start(Order, frozen=True):
    """As if the card had been shown at this EVSE."""

    evse: int
    token: str


class Stop(Order, frozen=True):
    """End the session at this EVSE, as its card would."""

    evse: int


class Limit(Order, frozen=True):
    """Let no more than this flow at one EVSE; None = as much as there is."""

    evse: int
    amps: float | None


class SaveCard(Order, frozen=True):
    token: str
    name: str


class DropCard(Order, frozen=True):
    token: str


class LearnCard(Order, frozen=True):
    """The next card shown is put on the list instead of being used."""

    name: str


class ChangeAvailability(Order, frozen=True):
    evse: int
    """0 = the station and all its EVSEs."""
    operative: bool
