"""Our client against a foreign central system: all that a charge point of ours may say.

gSOAP is strict here: what it cannot match to the WSDL it refuses, and a refused message fails.
Node's soap takes nearly anything.
"""

from collections.abc import Generator
from datetime import UTC, datetime
from typing import get_args

import pytest

from ocpp import v16
from ocpp.http import Engine, Refused, SoapClient
from ocpp.message import Message
from tests.interop.foreign import CARD, REFUSED_CARD, Peer, leaves_of, operation_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
READING = v16.MeterValue(
    timestamp=NOON,
    sampled_value=(
        v16.SampledValue(value="1234"),
        v16.SampledValue(
            value="16.0",
            context="Sample.Periodic",
            format="Raw",
            measurand="Current.Import",
            phase="L1-N",
            location="Outlet",
            unit="A",
        ),
    ),
)
# Every field of every message, so that gSOAP meets each of them once.
TO_THE_CENTRAL_SYSTEM: list[Message] = [
    v16.BootNotificationRequest(
        charge_point_vendor="Ålesund & <Søn>",
        charge_point_model="x" * 20,
        charge_point_serial_number="1",
        charge_box_serial_number="2",
        firmware_version="0.1",
        iccid="3",
        imsi="4",
        meter_type="5",
        meter_serial_number="6",
    ),
    v16.HeartbeatRequest(),
    v16.AuthorizeRequest(id_tag=CARD),
    v16.StartTransactionRequest(
        connector_id=1, id_tag=CARD, timestamp=NOON, meter_start=100, reservation_id=7
    ),
    v16.StatusNotificationRequest(
        connector_id=0,
        status="SuspendedEVSE",
        error_code="OtherError",
        info="a",
        timestamp=NOON,
        vendor_id="b",
        vendor_error_code="c",
    ),
    v16.MeterValuesRequest(connector_id=1, transaction_id=1, meter_value=(READING, READING)),
    v16.StopTransactionRequest(
        transaction_id=1,
        id_tag=CARD,
        timestamp=NOON,
        meter_stop=2**31 - 1,
        reason="EVDisconnected",
        transaction_data=(READING,),
    ),
]


@pytest.fixture(params=get_args(Engine))
def client(request: pytest.FixtureRequest, foreign_central: Peer) -> Generator[SoapClient]:
    """Our client, as a charge point's link uses it."""
    client = SoapClient(
        v16.CENTRAL_SYSTEM,
        foreign_central.url,
        identity="cp001",
        sender="http://127.0.0.1:8080/cp001",
        engine=request.param,
    )
    yield client
    client.close()


@pytest.mark.parametrize("message", TO_THE_CENTRAL_SYSTEM, ids=operation_of)
def test_reads_every_field_of_what_we_send(
    foreign_central: Peer, client: SoapClient, message: Message
) -> None:
    answer = client.call(message)
    told = foreign_central.heard(operation_of(message))
    assert told.leaves == leaves_of(message)
    assert type(answer).__name__ == f"{operation_of(message)}Response"


def test_is_told_who_speaks_and_where_to_call(foreign_central: Peer, client: SoapClient) -> None:
    client.call(v16.HeartbeatRequest())
    line = foreign_central.heard("Heartbeat").line
    assert line["identity"] == "cp001"
    assert line["from"] == "http://127.0.0.1:8080/cp001"
    assert line["action"] == "/Heartbeat"
    assert line["to"] == foreign_central.url


def test_is_understood(client: SoapClient) -> None:
    boot, heartbeat, authorize, start, *_ = TO_THE_CENTRAL_SYSTEM
    booted = client.call(boot)
    assert isinstance(booted, v16.BootNotificationResponse)
    assert (booted.status, booted.interval) == ("Accepted", 1)
    assert booted.current_time.tzinfo is not None
    accepted = v16.IdTagInfo(status="Accepted")
    assert client.call(authorize) == v16.AuthorizeResponse(id_tag_info=accepted)
    invalid = v16.IdTagInfo(status="Invalid")
    assert client.call(v16.AuthorizeRequest(id_tag=REFUSED_CARD)) == v16.AuthorizeResponse(
        id_tag_info=invalid
    )
    assert client.call(start) == v16.StartTransactionResponse(
        transaction_id=1, id_tag_info=accepted
    )


def test_a_fault_is_a_refusal_and_the_next_call_succeeds(
    foreign_central: Peer, client: SoapClient
) -> None:
    with pytest.raises(Refused) as refused:
        client.call(v16.DataTransferRequest(vendor_id="org.example"))  # it has not built this
    assert refused.value.fault is not None
    assert refused.value.fault.subcode in ("ActionNotSupported", "InternalServerError")
    foreign_central.take("refused")
    client.call(v16.HeartbeatRequest())


def test_outlives_the_connection(client: SoapClient) -> None:
    """gSOAP closes a connection after a hundred requests."""
    for _ in range(250):
        client.call(v16.HeartbeatRequest())
