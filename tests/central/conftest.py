"""A bench central system on free ports, stations that call it, and a station to be called."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from ocpp.central import CentralSystem
from ocpp.http import SoapClient, soap_app
from ocpp.message import Message
from ocpp.server import HttpServer
from ocpp.soap import Call
from ocpp.v16 import CENTRAL_SYSTEM, CHARGE_POINT, BootNotificationRequest

BOOT = BootNotificationRequest(
    charge_point_vendor="Pilotwire", charge_point_model="Bench", firmware_version="0.1"
)

FREE = ("127.0.0.1", 0)


class Bench:
    """The central system under test and everything connected to it."""

    def __init__(self, state_dir: Path, undo: ExitStack) -> None:
        self.state_dir = state_dir
        self._undo = undo
        self.lines: list[str] = []
        self.central: CentralSystem

    def start(self, **options: Any) -> "Bench":
        self.central = CentralSystem(
            self.state_dir, soap=FREE, page=FREE, on_line=self.lines.append, **options
        )
        self.central.start()
        self._undo.callback(self.central.stop)
        return self

    def client(self, station: str = "cp1", sender: str | None = None) -> SoapClient:
        """A station that has not booted yet."""
        client = SoapClient(
            CENTRAL_SYSTEM, self.central.soap_url, identity=station, sender=sender, timeout_s=10
        )
        return self._undo.enter_context(closing(client))

    def booted(self, station: str = "cp1", sender: str | None = None) -> SoapClient:
        client = self.client(station, sender)
        client.call(BOOT)
        return client

    def serve(self, answer: Callable[[Call], Message], station: str = "cp1") -> str:
        """A station's own SOAP server; returns its address."""
        app = soap_app(CHARGE_POINT, answer, identity=station)
        server = HttpServer(*FREE, app, name="test-station")
        server.start()
        self._undo.callback(server.stop)
        return f"{server.url}/"


@pytest.fixture
def unstarted(tmp_path: Path) -> Iterator[Bench]:
    with ExitStack() as undo:
        yield Bench(tmp_path / "central", undo)


@pytest.fixture
def bench(unstarted: Bench) -> Bench:
    return unstarted.start()
