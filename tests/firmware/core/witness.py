"""The witness of a random walk: looks at the station after every step, and keeps its own books."""

from collections import Counter
from typing import get_args

import msgspec

from firmware.core.connector import (
    Authorized,
    Authorizing,
    Charging,
    Connector,
    Finishing,
    Session,
)
from firmware.core.state import Durable, Station, restore
from firmware.core.station import deadline, step
from firmware.events import (
    Answered,
    Asked,
    CardPresented,
    Event,
    Ordered,
    Started,
    TransactionKnown,
    Undelivered,
    Verdict,
)
from firmware.facts import (
    Instant,
    OrderAnswered,
    SessionFact,
    SessionMetered,
    SessionStarted,
    SessionStopped,
    Status,
    StatusChanged,
)
from firmware.orders import CancelReservation, ClearCache, RemoteStart, Reserve, Start
from tests.firmware.rig import Rig

replace = msgspec.structs.replace
STATUSES: tuple[Status, ...] = get_args(Status)
TABLE = {
    "Available": "-xxxx.xxx",
    "Preparing": "x-xxxx..x",
    "Charging": "x.-xxx.xx",
    "SuspendedEV": "x.x-xx.xx",
    "SuspendedEVSE": "x.xx-x.xx",
    "Finishing": "xx...-.xx",
    "Reserved": "xx....-xx",
    "Unavailable": "xxxxx..-x",
    "Faulted": "xxxxxxxx-",
}
"""Which status may follow which (reference 3.4); columns in the order of `Status`."""
EXCEPTIONS = {
    ("Preparing", "Unavailable"): "ChangeAvailability waits for transactions only (R16-170)",
    ("Preparing", "Reserved"): "no plug in time: the reservation still holds (R16-227)",
    ("Finishing", "Reserved"): "free again, and needed for a reservation of any EVSE (R16-223)",
    ("Finishing", "Charging"): "a session on the same plug, the contact not seen open in between",
    ("Reserved", "Charging"): "the reserved card on a plug, the contact seen closed before",
    ("Charging", "Reserved"): "left while it stopped, and needed for any EVSE (R16-086, R16-223)",
    ("SuspendedEV", "Reserved"): "the same",
    ("SuspendedEVSE", "Reserved"): "the same",
    ("Unavailable", "Finishing"): "back in service with the ended session's plug in (R16-088)",
    ("Unavailable", "Reserved"): "after a boot (R16-232), or needed for any EVSE (R16-223)",
}
"""What the table does not have and the rules demand."""


def same(one: str, other: str | None) -> bool:
    """R16-011."""
    return other is not None and one.lower() == other.lower()


def phase_of(c: Connector) -> str:
    match c.phase:
        case Charging(ending=ending) if ending is not None:
            return "Ending"
        case Finishing(hold=True):
            return "Held"
        case phase:
            return type(phase).__name__


