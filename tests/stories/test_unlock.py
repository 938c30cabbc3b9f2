"""UnlockConnector over the wire: what the lock did, and what became of the session."""

from collections.abc import Generator

import pytest

from ocpp.v16 import StopTransactionRequest, UnlockConnectorRequest
from tests.rules import rule

from .conftest import World
from .kept import FAST, Kept, keeping

ON_1 = {"evse": 1, "connector": 1}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Generator[Kept]:
    yield from keeping(tmp_path_factory, board=FAST)


@pytest.fixture
def cp(kept: Kept) -> Generator[Kept]:
    yield kept
    kept.tidy()


def unlock(connector: int = 1) -> UnlockConnectorRequest:
    return UnlockConnectorRequest(connector_id=connector)


@rule("R16-130", "R16-083", "R16-082")
def test_with_a_session(cp: Kept) -> None:
    cp.charge()
    assert cp.station.evse()["locked"]
    assert cp.ask(unlock()) == "Unlocked"
    seen = cp.station.evse()
    assert (seen["locked"], seen["relay_closed"]) == (False, False)
    stopped = cp.wait(StopTransactionRequest)
    assert (stopped.reason, stopped.id_tag) == ("UnlockCommand", None)
    cp.status("Finishing")


@rule("R16-131")
def test_without_a_plug(cp: Kept) -> None:
    assert cp.ask(unlock()) == "Unlocked"
    cp.station.plug_in()
    assert cp.ask(unlock()) == "Unlocked"
    assert cp.of(StopTransactionRequest) == []


@rule("R16-130", "R16-087")
def test_a_cable_that_is_held(cp: Kept) -> None:
    cp.set(UnlockConnectorOnEVSideDisconnect=False)
    cp.charge()
    cp.station.unplug()
    cp.wait(StopTransactionRequest)
    cp.status("Finishing")
    assert cp.station.evse()["locked"]
    assert cp.ask(unlock()) == "Unlocked"
    cp.status("Available")


@rule("R16-130")
def test_a_jammed_lock(cp: Kept) -> None:
    cp.charge()
    cp.station.do("lock", **ON_1, jammed=True)
    assert cp.ask(unlock()) == "UnlockFailed"
    assert cp.wait(StopTransactionRequest).reason == "UnlockCommand"
    assert cp.station.evse()["locked"]
    cp.station.do("lock", **ON_1, jammed=False)
    cp.station.until(lambda e: not e["locked"])


@rule("R16-130")
def test_connectors_that_there_are_not(cp: Kept) -> None:
    cp.charge()
    for connector in (2, 77):
        assert cp.ask(unlock(connector)) == "NotSupported"
    assert cp.running()


@rule("R16-130", "R16-071")
def test_a_fixed_cable(world: World) -> None:
    station, central = world.start(evse="lock = false", board=FAST), world.central
    station.plug_in()
    station.card()
    central.wait_status("Charging")
    assert central.status_of(unlock()) == "NotSupported"
    station.charging()
    assert central.of(StopTransactionRequest) == []
    assert central.status_of(unlock(0)) == "NotSupported"
