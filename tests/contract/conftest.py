"""Both SOAP engines, each as a client of servers that do as they are told."""

from collections.abc import Callable, Generator
from contextlib import ExitStack
from typing import Any, get_args

import pytest

from ocpp.http import Engine, SoapClient
from ocpp.message import Service
from ocpp.v16 import CENTRAL_SYSTEM
from tests.ocpp.wires import Script, Scripted

Serve = Callable[..., Scripted]
Dial = Callable[..., SoapClient]


@pytest.fixture(params=get_args(Engine))
def engine(request: pytest.FixtureRequest) -> Engine:
    chosen: Engine = request.param
    return chosen


@pytest.fixture
def serve() -> Generator[Serve]:
    with ExitStack() as stack:

        def serve(*scripts: Script) -> Scripted:
            server = Scripted(*scripts)
            stack.callback(server.close)
            return server

        yield serve


@pytest.fixture
def dial(engine: Engine) -> Generator[Dial]:
    with ExitStack() as stack:

        def dial(
            port: int,
            path: str = "/central",
            host: str = "127.0.0.1",
            service: Service = CENTRAL_SYSTEM,
            **more: Any,
        ) -> SoapClient:
            scheme = "https" if "tls" in more else "http"
            url = f"{scheme}://{host}:{port}{path}"
            client = SoapClient(service, url, identity="CP1", engine=engine, **more)
            stack.callback(client.close)
            return client

        yield dial
