"""The link's memory of the history: which fact is next, in which words, when it is tried again."""

import logging
import time
import uuid

import msgspec

from firmware.core.settings import Settings
from firmware.dialects import v16
from firmware.events import Answered, Outcome, Undelivered
from firmware.shell.inbox import Inbox
from firmware.shell.journal import OpenRow, Outbox
from ocpp.message import Message

log = logging.getLogger("pilotwire.link")


class Tale(msgspec.Struct, frozen=True):
    """A fact of the history, ready to be told. A repeat has the same words and the same id."""

    row: OpenRow
    message: Message
    message_id: str


class History:
    """Strict order: nothing is told before the fact ahead of it is settled (R16-100). One thread's,
    but for `look`, which the journal's thread calls."""

    def __init__(self, outbox: Outbox, inbox: Inbox, boot: int, identity: uuid.UUID) -> None:
        self._outbox = outbox
        self._inbox = inbox
        self._boot = boot
        self._identity = identity
        self._look = True
        self._at = 0.0
        self._settling = 0
        self._attempts = 0

    def look(self) -> None:
        """Something was stored: there may be more to tell."""
        self._look = True

    def due_in(self) -> float | None:
        """Seconds until it is worth asking for the next fact; None = until something is stored."""
        return max(self._at - time.monotonic(), 0.0) if self._look else None

    def next(self) -> Tale | None:
        """The oldest unsettled fact in words; None = nothing can be told until more is stored."""
        self._look = False  # before reading: what is stored from now on is seen later
        row = self._outbox.next_open()
        if row is None or row.row == self._settling:
            return None
        ledger = self._ledger(row)
        if ledger is None:
            return None
        try:
            message = v16.request(row.fact, ledger)
        except ValueError as error:
            self.unspeakable(row, error)
            return None
        return Tale(row, message, f"urn:uuid:{uuid.uuid5(self._identity, str(row.row))}")

    def _ledger(self, row: OpenRow) -> v16.Ledger | None:
        """None = the correction of this boot's times is learned but not stored yet."""
        at = row.fact.at
        if at.trusted:
            return v16.Ledger(row.transaction, 0.0, row.before)
        correction = self._outbox.correction(at.boot)
        if correction is None and at.boot == self._boot:
            return None
        return v16.Ledger(row.transaction, correction or 0.0, row.before)

    def settle(self, row: OpenRow, outcome: Outcome) -> None:
        """The station decides what an outcome means; its commit settles the row."""
        self._settling, self._attempts = row.row, 0
        self._inbox.put_urgent(Answered(row.row, row.fact, outcome))

    def unspeakable(self, row: OpenRow, error: ValueError) -> None:
        """No message can hold it, and none ever will."""
        log.error("session %d: cannot be told: %s", row.fact.session, error)
        self.settle(row, Undelivered())

    def failed(self, row: OpenRow, settings: Settings, reason: str) -> None:
        """The central system could not process it: wait longer each time, then go on without it
        (R16-101, R16-102). Time without connection never comes here."""
        self._attempts += 1
        what = f"session {row.fact.session}: {type(row.fact).__name__}"
        if self._attempts >= settings.message_attempts:
            log.error("%s undelivered after %d attempts: %s", what, self._attempts, reason)
            self.settle(row, Undelivered())
            return
        wait_s = settings.message_retry_interval * self._attempts
        log.warning("%s not accepted (%s), again in %d s", what, reason, wait_s)
        self.again(wait_s)

    def again(self, wait_s: float = 0.0) -> None:
        """The same fact once more, not before `wait_s` seconds have passed."""
        self._at = time.monotonic() + wait_s
        self._look = True
