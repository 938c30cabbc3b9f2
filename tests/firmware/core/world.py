"""A random world around a station: all kinds of events, likely and unlikely, in any order."""

import random
from typing import get_args

from firmware.core.settings import Settings
from firmware.events import (
    Answered,
    Asked,
    Booted,
    CardPresented,
    ClockLearned,
    Delivered,
    Event,
    EvseReported,
    HeartbeatDue,
    InterlockLost,
    LinkChanged,
    MeterLost,
    MeterRead,
    Ordered,
    Outcome,
    ReaderChanged,
    Restarted,
    StopAsked,
    TimePassed,
    TransactionKnown,
    Undelivered,
    Verdict,
)
from firmware.facts import AuthorizationAsked, SessionFact, SessionStarted
from firmware.orders import (
    CancelReservation,
    ChangeAvailability,
    ChangeSetting,
    ClearCache,
    GetSettings,
    LearnCard,
    Limit,
    Order,
    RemoteStart,
    RemoteStop,
    Reserve,
    Reset,
    Start,
    Stop,
    Triggered,
    Unlock,
)
from firmware.orders import Trigger as TriggerOrder
from hal.ports import Fault, PilotState, Reading
from tests.firmware.rig import Rig

EVSES = (1, 2)
PARENTS = {"A": "G", "B": "G", "C": None, "D": "H"}
"""The cards of this world, and the groups that the central system knows them in."""
FAULTS: tuple[Fault, ...] = get_args(Fault)
PILOTS: tuple[PilotState, ...] = get_args(PilotState)
SWITCHES = (
    "AllowOfflineTxForUnknownId",
    "AuthorizationCacheEnabled",
    "AuthorizeRemoteTxRequests",
    "LocalAuthorizeOffline",
    "LocalPreAuthorize",
    "StopTransactionOnEVSideDisconnect",
    "StopTransactionOnInvalidId",
    "UnlockConnectorOnEVSideDisconnect",
)
KINDS = {
    "reports": 24,
    "nonsense": 2,
    "reading": 16,
    "leaves": 2,
    "card": 14,
    "verdict": 14,
    "settled": 8,
    "order": 9,
    "link": 3,
    "hardware_lost": 1,
    "time": 11,
    "stop_asked": 0.2,
}


