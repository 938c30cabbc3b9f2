"""The station's state: what it holds, what of it is stored, and what is derived from it."""

import math
from collections.abc import Callable

import msgspec

from firmware.core import connector as one
from firmware.core import reservation
from firmware.core.cache import Cache
from firmware.core.cards import Card, Cards
from firmware.core.connector import Connector, Permit, Rules, Session, lesser
from firmware.core.reservation import Reservations
from firmware.core.settings import Settings
from firmware.events import Registration
from firmware.facts import Fact, Instant, ResetKind, Status, StatusChanged
from hal.ports import Fault

replace = msgspec.structs.replace


class Durable(msgspec.Struct, frozen=True):
    """What survives a reboot: the only part of the state that is stored."""

    sessions: tuple[tuple[int, Session], ...] = ()
    """Open sessions by EVSE."""
    reservations: Reservations = ()
    inoperative: tuple[int, ...] = ()
    """EVSEs out of service; 0 = the station (R16-172)."""
    changed: tuple[tuple[str, str], ...] = ()
    """Settings changed at run time: key and value in OCPP 1.x notation."""
    next_session: int = 1
    accepted_once: bool = False
    corrections: tuple[tuple[int, float], ...] = ()
    """By boot: seconds to add to times taken before the clock was known (rule 6)."""
    cache: Cache = ()
    cards: Cards = ()
    limits: tuple[tuple[int, float], ...] = ()
    """By EVSE: A per phase, as somebody at the station has set it."""

    def permit(self, evse: int, amps: float) -> Permit | None:
        """What the stored state entitles to: only a session on disk may have current (rule 4)."""
        found = next((s for e, s in self.sessions if e == evse), None)
        return None if found is None or found.suspended else Permit(found.number, amps)


class Learning(msgspec.Struct, frozen=True):
    """Somebody waits for a card to be shown, to put it on the list."""

    order: int
    name: str
    until: float


class Station(msgspec.Struct, frozen=True):
    """The whole state. Durations and deadlines are monotonic seconds and never stored."""

    connectors: tuple[Connector, ...]
    settings: Settings = Settings()
    changed: tuple[tuple[str, str], ...] = ()
    reservations: Reservations = ()
    operative: bool = True
    next_session: int = 1
    accepted_once: bool = False
    corrections: tuple[tuple[int, float], ...] = ()
    cache: Cache = ()
    cards: Cards = ()
    standalone: bool = False
    """There is no central system: the own list of cards decides."""
    free_token: str | None = None
    """Whoever plugs in charges, under this idTag."""
    learning: Learning | None = None
    left: tuple[tuple[int, Session], ...] = ()
    """Open sessions, as stored, of EVSEs that the site file does not have any more."""
    registration: Registration = "None"
    link_up: bool = False
    dead_readers: frozenset[str] = frozenset()
    resetting: ResetKind | None = None
    """A reset was ordered: nothing new begins until the program has started again."""
    restarting: bool = False

    @property
    def online(self) -> bool:
        return self.link_up and self.registration == "Accepted"

    @property
    def rules(self) -> Rules:
        cache = self.cache if self.settings.cache_enabled else ()
        return Rules(self.settings, self.online, cache, self._listed if self.standalone else None)

    @property
    def _listed(self) -> Cards:
        """Who may charge without a central system."""
        return self.cards if self.free_token is None else (*self.cards, Card(self.free_token))

    @property
    def durable(self) -> Durable:
        out = tuple(c.evse for c in self.connectors if not c.operative)
        return Durable(
            sessions=tuple((c.evse, c.session) for c in self.connectors if c.session is not None),
            reservations=self.reservations,
            inoperative=out if self.operative else (0, *out),
            changed=self.changed,
            next_session=self.next_session,
            accepted_once=self.accepted_once,
            corrections=self.corrections,
            cache=self.cache,
            cards=self.cards,
            limits=tuple((c.evse, c.limit_a) for c in self.connectors if c.limit_a is not None),
        )

    @property
    def fault(self) -> Fault | None:
        """What is wrong with the station as a whole; a dead reader is only a warning (R16-152)."""
        if all("InterlockLost" in c.faults for c in self.connectors):
            return "InterlockLost"
        return "ReaderFailure" if self.dead_readers else None

    def connector(self, evse: int) -> Connector | None:
        return next((c for c in self.connectors if c.evse == evse), None)

    def with_connector(self, changed: Connector) -> "Station":
        return replace(
            self,
            connectors=tuple(changed if c.evse == changed.evse else c for c in self.connectors),
        )

    def permit(self, evse: int, stored: Durable) -> Permit | None:
        """The lesser of what this state and what the stored state permit (rule 4)."""
        c = self.connector(evse)
        return None if c is None else lesser(c.permit, stored.permit(evse, c.fuse_a))

    def reserved(self, evse: int) -> reservation.Reservation | None:
        return reservation.claimed(self.reservations, self.connectors, evse)

    def status(self, evse: int) -> Status:
        """Status of one connector, or of the station as a whole for 0 (R16-155)."""
        c = self.connector(evse)
        if c is None:
            lost = self.fault == "InterlockLost"
            return "Faulted" if lost else "Available" if self.operative else "Unavailable"
        return c.status(
            operative=self.operative and c.operative, reserved=self.reserved(evse) is not None
        )


Said = tuple[Station, list[Fact]]


def on(s: Station, evse: int, change: Callable[[Connector], tuple[Connector, list[Fact]]]) -> Said:
    c = s.connector(evse)
    if c is None:
        return s, []
    c, facts = change(c)
    return s.with_connector(c), facts


def status_of(s: Station, evse: int, now: Instant, *, asked: bool = False) -> StatusChanged:
    """The present status of one connector, or of the station for 0, as a fact."""
    c = s.connector(evse)
    fault = s.fault if c is None else next(iter(sorted(c.faults)), None)
    info = None if c is None else c.info
    return StatusChanged(evse, s.status(evse), fault, info, now, asked)


def restore(s: Station, durable: Durable) -> Station:
    """Put what was stored into a fresh state. Unfinished authorisations are gone by that."""
    sessions = dict(durable.sessions)
    known = {c.evse for c in s.connectors}

    def connector(c: Connector) -> Connector:
        session = sessions.get(c.evse)
        phase = one.Idle() if session is None else one.Charging(session, sampled=math.inf)
        return replace(
            c,
            phase=phase,
            operative=c.evse not in durable.inoperative,
            limit_a=dict(durable.limits).get(c.evse),
        )

    return replace(
        s,
        connectors=tuple(map(connector, s.connectors)),
        changed=durable.changed,
        reservations=durable.reservations,
        operative=0 not in durable.inoperative,
        next_session=durable.next_session,
        accepted_once=durable.accepted_once,
        corrections=durable.corrections,
        cache=durable.cache,
        cards=durable.cards,
        left=tuple(item for item in durable.sessions if item[0] not in known),
    )
