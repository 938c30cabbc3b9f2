"""A foreign charge point at our bench central system: it is billed, and takes our orders."""

from collections.abc import Generator
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ocpp import v16
from ocpp.central import CentralSystem
from ocpp.http import Refused, SoapClient
from ocpp.message import Message
from tests.interop.foreign import CARD, Peer, leaves_of, operation_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PROFILE = v16.ChargingProfile(
    charging_profile_id=1,
    stack_level=0,
    charging_profile_purpose="TxProfile",
    charging_profile_kind="Relative",
    charging_schedule=v16.ChargingSchedule(
        charging_rate_unit="A",
        charging_schedule_period=(
            v16.ChargingSchedulePeriod(start_period=0, limit=Decimal("16.5"), number_phases=3),
        ),
    ),
)
TO_THE_CHARGE_POINT: list[tuple[Message, Message]] = [
    (
        v16.ReserveNowRequest(
            connector_id=1, expiry_date=NOON, id_tag=CARD, parent_id_tag="P", reservation_id=5
        ),
        v16.ReserveNowResponse(status="Accepted"),
    ),
    (
        v16.CancelReservationRequest(reservation_id=5),
        v16.CancelReservationResponse(status="Accepted"),
    ),
    (
        v16.RemoteStartTransactionRequest(connector_id=1, id_tag=CARD, charging_profile=PROFILE),
        v16.RemoteStartTransactionResponse(status="Accepted"),
    ),
    (
        v16.RemoteStopTransactionRequest(transaction_id=1),
        v16.RemoteStopTransactionResponse(status="Accepted"),
    ),
    (
        v16.GetConfigurationRequest(key=("a", "b")),
        v16.GetConfigurationResponse(
            configuration_key=(v16.KeyValue(key="HeartbeatInterval", readonly=False, value="300"),),
            unknown_key=("a", "b"),
        ),
    ),
]


@pytest.fixture
def central(tmp_path: Path) -> Generator[CentralSystem]:
    central = CentralSystem(tmp_path, soap=("127.0.0.1", 0), page=("127.0.0.1", 0))
    central.start()
    yield central
    central.stop()


@pytest.fixture
def foreign_point(peer_command: list[str], central: CentralSystem) -> Generator[Peer]:
    """The foreign charge point, not yet booted."""
    with Peer(peer_command, "chargepoint", central.soap_url, "cp001", 0) as peer:
        yield peer


def test_charges_a_car(central: CentralSystem, foreign_point: Peer) -> None:
    boot = foreign_point.command("boot")
    assert (boot["status"], boot.line["related"]) == ("Accepted", "yes")
    assert boot.line["action"] == "/BootNotificationResponse"
    assert foreign_point.command("heartbeat")["currentTime"]
    foreign_point.command("status", 1, "Preparing")
    authorized = foreign_point.command("authorize", CARD)
    assert authorized["idTagInfo/status"] == "Accepted"
    started = foreign_point.command("start", 1, CARD, 1000)
    transaction = started["transactionId"]
    foreign_point.command("meter", 1, transaction, 1500)
    foreign_point.command("stop", transaction, CARD, 2000)
    state = central.state()
    assert [message.ok for message in state.messages] == [True] * 7
    session = state.sessions[0]
    assert (str(session.id), session.card, session.reason) == (transaction, CARD, "Local")
    assert session.energy_wh == 1000
    assert str(state.stations[0].firmware).endswith(" é & <co>")


@pytest.mark.parametrize(("order", "expected"), TO_THE_CHARGE_POINT, ids=operation_of)
def test_takes_orders(
    central: CentralSystem, foreign_point: Peer, order: Message, expected: Message
) -> None:
    foreign_point.command("boot")
    assert central.call("cp001", order) == expected
    told = foreign_point.heard(operation_of(order))
    assert told.leaves == leaves_of(order)
    assert foreign_point.told("refused") == []


def test_refuses_what_it_has_not_built(central: CentralSystem, foreign_point: Peer) -> None:
    foreign_point.command("boot")
    with pytest.raises(Refused) as refused:
        central.call("cp001", v16.ResetRequest(type="Soft"))
    assert refused.value.fault is not None


def test_refuses_orders_for_another(foreign_point: Peer) -> None:
    client = SoapClient(v16.CHARGE_POINT, foreign_point.url, identity="cp002")
    with closing(client), pytest.raises(Refused) as refused:
        client.call(v16.CancelReservationRequest(reservation_id=5))
    assert refused.value.fault is not None
    assert refused.value.fault.subcode == "IdentityMismatch"


def test_reads_our_faults(foreign_point: Peer) -> None:
    early = foreign_point.command("heartbeat").line
    assert (early["status"], early["subcode"].split(":")[1]) == ("400", "SecurityError")
    foreign_point.command("boot")
    long = foreign_point.command("authorize", "x" * 21).line
    assert (long["status"], long["subcode"].split(":")[1]) == ("400", "ProtocolError")
    assert "idTag" in long["reason"]
