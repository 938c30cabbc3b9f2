"""Two connectors and one reader, over the wire: who gets the card, what is told of which."""

from collections.abc import Generator
from datetime import timedelta

import pytest

from ocpp.v16 import (
    AuthorizeRequest,
    ChangeAvailabilityRequest,
    RemoteStartTransactionRequest,
    ReserveNowRequest,
    StartTransactionRequest,
    StatusNotificationRequest,
    StopTransactionRequest,
    TriggerMessageRequest,
)
from tests.rules import rule

from .conftest import World
from .kept import FAST, Kept, keeping
from .station import CARD, OTHER_CARD, eventually


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Generator[Kept]:
    yield from keeping(tmp_path_factory, board=FAST, evses=2)


@pytest.fixture
def cp(kept: Kept) -> Generator[Kept]:
    yield kept
    kept.tidy()


def availability(connector: int, kind: str) -> ChangeAvailabilityRequest:
    return ChangeAvailabilityRequest(connector_id=connector, type=kind)


# --- one reader ---------------------------------------------------------------------------------


@rule("R16-070", "R16-071", "R16-088")
def test_each_card_has_its_connector(cp: Kept) -> None:
    cp.station.plug_in(2)
    cp.status("Preparing", 2)
    cp.station.card(CARD)  # the plugged one
    cp.status("Charging", 2)
    cp.station.plug_in(1)
    cp.status("Preparing", 1)
    cp.station.card(OTHER_CARD)
    cp.status("Charging", 1)
    starts = [(s.connector_id, s.id_tag) for s in cp.of(StartTransactionRequest)]
    assert starts == [(2, CARD), (1, OTHER_CARD)]
    assert cp.station.evse(1)["transaction"] != cp.station.evse(2)["transaction"]
    cp.settled()
    cp.new()
    cp.station.card(CARD)
    assert cp.wait(StopTransactionRequest).id_tag == CARD
    assert cp.running(1)
    assert not cp.running(2)
    cp.status("Finishing", 2)
    cp.station.card("STRANGER")  # begins anew where a vehicle still stands (F2)
    anew = cp.wait(StartTransactionRequest)
    assert (anew.connector_id, anew.id_tag) == (2, "STRANGER")


@rule("R16-064", "R16-063")
def test_an_authorisation_ends_with_its_time(cp: Kept) -> None:
    cp.set(ConnectionTimeOut=1)
    cp.station.card()
    cp.status("Preparing")
    cp.status("Available")
    cp.station.plug_in()
    cp.status("Preparing")
    assert cp.of(StartTransactionRequest) == []


@rule("R16-122", "R16-123")
def test_a_remote_start_finds_its_connector(cp: Kept) -> None:
    def start(connector: int | None = None, token: str = CARD) -> str:
        return cp.ask(RemoteStartTransactionRequest(connector_id=connector, id_tag=token))

    soon = cp.central.now + timedelta(days=1)
    reserve = ReserveNowRequest(connector_id=2, expiry_date=soon, id_tag=CARD, reservation_id=1)
    assert cp.ask(reserve) == "Accepted"
    cp.station.plug_in(1)
    cp.status("Preparing", 1)
    assert start(2, OTHER_CARD) == "Rejected"
    assert start(None, OTHER_CARD) == "Accepted"
    assert cp.wait(StartTransactionRequest).connector_id == 1
    assert start(None, OTHER_CARD) == "Rejected"  # nothing is left for it
    assert start(1) == "Rejected"
    assert start() == "Accepted"
    cp.station.plug_in(2)
    assert cp.wait(StartTransactionRequest, lambda s: s.reservation_id == 1).connector_id == 2


# --- availability -------------------------------------------------------------------------------


