"""The scenario file (TOML), typed: a bench to begin with, and steps played one after the other."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from firmware.facts import Status, StopReason
from firmware.nearest import nearest
from firmware.shell.telling import masked
from firmware.web.bench import SimulatedFault
from ocpp.v16 import CHARGE_POINT, AuthorizationStatus, IdToken

BUILT_IN = Path(__file__).parent / "static" / "first-charge.toml"
PATIENCE_S = 20.0

T = TypeVar("T")

OPERATIONS = {operation.name: operation.request for operation in CHARGE_POINT.operations}

Id = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]


class ScenarioError(Exception):
    """The scenario cannot be played. One line: file, line, step, and what was expected."""


class Step(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing that happens. The first field is its verb."""


class Plug(Step, frozen=True, kw_only=True):
    plug: Id
    current_a: Annotated[float, Meta(ge=0, le=80)] = 16.0
    phases: Annotated[int, Meta(ge=1, le=3)] = 3
    soc_start: Annotated[float, Meta(ge=0, le=100)] = 30.0
    battery_wh: Annotated[float, Meta(gt=0, le=1e9)] = 60_000.0

    def __str__(self) -> str:
        return f"a vehicle is plugged in at connector {self.plug}"


class Unplug(Step, frozen=True, kw_only=True):
    unplug: Id

    def __str__(self) -> str:
        return f"the vehicle at connector {self.unplug} is unplugged"


class Tap(Step, frozen=True, kw_only=True):
    tap: Annotated[str, Meta(min_length=1, max_length=255)]
    """Any text, as of a real reader."""
    connectors: tuple[Id, ...] = ()
    """Those that the reader serves; empty = all."""

    def __str__(self) -> str:
        return f"card {masked(self.tap)} is shown"


class Draw(Step, frozen=True, kw_only=True):
    draw: Literal["pause", "resume"] | Annotated[float, Meta(ge=0, le=80)]
    connector: Id = 1

    def __str__(self) -> str:
        wish = self.draw if isinstance(self.draw, str) else f"draw at most {self.draw:g} A"
        return f"the vehicle at connector {self.connector} wants to {wish}"


class Fault(Step, frozen=True, kw_only=True):
    fault: SimulatedFault
    connector: Id = 1

    def __str__(self) -> str:
        return f"{self.fault} at connector {self.connector}"


class Clear(Step, frozen=True, kw_only=True):
    clear: SimulatedFault
    connector: Id = 1

    def __str__(self) -> str:
        return f"{self.clear} at connector {self.connector} is over"


class Link(Step, frozen=True, kw_only=True):
    link: Literal["up", "down"]

    def __str__(self) -> str:
        return f"the link to the central system is {self.link}"


class Order(Step, frozen=True, kw_only=True):
    order: str
    fields: dict[str, Any] = msgspec.field(name="with", default_factory=dict)
    """Under their OCPP names."""
    answer: str = "Accepted"

    def __post_init__(self) -> None:
        if self.order not in OPERATIONS:
            raise ValueError(f"no order {self.order!r}{nearest(self.order, OPERATIONS)}")
        known = _keys(OPERATIONS[self.order])
        for name in self.fields:
            if name not in known:
                raise ValueError(f"{self.order} has no field {name!r}{nearest(name, known)}")

    def __str__(self) -> str:
        return f"the central system orders {self.order}, to be answered {self.answer}"


class WaitFor(Step, frozen=True, kw_only=True):
    """Until the station is there."""

    wait_for: Literal["registered", "contact closed", "contact open", "energy", "told"] | Status
    connector: Id = 1
    wh: Annotated[int, Meta(ge=0)] = 0
    """Of the running session."""
    within_s: Seconds = PATIENCE_S

    def __str__(self) -> str:
        what = {"energy": f"{self.wh} Wh", "told": "everything is told"}.get(self.wait_for)
        return f"waiting for {what or self.wait_for}"


