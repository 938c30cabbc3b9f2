"""The fake EVSE: vehicle, cable, lock, contactor and energy register, simulated.

Nothing here reads a clock: `advance` brings the monotonic time. `time_scale` speeds up energy,
state of charge and what the vehicle waits for; lock, contactor and faults keep real time, for the
interlock's rules do. Faults are conditions: cleared, they leave no trace.
"""

import math
from typing import Annotated

import msgspec
from msgspec import Meta

from hal.evse.verbs import Faults, Override, Pause, PlugIn, Resume
from hal.interlock.rules import MIN_A, Outputs, Seen
from hal.ports import BenchError, EvseSpec, Fault, PilotState, Reading

CONTACTOR_S = 0.02
LOCK_S = 0.1
HERTZ = 50.0


class FakeOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fake board's part of the site file's [board]."""

    meter_resets_on_plug_in: bool = False
    time_scale: Annotated[float, Meta(gt=0, le=1e6)] = 1.0


class Actuator:
    """Something that takes a while to get where it is told to be: a contactor, a lock."""

    def __init__(self, travel_s: float) -> None:
        self.position = False
        self.jammed = False
        self._travel_s = travel_s
        self._target = False
        self._due = math.inf

    @property
    def moving(self) -> bool:
        return self.position != self._target and not self.jammed

    def drive(self, target: bool, now: float) -> None:
        if target != self._target:
            self._target, self._due = target, now + self._travel_s

    def advance(self, now: float) -> None:
        if now >= self._due and not self.jammed:
            self.position, self._due = self._target, math.inf


class Vehicle:
    """A vehicle at the cable: it asks for power once offered some, until it is full."""

    def __init__(self, body: PlugIn, now: float, scale: float) -> None:
        self.body = body
        self.current_a = body.current_a
        self.phases = body.phases
        self.paused = False
        self.leaves = (
            now + (math.inf if body.unplug_after_s is None else body.unplug_after_s) / scale
        )
        self._missing_wh = (1 - body.soc_start / 100) * body.battery_wh
        self._ready_after_s = body.ready_after_s / scale
        self._ready = math.inf

    @property
    def soc(self) -> float:
        return 100 * (1 - self._missing_wh / self.body.battery_wh)

    def asks(self, offered_a: float, now: float) -> bool:
        """Whether it is in state C; `ready_after_s` runs anew whenever an offer begins."""
        if offered_a < MIN_A:
            self._ready = math.inf
        elif self._ready == math.inf:
            self._ready = now + self._ready_after_s
        return now >= self._ready and not self.paused and self._missing_wh > 0

    def waits(self, now: float) -> bool:
        """Whether it will do something by itself."""
        return self.leaves < math.inf or now < self._ready < math.inf

    def take(self, wh: float) -> float:
        """Charge with at most `wh`; returns what went in, Wh."""
        taken = min(wh, self._missing_wh)
        self._missing_wh -= taken
        return taken


class FakeEvse:
    """One EVSE of the fake board. `register_wh` is what its meter showed last, Wh."""

    def __init__(
        self, spec: EvseSpec, options: FakeOptions, register_wh: float, now: float
    ) -> None:
        self.spec = spec
        self.pilot: PilotState = "A"
        self.vehicle: Vehicle | None = None
        self.lock = Actuator(LOCK_S)
        self.contact = Actuator(CONTACTOR_S)
        self.register_wh = 0.0 if options.meter_resets_on_plug_in else register_wh
        self._options = options
        self._now = now
        self._offered_a = 0.0
        self._arrival: tuple[float, PlugIn] | None = None
        self._faults: set[Fault] = set()
        self._planned: dict[Fault, tuple[float, Faults]] = {}
        self._shown = Override(spec.id)

    # --- the interlock's side -----------------------------------------------------------------

    def seen(self) -> Seen:
        return Seen(self.pilot, self.contact.position, self.lock.position, frozenset(self._faults))

    def drive(self, out: Outputs, now: float) -> None:
        """Set the outputs."""
        self._offered_a = out.offered_a
        self.lock.drive(out.lock, now)
        self.contact.drive(out.close, now)

    @property
    def busy(self) -> bool:
        """Whether anything moves or waits, so that the time between two `advance` matters."""
        waits = self.vehicle is not None and self.vehicle.waits(self._now)
        moves = self.lock.moving or self.contact.moving or self.amps > 0
        return waits or moves or self._arrival is not None or bool(self._planned)

    def advance(self, now: float) -> None:
        """Let the time pass until `now`."""
        self._flow(now)
        if self._arrival and now >= self._arrival[0]:
            self._plug(self._arrival[1], now)
        if self.vehicle and now >= self.vehicle.leaves:
            self.vehicle = None
        self.lock.advance(now)
        self.contact.advance(now)
        self.pilot = self._pilot(now)
        self._carry_out_planned(now)

    def _flow(self, now: float) -> None:
        elapsed, self._now = now - self._now, now
        if self.vehicle and self.amps > 0:
            wh = self.watts * elapsed * self._options.time_scale / 3600
            self.register_wh += self.vehicle.take(wh)

    def _pilot(self, now: float) -> PilotState:
        if self.vehicle is None:
            return "A"
        return "C" if self.vehicle.asks(self._offered_a, now) else "B"

    # --- instruments --------------------------------------------------------------------------

    @property
    def amps(self) -> float:
        """What the vehicle draws per phase now, A."""
        if self.vehicle is None or self.pilot != "C" or not self.contact.position:
            return 0.0
        return min(self.vehicle.current_a, self._offered_a, self.spec.fuse_limit_a)

    @property
    def phases(self) -> int:
        """The phases drawn from; one where none is, for the voltage is there all the same."""
        if self.vehicle is None or self.amps == 0:
            return 1
        return min(self.vehicle.phases, self.spec.phases)

    @property
    def watts(self) -> float:
        return self.amps * self.phases * self.spec.voltage_v

    def reading(self) -> Reading:
        """What the meter shows; what follows from an overridden value agrees with it."""
        shown, phases = self._shown, self.phases
        volts = _first(shown.voltage_v, self.spec.voltage_v)
        amps = self.amps
        if shown.power_w is not None and volts:
            amps = shown.power_w / volts / phases
        amps = _first(shown.current_a, amps)
        return Reading(
            wh=int(_first(shown.energy_wh, self.register_wh)),
            watts=_first(shown.power_w, volts * amps * phases),
            volts=(volts,) * phases,
            amps=(amps,) * phases,
            hertz=HERTZ,
            soc=self.vehicle.soc if self.vehicle else None,
        )

    # --- bench control ------------------------------------------------------------------------

    def plug_in(self, body: PlugIn, now: float) -> None:
        if self.vehicle is None:
            self._arrival = (now + body.delay_s / self._options.time_scale, body)
        elif self.vehicle.body != body:
            raise BenchError(409, "another vehicle is plugged: unplug it first")

    def _plug(self, body: PlugIn, now: float) -> None:
        self._arrival = None
        self.vehicle = Vehicle(body, now, self._options.time_scale)
        if self._options.meter_resets_on_plug_in:
            self.register_wh = 0.0

    def unplug(self) -> None:
        self._arrival = self.vehicle = None

    def wish(self, body: Pause | Resume) -> None:
        vehicle = self.vehicle
        if vehicle is None:
            raise BenchError(409, "no vehicle is plugged: plug one in first")
        vehicle.paused = isinstance(body, Pause)
        vehicle.current_a = _first(body.current_a, vehicle.current_a)
        vehicle.phases = body.phases or vehicle.phases

    def plan(self, body: Faults, now: float) -> None:
        """Raise or clear a fault when its time has come; a new plan replaces an old one."""
        due = math.inf if body.after == "charging" else now + body.after_s
        self._planned[body.error] = (due, body)

    def _carry_out_planned(self, now: float) -> None:
        for error, (due, body) in list(self._planned.items()):
            if due == math.inf and self.amps > 0:
                self._planned[error] = (now + body.after_s, body)
            elif now >= due:
                del self._planned[error]
                (self._faults.add if body.active else self._faults.discard)(error)

    def override(self, body: Override) -> None:
        """Show other values; those not named stay as they were, or true after `clear`."""
        before = Override(self.spec.id) if body.clear else self._shown
        asked = msgspec.structs.asdict(body)
        named = {name: value for name, value in asked.items() if value is not None}
        self._shown = msgspec.structs.replace(before, **named)


def _first(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value
