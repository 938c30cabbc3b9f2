"""How the bench central system answers its stations: the operations of CentralSystemService 1.6."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from ocpp.central.address import locate
from ocpp.central.state import IDENTITY_MAX
from ocpp.central.store import Store, Tariff
from ocpp.central.words import mask
from ocpp.message import Message
from ocpp.soap import Call, Fault
from ocpp.v16 import (
    AuthorizationStatus,
    AuthorizeRequest,
    AuthorizeResponse,
    BootNotificationRequest,
    BootNotificationResponse,
    DataTransferRequest,
    DataTransferResponse,
    HeartbeatRequest,
    HeartbeatResponse,
    IdTagInfo,
    MeterValuesRequest,
    MeterValuesResponse,
    StartTransactionRequest,
    StartTransactionResponse,
    StatusNotificationRequest,
    StatusNotificationResponse,
    StopTransactionRequest,
    StopTransactionResponse,
)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator decided."""

    tariff: Tariff
    heartbeat_interval_s: int
    unknown_cards: AuthorizationStatus
    addresses: Mapping[str, str]


class CentralService:
    """Answers one request at a time, from any thread. `say` gets one line per change."""

    def __init__(self, store: Store, options: Options, say: Callable[[str], None]) -> None:
        self._store = store
        self._options = options
        self._say = say
        self._handlers: dict[type[Message], Callable[[str, Any], Message]] = {
            AuthorizeRequest: self._authorize,
            BootNotificationRequest: self._boot,
            DataTransferRequest: self._data_transfer,
            HeartbeatRequest: self._heartbeat,
            MeterValuesRequest: self._meter_values,
            StartTransactionRequest: self._start,
            StatusNotificationRequest: self._status,
            StopTransactionRequest: self._stop,
        }

    def answer(self, call: Call, peer: str) -> Message:
        """The response to a request that came from the IP address `peer`. Raises Fault."""
        station = call.identity
        if not station or len(station) > IDENTITY_MAX:
            raise Fault(
                "Sender", "ProtocolError", f"an identity has 1 to {IDENTITY_MAX} characters"
            )
        booting = isinstance(call.message, BootNotificationRequest)
        # Only a BootNotification makes an unknown station known (16 §4.2); until it is accepted,
        # whatever else it sends changes nothing. The fault is the one that SteVe gives.
        if not booting and self._store.registration(station) != "Accepted":
            raise Fault("Sender", "SecurityError", f"{station} is not accepted: boot first")
        response = self._handlers[type(call.message)](station, call.message)
        self._store.seen(station, datetime.now(UTC))
        self._locate(station, call.sender, peer)
        return response

    def _locate(self, station: str, sender: str | None, peer: str) -> None:
        place = locate(sender, peer, self._options.addresses.get(station))
        if not self._store.locate(station, place.url, place.problem):
            return
        if place.problem:
            self._say(f"{station} cannot be called: {place.problem}")
        else:
            self._say(f"{station} is called at {place.url}")

    def _boot(self, station: str, request: BootNotificationRequest) -> Message:
        registration = self._store.boot(station, request)
        product = f"{request.charge_point_vendor} {request.charge_point_model}"
        self._say(f"{station} booted ({product}): {registration.status}")
        interval = registration.interval_s
        return BootNotificationResponse(
            status=registration.status,
            current_time=datetime.now(UTC),
            interval=self._options.heartbeat_interval_s if interval is None else interval,
        )

    def _heartbeat(self, _station: str, _request: HeartbeatRequest) -> Message:
        return HeartbeatResponse(current_time=datetime.now(UTC))

    def _authorize(self, station: str, request: AuthorizeRequest) -> Message:
        info = self._card(request.id_tag)
        self._say(f"{station} asked for card {mask(request.id_tag)}: {info.status}")
        return AuthorizeResponse(id_tag_info=info)

    def _start(self, station: str, request: StartTransactionRequest) -> Message:
        number, new = self._store.start(station, request, self._options.tariff)
        info = self._card(request.id_tag)
        self._say(
            f"{station} connector {request.connector_id}: session {number} started,"
            f" card {mask(request.id_tag)} {info.status}"
            if new
            else f"{station} repeated the start of session {number}"
        )
        # Numbered whatever the card: the session happened, and its stop needs the id (16 §4.8).
        return StartTransactionResponse(transaction_id=number, id_tag_info=info)

    def _meter_values(self, station: str, request: MeterValuesRequest) -> Message:
        if not self._store.meter(station, request) and request.meter_value:
            self._say(f"{station} repeated meter values of connector {request.connector_id}")
        return MeterValuesResponse()

    def _stop(self, station: str, request: StopTransactionRequest) -> Message:
        bill = self._store.stop(station, request)
        session = f"session {request.transaction_id}"
        self._say(
            f"{station} {session} ended ({request.reason or 'Local'}):"
            f" {bill.energy_wh / 1000:.3f} kWh, {bill.price} {bill.currency}"
            if bill
            else f"{station} stopped {session}, which had ended before or is unknown: not billed"
        )
        info = self._card(request.id_tag) if request.id_tag is not None else None
        return StopTransactionResponse(id_tag_info=info)

    def _status(self, station: str, request: StatusNotificationRequest) -> Message:
        if self._store.status(station, request, datetime.now(UTC)):
            error = "" if request.error_code == "NoError" else f", {request.error_code}"
            self._say(f"{station} connector {request.connector_id}: {request.status}{error}")
        return StatusNotificationResponse()

    def _data_transfer(self, _station: str, _request: DataTransferRequest) -> Message:
        return DataTransferResponse(status="UnknownVendorId")  # no vendor is known here (R16-290)

    def _card(self, card: str) -> IdTagInfo:
        return self._store.card(card, datetime.now(UTC), self._options.unknown_cards)
