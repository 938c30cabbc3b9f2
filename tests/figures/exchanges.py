"""The exchanges that the figures are about, as messages and as what they are on the wire."""

from datetime import UTC, datetime

from ocpp import v16
from ocpp.message import Message, Operation
from ocpp.soap import Codec

IDENTITY = "CP-0001"
TO, SENDER = "http://cs/", "http://cp/"
MESSAGE_ID = "urn:uuid:5b1c1c1e-6d0f-4c62-9e3a-000000000001"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SAMPLE = v16.SampledValue(
    value="1234.5",
    context="Sample.Periodic",
    format="Raw",
    measurand="Energy.Active.Import.Register",
    location="Outlet",
    unit="Wh",
)
EXCHANGES: dict[str, tuple[Message, Message]] = {
    "Heartbeat": (v16.HeartbeatRequest(), v16.HeartbeatResponse(current_time=NOW)),
    "BootNotification": (
        v16.BootNotificationRequest(
            charge_point_vendor="Pilotwire",
            charge_point_model="Bench",
            charge_point_serial_number="SN-0001",
            firmware_version="0.1.0",
            meter_type="SDM120",
        ),
        v16.BootNotificationResponse(status="Accepted", current_time=NOW, interval=300),
    ),
    "MeterValues": (
        v16.MeterValuesRequest(
            connector_id=1,
            transaction_id=4711,
            meter_value=(v16.MeterValue(timestamp=NOW, sampled_value=(SAMPLE,) * 10),),
        ),
        v16.MeterValuesResponse(),
    ),
}


def written(codec: Codec, message: Message) -> bytes:
    return codec.request(message, to=TO, message_id=MESSAGE_ID, identity=IDENTITY, sender=SENDER)


def answered(codec: Codec, name: str) -> tuple[Operation, bytes]:
    """The response to one of the exchanges, as a central system sends it."""
    request, response = EXCHANGES[name]
    call = codec.read_request(written(codec, request))
    return call.operation, codec.response(response, call)
