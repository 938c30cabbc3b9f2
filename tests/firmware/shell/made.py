"""Facts, batches and answers as a station makes them, for the tests of its shell."""

from firmware.core.connector import Kept, Session
from firmware.core.state import Durable
from firmware.events import Delivered, Outcome, TransactionKnown, Verdict
from firmware.facts import (
    Instant,
    Sample,
    SessionFact,
    SessionMetered,
    SessionStarted,
    SessionStopped,
    StatusChanged,
)
from firmware.shell.journal import Batch, Settled

CARD = "04A1B2C3D4E580"
WALL = 1_700_000_000.0
BOOT = 1


def at(mono: float, *, boot: int = BOOT, trusted: bool = True) -> Instant:
    return Instant(mono, WALL + mono, boot, trusted)


def started(session: int = 1, mono: float = 0.0, *, trusted: bool = True) -> SessionStarted:
    return SessionStarted(session, 1, at(mono, trusted=trusted), CARD, 1000 * session)


def metered(session: int = 1, mono: float = 0.0, wh: int = 1500) -> SessionMetered:
    return SessionMetered(session, 1, at(mono), Sample(wh))


def stopped(session: int = 1, mono: float = 0.0) -> SessionStopped:
    return SessionStopped(session, 1, at(mono), 1000 * session + 900, "Local", CARD)


def status(evse: int = 1, word: str = "Available", *, asked: bool = False) -> StatusChanged:
    return StatusChanged(evse, word, None, None, at(0), asked)  # type: ignore[arg-type]


def durable(session: int | None = None, **more: object) -> Durable:
    """A state with this session open, or with none."""
    if session is None:
        return Durable(**more)  # type: ignore[arg-type]
    kept = Session(session, CARD, at(0), 1000 * session, Kept(1000 * session, at(0)))
    return Durable(sessions=((1, kept),), next_session=session + 1, **more)  # type: ignore[arg-type]


def batch(number: int, *facts: SessionFact, state: Durable | None = None) -> Batch:
    return Batch(number, state or Durable(next_session=number), facts)


def settles(number: int, row: int, fact: SessionFact, outcome: Outcome | None = None) -> Batch:
    """The batch in which the station notes that this row is answered."""
    settled = (Settled(row, fact, outcome or Delivered()),)
    return Batch(number, Durable(next_session=number), settled=settled)


def known(transaction: int) -> TransactionKnown:
    return TransactionKnown(f"{transaction}", Verdict("Accepted"))
