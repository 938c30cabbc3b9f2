"""The foreign peers of the interop tests, built from our WSDL and from the published one."""

import os
from collections.abc import Generator
from pathlib import Path
from types import ModuleType

import pytest

from ocpp import v16
from ocpp.wsdl import wsdl
from tests.interop import gsoap, nodejs
from tests.interop.foreign import REFUSED_CARD, Peer

PUBLISHED = ("OCPP_CentralSystemService_1.6.wsdl", "OCPP_ChargePointService_1.6.wsdl")


def our_wsdls() -> list[bytes]:
    address = "http://localhost/"
    return [wsdl(service, address).encode() for service in (v16.CENTRAL_SYSTEM, v16.CHARGE_POINT)]


def published_wsdls() -> list[bytes]:
    interfaces = os.environ.get("OCPP_INTERFACES")
    if not interfaces:
        pytest.skip("set OCPP_INTERFACES to the folder of the published OCPP interface files")
    return [(Path(interfaces) / "v16" / "wsdl" / name).read_bytes() for name in PUBLISHED]


@pytest.fixture(scope="session", params=[gsoap, nodejs], ids=["gsoap", "node"])
def toolkit(request: pytest.FixtureRequest) -> ModuleType:
    return request.param


@pytest.fixture(scope="session", params=[our_wsdls, published_wsdls], ids=["ours", "published"])
def peer_command(request: pytest.FixtureRequest, toolkit: ModuleType) -> list[str]:
    """What starts the foreign peer, made from one pair of WSDLs."""
    return toolkit.command(request.param())


@pytest.fixture
def foreign_central(peer_command: list[str]) -> Generator[Peer]:
    """The foreign central system; it wants a heartbeat every second and knows one bad card."""
    with Peer(peer_command, "central", 0, 1, REFUSED_CARD) as peer:
        yield peer
        assert peer.told("refused") == []
