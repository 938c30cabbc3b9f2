"""The fake board: EVSEs simulated inside a real interlock process, a meter each and one reader."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from hal.evse.fake import FakeOptions
from hal.evse.verbs import ReadState
from hal.fake.bench import FakeBench
from hal.fake.link import Link
from hal.fake.meter import FakeMeter
from hal.fake.reader import FakeReader
from hal.interlock.launch import Launched
from hal.interlock.lessor import Lessor
from hal.ports import Bench, CardReader, Evse, EvseSpec, HalError, Meter

START_S = 5.0
"""An interlock that does not answer so long after its start has failed."""


class FakeBoard:
    """The port `Board`. The constructor returns when the simulation answers."""

    def __init__(self, options: FakeOptions, evses: Sequence[EvseSpec], state_dir: Path) -> None:
        self._options = options
        self._evses = tuple(evses)
        self._state_dir = state_dir
        self._link = Link()
        reader = FakeReader()
        ids = tuple(spec.id for spec in evses)
        self.interlock: Evse = Lessor(ids, self._launch)
        self.readers: Sequence[CardReader] = (reader,)
        self.meters: Mapping[int, Meter] = {id: FakeMeter(id, self._link) for id in ids}
        self.bench: Bench | None = FakeBench(ids, self._link, reader)

    def close(self) -> None:
        self.interlock.close()
        for reader in self.readers:
            reader.close()
        for meter in self.meters.values():
            meter.close()

    def _launch(self) -> Launched:
        launched = Launched(self._evses, self._options, self._state_dir)
        self._link.connect(launched.bench)
        try:
            self._link.ask(ReadState(), START_S)
        except HalError as problem:
            launched.end()
            how = launched.how_it_ended()
            text = f"the interlock did not start but ended{how}: what it said above tells why"
            raise HalError(text) from problem
        return launched


def open_fake(
    options: Mapping[str, object], evses: Sequence[EvseSpec], state_dir: Path
) -> FakeBoard:
    """Raises HalError for an option that is unknown or of a wrong type."""
    try:
        checked = msgspec.convert(options, FakeOptions)
    except msgspec.ValidationError as problem:
        raise HalError(f"the fake board's options: {problem}") from problem
    state_dir.mkdir(parents=True, exist_ok=True)
    return FakeBoard(checked, evses, state_dir)
