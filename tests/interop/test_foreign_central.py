"""Our ends of OCPP-S 1.6 against foreign ones: gSOAP, from our WSDL and the published one.

gSOAP is strict here: what it cannot match to the WSDL it refuses, and a refused message fails.
"""

from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from ocpp import v16
from ocpp.http import Refused, SoapClient
from ocpp.message import Message
from tests.interop.gsoap import Peer, Told
from tests.interop.station import Station

CARD, REFUSED_CARD = "04A1B2C3D4E580", "DEADBEEF"
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


def leaves_of_plain(plain: Any, name: str = "") -> list[tuple[str, str]]:
    """The leaves of a message in the order of the wire: (element name, text)."""
    if isinstance(plain, dict):
        return [leaf for key, value in plain.items() for leaf in leaves_of_plain(value, key)]
    if isinstance(plain, list | tuple):
        return [leaf for value in plain for leaf in leaves_of_plain(value, name)]
    return [(name, str(plain))]


def leaves_of_xml(element: ElementTree.Element) -> list[tuple[str, str]]:
    leaves = [each for each in element.iter() if each is not element and not len(each)]
    return [(leaf.tag.rpartition("}")[2], leaf.text or "") for leaf in leaves]


def operation_of(message: Message) -> str:
    return type(message).__name__.removesuffix("Request")


@pytest.fixture
def foreign_central(peer_binary: Path) -> Generator[Peer]:
    """The foreign central system; it wants a heartbeat every second and knows one bad card."""
    with Peer(peer_binary, "central", 0, 1, REFUSED_CARD) as peer:
        yield peer
        assert peer.told("refused") == []


@pytest.fixture
def client(foreign_central: Peer) -> Generator[SoapClient]:
    """Our client, as a charge point's link uses it."""
    client = SoapClient(
        v16.CENTRAL_SYSTEM,
        foreign_central.url,
        identity="cp001",
        sender="http://127.0.0.1:8080/cp001",
    )
    yield client
    client.close()


class TestForeignCentralSystem:
    @pytest.mark.parametrize("message", TO_THE_CENTRAL_SYSTEM, ids=operation_of)
    def test_reads_every_field_of_what_we_send(
        self, foreign_central: Peer, client: SoapClient, message: Message
    ) -> None:
        answer = client.call(message)
        told = foreign_central.heard(operation_of(message))
        assert told.message is not None
        assert leaves_of_xml(told.message) == leaves_of_plain(msgspec.to_builtins(message))
        assert type(answer).__name__ == f"{operation_of(message)}Response"

    def test_is_told_who_speaks_and_where_to_call(
        self, foreign_central: Peer, client: SoapClient
    ) -> None:
        client.call(v16.HeartbeatRequest())
        line = foreign_central.heard("Heartbeat").line
        assert line["identity"] == "cp001"
        assert line["from"] == "http://127.0.0.1:8080/cp001"
        assert line["action"] == "/Heartbeat"
        assert line["to"] == foreign_central.url

    def test_is_understood(self, client: SoapClient) -> None:
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

    def test_faults_are_refusals_and_the_connection_goes_on(
        self, foreign_central: Peer, client: SoapClient
    ) -> None:
        with pytest.raises(Refused) as refused:
            client.call(v16.DataTransferRequest(vendor_id="org.example"))  # it has not built this
        assert "dataTransferRequest" in refused.value.reason
        client.call(v16.HeartbeatRequest())
        foreign_central.take("refused")


class TestForeignCentralSystemWithOurStation:
    def test_charges_a_car(self, foreign_central: Peer, tmp_path: Path) -> None:
        with Station(foreign_central.url, tmp_path) as station:
            boots(foreign_central)
            foreign_central.heard("Heartbeat")
            station.post("rfid", token=REFUSED_CARD, evses=[1])
            foreign_central.heard("Authorize", idTag=REFUSED_CARD)
            station.post("rfid", token=CARD, evses=[1])
            foreign_central.heard("Authorize", idTag=CARD)
            station.post("ev/plug-in", evse=1, connector=1)
            start = foreign_central.heard("StartTransaction", connectorId="1", idTag=CARD)
            foreign_central.heard("StatusNotification", connectorId="1", status="Charging")
            foreign_central.heard("MeterValues", connectorId="1", transactionId="1")
            assert foreign_central.command("remotestop", "cp001", 1)["status"] == "Accepted"
            stop = foreign_central.heard("StopTransaction", transactionId="1", reason="Remote")
            assert watt_hours(stop, "meterStop") >= watt_hours(start, "meterStart")
            station.post("ev/unplug", evse=1, connector=1)
            foreign_central.heard("StatusNotification", connectorId="1", status="Available")

    def test_reserves_and_cancels(self, foreign_central: Peer, tmp_path: Path) -> None:
        with Station(foreign_central.url, tmp_path):
            boots(foreign_central)
            reserved = foreign_central.command("reserve", "cp001", 1, 5, CARD, 600)
            assert reserved["status"] == "Accepted"
            foreign_central.heard("StatusNotification", connectorId="1", status="Reserved")
            assert foreign_central.command("cancel", "cp001", 5)["status"] == "Accepted"
            foreign_central.heard("StatusNotification", connectorId="1", status="Available")
            assert foreign_central.command("cancel", "cp001", 5)["status"] == "Rejected"

    def test_starts_a_session_from_afar(self, foreign_central: Peer, tmp_path: Path) -> None:
        with Station(foreign_central.url, tmp_path) as station:
            boots(foreign_central)
            assert foreign_central.command("remotestart", "cp001", 1, CARD)["status"] == "Accepted"
            station.post("ev/plug-in", evse=1, connector=1, unplug_after_s=1)
            foreign_central.heard("StartTransaction", connectorId="1", idTag=CARD)
            foreign_central.heard("StopTransaction", transactionId="1")
            assert foreign_central.command("remotestop", "cp001", 1)["status"] == "Rejected"

    def test_asks_and_configures(self, foreign_central: Peer, tmp_path: Path) -> None:
        with Station(foreign_central.url, tmp_path):
            boots(foreign_central)
            told = foreign_central.command("getconf", "cp001", "HeartbeatInterval", "Nonsense")
            assert told["configurationKey/key"] == "HeartbeatInterval"
            assert told["configurationKey/value"] == "1"  # as BootNotification was answered
            assert told.all("unknownKey") == ["Nonsense"]
            everything = foreign_central.command("getconf", "cp001")
            assert "NumberOfConnectors" in everything.all("configurationKey/key")
            changed = foreign_central.command("changeconf", "cp001", "ConnectionTimeOut", "45")
            assert changed["status"] == "Accepted"
            triggered = foreign_central.command("trigger", "cp001", "BootNotification")
            assert triggered["status"] == "Accepted"
            foreign_central.heard("BootNotification")


def boots(central: Peer) -> None:
    """The station said who it is, where it listens, and that it is ready for a car."""
    boot = central.heard("BootNotification", chargePointVendor="Pilotwire")
    assert boot.line["identity"] == "cp001"
    assert boot.line["from"].startswith("http://127.0.0.1:")
    central.heard("StatusNotification", connectorId="1", status="Available")


def watt_hours(told: Told, field: str) -> int:
    text = told[field]
    assert text is not None
    return int(text)
