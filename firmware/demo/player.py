"""The player: has the steps of a scenario happen on a stage, and tells each in a line."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import singledispatchmethod
from typing import Any

import msgspec

from firmware.demo.scenario import (
    OPERATIONS,
    Clear,
    Draw,
    Expect,
    Fault,
    Link,
    Order,
    Plug,
    Script,
    Step,
    Tap,
    Unplug,
    WaitFor,
)
from firmware.demo.stage import STATION, Failed, Stage
from ocpp.central.state import Session, State
from ocpp.http import Refused, Unreachable

LOOK_S = 0.05


def play(script: Script, stage: Stage, say: Callable[[str], None]) -> None:
    """Every step, in order; `say` gets a line for each. Raises Failed."""
    player = Player(stage)
    began = time.monotonic()
    player.act(WaitFor(wait_for="registered"))
    for number, step in enumerate(script.steps, 1):
        say(f"{number}/{len(script.steps)} {step}")
        try:
            player.act(step)
        except Failed as error:
            raise Failed(f"step {number}: {error}") from error
    if (bill := player.bill()) is not None:
        say(bill)
    say(f"{script.scenario.title}: as scripted, {time.monotonic() - began:.1f} s")


class Player:
    """Knows what was at the central system before: of that nothing is expected."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        before = stage.central.state()
        self._old_sessions = {session.id for session in before.sessions}
        self._last_message = max((message.id for message in before.messages), default=0)

    @singledispatchmethod
    def act(self, step: Step) -> None:
        """Have a step happen. Raises Failed."""
        raise TypeError(f"no way to play {step!r}")

    @act.register
    def _(self, step: Plug) -> None:
        more = {name: getattr(step, name) for name in step.__struct_fields__ if name != "plug"}
        self._stage.do("plug-in", evse=step.plug, connector=1, **more)

    @act.register
    def _(self, step: Unplug) -> None:
        self._stage.do("unplug", evse=step.unplug, connector=1)

    @act.register
    def _(self, step: Tap) -> None:
        self._stage.do("rfid", token=step.tap, evses=step.connectors)

    @act.register
    def _(self, step: Draw) -> None:
        at = {"evse": step.connector, "connector": 1}
        if isinstance(step.draw, str):
            self._stage.do(step.draw, **at)
        else:
            self._stage.do("resume", **at, current_a=step.draw)

    @act.register
    def _(self, step: Fault) -> None:
        self._fault(step.fault, step.connector, active=True)

    @act.register
    def _(self, step: Clear) -> None:
        self._fault(step.clear, step.connector, active=False)

    def _fault(self, error: str, evse: int, *, active: bool) -> None:
        self._stage.do("faults", evse=evse, connector=1, error=error, active=active)

    @act.register
    def _(self, step: Link) -> None:
        self._stage.do("link", up=step.link == "up")

    # --- the central system ----------------------------------------------------------------------

    @act.register
    def _(self, step: Order) -> None:
        fields = {name: self._value(value) for name, value in step.fields.items()}
        try:
            request = msgspec.convert(fields, OPERATIONS[step.order], strict=False)
            answer: Any = self._stage.central.call(STATION, request)
        except (ValueError, Refused, Unreachable) as error:
            raise Failed(f"{step.order}: {error}") from error
        if (status := getattr(answer, "status", "Accepted")) != step.answer:
            raise Failed(f"{step.order} was answered {status}, not {step.answer}")

    def _value(self, value: object) -> object:
        """What a script cannot know: `running`, a transaction; `in 60 s`, a time."""
        if value == "running":
            running = [s.id for s in self._sessions(self._stage.central.state()) if s.live]
            if not running:
                raise Failed("no session is running")
            return running[0]
        later = re.fullmatch(r"in (\d{1,6}) s", str(value))
        return datetime.now(UTC) + timedelta(seconds=int(later[1])) if later else value

    @act.register
    def _(self, step: Expect) -> None:
        if step.expect == "no session":
            if self._sessions(self._stage.central.state()):
                raise Failed("the central system knows of a session")
            return
        try:
            self._stage.central.wait_for(lambda state: self._known(step, state), step.within_s)
        except TimeoutError as error:
            raise Failed(f"not so within {step.within_s:g} s") from error

    def _known(self, step: Expect, state: State) -> bool:
        if step.expect == "session":
            return any(_fits(step, session) for session in self._sessions(state))
        if step.expect == "message":
            new = [m for m in state.messages if m.id > self._last_message]
            return any(m.direction == "in" and m.action == step.action for m in new)
        connectors = [c for station in state.stations for c in station.connectors]
        return any(c.id == step.connector and c.status == step.expect for c in connectors)

    def _sessions(self, state: State) -> list[Session]:
        return [s for s in state.sessions if s.id not in self._old_sessions]

    def bill(self) -> str | None:
        """The newest session that has ended."""
        for session in self._sessions(self._stage.central.state()):
            if session.stop_time is not None:
                kwh = f"{session.energy_wh / 1000:.3f} kWh"
                return f"bill: {kwh}, {session.price} {session.currency}"
        return None

    # --- the station -----------------------------------------------------------------------------

    @act.register
    def _(self, step: WaitFor) -> None:
        deadline = time.monotonic() + step.within_s
        while not _there(step, self._stage.snapshot()):
            if time.monotonic() > deadline:
                raise Failed(f"not so within {step.within_s:g} s")
            time.sleep(LOOK_S)


def _fits(step: Expect, session: Session) -> bool:
    return (
        session.connector == step.connector
        and (session.stop_time is None) == step.running
        and step.reason in (None, session.reason)
        and step.card in (None, session.card)
        and session.energy_wh >= step.wh
    )


def _there(step: WaitFor, shown: Any) -> bool:
    """Whether the station's own picture shows what is waited for."""
    if shown is None or step.connector > len(shown["evses"]):
        return False
    evse = shown["evses"][step.connector - 1]
    match step.wait_for:
        case "registered":
            return bool(shown["station"]["registration"] == "Accepted")
        case "told":
            return bool(shown["queue"]["history"] == 0)
        case "contact closed" | "contact open":
            return bool(evse["closed"] == (step.wait_for == "contact closed"))
        case "energy":
            return evse["session"] is not None and evse["session"]["wh"] >= step.wh
        case status:
            return bool(evse["status"] == status)
