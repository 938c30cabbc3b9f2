"""A rig for the station: the real loop on one thread, with fakes around it and a clock that moves
when told. Nothing sleeps, and between two deadlines nothing happens.

    rig = Rig()
    rig.plugs()
    rig.taps("CARD")                # the central system accepts it
    rig.passes(60)
    assert rig.statuses(1)[-1] == "Charging"
"""

from typing import TypeVar

import msgspec

from firmware.core.connector import Connector, Permit
from firmware.core.settings import Settings
from firmware.core.state import Durable, Station, restore
from firmware.events import (
    Answered,
    Asked,
    Booted,
    CardPresented,
    Event,
    EvseReported,
    LinkChanged,
    MeterRead,
    Ordered,
    Outcome,
    Started,
    TimePassed,
    TransactionKnown,
    Undelivered,
    Verdict,
)
from firmware.facts import (
    AuthorizationAsked,
    Fact,
    Instant,
    OrderAnswered,
    OrderOutcome,
    RestartDue,
    SessionFact,
    SessionMetered,
    SessionStarted,
    SessionStopped,
    Status,
    StatusChanged,
    Talk,
)
from firmware.orders import Order
from firmware.shell.journal import Batch
from firmware.shell.loop import Loop, Stored
from hal.ports import Fault, PilotState, Reading

Kind = TypeVar("Kind")
WALL = 1_780_000_000.0
"""Wall time at the rig's monotonic zero, UTC s."""
TURNS = 10_000
"""Far more than any span of a test has deadlines: a station that spins is found out."""


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, boot: int, mono: float, wall: float) -> None:
        self.boot = boot
        self.mono = mono
        self.wall_at_zero = wall - mono
        self.trusted = False

    def now(self) -> Instant:
        return Instant(self.mono, self.wall_at_zero + self.mono, self.boot, self.trusted)


