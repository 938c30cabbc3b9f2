"""Bench control of the fake board: checks a verb's body and has it carried out."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from hal.evse.verbs import (
    BenchVerb,
    Faults,
    Lock,
    Override,
    Pause,
    PlugIn,
    ReadState,
    Resume,
    RfidVerb,
    Unplug,
)
from hal.fake.link import Link
from hal.fake.reader import FakeReader
from hal.ports import BenchError, Card, HalError

_VERBS: dict[str, type[BenchVerb]] = {
    "plug-in": PlugIn,
    "unplug": Unplug,
    "pause": Pause,
    "resume": Resume,
    "faults": Faults,
    "lock": Lock,
    "meter": Override,
}
_T = TypeVar("_T")


class FakeBench:
    """The port `Bench`; may be called from any thread."""

    def __init__(self, evses: Sequence[int], link: Link, reader: FakeReader) -> None:
        self._evses = evses
        self._link = link
        self._reader = reader

    def command(self, verb: str, body: Mapping[str, object]) -> None:
        if verb == "rfid":
            self._present(_checked(body, RfidVerb))
        elif verb in _VERBS:
            self._ask(_checked(body, _VERBS[verb]))
        else:
            raise BenchError(404, f"no verb {verb!r}, only rfid, {', '.join(_VERBS)}")

    def state(self) -> Mapping[int, Mapping[str, object]]:
        evses = self._link.ask(ReadState()).evses
        return {id: msgspec.structs.asdict(evse) for id, evse in evses.items()}

    def _present(self, asked: RfidVerb) -> None:
        for evse in asked.evses:
            if evse not in self._evses:
                raise BenchError(404, f"there is no EVSE {evse}")
        self._reader.present(Card(asked.token, asked.type, asked.evses))

    def _ask(self, verb: BenchVerb) -> None:
        try:
            self._link.ask(verb)
        except BenchError:
            raise
        except HalError as problem:
            raise BenchError(409, str(problem)) from problem


def _checked(body: Mapping[str, object], kind: type[_T]) -> _T:
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as problem:
        raise BenchError(400, str(problem)) from problem