@rule("R16-170", "R16-173", "R16-175")
def test_out_of_service_at_once_or_behind_a_session(cp: Kept) -> None:
    assert cp.ask(availability(1, "Inoperative")) == "Accepted"
    cp.status("Unavailable", 1)
    soon = cp.central.now + timedelta(days=1)
    reserve = ReserveNowRequest(connector_id=1, expiry_date=soon, id_tag=CARD, reservation_id=1)
    assert cp.ask(reserve) == "Unavailable"
    cp.charge(2)
    assert cp.ask(availability(2, "Inoperative")) == "Scheduled"
    assert cp.ask(availability(2, "Operative")) == "Accepted"
    assert cp.ask(availability(2, "Inoperative")) == "Scheduled"
    assert cp.station.evse(2)["relay_closed"]
    cp.station.card(CARD, 2)
    cp.wait(StopTransactionRequest)
    cp.status("Unavailable", 2)
    cp.refused(CARD, "no usable EVSE")


@rule("R16-171", "R16-172", "R16-174")
def test_the_whole_station_out_of_service_outlasts_a_power_cut(cp: Kept) -> None:
    assert cp.ask(availability(0, "Inoperative")) == "Accepted"
    for connector in (0, 1, 2):
        cp.status("Unavailable", connector)
    cp.station.kill()
    cp.new()
    cp.station.start()
    for connector in (0, 1, 2):
        cp.central.wait_status("Unavailable", connector, cp.mark)
    assert cp.ask(availability(1, "Operative")) == "Accepted"
    cp.station.plug_in(1)
    cp.refused(CARD, "no usable EVSE")  # the station is not operative
    assert cp.ask(availability(0, "Operative")) == "Accepted"
    for connector, status in enumerate(["Available", "Preparing", "Available"]):
        cp.status(status, connector)


@rule("R16-172", "R16-176")
def test_one_connector_out_of_service_outlasts_a_power_cut(cp: Kept) -> None:
    assert cp.ask(availability(3, "Inoperative")) == "Rejected"
    assert cp.ask(availability(2, "Inoperative")) == "Accepted"
    cp.status("Unavailable", 2)
    cp.station.kill()
    cp.new()
    cp.station.start()
    cp.central.wait_status("Unavailable", 2, cp.mark)
    assert cp.statuses(0) == cp.statuses(1) == ["Available"]


# --- reservations -------------------------------------------------------------------------------


@rule("R16-220", "R16-221", "R16-224")
def test_what_stands_against_a_reservation_most(cp: Kept) -> None:
    def reserve(connector: int = 1, days: int = 1) -> str:
        expiry = cp.central.now + timedelta(days=days)
        return cp.ask(
            ReserveNowRequest(
                connector_id=connector, expiry_date=expiry, id_tag=CARD, reservation_id=1
            )
        )

    assert (reserve(3), reserve(days=-1)) == ("Rejected", "Rejected")
    cp.station.plug_in(1)
    cp.status("Preparing")
    assert reserve() == "Occupied"
    assert cp.ask(availability(1, "Inoperative")) == "Accepted"
    assert reserve() == "Unavailable"
    cp.station.fault("Other", evse=1)
    cp.status("Faulted")
    assert reserve() == "Faulted"
    cp.station.fault("Other", active=False, evse=1)
    cp.status("Unavailable")
    assert reserve() == "Unavailable"


# --- statuses -----------------------------------------------------------------------------------


@rule("R16-150", "R16-151")
def test_a_short_status_may_be_left_out(cp: Kept) -> None:
    cp.set(MinimumStatusDuration=1)
    cp.station.plug_in()
    cp.station.until(lambda e: e["cp_state"] == "B")
    cp.station.unplug()
    cp.station.until(lambda e: e["cp_state"] == "A")
    cp.station.plug_in(2)
    cp.central.wait_for(lambda: cp.statuses(2), "Preparing")
    assert cp.statuses(2) == ["Preparing"]
    assert cp.statuses(1) == []
    trigger = TriggerMessageRequest(requested_message="StatusNotification", connector_id=1)
    assert cp.ask(trigger) == "Accepted"
    cp.wait(StatusNotificationRequest, lambda s: s.connector_id == 1)
    assert cp.statuses(1) == ["Available"]


