"""Why current may flow at one EVSE, or may not: everything that has a say in it at this moment."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from firmware.core import connector as one
from firmware.core.connector import LEAST_A, Connector, Session
from firmware.core.state import Durable, Station

Effect = Literal["permits", "limits", "forbids"]
By = Literal[
    "site file",
    "page",
    "card",
    "central system",
    "vehicle",
    "interlock",
    "meter",
    "journal",
    "station",
]


class Reason(msgspec.Struct, frozen=True):
    """One thing that has a say, and who set it."""

    what: str
    effect: Effect
    by: By
    amps: float | None = None
    """A per phase, where it limits."""
    token: str | None = None
    """The card it is about, in full: to be masked before it is shown."""


def why(s: Station, stored: Durable, evse: int) -> tuple[Reason, ...]:
    """What forbids comes first, then what limits, then what permits.

    Current flows only where nothing forbids it, and then the least limit holds."""
    c = s.connector(evse)
    if c is None:
        return ()
    said = (
        *_faults(c),
        *_session(s, c),
        *_service(s, c),
        *_limits(c),
        *_vehicle(c),
        *_stored(s, c, stored),
    )
    order = ("forbids", "limits", "permits")
    return tuple(sorted(said, key=lambda reason: order.index(reason.effect)))


def _faults(c: Connector) -> Iterator[Reason]:
    for fault in sorted(c.faults):
        by: By = "meter" if fault == "PowerMeterFailure" else "interlock"
        yield Reason(f"fault: {fault}", "forbids", by)


def _session(s: Station, c: Connector) -> Iterator[Reason]:
    match c.phase:
        case one.Charging(session=session, ending=None):
            yield from _running(session)
        case one.Charging(ending=one.Ending(reason=reason)) | one.Finishing(reason=reason):
            yield Reason(f"the session is over: {reason}", "forbids", "station")
        case one.Authorizing(token=token):
            asked: By = "station" if s.standalone else "central system"
            yield Reason("a card is being asked about", "forbids", asked, token=token)
        case one.Authorized(token=token):
            yield Reason("a card is accepted, no vehicle is there yet", "forbids", "vehicle",
                         token=token)  # fmt: skip
        case _:
            yield Reason("no session: no card has been accepted", "forbids", "card")


def _running(session: Session) -> Iterator[Reason]:
    yield Reason(f"session {session.number}", "permits", "card", token=session.token)
    if session.suspended:
        yield Reason("the card was refused", "forbids", "central system", token=session.token)
    elif session.allowance is not None:
        text = f"the card was refused; up to {session.allowance} Wh on the meter it may go on"
        yield Reason(text, "permits", "central system", token=session.token)


def _service(s: Station, c: Connector) -> Iterator[Reason]:
    """What lets no session begin; one that runs is left alone by it."""
    if c.running is not None:
        return
    if not s.operative or not c.operative:
        whole = "the station" if not s.operative else "this EVSE"
        yield Reason(f"{whole} is out of service", "forbids", "central system")
    if s.resetting is not None:
        yield Reason("the station is about to restart", "forbids", "station")
    if not s.accepted_once and not s.standalone:  # R16-029
        yield Reason("never registered: cards are not taken yet", "forbids", "central system")
    held = s.reserved(c.evse)
    if held is not None:
        yield Reason(f"reservation {held.id}: one card only", "forbids", "central system",
                     token=held.token)  # fmt: skip


def _limits(c: Connector) -> Iterator[Reason]:
    yield Reason("fuse", "limits", "site file", c.fuse_a)
    if c.limit_a is not None:
        low = c.limit_a < LEAST_A
        text = f"limit, below the {LEAST_A:g} A a vehicle can be offered" if low else "limit"
        yield Reason(text, "forbids" if low else "limits", "page", c.limit_a)


def _vehicle(c: Connector) -> Iterator[Reason]:
    match c.pilot:
        case None:
            yield Reason("nothing is known of the pilot yet", "forbids", "interlock")
        case "A":
            yield Reason("no vehicle is plugged in", "forbids", "vehicle")
        case "B":
            yield Reason("plugged in, and does not ask for current", "forbids", "vehicle")
        case "C" | "D":
            yield Reason("asks for current", "permits", "vehicle")
        case _:
            yield Reason(f"the pilot is in state {c.pilot}", "forbids", "interlock")


def _stored(s: Station, c: Connector, stored: Durable) -> Iterator[Reason]:
    """Rule 4: only what is on disk may have current."""
    if c.permit is not None and s.permit(c.evse, stored) is None:
        yield Reason("the session is not on disk yet", "forbids", "journal")
