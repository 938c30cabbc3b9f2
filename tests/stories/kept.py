"""One station for many stories: each finds it free and with the settings of its site file."""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager

import pytest

from ocpp.message import Message
from ocpp.v16 import (
    ChangeAvailabilityRequest,
    ChangeConfigurationRequest,
    ClearCacheRequest,
    GetConfigurationRequest,
    RemoteStopTransactionRequest,
    StartTransactionRequest,
)

from .central import M
from .conftest import World
from .station import CARD, Station, eventually

FAST = "time_scale = 200.0"


class Kept:
    """A running station and its central system; `wait` and `of` know what came in this story."""

    def __init__(self, world: World, station: Station) -> None:
        self.station = station
        self.central = world.central
        self.evses = [evse["id"] for evse in station.state()["evses"]]
        self._factory = self.keys()
        self.mark = self.central.mark

    # --- what the central system asks and sees ----------------------------------------------------

    def keys(self, *names: str) -> dict[str, tuple[str | None, bool]]:
        """Value and readonly of some keys, or of all."""
        answer = self.central.ask(GetConfigurationRequest(key=names))
        return {row.key: (row.value, row.readonly) for row in answer.configuration_key}

    def set(self, **values: object) -> None:
        for key, value in values.items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            request = ChangeConfigurationRequest(key=key, value=text)
            assert self.central.status_of(request) == "Accepted", (key, text)

    def ask(self, request: Message) -> str:
        return self.central.status_of(request)

    def wait(self, kind: type[M], fits: Callable[[M], object] = lambda _: True, n: int = 1) -> M:
        return self.central.wait(kind, fits, since=self.mark, count=n)

    def of(self, kind: type[M]) -> list[M]:
        return self.central.of(kind, self.mark)

    def status(self, status: str, connector: int = 1) -> None:
        """Wait until this was told, and nothing newer."""
        self.central.wait_status(status, connector)

    def statuses(self, connector: int = 1) -> list[str]:
        return self.central.statuses(connector, self.mark)

    def new(self) -> None:
        """What comes from now on is another matter."""
        self.mark = self.central.mark

    # --- what happens -----------------------------------------------------------------------------

    @contextmanager
    def offline(self) -> Iterator[None]:
        """Without a connection, and with it again after everything stored is told."""
        self.station.do("link", up=False)
        eventually(lambda: self.station.state()["link"] == "held", "held")
        yield
        self.online()

    def online(self) -> None:
        self.station.do("link", up=True)
        eventually(lambda: self.station.state()["link"] == "up", "up")
        self.settled()

    def settled(self) -> None:
        """Until the central system has answered all that the station had to tell."""
        eventually(lambda: self.station.snapshot()["queue"]["history"] == 0, "settled")

    def charge(self, evse: int = 1, token: str = CARD) -> StartTransactionRequest:
        """Plug in, show the card, and wait until current flows."""
        self.station.plug_in(evse)
        self.station.card(token, evse)
        self.station.charging(evse)
        return self.wait(StartTransactionRequest, lambda s: s.connector_id == evse)

    def running(self, evse: int = 1) -> bool:
        return self.station.evse(evse)["transaction"] is not None

    def refused(self, token: str, why: str) -> None:
        """Show a card, and wait for the line that says that it does nothing."""
        before = self.station.lines.count(why)
        self.station.card(token)
        eventually(lambda: self.station.lines.count(why) > before, why)

    def unplug(self, evse: int = 1) -> None:
        """And wait until that is known."""
        self.station.unplug(evse)
        self.status("Available", evse)

    # --- afterwards -------------------------------------------------------------------------------

    def tidy(self) -> None:
        """No session, no vehicle, no outage, no changed setting; the central system as usual."""
        self.central.usual_again()
        self.online()
        changed = {k: v for k, (v, _) in self.keys().items() if v != self._factory[k][0]}
        self.set(**{key: self._factory[key][0] for key in changed})
        for evse in self.evses:
            self._free(evse)
        assert self.ask(ChangeAvailabilityRequest(connector_id=0, type="Operative")) == "Accepted"
        assert self.ask(ClearCacheRequest()) == "Accepted"
        for evse in self.evses:
            self.status("Available", evse)
        self.settled()
        self.new()

    def _free(self, evse: int) -> None:
        seen = self.station.evse(evse)
        if seen["transaction"] is not None:
            stop = RemoteStopTransactionRequest(transaction_id=int(seen["transaction"]))
            self.ask(stop)
            self.station.until(lambda e: e["transaction"] is None, evse)
        if seen["plugged"]:
            self.station.unplug(evse)


def keeping(
    tmp_path_factory: pytest.TempPathFactory,
    configuration: Mapping[str, str] | None = None,
    **more: object,
) -> Generator[Kept]:
    """For a module's fixture."""
    world = World(tmp_path_factory.mktemp("kept"))
    station = world.start(configuration, **more)
    kept = Kept(world, station)
    for evse in kept.evses:
        kept.status("Available", evse)
    kept.new()
    yield kept
    world.clean_up()
