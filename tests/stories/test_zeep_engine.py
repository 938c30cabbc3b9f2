"""A session over the second SOAP engine, which a site file may choose."""

from ocpp.v16 import (
    AuthorizeRequest,
    MeterValuesRequest,
    RemoteStopTransactionRequest,
    StartTransactionRequest,
    StopTransactionRequest,
)

from .central import NOT_NOW
from .conftest import World
from .station import CARD

ZEEP = '[soap]\nengine = "zeep"'


def test_a_whole_session_and_one_after_the_link_was_down(world: World) -> None:
    central = world.central
    configuration = {"MeterValueSampleInterval": "1", "TransactionMessageRetryInterval": "1"}
    station = world.start(configuration, more=ZEEP, board="time_scale = 200.0")
    station.plug_in()
    central.once(StartTransactionRequest, NOT_NOW)
    station.card()
    assert central.wait(AuthorizeRequest).id_tag == CARD
    first, again = (central.wait(StartTransactionRequest, count=n) for n in (1, 2))
    assert first == again
    sampled = central.wait(MeterValuesRequest)
    assert (sampled.transaction_id, len(sampled.meter_value)) == (4711, 1)
    assert central.status_of(RemoteStopTransactionRequest(transaction_id=4711)) == "Accepted"
    stopped = central.wait(StopTransactionRequest)
    assert (stopped.transaction_id, stopped.reason) == (4711, "Remote")
    station.unplug()
    central.wait_status("Available")

    central.down()
    station.plug_in()
    station.card()
    station.charging()
    central.up()
    started = central.wait(StartTransactionRequest, count=3)
    assert (started.connector_id, started.id_tag) == (1, CARD)
    station.card()
    central.wait(StopTransactionRequest, count=2)
    assert all(b"<soap-env:Envelope" in received.body for received in central.received)
