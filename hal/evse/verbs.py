"""What can be asked of the fake board: the verbs of bench control, and to read its instruments."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from hal.ports import Fault, PilotState, Reading

Seconds = Annotated[float, Meta(ge=0, le=1e9)]
Amps = Annotated[float, Meta(ge=0, le=1000)]
Phases = Annotated[int, Meta(ge=1, le=3)]
Percent = Annotated[float, Meta(ge=0, le=100)]

SimulatedFault = Literal[
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
    "Other",
]


class Verb(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="verb"):
    """A request to one EVSE of the fake board."""

    evse: int


class ConnectorVerb(Verb, frozen=True):
    """A request to one connector; the fake EVSE has one."""

    connector: int


class PlugIn(ConnectorVerb, frozen=True, tag="plug-in"):
    """After `delay_s` the cable is plugged; the vehicle asks for power `ready_after_s` after it is
    offered, and leaves `unplug_after_s` after it was plugged."""

    delay_s: Seconds = 0.0
    ready_after_s: Seconds = 0.0
    current_a: Amps = 16.0
    phases: Phases = 3
    unplug_after_s: Seconds | None = None
    soc_start: Percent = 30.0
    battery_wh: Annotated[float, Meta(gt=0, le=1e9)] = 60000.0


class Unplug(ConnectorVerb, frozen=True, tag="unplug"):
    """The vehicle leaves at once."""


class WishVerb(ConnectorVerb, frozen=True):
    """What the vehicle does, perhaps with another wish from now on."""

    current_a: Amps | None = None
    phases: Phases | None = None


class Pause(WishVerb, frozen=True, tag="pause"):
    """The vehicle no longer asks for power, but stays."""


class Resume(WishVerb, frozen=True, tag="resume"):
    """The vehicle asks for power again."""


class Faults(ConnectorVerb, frozen=True, tag="faults"):
    """Raise or clear a fault, `after_s` from now or from when power flows."""

    error: SimulatedFault
    active: bool
    after_s: Seconds = 0.0
    after: Literal["charging"] | None = None


class Lock(ConnectorVerb, frozen=True, tag="lock"):
    """A jammed lock does not move."""

    jammed: bool


class Override(Verb, frozen=True, tag="meter"):
    """What the meter shows instead of the truth; `clear` ends every earlier override."""

    energy_wh: Annotated[float, Meta(ge=0, le=1e15)] | None = None
    power_w: Annotated[float, Meta(ge=0, le=1e9)] | None = None
    voltage_v: Annotated[float, Meta(ge=0, le=1e6)] | None = None
    current_a: Amps | None = None
    clear: bool = False


class ReadMeter(Verb, frozen=True, tag="read-meter"):
    """Look at the meter."""


class ReadState(msgspec.Struct, frozen=True, tag_field="verb", tag="read-state"):
    """Look at all EVSEs."""


BenchVerb = PlugIn | Unplug | Pause | Resume | Faults | Lock | Override
Request = BenchVerb | ReadMeter | ReadState


class RfidVerb(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A card is presented to the fake reader, which serves `evses` (empty = all)."""

    token: Annotated[str, Meta(min_length=1, max_length=255)]
    type: Annotated[str, Meta(min_length=1, max_length=64)] = "ISO14443"
    evses: tuple[int, ...] = ()


class EvseState(msgspec.Struct, frozen=True):
    """One EVSE of the fake board as `GET /v1/state` shows it."""

    plugged: bool
    cp_state: PilotState
    locked: bool
    relay_closed: bool
    faults: list[Fault]
    energy_wh: int
    power_w: float
    current_a: float
    soc: float | None


class Ask(msgspec.Struct, frozen=True):
    """A request as it goes to the interlock; `serial` tells its reply from one given up on."""

    serial: int
    request: Request


class Reply(msgspec.Struct, frozen=True):
    """What the interlock answers; a refusal has an HTTP status and a text."""

    serial: int
    status: int | None = None
    text: str = ""
    reading: Reading | None = None
    evses: dict[int, EvseState] = {}
