"""The bench control: playing driver, vehicle, cable and mains of the fake board over HTTP."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from werkzeug import Response
from werkzeug.routing import Rule

from firmware.web.facade import Station
from firmware.web.wsgi import Application, Request, answer
from hal.ports import BenchError

Number = Annotated[float, Meta(ge=0, le=1e9)]
"""Bounded so that no clock or counter behind it can overflow."""
Id = Annotated[int, Meta(ge=1)]
Phases = Annotated[int, Meta(ge=1, le=3)]
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


class Verb(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A verb's body."""


class OnConnector(Verb, frozen=True, kw_only=True):
    evse: Id
    connector: Id


class PlugIn(OnConnector, frozen=True, kw_only=True):
    delay_s: Number = 0
    ready_after_s: Number = 0
    current_a: Number = 16
    phases: Phases = 3
    unplug_after_s: Number | None = None
    soc_start: Annotated[float, Meta(ge=0, le=100)] = 30
    battery_wh: Annotated[float, Meta(gt=0, le=1e9)] = 60000


class PauseOrResume(OnConnector, frozen=True, kw_only=True):
    current_a: Number | UnsetType = UNSET
    phases: Phases | UnsetType = UNSET


class Rfid(Verb, frozen=True, kw_only=True):
    token: Annotated[str, Meta(min_length=1, max_length=255)]
    type: Annotated[str, Meta(min_length=1, max_length=20)] = "ISO14443"
    evses: list[Id] = []
    """Empty: the reader serves all."""


class Link(Verb, frozen=True, kw_only=True):
    up: bool


class Faults(OnConnector, frozen=True, kw_only=True):
    error: SimulatedFault
    active: bool
    after_s: Number = 0
    after: Literal["charging"] | None = None


class Lock(OnConnector, frozen=True, kw_only=True):
    jammed: bool


class Meter(Verb, frozen=True, kw_only=True):
    evse: Id
    energy_wh: Annotated[int, Meta(ge=0, le=10**15)] | UnsetType = UNSET
    power_w: Number | UnsetType = UNSET
    voltage_v: Number | UnsetType = UNSET
    current_a: Number | UnsetType = UNSET
    clear: bool = False

    def __post_init__(self) -> None:
        readings = (self.energy_wh, self.power_w, self.voltage_v, self.current_a)
        overrides = any(reading is not UNSET for reading in readings)
        if overrides == self.clear:
            raise ValueError("give energy_wh, power_w, voltage_v or current_a, or else clear: true")


VERBS: dict[str, type[Verb]] = {
    "plug-in": PlugIn,
    "unplug": OnConnector,
    "pause": PauseOrResume,
    "resume": PauseOrResume,
    "rfid": Rfid,
    "link": Link,
    "faults": Faults,
    "lock": Lock,
    "meter": Meter,
}
VEHICLE = {"plug-in", "unplug", "pause", "resume"}


def checked(verb: str, body: bytes) -> dict[str, Any]:
    """`body` as the verb wants it, completed with the defaults. Raises BenchError 404 and 400."""
    if verb not in VERBS:
        raise BenchError(404, f"no such verb: {verb}; there are {', '.join(VERBS)}")
    try:
        fields: dict[str, Any] = msgspec.to_builtins(msgspec.json.decode(body, type=VERBS[verb]))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BenchError(400, f"{verb}: {error}") from error
    return fields


def act(station: Station, verb: str, body: bytes) -> Response:
    """Have a verb carried out; the answer says that the simulated hardware has taken it."""
    try:
        station.bench(verb, checked(verb, body))
    except BenchError as error:
        return answer({"error": str(error)}, error.status)
    return answer({})


def bench_app(station: Station) -> Application:
    """The control API of the bench-control page, version 1. To be served on 127.0.0.1 only."""

    def state(_: Request) -> Response:
        return answer(station.bench_state())

    def command(request: Request, verb: str) -> Response:
        return act(station, verb, request.get_data())

    paths = {verb: f"/v1/ev/{verb}" if verb in VEHICLE else f"/v1/{verb}" for verb in VERBS}
    rules = [
        Rule(path, endpoint=command, methods=["POST"], defaults={"verb": verb})
        for verb, path in paths.items()
    ]
    return Application([Rule("/v1/state", endpoint=state, methods=["GET"]), *rules])