class World:
    """Drivers, vehicles, hardware, people at the desk and the central system, all of them dice."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.plugged: dict[int, PilotState] = dict.fromkeys(EVSES, "A")
        self.faults: dict[int, frozenset[Fault]] = dict.fromkeys(EVSES, frozenset())
        self.registers = dict.fromkeys(EVSES, 1000)
        self.questions: list[AuthorizationAsked] = []
        self.open_rows: list[tuple[int, SessionFact]] = []
        self.transactions = ["4711"]
        self.orders = 0
        self.at_once: Event | None = None
        """What happens next, before any time has passed."""

    def rig(self) -> Rig:
        settings = Settings(sample_interval=20, connection_timeout=20, message_timeout=10)
        return Rig(len(EVSES), settings=settings, lock=(True, False), prompt=False)

    def event(self, rig: Rig) -> Event:
        if rig.state.restarting and self.dice.random() < 0.2:
            return Restarted()
        if self.at_once is not None:
            event, self.at_once = self.at_once, None
            return event
        kind = self.dice.choices(list(KINDS), list(KINDS.values()))[0]
        event = getattr(self, kind)(rig, self.dice.choice(EVSES))
        assert isinstance(event, Event)
        return event

    def elapsed(self, rig: Rig) -> float:
        """How much time passes before the next event, s: often none, often until a deadline."""
        if self.at_once is not None:
            return 0.0
        due = rig.loop.wait_s()
        until = due if due < 100 else 1.0
        some = (0.0, 0.05, self.dice.uniform(0, 2), until, self.dice.uniform(5, 40), 700.0)
        return self.dice.choices(some, (55, 15, 14, 11, 4, 1))[0]

    # --- hardware ---------------------------------------------------------------------------------

    def reports(self, rig: Rig, evse: int) -> Event:
        """What an interlock would report: closed only where it may be."""
        dice = self.dice
        if dice.random() < 0.5:
            self.plugged[evse] = dice.choices(PILOTS, (6, 6, 8, 1, 0.3, 0.3))[0]
        if dice.random() < (0.6 if self.faults[evse] else 0.08):
            some = dice.sample(FAULTS, dice.choice((0, 0, 1, 2)))
            self.faults[evse] = frozenset(some)
        permit = rig.wanted(evse)
        pilot, faults = self.plugged[evse], self.faults[evse]
        closed = permit is not None and pilot == "C" and not faults
        offered_a = 16.0 if permit is not None and pilot in "BCD" else 0.0
        return EvseReported(evse, pilot, closed, closed, offered_a, faults, rig.clock.mono)

    def nonsense(self, rig: Rig, evse: int) -> Event:
        """What no interlock would report, or of an EVSE that nobody has."""
        dice = self.dice
        faults = frozenset(dice.sample(FAULTS, dice.choice((0, 0, 1))))
        seen = rig.clock.mono - dice.choice((0, 5))
        flags = dice.random() < 0.5, dice.random() < 0.5
        where = dice.choice((0, evse, evse, 9))
        return EvseReported(where, dice.choice(PILOTS), *flags, 16.0, faults, seen)

    def reading(self, rig: Rig, evse: int) -> Event:
        dice = self.dice
        chance = dice.random()
        if chance < 0.04:
            self.registers[evse] = dice.choice((0, 7, 100_000))  # replaced, or restarted
        elif chance < 0.06:
            return MeterLost(dice.choice((evse, 9)))
        else:
            self.registers[evse] += dice.randrange(50)
        asked = rig.clock.mono - dice.choices((0.0, 0.02, 3.0), (8, 8, 1))[0]
        return MeterRead(evse, Reading(self.registers[evse], dice.random() * 11_000), asked)

    def leaves(self, rig: Rig, evse: int) -> Event:
        """The meter is read in the moment in which the vehicle leaves."""
        self.plugged[evse], now = "A", rig.clock.mono
        self.at_once = EvseReported(evse, "A", False, False, 0.0, self.faults[evse], now)
        return MeterRead(evse, Reading(self.registers[evse]), now)

    def hardware_lost(self, rig: Rig, evse: int) -> Event:
        lost = self.dice.choice(((1,), (1, 2), (2,), (9,)))
        alive = self.dice.random() < 0.5
        return self.dice.choice((InterlockLost(lost), ReaderChanged("reader", alive)))

    # --- people -----------------------------------------------------------------------------------

    def token(self) -> str:
        token = self.dice.choice(list(PARENTS))
        return token.lower() if self.dice.random() < 0.1 else token

    def card(self, rig: Rig, evse: int) -> Event:
        """A stranger, or somebody who is here already."""
        phase = rig.at(evse).phase
        here = getattr(phase, "token", None) or getattr(rig.at(evse).session, "token", None)
        token = here if here and self.dice.random() < 0.3 else self.token()
        return CardPresented(token, self.dice.choice(((), (), (evse,), (9,))))

    def stop_asked(self, rig: Rig, evse: int) -> Event:
        return StopAsked()

    # --- the central system -----------------------------------------------------------------------

    def verdict(self, rig: Rig, evse: int) -> Event:
        """The answer to a question, seldom to one that nobody asked."""
        if self.questions and self.dice.random() < 0.95:
            question = self.questions.pop(self.dice.choice((0, -1)))
        else:
            question = AuthorizationAsked(self.dice.choice((evse, 9)), self.token())
        if self.dice.random() < 0.1:
            return Asked(question, Undelivered())
        status = self.dice.choices(("Accepted", "Blocked"), (5, 1))[0]
        return Asked(question, Verdict(status, PARENTS[question.token.upper()]))  # type: ignore[arg-type]

    def settled(self, rig: Rig, evse: int) -> Event:
        """An answer to one of the newest facts of the history, or to none."""
        del self.open_rows[:-3]
        if not self.open_rows:
            return HeartbeatDue()
        row, fact = self.open_rows.pop(0)
        outcome: Outcome = Delivered()
        if self.dice.random() < 0.1:
            outcome = Undelivered()
        elif isinstance(fact, SessionStarted):
            self.transactions.append(str(fact.session + 7000))
            status = "Accepted" if self.dice.random() < 0.8 else "Invalid"
            parent = PARENTS[fact.token.upper()]
            outcome = TransactionKnown(self.transactions[-1], Verdict(status, parent))  # type: ignore[arg-type]
        return Answered(row, fact, outcome)

    def link(self, rig: Rig, evse: int) -> Event:
        dice = self.dice
        status = dice.choices(("Accepted", "Pending", "Rejected", "None"), (12, 1, 1, 1))[0]
        offset = ClockLearned(dice.uniform(-100, 100))
        rig.clock.trusted = dice.random() < 0.9
        booted = Booted(status, dice.choice((0, 60)))
        if not rig.state.online and dice.random() < 0.7:
            return booted if rig.state.registration != "Accepted" else LinkChanged(True)
        return dice.choice((LinkChanged(True), LinkChanged(dice.random() < 0.5), booted, offset))

    def time(self, rig: Rig, evse: int) -> Event:
        return TimePassed()

    def order(self, rig: Rig, evse: int) -> Event:
        self.orders += 1
        return Ordered(self.orders, self._order(rig, self.dice.choice((0, evse, evse, evse, 9))))

    def _order(self, rig: Rig, evse: int) -> Order:
        dice = self.dice
        some = dice.choice((evse, evse, None))
        parent = dice.choice((None, "G", "H"))
        expires = rig.clock.now().wall + dice.choice((-1, 30, 300))
        what: Triggered = dice.choice(get_args(Triggered))
        switch = ChangeSetting(dice.choice(SWITCHES), dice.choice(("true", "false")))
        number = ChangeSetting("MeterValueSampleInterval", dice.choice(("0", "7", "20", "x")))
        aligned = ChangeSetting("ClockAlignedDataInterval", dice.choice(("0", "13", "900")))
        orders: tuple[tuple[Order, float], ...] = (
            (RemoteStart(self.token(), some), 6),
            (RemoteStop(dice.choice(self.transactions[-3:])), 4),
            (Reserve(dice.randrange(4), evse, self.token(), parent, expires), 5),
            (CancelReservation(dice.randrange(4)), 1),
            (TriggerOrder(what, some), 2),
            (GetSettings(dice.choice(((), ("NumberOfConnectors", "x")))), 1),
            (switch, 4),
            (number, 1),
            (ChangeAvailability(dice.choice((0, evse)), dice.random() < 0.9), 4),
            (aligned, 1),
            (Start(evse, self.token()), 1),
            (Stop(evse), 1),
            (Limit(evse, dice.choice((None, None, 0.0, 10.0, 99.0))), 2),
            (LearnCard("Ann"), 0.3),
            (Unlock(evse), 3),
            (ClearCache(), 1),
            (Reset(dice.choice(("Soft", "Hard"))), 0.2),
        )
        return dice.choices([order for order, _ in orders], [weight for _, weight in orders])[0]
