"""The bench central system calls a station: each operation, its answer or why there is none."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ocpp.http import Refused, SoapClient, Unreachable
from ocpp.message import Message
from ocpp.soap import Call, Fault
from ocpp.v16 import (
    CancelReservationRequest,
    CancelReservationResponse,
    ChangeAvailabilityRequest,
    ChangeAvailabilityResponse,
    ChangeConfigurationRequest,
    ChangeConfigurationResponse,
    GetConfigurationRequest,
    GetConfigurationResponse,
    HeartbeatRequest,
    KeyValue,
    RemoteStartTransactionRequest,
    RemoteStartTransactionResponse,
    RemoteStopTransactionRequest,
    RemoteStopTransactionResponse,
    ReserveNowRequest,
    ReserveNowResponse,
    StartTransactionRequest,
    TriggerMessageRequest,
    TriggerMessageResponse,
)
from tests.central.conftest import Bench

SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)

RESERVE = ReserveNowRequest(connector_id=1, expiry_date=SOON, id_tag="ANNA", reservation_id=7)
TRIGGER = TriggerMessageRequest(requested_message="Heartbeat")


def answering(response: Message) -> Callable[[Call], Message]:
    return lambda _call: response


def connect(bench: Bench, answer: Callable[[Call], Message], station: str = "cp1") -> None:
    """A station that has booted and can be called."""
    bench.booted(station, sender=bench.serve(answer, station))


@pytest.mark.parametrize(
    ("request_", "response"),
    [
        (
            RemoteStartTransactionRequest(connector_id=1, id_tag="ANNA"),
            RemoteStartTransactionResponse(status="Accepted"),
        ),
        (
            RemoteStopTransactionRequest(transaction_id=1),
            RemoteStopTransactionResponse(status="Rejected"),
        ),
        (RESERVE, ReserveNowResponse(status="Occupied")),
        (CancelReservationRequest(reservation_id=7), CancelReservationResponse(status="Rejected")),
        (TRIGGER, TriggerMessageResponse(status="NotImplemented")),
        (
            GetConfigurationRequest(key=("A", "B")),
            GetConfigurationResponse(
                configuration_key=(KeyValue(key="A", readonly=True, value="1"),), unknown_key=("B",)
            ),
        ),
        (
            ChangeConfigurationRequest(key="A", value=""),
            ChangeConfigurationResponse(status="RebootRequired"),
        ),
        (
            ChangeAvailabilityRequest(connector_id=0, type="Inoperative"),
            ChangeAvailabilityResponse(status="Scheduled"),
        ),
    ],
)
def test_an_operation_reaches_the_station(
    bench: Bench, request_: Message, response: Message
) -> None:
    heard: list[Call] = []

    def answer(call: Call) -> Message:
        heard.append(call)
        return response

    connect(bench, answer)
    assert bench.central.call("cp1", request_) == response
    (call,) = heard
    assert (call.message, call.identity) == (request_, "cp1")
    assert call.sender == bench.central.soap_url
    last = bench.central.state().messages[0]
    assert (last.direction, last.action, last.ok) == ("out", call.operation.name, True)


# --- reservations ---------------------------------------------------------------------------------


def reserved(bench: Bench) -> list[tuple[int, str]]:
    return [(one.id, one.card) for one in bench.central.state().reservations]


def test_an_accepted_reservation_is_shown_until_cancelled(bench: Bench) -> None:
    answers = {
        "ReserveNow": ReserveNowResponse(status="Accepted"),
        "CancelReservation": CancelReservationResponse(status="Accepted"),
    }
    connect(bench, lambda call: answers[call.operation.name])
    bench.central.call("cp1", RESERVE)
    assert reserved(bench) == [(7, "ANNA")]
    bench.central.call("cp1", CancelReservationRequest(reservation_id=7))
    assert reserved(bench) == []


def test_a_reservation_is_used_up_by_its_session(bench: Bench) -> None:
    connect(bench, answering(ReserveNowResponse(status="Accepted")))
    bench.central.call("cp1", RESERVE)
    bench.client().call(
        StartTransactionRequest(
            connector_id=1, id_tag="ANNA", timestamp=SOON, meter_start=0, reservation_id=7
        )
    )
    assert reserved(bench) == []


def test_an_expired_reservation_is_not_shown(bench: Bench) -> None:
    connect(bench, answering(ReserveNowResponse(status="Accepted")))
    past = datetime.now(UTC) - timedelta(seconds=1)
    bench.central.call(
        "cp1",
        ReserveNowRequest(connector_id=1, expiry_date=past, id_tag="ANNA", reservation_id=8),
    )
    assert reserved(bench) == []


# --- where the station is -------------------------------------------------------------------------


def test_a_station_is_called_where_it_moved_to(bench: Bench) -> None:
    connect(bench, answering(TriggerMessageResponse(status="Rejected")))
    moved = bench.serve(answering(TriggerMessageResponse(status="Accepted")))
    bench.client(sender=moved).call(HeartbeatRequest())
    assert bench.central.call("cp1", TRIGGER) == TriggerMessageResponse(status="Accepted")


@pytest.mark.parametrize(
    ("sender", "why"),
    [
        ("http://192.0.2.1:8080/", "asks to be called at 192.0.2.1 but calls from 127.0.0.1"),
        (None, "its wsa:From holds no address"),
    ],
)
def test_no_call_goes_where_a_message_made_up(bench: Bench, sender: str | None, why: str) -> None:
    connect(bench, answering(TriggerMessageResponse(status="Accepted")))
    bench.client(sender=sender).call(HeartbeatRequest())
    with pytest.raises(Unreachable, match=why):
        bench.central.call("cp1", TRIGGER)
    (station,) = bench.central.state().stations
    assert station.address is None
    assert why in str(station.problem)
    assert [line for line in bench.lines if "cp1 cannot be called" in line and why in line]


def test_the_operators_address_is_used_instead(unstarted: Bench) -> None:
    address = unstarted.serve(answering(TriggerMessageResponse(status="Accepted")))
    unstarted.start(addresses={"cp1": address}).booted(sender="http://192.0.2.1/")
    assert unstarted.central.call("cp1", TRIGGER) == TriggerMessageResponse(status="Accepted")


def test_an_operators_address_that_is_none_is_said(unstarted: Bench) -> None:
    unstarted.start(addresses={"cp1": "cp1:8080"}).booted()
    with pytest.raises(Unreachable, match="cp1:8080"):
        unstarted.central.call("cp1", TRIGGER)


def test_an_unknown_station_cannot_be_called(bench: Bench) -> None:
    with pytest.raises(Unreachable, match="it has never called here"):
        bench.central.call("nobody", TRIGGER)


# --- failures -------------------------------------------------------------------------------------


def test_a_fault_is_handed_on_and_logged(bench: Bench) -> None:
    def refuse(_call: Call) -> Message:
        raise Fault("Receiver", "NotSupported", "no triggers here")

    connect(bench, refuse)
    with pytest.raises(Refused, match="no triggers here"):
        bench.central.call("cp1", TRIGGER)
    last = bench.central.state().messages[0]
    assert not last.ok
    assert "no triggers here" in last.outcome


def test_stopping_does_not_wait_for_a_station(bench: Bench) -> None:
    asked, release = threading.Event(), threading.Event()

    def dawdle(_call: Call) -> Message:
        asked.set()
        release.wait(20)
        return TriggerMessageResponse(status="Accepted")

    connect(bench, dawdle)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(bench.central.call, "cp1", TRIGGER)
        assert asked.wait(20)
        began = time.monotonic()
        bench.central.stop()
        assert time.monotonic() - began < 1.5
        assert isinstance(call.exception(20), Unreachable)
        release.set()


def test_a_call_that_stopping_overtakes_is_given_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(bench, answering(TriggerMessageResponse(status="Accepted")))

    def overtaken(*arguments: Any, **more: Any) -> SoapClient:
        bench.central.changes.close()
        return SoapClient(*arguments, **more)

    monkeypatch.setattr("ocpp.central.system.SoapClient", overtaken)
    with pytest.raises(Unreachable, match="stopped"):
        bench.central.call("cp1", TRIGGER)


def test_a_station_that_is_gone_is_unreachable(bench: Bench) -> None:
    bench.booted(sender="http://127.0.0.1:9/")
    with pytest.raises(Unreachable):
        bench.central.call("cp1", TRIGGER)
    assert not bench.central.state().messages[0].ok
