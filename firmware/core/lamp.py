"""The lamp of a connector: derived from its state like permit and lock."""

from typing import Literal

import msgspec

from firmware.core.connector import Authorizing, Connector
from firmware.core.settings import Settings
from firmware.facts import Status

Colour = Literal["green", "blue", "yellow", "red", "off"]
COLOURS: dict[Status, Colour] = {
    "Available": "green",
    "Preparing": "yellow",
    "Charging": "blue",
    "SuspendedEV": "blue",
    "SuspendedEVSE": "yellow",
    "Finishing": "yellow",
    "Reserved": "yellow",
    "Unavailable": "off",
    "Faulted": "red",
}


class Lamp(msgspec.Struct, frozen=True):
    colour: Colour
    percent: int
    """Brightness (LightIntensity)."""
    blinks: int
    """How often it blinks to say that something is going on (BlinkRepeat); 0 = steady."""


def lamp(c: Connector, status: Status, settings: Settings) -> Lamp:
    """A card that is being asked about blinks; so does a vehicle that is waited for."""
    busy = isinstance(c.phase, Authorizing) or c.asking is not None
    return Lamp(COLOURS[status], settings.light_intensity, settings.blink_repeat if busy else 0)
