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


class ChangeAvailability(Order, frozen=True):
    evse: int
    """0 = the station and all its EVSEs."""
    operative: bool
