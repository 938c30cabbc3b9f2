"""The listener: orders as they come in over SOAP, and the faults where there is no answer."""

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from werkzeug.test import Client, EnvironBuilder
from werkzeug.wrappers import Response

from firmware import orders
from firmware.dialects import v16 as v16_dialect
from firmware.dialects.v16 import Unsupported
from firmware.events import Ordered
from firmware.facts import OrderAnswered, OrderOutcome
from firmware.shell import listener as listeners
from firmware.shell.desk import Desk
from firmware.shell.inbox import Inbox
from firmware.shell.listener import Listener
from ocpp import v16
from ocpp.message import Message
from ocpp.soap import Codec, Fault

PATIENCE_S = 20.0
CODEC = Codec(v16.CHARGE_POINT)
OPERATIONS = {operation.request: operation for operation in v16.CHARGE_POINT.operations}


class Station:
    """A listener, with an order desk behind it and a link as the test wants it."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.inbox = Inbox()
        self.desk = Desk(self.inbox)
        self.link = SimpleNamespace(held=False, registration="Accepted")
        self.app = Listener(self.desk, self.link, "cp001")  # type: ignore[arg-type]
        self._pool = pool

    def post(self, message: Message) -> Response:
        body = CODEC.request(message, to="http://cp/", message_id="urn:1", identity="cp001")
        return Client(self.app).post("/", data=body, content_type="application/soap+xml")

    def ask(self, message: Message) -> Message:
        """The answer in the response; raises the Fault that it is."""
        response = self.post(message)
        return CODEC.read_response(response.data, OPERATIONS[type(message)], "urn:1")

    def answers(self, status: str) -> Any:
        """In the background, as the station thread; the order that it was given."""

        def answer() -> orders.Order:
            event = self.inbox.get(PATIENCE_S)
            assert isinstance(event, Ordered)
            self.desk.answer(OrderAnswered(event.number, OrderOutcome(status)))
            return event.order

        return self._pool.submit(answer)


@pytest.fixture
def station() -> Generator[Station]:
    with ThreadPoolExecutor(2) as pool:
        yield Station(pool)


CANCEL = v16.CancelReservationRequest(reservation_id=7)


def test_an_order_is_given_and_its_answer_returned(station: Station) -> None:
    given = station.answers("Rejected")
    assert station.ask(CANCEL) == v16.CancelReservationResponse(status="Rejected")
    assert given.result(PATIENCE_S) == orders.CancelReservation(7)


def test_what_the_station_cannot_do_is_not_supported(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    def order(message: Message) -> orders.Order:
        raise Unsupported("CancelReservation")

    monkeypatch.setattr(v16_dialect, "order", order)
    with pytest.raises(Fault) as raised:
        station.ask(CANCEL)
    assert (raised.value.code, raised.value.subcode) == ("Receiver", "NotSupported")
    assert "CancelReservation" in raised.value.reason


def test_what_is_for_a_vendor_is_none_of_the_stations_orders(station: Station) -> None:
    """R16-290."""
    answer = station.ask(v16.DataTransferRequest(vendor_id="org.example"))
    assert answer == v16.DataTransferResponse(status="UnknownVendorId")
    assert station.inbox.get(0) is None


@pytest.mark.parametrize("full", [True, False])
def test_a_station_that_does_not_answer_is_an_internal_error(
    station: Station, full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listeners, "ANSWER_S", 0.01)
    if full:
        station.inbox._capacity = 0
    with pytest.raises(Fault) as raised:
        station.ask(CANCEL)
    assert (raised.value.code, raised.value.subcode) == ("Receiver", "InternalError")


def test_rejected_it_answers_nothing(station: Station) -> None:
    """R16-023: of what SOAP leaves, the fault for strangers is the nearest to silence."""
    station.link.registration = "Rejected"
    with pytest.raises(Fault) as raised:
        station.ask(CANCEL)
    assert (raised.value.code, raised.value.subcode) == ("Sender", "SecurityError")
    assert station.inbox.get(0) is None


@pytest.mark.parametrize("registration", ["None", "Pending"])
def test_before_it_is_accepted_it_answers(station: Station, registration: str) -> None:
    """R16-024: orders are answered while Pending; which of them are carried out the core says."""
    station.link.registration = registration
    station.answers("Accepted")
    assert station.ask(CANCEL) == v16.CancelReservationResponse(status="Accepted")


def test_held_by_the_bench_it_refuses_the_connection(station: Station) -> None:
    station.link.held = True
    assert station.post(CANCEL).status_code == 503
    assert station.inbox.get(0) is None


def whole(body: Iterable[bytes], then: Callable[[], None]) -> None:
    """Read a response as a server does: all of it, and its end."""
    assert b"".join(body)
    then()
    body.close()  # type: ignore[attr-defined]


def test_while_the_reply_is_being_written_the_link_waits(station: Station) -> None:
    """R16-129: what the order causes is told when the whole response is written."""
    station.answers("Accepted")
    body = CODEC.request(CANCEL, to="http://cp/", message_id="urn:1", identity="cp001")
    builder = EnvironBuilder("/", method="POST", data=body, content_type="application/soap+xml")
    response = station.app(builder.get_environ(), lambda *_: lambda data: None)
    seen: list[int] = []
    whole(response, lambda: seen.append(station.desk._replying))
    assert seen == [1]
    assert station.desk._replying == 0
