"""The hardware ports: what a board offers the firmware, and what it may expect of a driver.

A driver is a class with one of these shapes; it inherits nothing. Every call is bounded in time,
and every failure of the hardware is a `HalError`: nothing else crosses this border.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import msgspec

PilotState = Literal["A", "B", "C", "D", "E", "F"]
"""IEC 61851-1 pilot states as measured (A no vehicle, B connected, C ready, F EVSE fault)."""

Fault = Literal[
    "UnderVoltage",
    "OverVoltage",
    "OverCurrent",
    "OverTemperature",
    "GroundFailure",
    "DiodeFault",
    "ConnectorLockFailure",
    "PowerMeterFailure",
    "PowerSwitchFailure",
    "ReaderFailure",
    "EmergencyStop",
    "InterlockLost",
    "Other",
]
"""What can be wrong with an EVSE. Whatever is listed blocks charging while it lasts."""


class HalError(Exception):
    """Hardware did not answer, answered nonsense, or is gone. The text says what to look at."""


class EvseReport(msgspec.Struct, frozen=True):
    """What the interlock sees at one EVSE. Sent every 500 ms and at once on change."""

    evse: int
    pilot: PilotState
    closed: bool
    """The contact as *seen* by the mirror contact, never as commanded."""
    locked: bool
    offered_a: float
    """What the pilot offers the vehicle now, A per phase; 0 = no PWM."""
    faults: frozenset[Fault] = frozenset()


class Evse(Protocol):
    """The firmware's side of one interlock, which may serve several EVSEs."""

    evses: Sequence[int]

    def lease(self, evse: int, limit_a: float, lock: bool) -> None:
        """Permit up to `limit_a` A per phase (0 = none) for at most 2 s from now; may be called by
        one thread only. Never waits. Raises HalError when the interlock is gone."""

    def reports(self, timeout_s: float) -> Sequence[EvseReport]:
        """Wait for at most `timeout_s` for reports, oldest first; empty on timeout or `wake`.
        Raises HalError when the interlock is gone (once per loss; then waits like any other)."""

    def wake(self) -> None:
        """Make a waiting `reports` return at once. From any thread."""

    def restart(self) -> None:
        """Bring a lost interlock back (laptop: start a new process). From the main thread."""

    def close(self) -> None:
        """Withdraw every permission and let the interlock go. Idempotent, bounded by 0.5 s."""


class Card(msgspec.Struct, frozen=True):
    """A card as presented: its identifier as text (UID as upper-case hex, or as a reader says)."""

    token: str
    kind: str = "ISO14443"
    evses: tuple[int, ...] = ()
    """The EVSEs this reader serves; empty = all."""


class CardReader(Protocol):
    name: str

    def read(self, timeout_s: float) -> Card | None:
        """Wait for at most `timeout_s` for a card to be presented. Raises HalError if the reader is
        dead; the caller reports it and tries again."""

    def close(self) -> None: ...


class Reading(msgspec.Struct, frozen=True):
    """One reading of an energy meter."""

    wh: int
    """Import register, Wh, as the meter shows it (never re-based)."""
    watts: float = 0.0
    volts: tuple[float, ...] = ()
    """Per phase, V."""
    amps: tuple[float, ...] = ()
    """Per phase, A."""
    hertz: float | None = None
    soc: float | None = None
    """State of charge of the vehicle, %, where something knows it."""


class Meter(Protocol):
    evse: int

    def read(self) -> Reading:
        """Ask the meter once. Raises HalError on silence, nonsense or a missing device."""

    def close(self) -> None: ...


class Bench(Protocol):
    """What only the fake board has: a way to play driver, vehicle, cable and mains."""

    def command(self, verb: str, body: Mapping[str, object]) -> None:
        """Carry out one verb of the bench-control page. Raises BenchError."""

    def state(self) -> Mapping[int, Mapping[str, object]]:
        """Per EVSE what `GET /v1/state` shows, but for `transaction`."""


class BenchError(HalError):
    """A bench command that cannot be carried out; `status` is the HTTP status it deserves."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class EvseSpec(msgspec.Struct, frozen=True):
    """One EVSE as wired, from the site file."""

    id: int
    phases: int = 3
    lock: bool = True
    """False = attached cable: there is nothing to lock."""
    fuse_limit_a: float = 32.0
    voltage_v: float = 230.0


class Board(Protocol):
    """A board is its ports. Opened once by the composition root, closed last."""

    interlock: Evse
    readers: Sequence[CardReader]
    meters: Mapping[int, Meter]
    bench: Bench | None

    def close(self) -> None: ...
