"""The station thread: takes events, steps the core, and hands on what follows.

It touches neither disk nor network and waits for nobody. Withdrawn permits leave at once; new ones,
answers and talk leave when what they rest on is stored (rule 4).
"""

import logging
from collections import deque
from collections.abc import Iterable
from typing import Protocol

import msgspec

from firmware.core.connector import Permit
from firmware.core.state import Durable, Station, status_of
from firmware.core.station import deadline, step
from firmware.events import Answered, Event, Started, TimePassed
from firmware.facts import Fact, Instant, Noted, OrderAnswered, RestartDue, SessionFact, Talk
from firmware.shell.clock import Clock
from firmware.shell.inbox import Inbox
from firmware.shell.journal import Batch, Settled
from firmware.shell.supervisor import Pulse

log = logging.getLogger("pilotwire.station")

LONGEST_WAIT_S = 3600.0


class Stored(Event, frozen=True):
    """Everything up to this batch is on disk. For the loop itself, not for the core."""

    number: int


class StopLoop(Event, frozen=True):
    """The last event: the thread ends."""


class Outputs(Protocol):
    """Where the loop hands on what follows. None of these may wait."""

    def want(self, evse: int, permit: Permit | None, lock: bool) -> None: ...
    def store(self, batch: Batch) -> None: ...
    def say(self, fact: Talk) -> None: ...
    def answer(self, answered: OrderAnswered) -> None: ...
    def restart(self, due: RestartDue) -> None: ...
    def changed(self, state: Station) -> None: ...


class Loop:
    """Owns the state. `turn` is one event; `run` is the thread."""

    def __init__(self, state: Station, durable: Durable, outputs: Outputs, clock: Clock) -> None:
        self.state = state
        self.stored = durable
        """The newest durable state known to be on disk."""
        self._handed = durable
        self._outputs = outputs
        self._clock = clock
        self._number = 0
        self._on_disk = 0
        self._waiting: deque[tuple[int, Durable]] = deque()
        self._held: deque[tuple[int, Fact]] = deque()
        self._wanted: dict[int, tuple[Permit | None, bool]] = {}

    def run(self, inbox: Inbox, pulse: Pulse) -> None:
        """Body of the station thread; ends with StopLoop."""
        with pulse:
            self.turn(Started())
        while not isinstance(event := inbox.get(self.wait_s()), StopLoop):
            with pulse:
                self.turn(TimePassed() if event is None else event)

    def wait_s(self) -> float:
        """Until the next deadline of the state, s."""
        now = self._clock.now()
        return min(max(deadline(self.state, now) - now.mono, 0.0), LONGEST_WAIT_S)

    def turn(self, event: Event) -> None:
        if isinstance(event, Stored):
            self._stored(event.number)
        else:
            self._step(event, self._clock.now())
        self._permit()

    def _step(self, event: Event, now: Instant) -> None:
        before = self.state
        self.state, facts = step(before, event, now)
        settled: tuple[Settled, ...] = ()
        if isinstance(event, Answered):
            settled = (Settled(event.row, event.fact, event.outcome),)
        self._hand_over([f for f in facts if isinstance(f, SessionFact)], settled)
        self._emit([*facts, *_statuses(before, self.state, now, first=isinstance(event, Started))])
        if self.state is not before:
            self._outputs.changed(self.state)

    def _hand_over(self, facts: Iterable[SessionFact], settled: tuple[Settled, ...]) -> None:
        durable = self.state.durable
        if not facts and not settled and durable == self._handed:
            return
        self._number += 1
        self._handed = durable
        self._waiting.append((self._number, durable))
        self._outputs.store(Batch(self._number, durable, tuple(facts), settled))

    def _emit(self, facts: Iterable[Fact]) -> None:
        """Answers and talk keep their order, and wait for the batch that they rest on."""
        for fact in facts:
            if isinstance(fact, Noted):
                log.info("%s", fact.text)
            elif not isinstance(fact, SessionFact):
                self._held.append((self._number, fact))
        self._release()

    def _stored(self, number: int) -> None:
        self._on_disk = number
        while self._waiting and self._waiting[0][0] <= number:
            self.stored = self._waiting.popleft()[1]
        self._release()

    def _release(self) -> None:
        while self._held and self._held[0][0] <= self._on_disk:
            fact = self._held.popleft()[1]
            if isinstance(fact, OrderAnswered):
                self._outputs.answer(fact)
            elif isinstance(fact, RestartDue):
                self._outputs.restart(fact)
            elif isinstance(fact, Talk):
                self._outputs.say(fact)

    def _permit(self) -> None:
        for c in self.state.connectors:
            wanted = (self.state.permit(c.evse, self.stored), c.lock)
            if self._wanted.get(c.evse) != wanted:
                self._wanted[c.evse] = wanted
                self._outputs.want(c.evse, *wanted)


def _statuses(before: Station, after: Station, now: Instant, *, first: bool) -> list[Talk]:
    """Statuses are derived; what differs is told (R16-150). At the start all of them are."""
    if before is after and not first:
        return []
    told = []
    for evse in (0, *(c.evse for c in after.connectors)):
        new = status_of(after, evse, now)
        if first or _shown(new) != _shown(status_of(before, evse, now)):
            told.append(new)
    return list(told)


def _shown(fact: msgspec.Struct) -> tuple[object, ...]:
    return msgspec.structs.astuple(fact)[:4]