class Rig:
    """A station in its world. As built it is accepted by a central system that answers."""

    def __init__(
        self,
        evses: int = 1,
        *,
        settings: Settings | None = None,
        lock: bool | tuple[bool, ...] = True,
        durable: Durable | None = None,
        boot: int = 1,
        mono: float = 1000.0,
        wall: float = WALL,
        prompt: bool = True,
        online: bool = True,
        seen: bool = True,
        standalone: bool = False,
        free_token: str | None = None,
    ) -> None:
        durable = durable or Durable()
        self.clock = Clock(boot, mono, wall)
        self.prompt = prompt
        """The journal acknowledges at once; else when `stores` says so."""
        self.batches: list[Batch] = []
        """Handed over and not yet acknowledged."""
        self.disk = durable
        self.log: list[SessionFact] = []
        """The history on disk."""
        self.told: list[Fact] = []
        """All that went to link and desk, in order."""
        self.wants: dict[int, list[tuple[Permit | None, bool]]] = {}
        self.registers: dict[int, int] = dict.fromkeys(range(1, evses + 1), 1000)
        """What the meters show, Wh."""
        self._orders = 0
        self.has_lock = (lock,) * evses if isinstance(lock, bool) else lock
        connectors = tuple(
            Connector(evse, 16.0, lock) for evse, lock in enumerate(self.has_lock, start=1)
        )
        station = Station(
            connectors, settings or Settings(), standalone=standalone, free_token=free_token
        )
        self.loop = Loop(restore(station, durable), durable, self, self.clock)  # type: ignore[arg-type]
        self.happens(Started())
        if seen:
            for evse in self.registers:
                self.sees(evse, "A")
                self.reads(evse)
        if online:
            self.boots()

    # --- loop.Outputs -----------------------------------------------------------------------------

    def want(self, evse: int, permit: Permit | None, lock: bool) -> None:
        self.wants.setdefault(evse, []).append((permit, lock))

    def store(self, batch: Batch) -> None:
        self.batches.append(batch)

    def say(self, fact: Talk) -> None:
        self.told.append(fact)

    def answer(self, answered: OrderAnswered) -> None:
        self.told.append(answered)

    def restart(self, due: RestartDue) -> None:
        self.told.append(due)

    def changed(self, state: Station) -> None:
        assert state is self.loop.state

    # --- time -------------------------------------------------------------------------------------

    def happens(self, event: Event) -> None:
        self.loop.turn(event)
        if self.prompt:
            self.stores()

    def stores(self) -> None:
        """The journal commits all that waits, and says so."""
        while self.batches:
            batches, self.batches = self.batches, []
            self.log += [fact for batch in batches for fact in batch.facts]
            self.disk = batches[-1].durable
            self.loop.turn(Stored(batches[-1].number))

    def passes(self, seconds: float) -> None:
        """Let time pass, stopping at every deadline of the station."""
        end = self.clock.mono + seconds
        for _ in range(TURNS):
            wait_s = self.loop.wait_s()
            if self.clock.mono + wait_s > end:
                self.clock.mono = end
                return
            self.clock.mono += wait_s
            self.happens(TimePassed())
        raise AssertionError(f"the station spins: still due at {self.clock.mono} s")

    def stalls(self, seconds: float) -> None:
        """Let time pass in which the station takes no event."""
        self.clock.mono += seconds
        self.happens(TimePassed())

    def loses_power(self, seconds: float = 60.0, **options: object) -> "Rig":
        """The station that starts after a power cut, from what was on disk, as bytes."""
        stored = msgspec.json.decode(msgspec.json.encode(self.disk), type=Durable)
        wall = self.clock.now().wall + seconds
        return Rig(
            len(self.registers),
            **{  # type: ignore[arg-type]
                "settings": self.state.settings,
                "lock": self.has_lock,
                "durable": stored,
                "boot": self.clock.boot + 1,
                "mono": 5.0,
                "wall": wall,
                **options,
            },
        )

    # --- what is known ----------------------------------------------------------------------------

    @property
    def state(self) -> Station:
        return self.loop.state

    def at(self, evse: int = 1) -> Connector:
        connector = self.state.connector(evse)
        assert connector is not None
        return connector

    def wanted(self, evse: int = 1) -> Permit | None:
        """What the interlock is permitted now."""
        return self.wants[evse][-1][0]

    def locks(self, evse: int = 1) -> bool:
        return self.wants[evse][-1][1]

    def all_told(self, kind: type[Kind]) -> list[Kind]:
        return [fact for fact in (*self.told, *self.log) if isinstance(fact, kind)]

    def statuses(self, evse: int = 1) -> list[Status]:
        """The statuses told without being asked for, oldest first."""
        told = (fact for fact in self.all_told(StatusChanged) if not fact.asked)
        return [fact.status for fact in told if fact.evse == evse]

    def status(self, evse: int = 1) -> Status:
        """The status told last, which must be the present one."""
        assert self.statuses(evse)[-1] == self.state.status(evse)
        return self.state.status(evse)

    @property
    def starts(self) -> list[SessionStarted]:
        return self.all_told(SessionStarted)

    @property
    def stops(self) -> list[SessionStopped]:
        return self.all_told(SessionStopped)

    @property
    def samples(self) -> list[SessionMetered]:
        return self.all_told(SessionMetered)

    @property
    def questions(self) -> list[AuthorizationAsked]:
        return self.all_told(AuthorizationAsked)

    # --- hardware ---------------------------------------------------------------------------------

    def sees(
        self,
        evse: int,
        pilot: PilotState,
        *faults: Fault,
        closed: bool = False,
        offered_a: float = 0,
    ) -> None:
        self.happens(
            EvseReported(evse, pilot, closed, closed, offered_a, frozenset(faults), self.clock.mono)
        )

    def reads(self, evse: int = 1, wh: int | None = None, watts: float = 0.0) -> None:
        """The meter is asked now, and shows `wh` from now on."""
        if wh is not None:
            self.registers[evse] = wh
        self.happens(MeterRead(evse, Reading(self.registers[evse], watts), self.clock.mono))

    def plugs(self, evse: int = 1) -> None:
        self.sees(evse, "B")
        self.reads(evse)

    def draws(self, evse: int = 1) -> None:
        """The vehicle asks for current, and the contactor is seen closed."""
        self.sees(evse, "C", closed=True, offered_a=16.0)

    def unplugs(self, evse: int = 1) -> None:
        self.sees(evse, "A")
        self.reads(evse)

    def opens(self, evse: int = 1) -> None:
        """The contactor is seen open, and the meter read after it."""
        self.sees(evse, self.at(evse).pilot or "A")
        self.reads(evse)

    # --- people and the central system ------------------------------------------------------------

    def presents(self, token: str = "CARD", *evses: int) -> None:
        """A card, and nobody answers what is asked about it."""
        self.happens(CardPresented(token, evses))

    def taps(self, token: str = "CARD", *evses: int, parent: str | None = None) -> None:
        """A card, and the central system accepts it if it is asked."""
        before = len(self.questions)
        self.presents(token, *evses)
        if len(self.questions) > before:
            self.replies(parent=parent)

    def replies(self, status: str = "Accepted", *, parent: str | None = None, to: int = -1) -> None:
        """The central system answers an authorisation question, the latest unless told."""
        verdict = Verdict(status, parent)  # type: ignore[arg-type]
        self.happens(Asked(self.questions[to], verdict))

    def is_silent(self, to: int = -1) -> None:
        """No answer was had to an authorisation question."""
        self.happens(Asked(self.questions[to], Undelivered()))

    def confirms(
        self, transaction: str = "4711", status: str = "Accepted", *, parent: str | None = None
    ) -> None:
        """The central system answers the latest start of a session."""
        verdict = Verdict(status, parent)  # type: ignore[arg-type]
        self.settles(self.starts[-1], TransactionKnown(transaction, verdict))

    def settles(self, fact: SessionFact, outcome: Outcome) -> None:
        self.happens(Answered(self.log.index(fact) + 1, fact, outcome))

    def boots(self, registration: str = "Accepted", interval_s: int = 300) -> None:
        self.happens(Booted(registration, interval_s))  # type: ignore[arg-type]
        self.happens(LinkChanged(up=True))

    def goes_offline(self) -> None:
        self.happens(LinkChanged(up=False))

    def orders(self, order: Order) -> OrderOutcome:
        """Give an order; its answer, which a prompt journal lets out at once."""
        self._orders += 1
        self.happens(Ordered(self._orders, order))
        return self.answers[self._orders]

    @property
    def answers(self) -> dict[int, OrderOutcome]:
        answers = self.all_told(OrderAnswered)
        numbers = [answer.number for answer in answers]
        assert len(numbers) == len(set(numbers)), "an order was answered twice"
        return {answer.number: answer.outcome for answer in answers}

    def charges(self, evse: int = 1, token: str = "CARD", parent: str | None = None) -> None:
        """A session begins and current flows: plug, card, contactor."""
        self.plugs(evse)
        self.taps(token, evse, parent=parent)
        self.draws(evse)
