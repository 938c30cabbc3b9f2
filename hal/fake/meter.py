"""The fake board's energy meter: reads the register of a simulated EVSE."""

from hal.evse.verbs import ReadMeter
from hal.fake.link import Link
from hal.ports import HalError, Reading


class FakeMeter:
    """The port `Meter`."""

    def __init__(self, evse: int, link: Link) -> None:
        self.evse = evse
        self._link = link

    def read(self) -> Reading:
        reading = self._link.ask(ReadMeter(self.evse)).reading
        if reading is None:
            raise HalError(f"the fake meter of EVSE {self.evse} shows nothing")
        return reading

    def close(self) -> None:
        """There is nothing to let go: the interlock holds the register."""
