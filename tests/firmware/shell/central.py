"""A central system that answers as told, and the link that talks to it: jobs one by one, no thread,
and a clock that is moved by hand."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import pytest

from firmware.core.settings import Settings
from firmware.events import Answered, ClockLearned, Event, TransactionKnown
from firmware.facts import SessionFact, SessionStarted
from firmware.shell import clock, history, link, statuses, watchers
from firmware.shell.clock import Clock
from firmware.shell.desk import Desk
from firmware.shell.history import History
from firmware.shell.inbox import Inbox
from firmware.shell.journal import OpenRow
from firmware.shell.link import Link
from firmware.shell.watchers import Heartbeat
from ocpp import v16
from ocpp.http import Refused, Unreachable
from ocpp.message import Message, to_plain
from ocpp.soap import Fault

from .made import WALL

INTERVAL_S = 300
BOOT = 7
JOBS = 500
"""More than any test has work for: a link that spins is found out."""

M = TypeVar("M", bound=Event)

Answer = Message | Exception | Callable[[], Message]


def gone() -> Unreachable:
    return Unreachable("refused", "Nothing listens there.")


def fault(subcode: str = "InternalError") -> Refused:
    """A fault of the central system: it is there, and does not take the message."""
    refused = Refused("fault", f"it answered {subcode}")
    refused.fault = Fault("Receiver", subcode, "no")
    return refused


def proxy_error() -> Refused:
    return Refused("HTTP 502", "the gateway answered HTTP 502")


def accepted() -> v16.IdTagInfo:
    return v16.IdTagInfo(status="Accepted")


class Call(msgspec.Struct, frozen=True):
    """What the link sent, and when."""

    message: Message
    message_id: str | None
    timeout_s: float | None
    at: float

    @property
    def name(self) -> str:
        return type(self.message).__name__.removesuffix("Request")


class Rows:
    """The outbox of a journal that stores at once: facts in order until settled."""

    def __init__(self) -> None:
        self.facts: list[tuple[int, SessionFact]] = []
        self.ledger: dict[int, str] = {}
        self.corrections: dict[int, float] = {}
        self._number = 0

    def add(self, *facts: SessionFact) -> None:
        for fact in facts:
            self._number += 1
            self.facts.append((self._number, fact))

    def settle(self, answered: Answered) -> None:
        self.facts = [(row, fact) for row, fact in self.facts if row != answered.row]
        if isinstance(answered.fact, SessionStarted):
            known = isinstance(answered.outcome, TransactionKnown)
            name = answered.outcome.transaction if known else "-1"  # type: ignore[union-attr]
            self.ledger[answered.fact.session] = name

    def next_open(self) -> OpenRow | None:
        if not self.facts:
            return None
        row, fact = self.facts[0]
        return OpenRow(row, fact, self.ledger.get(fact.session))

    def correction(self, boot: int) -> float | None:
        return self.corrections.get(boot)


class World:
    """A link, the central system it calls, and the journal and the station behind it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.mono = 1000.0
        self.jitter = 1.0
        self.jitters: list[tuple[float, float]] = []
        self._freeze(monkeypatch)
        self.calls: list[Call] = []
        self.closed = 0
        self.ahead_s = 0.0
        """By how much the central system's clock is ahead of ours."""
        self._answers: dict[str, list[Answer]] = {}
        self._always: dict[str, Answer] = {}
        self._transaction = 4710
        self.during: Callable[[], None] = lambda: None
        """What happens while a call is under way."""
        self.inbox = Inbox()
        self.events: list[Event] = []
        self.rows = Rows()
        self.clock = Clock(BOOT)
        self.desk = Desk(self.inbox)
        self.prompt = True
        """The journal stores at once what the link caused."""
        told = History(self.rows, self.inbox, BOOT, UUID(int=1))  # type: ignore[arg-type]
        boot = v16.BootNotificationRequest(charge_point_vendor="V", charge_point_model="M")
        heartbeat = Heartbeat(self.inbox)
        connect = lambda: self  # noqa: E731
        self.link = Link(connect, boot, told, self.inbox, self.clock, self.desk, heartbeat)
        self.link.settings = Settings(message_attempts=3, message_retry_interval=60)

    def _freeze(self, monkeypatch: pytest.MonkeyPatch) -> None:
        still = SimpleNamespace(monotonic=lambda: self.mono, time=lambda: WALL + self.mono)
        for module in (clock, history, link, statuses, watchers):
            monkeypatch.setattr(module, "time", still)
        monkeypatch.setattr(link, "random", SimpleNamespace(uniform=self._uniform))

    def _uniform(self, low: float, high: float) -> float:
        self.jitters.append((low, high))
        return self.jitter

    # --- what the central system does -------------------------------------------------------------

    def answers(self, name: str, *answers: Answer) -> None:
        """The next answers to this message; after them it answers as usual again."""
        self._answers.setdefault(name, []).extend(answers)

    def always(self, name: str, answer: Answer | None) -> None:
        """Answer so from now on; `None` = as usual."""
        self._always.pop(name, None)
        if answer is not None:
            self._always[name] = answer

    def goes(self) -> None:
        """No answer to anything any more."""
        self.always("*", gone())

    def returns(self) -> None:
        self.always("*", None)

    def call(
        self, message: Message, *, message_id: str | None = None, timeout_s: float | None = None
    ) -> Message:
        """The transport, as the link sees it."""
        to_plain(message)
        call = Call(message, message_id, timeout_s, self.mono)
        self.calls.append(call)
        self.during()
        queued = self._answers.get(call.name)
        usual = self._always.get("*", self._always.get(call.name, lambda: self._usual(message)))
        answer = queued.pop(0) if queued else usual
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer

    def close(self) -> None:
        self.closed += 1

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(WALL + self.mono, UTC) + timedelta(seconds=self.ahead_s)

    def registers(self, status: str, interval: int = INTERVAL_S) -> Callable[[], Message]:
        return lambda: v16.BootNotificationResponse(
            status=status,  # type: ignore[arg-type]
            current_time=self.now,
            interval=interval,
        )

    def _usual(self, message: Message) -> Message:
        match message:
            case v16.BootNotificationRequest():
                return self.registers("Accepted")()
            case v16.HeartbeatRequest():
                return v16.HeartbeatResponse(current_time=self.now)
            case v16.AuthorizeRequest():
                return v16.AuthorizeResponse(id_tag_info=accepted())
            case v16.StartTransactionRequest():
                self._transaction += 1
                return v16.StartTransactionResponse(
                    transaction_id=self._transaction, id_tag_info=accepted()
                )
            case v16.StopTransactionRequest():
                return v16.StopTransactionResponse()
            case v16.MeterValuesRequest():
                return v16.MeterValuesResponse()
            case _:
                return v16.StatusNotificationResponse()

    # --- what the station does --------------------------------------------------------------------

    def stores(self, *facts: SessionFact) -> None:
        self.rows.add(*facts)
        self.link.stored()

    def settles(self) -> None:
        """The station takes what the link told it, and the journal stores what follows."""
        new: list[Event] = []
        while (event := self.inbox.get(0)) is not None:
            new.append(event)
        self.events += new
        for event in new:
            if isinstance(event, Answered):
                self.rows.settle(event)
            elif isinstance(event, ClockLearned):
                self.rows.corrections[BOOT] = event.offset_s
        if new:
            self.link.stored()

    # --- time -------------------------------------------------------------------------------------

    def works(self) -> float | None:
        """Until the link waits, and for how long it would; None = until something changes."""
        for _ in range(JOBS):
            with self.link._changed:
                job, wait_s = self.link._next()
            if job is None:
                return wait_s
            job()
            if self.prompt:
                self.settles()
        raise AssertionError(f"the link spins: {[call.name for call in self.calls[-10:]]}")

    def passes(self, seconds: float) -> None:
        """Let time pass, from deadline to deadline of the link."""
        end = self.mono + seconds
        while (wait_s := self.works()) is not None and self.mono + wait_s <= end:
            self.mono += wait_s
        self.mono = end

    # --- what is known ----------------------------------------------------------------------------

    def sent(self, since: int = 0) -> list[str]:
        return [call.name for call in self.calls[since:]]

    def times(self, name: str) -> list[float]:
        """When this message was sent, from the start of the test, s."""
        return [call.at - 1000.0 for call in self.calls if call.name == name]

    def last(self, name: str) -> Any:
        return next(call.message for call in reversed(self.calls) if call.name == name)

    def heard(self, kind: type[M]) -> list[M]:
        """What the station was told."""
        self.settles()
        return [event for event in self.events if isinstance(event, kind)]

    def view(self) -> Mapping[str, object]:
        return self.link.view()


def accepted_world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A world that is registered and has told all it had to tell; forgotten is what was sent."""
    world = World(monkeypatch)
    world.works()
    world.calls.clear()
    world.events.clear()
    return world
