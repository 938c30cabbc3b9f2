"""Reservations over the wire: every answer, who may charge, and how they end."""

from datetime import timedelta

import pytest

from ocpp.v16 import (
    AuthorizeRequest,
    CancelReservationRequest,
    ChangeAvailabilityRequest,
    RemoteStartTransactionRequest,
    ReserveNowRequest,
    StartTransactionRequest,
)
from tests.rules import rule

from .central import Central
from .conftest import World
from .station import CARD, OTHER_CARD, eventually


def reserve(
    central: Central,
    number: int,
    connector: int = 1,
    *,
    token: str = CARD,
    parent: str | None = None,
    seconds: float = 3600,
) -> str:
    """The answer to ReserveNow."""
    return central.status_of(
        ReserveNowRequest(
            connector_id=connector,
            expiry_date=central.now + timedelta(seconds=seconds),
            id_tag=token,
            parent_id_tag=parent,
            reservation_id=number,
        )
    )


def cancel(central: Central, number: int) -> str:
    return central.status_of(CancelReservationRequest(reservation_id=number))


@rule("R16-220", "R16-222", "R16-230")
def test_every_answer(world: World) -> None:
    station, central = world.start(evses=2), world.central
    central.wait_status("Available", 2)

    assert reserve(central, 1, 3) == "Rejected"  # R16-224
    assert reserve(central, 1, seconds=-1) == "Rejected"
    assert reserve(central, 1) == "Accepted"
    central.wait_status("Reserved")
    assert reserve(central, 2) == "Occupied"
    assert reserve(central, 1, token=OTHER_CARD) == "Accepted"  # the same id is replaced
    assert cancel(central, 2) == "Rejected"
    assert cancel(central, 1) == "Accepted"
    central.wait_status("Available")
    assert cancel(central, 1) == "Rejected"  # R16-230

    station.plug_in(2)
    central.wait_status("Preparing", 2)
    assert reserve(central, 3, 2) == "Occupied"  # R16-222
    station.fault("Other", evse=2)
    central.wait_status("Faulted", 2)
    assert reserve(central, 3, 2) == "Faulted"
    out = ChangeAvailabilityRequest(connector_id=1, type="Inoperative")
    assert central.status_of(out) == "Accepted"
    central.wait_status("Unavailable")
    assert reserve(central, 3, 1) == "Unavailable"


@rule("R16-223")
def test_any_connector(world: World) -> None:
    station, central = world.start(evses=2), world.central
    central.wait_status("Available", 2)
    assert reserve(central, 1, 0) == "Accepted"
    station.plug_in(1)
    station.card(OTHER_CARD, 1)
    started = central.wait(StartTransactionRequest)
    assert (started.connector_id, started.reservation_id) == (1, None)
    central.wait_status("Reserved", 2)  # R16-223: the last one is kept
    assert reserve(central, 2, 0) == "Occupied"
    station.card(OTHER_CARD, 2)
    eventually(lambda: "no usable EVSE" in station.lines)
    station.plug_in(2)
    station.card(CARD, 2)
    started = central.wait(StartTransactionRequest, count=2)
    assert (started.connector_id, started.reservation_id) == (2, 1)


@rule("R16-223")
def test_no_connector_in_particular_where_that_is_switched_off(world: World) -> None:
    world.start({"ReserveConnectorZeroSupported": "false"})  # read-only, and yet preset
    assert reserve(world.central, 1, 0) == "Rejected"


@rule("R16-226", "R16-227")
def test_it_waits_for_its_card(world: World) -> None:
    station, central = world.start(), world.central
    assert reserve(central, 1) == "Accepted"
    central.wait_status("Reserved")
    mark = central.mark
    station.plug_in()
    station.card(OTHER_CARD)
    eventually(lambda: "card refused" in station.lines)
    assert central.statuses(1, mark) == []  # R16-226
    assert "Authorize" not in central.kinds(mark)
    station.card()
    started = central.wait(StartTransactionRequest)
    assert (started.id_tag, started.reservation_id) == (CARD, 1)  # R16-227
    central.wait_status("Charging")
    assert central.statuses(1, mark) == ["Preparing", "Charging"]
    assert cancel(central, 1) == "Rejected"


@rule("R16-225", "R16-062")
def test_it_waits_for_its_group(world: World) -> None:
    station, central = world.start(), world.central
    central.parents = {OTHER_CARD: "family", "STRANGER": "others"}
    assert reserve(central, 1, parent="family") == "Accepted"
    station.plug_in()
    station.card("STRANGER")
    eventually(lambda: "reserved for another" in station.lines)
    station.card(OTHER_CARD)
    started = central.wait(StartTransactionRequest)
    assert (started.id_tag, started.reservation_id) == (OTHER_CARD, 1)  # R16-225
    assert [a.id_tag for a in central.of(AuthorizeRequest)] == ["STRANGER", OTHER_CARD]


@rule("R16-126", "R16-011", "R16-122")
def test_a_remote_start_uses_it_up(world: World) -> None:
    station, central = world.start(), world.central
    assert reserve(central, 1) == "Accepted"
    station.plug_in()

    def start(token: str) -> str:
        return central.status_of(RemoteStartTransactionRequest(connector_id=1, id_tag=token))

    assert start(OTHER_CARD) == "Rejected"
    assert start(CARD.lower()) == "Accepted"  # R16-011
    started = central.wait(StartTransactionRequest)
    assert (started.id_tag, started.reservation_id) == (CARD.lower(), 1)  # R16-126


@rule("R16-228")
def test_it_expires(world: World) -> None:
    central = world.central
    world.start()
    assert reserve(central, 1, seconds=1.5) == "Accepted"
    central.wait_status("Reserved")
    central.wait_status("Available")  # R16-228
    assert cancel(central, 1) == "Rejected"


@rule("R16-227", "R16-064")
def test_a_card_that_brings_no_cable_leaves_it(world: World) -> None:
    station, central = world.start(station="connection_timeout_s = 1"), world.central
    reserve(central, 1)
    station.card()
    central.wait_status("Preparing")
    central.wait_status("Reserved")
    assert cancel(central, 1) == "Accepted"


@rule("R16-229", "R16-175")
@pytest.mark.parametrize("ended_by", ["fault", "availability"])
def test_it_ends_with_its_connector(world: World, ended_by: str) -> None:
    station, central = world.start(), world.central
    reserve(central, 1)
    central.wait_status("Reserved")
    if ended_by == "fault":
        station.fault("Other")
        central.wait_status("Faulted")
        station.fault("Other", active=False)
    else:
        out = ChangeAvailabilityRequest(connector_id=1, type="Inoperative")
        assert central.status_of(out) == "Accepted"
        central.wait_status("Unavailable")  # R16-175
        back = ChangeAvailabilityRequest(connector_id=1, type="Operative")
        assert central.status_of(back) == "Accepted"
    central.wait_status("Available")  # R16-229
    assert cancel(central, 1) == "Rejected"