class Expect(Step, frozen=True, kw_only=True):
    """Of the central system: what it knows of this scenario."""

    expect: Literal["session", "no session", "message"] | Status
    connector: Id = 1
    running: bool = False
    reason: StopReason | None = None
    card: IdToken | None = None
    wh: Annotated[int, Meta(ge=0)] = 0
    """At least."""
    action: str | None = None
    within_s: Seconds = PATIENCE_S

    def __post_init__(self) -> None:
        if (self.expect == "message") != (self.action is not None):
            raise ValueError("expect = 'message' and its action come together")

    def __str__(self) -> str:
        what = {"session": self._session(), "message": f"message {self.action}"}.get(self.expect)
        return f"the central system is to know: {what or self.expect}"

    def _session(self) -> str:
        how = "running" if self.running else f"ended {self.reason or ''}".strip()
        return f"a session, {how}, of at least {self.wh} Wh"


VERBS: dict[str, type[Step]] = {
    "plug": Plug,
    "unplug": Unplug,
    "tap": Tap,
    "draw": Draw,
    "fault": Fault,
    "clear": Clear,
    "link": Link,
    "order": Order,
    "wait_for": WaitFor,
    "expect": Expect,
}


class Scenario(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    title: Annotated[str, Meta(min_length=1)]
    steps: Annotated[tuple[dict[str, Any], ...], Meta(min_length=1)]
    connectors: Annotated[int, Meta(ge=1, le=8)] = 1
    time_scale: Annotated[float, Meta(gt=0, le=10_000)] = 30.0
    """How much faster than life energy flows; no demo need take an hour."""
    cards: dict[IdToken, AuthorizationStatus] = {}
    """What the central system says of cards; it accepts all others."""
    settings: dict[str, str] = {}
    """OCPP's configuration keys, as they are before anybody changed them."""


class Script(Struct, frozen=True):
    """A scenario that has been read: every step is checked."""

    scenario: Scenario
    steps: tuple[Step, ...]


def load(path: Path) -> Script:
    """Raises ScenarioError."""
    try:
        text = path.read_text(encoding="utf-8")
        plain = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{path}: not TOML: {error}") from error
    try:
        scenario = _read(plain, Scenario)
    except ValueError as error:
        raise ScenarioError(f"{path}: {error}") from error
    steps = []
    for number, step in enumerate(scenario.steps, 1):
        try:
            steps.append(_step(step))
        except ValueError as error:
            where = _line(text, number, len(scenario.steps))
            raise ScenarioError(f"{path}{where}: step {number}: {error}") from error
    return Script(scenario, tuple(steps))


def _step(step: Mapping[str, object]) -> Step:
    verbs = [name for name in step if name in VERBS]
    if not verbs:
        odd = next(iter(step), "")
        raise ValueError(f"unknown step {odd!r}{nearest(odd, VERBS)}")
    if len(verbs) > 1:
        raise ValueError(f"one thing at a time, not {' and '.join(verbs)}")
    return _read(step, VERBS[verbs[0]])


def _read(plain: Mapping[str, object], kind: type[T]) -> T:
    """Raises ValueError in words, with the nearest name for an unknown one."""
    known = _keys(kind)
    for name in plain:
        if name not in known:
            raise ValueError(f"unknown field {name!r}{nearest(name, known)}")
    try:
        return msgspec.convert(plain, kind)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at ")
        key = where.strip("`").removeprefix("$").removeprefix(".")
        if what.startswith(("Expected", "Invalid", "Object")):  # not where the words are ours
            what = what[0].lower() + what[1:]
        raise ValueError(f"{key}{key and ': '}{what}") from error


def _keys(kind: type[Any]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(kind)]


def _line(text: str, number: int, count: int) -> str:
    """`:n`, if each step begins a line of its own."""
    began = [
        n for n, line in enumerate(text.splitlines(), 1) if re.match(r"\s*(\{|\[\[steps)", line)
    ]
    return f":{began[number - 1]}" if len(began) == count else ""