class Witness:
    def __init__(self) -> None:
        self.phases: Counter[str] = Counter()
        self.moves: Counter[tuple[str, str]] = Counter()
        self.statuses: Counter[tuple[str, str]] = Counter()
        self.authorised: dict[int, str] = {}
        """By EVSE: the card that may begin a session there."""
        self.sessions: dict[int, int] = {}
        """Sessions that began with an authorised card, by number, and where."""
        self.refused: set[int] = set()
        self.started: dict[int, SessionStarted] = {}
        """What of the history is on disk."""
        self.stopped: set[int] = set()
        self.told_wh: dict[int, int] = {}
        self.known: dict[str, bool] = {}
        """What the station was told of cards, and may remember."""
        self.last: dict[int, StatusChanged] = {}
        self.asked: set[int] = set()
        self.answered: set[int] = set()

    def look(self, rig: Rig, before: Station, event: Event) -> None:
        """After a step: nothing that must hold is broken."""
        now = rig.clock.now()
        self._learn(before, event)
        self._look_at_cards(before, rig.state, event, now)
        for was, c in zip(before.connectors, rig.state.connectors, strict=True):
            self._look_at_permit(rig, c)
            self._count(was, c)
        assert deadline(rig.state, now) >= now.mono
        self._look_at_disk(rig, now)

    def _learn(self, before: Station, event: Event) -> None:
        match event:
            case Answered(fact=SessionStarted() as fact, outcome=TransactionKnown(verdict=verdict)):
                self._know(before, fact.token, verdict.accepted)
                self.refused |= set() if verdict.accepted else {fact.session}
            case Asked(question=question, outcome=Verdict() as verdict):
                self._know(before, question.token, verdict.accepted)
            case Ordered(order=ClearCache()) if before.settings.cache_enabled:
                self.known.clear()

    def _know(self, before: Station, token: str, accepted: bool) -> None:
        if before.settings.cache_enabled:
            self.known[token.upper()] = accepted

    def _count(self, was: Connector, c: Connector) -> None:
        move = phase_of(was), phase_of(c)
        self.phases[move[1]] += 1
        if move[0] != move[1]:
            self.moves[move] += 1

    # --- authorisation ----------------------------------------------------------------------------

    def _look_at_cards(self, before: Station, after: Station, event: Event, now: Instant) -> None:
        """R16-050: whoever may charge was authorised, in this step or before."""
        for was, c in zip(before.connectors, after.connectors, strict=True):
            known = self.authorised.pop(c.evse, None)
            token = c.phase.token if isinstance(c.phase, Authorized) else None
            new = c.session if c.session and c.session != was.session else None
            if new is not None and (was.session is None or was.session.number != new.number):
                token = new.token
                assert new.number not in self.sessions or new.number not in self.started
                self.sessions[new.number] = c.evse
                self._look_at_reservation(before, event, new, c.evse, now)
            if token is None:
                continue
            how = (before.settings, after.settings)  # one may be changed at a deadline
            assert same(token, known) or any(
                self._authorises(replace(before, settings=settings), was, event, token, now)
                for settings in how
            )
            if isinstance(c.phase, Authorized):
                self.authorised[c.evse] = token

    def _authorises(
        self, before: Station, was: Connector, event: Event, token: str, now: Instant
    ) -> bool:
        """Whether this event may authorise this card at this connector."""
        settings = before.settings
        known = self.known.get(token.upper()) if settings.cache_enabled else None
        offline = known is not False and (
            settings.allow_offline_tx_for_unknown_id
            or (known is True and settings.local_authorize_offline)
        )
        unasked = (settings.local_pre_authorize and known is True) if before.online else offline
        waits = isinstance(was.phase, Authorizing) and same(was.phase.token, token)
        late = waits and offline and was.asking is not None and now.mono >= was.asking.until
        match event:
            case Asked(question=question, outcome=outcome) if same(question.token, token):
                answered = offline if isinstance(outcome, Undelivered) else outcome.accepted
                return late or (waits and answered and question.evse == was.evse)
            case CardPresented(token=shown) | Ordered(order=Start(token=shown)) if same(
                shown, token
            ):
                return late or (before.accepted_once and unasked)
            case Ordered(order=RemoteStart() as order) if same(order.token, token):
                free = unasked or not settings.authorize_remote_tx
                return late or (before.registration == "Accepted" and free)
            case _:
                return late

    def _look_at_reservation(
        self, before: Station, event: Event, session: Session, evse: int, now: Instant
    ) -> None:
        """R16-225: nobody begins a session where another has reserved."""
        order = event.order if isinstance(event, Ordered) else None
        moved = order.id if isinstance(order, Reserve | CancelReservation) else None
        for held in before.reservations:
            if held.evse == evse and held.expires > now.wall and held.id != moved:
                assert held.suits(session.token, session.parent)
                assert session.reservation == held.id

    def _look_at_permit(self, rig: Rig, c: Connector) -> None:
        """No permission with a fault, without a plug, or without an authorised card; and to the
        interlock none that is not on disk."""
        assert not (c.lock and not c.has_lock)
        if c.permit is not None:
            assert not c.faults
            assert c.pilot in ("B", "C", "D")
            assert self.sessions[c.permit.session] == c.evse
            assert c.permit.session not in self.refused
        wanted = rig.wanted(c.evse)
        assert wanted is None or wanted == c.permit
        if wanted is not None:
            stored = dict(rig.disk.sessions)[c.evse]
            assert (stored.number, stored.suspended) == (wanted.session, False)
            assert wanted.session in self.started
            assert wanted.session not in self.stopped

    # --- what is on disk --------------------------------------------------------------------------

    def _look_at_disk(self, rig: Rig, now: Instant) -> None:
        durable = rig.state.durable
        again = msgspec.json.decode(msgspec.json.encode(durable), type=Durable)
        assert again == durable
        fresh = restore(Station(rig.state.connectors, rig.state.settings), again)
        recovered, facts = step(fresh, Started(), now)
        assert recovered.durable.sessions == ()
        stops = {f.session: f for f in facts if isinstance(f, SessionStopped)}
        assert stops.keys() == {session.number for _, session in durable.sessions}
        for number, stop in stops.items():
            assert stop.wh >= self.told_wh.get(number, 0)

    def stored(self, fact: SessionFact) -> None:
        """A fact of the history: one start and one stop per session, in order, never less Wh."""
        number = fact.session
        if isinstance(fact, SessionStarted):
            open_here = [s for s in self._open() if s.evse == fact.evse]
            assert not open_here, "a session started before the last one stopped"
            assert number not in self.started, "a number was used twice"
            self.started[number] = fact
            self.told_wh[number] = fact.wh
            return
        assert number in self.started
        assert number not in self.stopped
        assert fact.evse == self.started[number].evse
        wh = fact.sample.wh if isinstance(fact, SessionMetered) else fact.wh
        assert wh >= self.told_wh[number], "the register ran backwards"
        self.told_wh[number] = wh
        if isinstance(fact, SessionStopped):
            self.stopped.add(number)

    def _open(self) -> list[SessionStarted]:
        return [self.started[n] for n in self.started.keys() - self.stopped]

    # --- what is told -----------------------------------------------------------------------------

    def told(self, fact: object) -> None:
        if isinstance(fact, OrderAnswered):
            assert fact.number in self.asked
            assert fact.number not in self.answered, "an order was answered twice"
            self.answered.add(fact.number)
        elif isinstance(fact, StatusChanged) and not fact.asked:
            last = self.last.get(fact.evse)
            self.last[fact.evse] = fact
            if last is not None:
                self._look_at_status(last, fact)

    def _look_at_status(self, last: StatusChanged, fact: StatusChanged) -> None:
        assert (last.status, last.fault, last.info) != (fact.status, fact.fault, fact.info)
        assert (fact.status == "Faulted") <= (fact.fault is not None)
        if fact.evse == 0:
            assert fact.status in ("Available", "Unavailable", "Faulted")
            return
        if fact.status != last.status:
            move = last.status, fact.status
            self.statuses[move] += 1
            allowed = TABLE[last.status][STATUSES.index(fact.status)] == "x"
            assert allowed or move in EXCEPTIONS, f"{move} is not in the table"

    def power_is_cut(self, disk: Durable) -> None:
        """What was in memory only is gone: sessions never stored, statuses, questions, orders."""
        self.known = {entry.token.upper(): entry.status == "Accepted" for entry in disk.cache}
        self.authorised.clear()
        self.sessions.clear()
        self.last.clear()
        self.asked.clear()