@rule("R16-152", "R16-155", "R16-158")
def test_a_fault_of_one_connector_leaves_the_other(cp: Kept) -> None:
    cp.station.fault("OverTemperature", evse=1)
    cp.status("Faulted", 1)
    faulted = cp.of(StatusNotificationRequest)[-1]
    assert (faulted.error_code, faulted.connector_id) == ("HighTemperature", 1)
    assert cp.statuses(0) == cp.statuses(2) == []
    cp.station.plug_in(1)
    assert cp.ask(RemoteStartTransactionRequest(connector_id=1, id_tag=CARD)) == "Rejected"
    assert cp.ask(RemoteStartTransactionRequest(connector_id=2, id_tag=CARD)) == "Accepted"
    cp.station.plug_in(2)
    assert cp.wait(StartTransactionRequest).connector_id == 2
    cp.station.fault("OverTemperature", active=False, evse=1)
    cp.status("Preparing", 1)
    assert cp.of(StatusNotificationRequest)[-1].error_code == "NoError"


@rule("R16-156")
def test_a_lock_that_fails_at_the_start(cp: Kept) -> None:
    cp.station.do("lock", evse=1, connector=1, jammed=True)
    cp.station.plug_in(1)
    cp.station.card(CARD, 1)
    cp.status("Faulted")
    told = [s for s in cp.of(StatusNotificationRequest) if s.connector_id == 1][-1]
    assert told.error_code == "ConnectorLockFailure"
    assert told.timestamp is not None
    assert abs((told.timestamp - cp.central.now).total_seconds()) < 10
    assert not cp.station.evse(1)["relay_closed"]
    cp.station.do("lock", evse=1, connector=1, jammed=False)
    cp.central.wait_for(lambda: cp.statuses()[-1] in ("Preparing", "Finishing"))


# --- cables -------------------------------------------------------------------------------------


@rule("R16-084", "R16-082", "R16-087")
def test_unplugged_at_the_vehicle_where_that_does_not_unlock(cp: Kept) -> None:
    cp.set(UnlockConnectorOnEVSideDisconnect=False)
    cp.charge()
    cp.station.unplug()
    stopped = cp.wait(StopTransactionRequest)
    assert (stopped.reason, stopped.id_tag) == ("EVDisconnected", None)
    cp.status("Finishing")
    assert cp.station.evse()["locked"]
    cp.station.card()
    cp.status("Available")
    cp.station.until(lambda e: not e["locked"])


@rule("R16-085")
def test_unplugged_at_the_vehicle_where_that_ends_nothing(cp: Kept) -> None:
    cp.set(StopTransactionOnEVSideDisconnect=False, UnlockConnectorOnEVSideDisconnect=True)
    cp.charge()
    cp.station.unplug()
    cp.status("SuspendedEV")
    assert cp.of(StatusNotificationRequest)[-1].info == "EV side disconnected"
    assert cp.station.evse()["locked"]
    cp.station.plug_in()
    cp.status("Charging")
    assert len(cp.of(StartTransactionRequest)) == 1


# --- without a card -----------------------------------------------------------------------------


@rule("R16-050", "R16-061", "R16-070")
def test_charging_without_a_card(world: World) -> None:
    """Whoever plugs in charges, under the idTag of the site file."""
    central = world.central
    station = world.start(station='free_id_tag = "Gäste, frei"', board=FAST)
    for count in (1, 2):
        station.plug_in()
        started = central.wait(StartTransactionRequest, count=count)
        assert started.id_tag == "Gäste, frei"
        central.wait_status("Charging")
        station.unplug()
        stopped = central.wait(StopTransactionRequest, count=count)
        assert (stopped.reason, stopped.id_tag) == ("EVDisconnected", None)
        central.wait_status("Available")
    assert {a.id_tag for a in central.of(AuthorizeRequest)} == {"Gäste, frei"}
    central.refused["Gäste, frei"] = "Invalid"
    station.plug_in()
    eventually(lambda: "refused: Invalid" in station.lines)
    assert len(central.of(StartTransactionRequest)) == 2
