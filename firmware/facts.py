"""All that the station tells, in its own words: what a dialect turns into messages."""

from typing import Literal

import msgspec

Status = Literal[
    "Available",
    "Preparing",
    "Charging",
    "SuspendedEV",
    "SuspendedEVSE",
    "Finishing",
    "Reserved",
    "Unavailable",
    "Faulted",
]
StopReason = Literal[
    "DeAuthorized",
    "EmergencyStop",
    "EVDisconnected",
    "HardReset",
    "Local",
    "Other",
    "PowerLoss",
    "Reboot",
    "Remote",
    "SoftReset",
    "UnlockCommand",
]
ResetKind = Literal["Soft", "Hard"]
Trigger = Literal["Begin", "Clock", "Periodic", "End", "Trigger"]
"""Why a sample was taken."""


class Instant(msgspec.Struct, frozen=True):
    """A moment on both clocks. Durations are differences of `mono`, never of `wall`."""

    mono: float
    """Seconds of the monotonic clock, meaningful within one boot."""
    wall: float
    """UTC seconds since 1970 as this station believed at that moment."""
    boot: int
    """Number of the boot both belong to."""
    trusted: bool
    """The central system's time was known by then; if not, `wall` is corrected when sent."""

    def at(self, mono: float) -> "Instant":
        """The moment `mono` of the same boot, on both clocks."""
        return msgspec.structs.replace(self, mono=mono, wall=self.wall + mono - self.mono)


class Sample(msgspec.Struct, frozen=True):
    """What a meter showed, with what was offered at that moment."""

    wh: int
    """Import register of the session, Wh: monotonic, also over a replaced meter."""
    watts: float = 0.0
    volts: tuple[float, ...] = ()
    amps: tuple[float, ...] = ()
    hertz: float | None = None
    soc: float | None = None
    offered_a: float = 0.0
    measurands: tuple[str, ...] = ()
    """Which of them are to be told, as configured at that moment."""


class History(msgspec.Struct, frozen=True, tag=True):
    """Base of session facts: stored first, told strictly in order, until settled."""

    session: int
    evse: int
    at: Instant


class SessionStarted(History, frozen=True, tag=True):
    token: str
    wh: int
    reservation: int | None = None
    sample: Sample | None = None
    """Where StopTransaction is to carry values of the start too."""


class SessionMetered(History, frozen=True, tag=True):
    sample: Sample
    trigger: Trigger = "Periodic"
    for_stop: tuple[str, ...] = ()
    """The measurands of it that StopTransaction is to carry too (R16-200)."""


class SessionStopped(History, frozen=True, tag=True):
    wh: int
    reason: StopReason
    token: str | None = None
    """The card that stopped it, if one did (R16-082)."""
    sample: Sample | None = None
    """Where StopTransaction carries values: those of the end."""


SessionFact = SessionStarted | SessionMetered | SessionStopped


class Talk(msgspec.Struct, frozen=True):
    """Base of what lives in memory only and may overtake the history."""


class AuthorizationAsked(Talk, frozen=True):
    evse: int
    token: str


class StatusChanged(Talk, frozen=True):
    evse: int
    """0 = the station as a whole."""
    status: Status
    fault: str | None
    info: str | None
    at: Instant
    asked: bool = False
    """Told because somebody asked, even if nothing changed."""


class HeartbeatAsked(Talk, frozen=True):
    pass


class BootAsked(Talk, frozen=True):
    pass


class Measured(Talk, frozen=True):
    """A sample outside any session."""

    evse: int
    at: Instant
    sample: Sample
    trigger: Trigger = "Trigger"


class OrderAnswered(msgspec.Struct, frozen=True):
    number: int
    outcome: "OrderOutcome"


class SettingShown(msgspec.Struct, frozen=True):
    key: str
    value: str
    readonly: bool


class OrderOutcome(msgspec.Struct, frozen=True):
    """How an order was answered: a status word of the order's own set, and settings if asked."""

    status: str = "Accepted"
    settings: tuple[SettingShown, ...] = ()
    unknown: tuple[str, ...] = ()


class RestartDue(msgspec.Struct, frozen=True):
    """A reset has ended what there was to end: the program is to start again."""

    kind: ResetKind


class Noted(msgspec.Struct, frozen=True):
    """One line for the people at the terminal; told to nobody else."""

    text: str


Fact = History | Talk | OrderAnswered | RestartDue | Noted
