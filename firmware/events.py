"""All that can happen to the station, in its own words."""

from typing import Literal

import msgspec

from firmware.facts import AuthorizationAsked, SessionFact
from firmware.orders import Order
from hal.ports import Fault, PilotState, Reading

Registration = Literal["None", "Accepted", "Pending", "Rejected"]
"""What the central system last said to BootNotification; None = nothing yet since boot."""


class Event(msgspec.Struct, frozen=True):
    """Base of all events."""


class Started(Event, frozen=True):
    """The first event of a process: recovered state becomes present state."""


class TimePassed(Event, frozen=True):
    """Nothing happened but time: a deadline of the state is due."""


class CardPresented(Event, frozen=True):
    token: str
    evses: tuple[int, ...] = ()
    """The EVSEs the reader serves; empty = all."""


class EvseReported(Event, frozen=True):
    """The interlock sees something else than before at one EVSE."""

    evse: int
    pilot: PilotState
    closed: bool
    locked: bool
    offered_a: float = 0.0
    faults: frozenset[Fault] = frozenset()
    seen: float = 0.0
    """Monotonic time of receipt, s."""


class InterlockLost(Event, frozen=True):
    """No word from the interlock: nothing is known of the EVSEs it owns."""

    evses: tuple[int, ...]


class MeterRead(Event, frozen=True):
    evse: int
    reading: Reading
    asked: float
    """Monotonic time at which the meter was asked, s: the reading is not older than this."""


class MeterLost(Event, frozen=True):
    evse: int


class ReaderChanged(Event, frozen=True):
    """A card reader died, or answers again."""

    reader: str
    alive: bool


class HeartbeatDue(Event, frozen=True):
    """Nothing was sent for a heartbeat interval."""


class Booted(Event, frozen=True):
    """The central system answered BootNotification."""

    registration: Registration
    interval_s: int


class LinkChanged(Event, frozen=True):
    """The central system answers, or does not answer any more."""

    up: bool


class ClockLearned(Event, frozen=True):
    """The central system's time is known: by how much this boot's own wall clock was wrong."""

    offset_s: float


class Ordered(Event, frozen=True):
    number: int
    order: Order


class Restarted(Event, frozen=True):
    """The restart that a reset asked for has been done: the station boots again."""


class StopAsked(Event, frozen=True):
    """The process is to end courteously: sessions are ended first."""


class Verdict(msgspec.Struct, frozen=True):
    """What the central system says of an idTag (IdTagInfo)."""

    status: Literal["Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"]
    parent: str | None = None
    expires: float | None = None
    """UTC seconds since 1970; None = never."""

    @property
    def accepted(self) -> bool:
        return self.status == "Accepted"


class TransactionKnown(msgspec.Struct, frozen=True):
    """The central system accepted the message that starts a session and named the transaction."""

    transaction: str
    verdict: Verdict


class Delivered(msgspec.Struct, frozen=True):
    """The central system has the message."""


class Undelivered(msgspec.Struct, frozen=True):
    """All attempts are used up, or no answer was had in time."""


Outcome = Verdict | TransactionKnown | Delivered | Undelivered


class Asked(Event, frozen=True):
    """An authorisation question was answered; `Undelivered` = no answer was had."""

    question: AuthorizationAsked
    outcome: Verdict | Undelivered


class Answered(Event, frozen=True):
    """A fact of the history is settled: row `row` of the journal need not be sent again."""

    row: int
    fact: SessionFact
    outcome: Outcome
