"""What a central system may ask: every answer, what follows from it, and in which order."""

import select
import socket
from contextlib import closing
from datetime import timedelta
from http.client import HTTPConnection

import pytest

from ocpp.message import Message
from ocpp.soap import Call, Codec
from ocpp.v16 import (
    CHARGE_POINT,
    AuthorizeRequest,
    BootNotificationRequest,
    ChangeAvailabilityRequest,
    ChangeConfigurationRequest,
    GetConfigurationRequest,
    GetConfigurationResponse,
    HeartbeatRequest,
    MeterValuesRequest,
    RemoteStartTransactionRequest,
    RemoteStopTransactionRequest,
    ReserveNowRequest,
    StartTransactionRequest,
    StatusNotificationRequest,
    StopTransactionRequest,
    TriggerMessageRequest,
)
from tests.rules import rule

from .central import PATIENCE_S, Answer, boot
from .conftest import World
from .station import CARD, OTHER_CARD, eventually


def remote_start(token: str = CARD, connector: int | None = 1) -> Message:
    return RemoteStartTransactionRequest(connector_id=connector, id_tag=token)


def change(key: str, value: str) -> Message:
    return ChangeConfigurationRequest(key=key, value=value)


def availability(kind: str, connector: int = 1) -> Message:
    return ChangeAvailabilityRequest(connector_id=connector, type=kind)


# --- remote start and stop -----------------------------------------------------------------------


@rule("R16-121", "R16-122", "R16-123")
def test_remote_start(world: World) -> None:
    station, central = world.start(evses=2), world.central
    for connector in (0, 3):
        assert central.status_of(remote_start(connector=connector)) == "Rejected"  # R16-122
    station.plug_in(2)
    central.wait_status("Preparing", 2)
    assert central.status_of(remote_start(connector=None)) == "Accepted"  # R16-123: the plugged
    started = central.wait(StartTransactionRequest)
    assert (started.connector_id, started.id_tag) == (2, CARD)
    central.wait_status("Charging", 2)
    assert central.status_of(remote_start(connector=2)) == "Rejected"
    assert central.of(AuthorizeRequest) == []
    assert central.status_of(RemoteStopTransactionRequest(transaction_id=4711)) == "Accepted"
    assert central.wait(StopTransactionRequest).reason == "Remote"


@rule("R16-120", "R16-121")
def test_remote_start_that_asks_first(world: World) -> None:
    station, central = world.start({"AuthorizeRemoteTxRequests": "true"}), world.central
    central.refused[OTHER_CARD] = "Blocked"
    station.plug_in()
    assert central.status_of(remote_start(OTHER_CARD)) == "Accepted"  # R16-120, R16-121
    eventually(lambda: "refused: Blocked" in station.lines)
    assert central.status_of(remote_start()) == "Accepted"
    assert central.wait(StartTransactionRequest).id_tag == CARD
    assert [a.id_tag for a in central.of(AuthorizeRequest)] == [OTHER_CARD, CARD]


@rule("R16-124", "R16-064")
def test_remote_start_without_a_plug(world: World) -> None:
    central = world.central
    world.start({"ConnectionTimeOut": "1"})
    assert central.status_of(remote_start()) == "Accepted"
    central.wait_status("Preparing")  # R16-124
    central.wait_status("Available")
    assert central.of(StartTransactionRequest) == []


@rule("R16-122", "R16-158")
def test_remote_start_where_nothing_works(world: World) -> None:
    station, central = world.start(), world.central
    station.fault("Other")
    central.wait_status("Faulted")
    assert central.status_of(remote_start()) == "Rejected"
    station.fault("Other", active=False)
    central.wait_status("Available")
    assert central.status_of(availability("Inoperative")) == "Accepted"
    assert central.status_of(remote_start()) == "Rejected"


@rule("R16-128")
def test_remote_stop_of_what_has_no_id_yet(world: World) -> None:
    station, central = world.start(), world.central
    station.plug_in()
    with central.holding(StartTransactionRequest) as arrived:
        station.card()
        assert arrived.wait(PATIENCE_S)
        stop = RemoteStopTransactionRequest(transaction_id=4711)
        assert central.status_of(stop) == "Rejected"  # R16-128
    eventually(lambda: station.evse()["transaction"] == "4711")
    assert central.status_of(stop) == "Accepted"


# --- configuration -------------------------------------------------------------------------------


@rule("R16-180", "R16-182", "R16-183")
def test_configuration(world: World) -> None:
    central = world.central
    world.start({"LocalPreAuthorize": "true", "NumberOfConnectors": "7", "FooBar": "1"}, evses=2)
    assert "FooBar is not known here" in world.stations[0].lines

    def get(*keys: str) -> dict[str, tuple[str | None, bool]]:
        answer = central.ask(GetConfigurationRequest(key=keys))
        assert isinstance(answer, GetConfigurationResponse)
        unknown = dict.fromkeys(answer.unknown_key, (None, False))
        return unknown | {row.key: (row.value, row.readonly) for row in answer.configuration_key}

    everything = get()  # R16-180
    assert everything["NumberOfConnectors"] == ("2", True)  # a preset of it counts for nothing
    assert everything["SupportedFeatureProfiles"] == ("Core,Reservation,RemoteTrigger", True)
    assert everything["LocalPreAuthorize"] == ("true", False)
    assert everything["ConnectionTimeOut"] == ("30", False)
    assert get("heartbeatinterval", "Nope") == {
        "HeartbeatInterval": ("3600", False),
        "Nope": (None, False),
    }

    answers = {  # R16-183
        ("Nope", "1"): "NotSupported",
        ("NumberOfConnectors", "3"): "Rejected",
        ("ReserveConnectorZeroSupported", "false"): "Rejected",
        ("HeartbeatInterval", "-1"): "Rejected",
        ("HeartbeatInterval", "soon"): "Rejected",
        ("LocalPreAuthorize", "maybe"): "Rejected",
        ("MeterValuesSampledData", "Temperature"): "Rejected",
        ("connectiontimeout", "77"): "Accepted",
        ("MeterValuesSampledData", "Voltage.L1, SoC"): "Accepted",
        ("LocalPreAuthorize", "FALSE"): "Accepted",
    }
    assert {k: central.status_of(change(*k)) for k in answers} == answers
    now = get("ConnectionTimeOut", "MeterValuesSampledData", "LocalPreAuthorize")
    assert [value for value, _ in now.values()] == ["77", "Voltage.L1,SoC", "false"]


@rule("R16-186", "R16-190")
def test_a_new_interval_counts_in_a_running_session(world: World) -> None:
    station, central = world.start(), world.central
    station.plug_in()
    station.card()
    central.wait(StartTransactionRequest)
    assert central.status_of(change("MeterValueSampleInterval", "1")) == "Accepted"  # R16-186
    central.wait(MeterValuesRequest, count=2)
    assert central.status_of(change("MeterValueSampleInterval", "0")) == "Accepted"
    station.card()
    central.wait(StopTransactionRequest)


# --- availability --------------------------------------------------------------------------------


@rule("R16-170", "R16-171", "R16-176")
def test_availability(world: World) -> None:
    station, central = world.start(evses=2), world.central
    central.wait_status("Available", 2)
    assert central.status_of(availability("Inoperative", 3)) == "Rejected"  # R16-176
    mark = central.mark
    assert central.status_of(availability("Operative")) == "Accepted"
    assert central.status_of(availability("Inoperative", 2)) == "Accepted"
    central.wait_status("Unavailable", 2)
    assert central.kinds(mark) == ["StatusNotification"]  # R16-170
    station.plug_in(1)
    station.card()
    central.wait_status("Charging")
    assert central.status_of(availability("Inoperative", 0)) == "Scheduled"  # R16-171
    central.wait_status("Unavailable", 0)
    assert station.evse(1)["relay_closed"]
    station.card()
    central.wait(StopTransactionRequest)
    central.wait_status("Unavailable", 1)
    station.unplug()
    assert central.status_of(availability("Operative", 0)) == "Accepted"  # R16-174
    for connector in (0, 1, 2):
        central.wait_status("Available", connector)


@rule("R16-173")
def test_a_scheduled_change_is_called_off(world: World) -> None:
    station, central = world.start(), world.central
    station.plug_in()
    station.card()
    central.wait_status("Charging")
    assert central.status_of(availability("Inoperative")) == "Scheduled"
    assert central.status_of(availability("Operative")) == "Accepted"  # R16-173
    station.card()
    central.wait_status("Finishing")
    station.unplug()
    central.wait_status("Available")
    assert "Unavailable" not in central.statuses()


# --- triggers ------------------------------------------------------------------------------------


@rule("R16-270", "R16-271", "R16-272")
def test_triggers(world: World) -> None:
    central = world.central
    world.start(evses=2)
    central.wait_status("Available", 2)

    def trigger(what: str, connector: int | None = None) -> str:
        return central.status_of(
            TriggerMessageRequest(requested_message=what, connector_id=connector)
        )

    mark = central.mark
    assert trigger("Heartbeat", 77) == "Accepted"  # R16-271
    central.wait(HeartbeatRequest, since=mark)
    mark = central.mark
    assert trigger("StatusNotification") == "Accepted"
    central.wait(StatusNotificationRequest, since=mark, count=3)
    told = [s.connector_id for s in central.of(StatusNotificationRequest, mark)]
    assert told == [0, 1, 2]
    mark = central.mark
    assert trigger("StatusNotification", 2) == "Accepted"
    assert central.wait(StatusNotificationRequest, since=mark).connector_id == 2
    answers = {
        ("StatusNotification", 3): "Rejected",  # R16-272
        ("MeterValues", 3): "Rejected",
        ("BootNotification", None): "Rejected",  # R16-026
        ("DiagnosticsStatusNotification", None): "NotImplemented",
        ("FirmwareStatusNotification", None): "NotImplemented",
    }
    mark = central.mark
    assert {k: trigger(*k) for k in answers} == answers
    assert central.kinds(mark) == []


# --- order ---------------------------------------------------------------------------------------


class Asking:
    """An order whose reply is not read yet, so that it can be seen when it is there."""

    def __init__(self, world: World, order: Message) -> None:
        url = world.central.station_url
        body = Codec(CHARGE_POINT).request(order, to=url, message_id="urn:uuid:1", identity="cp001")
        address = url.removeprefix("http://").rstrip("/")
        host, _, port = address.partition(":")
        self._socket = socket.create_connection((host, int(port)))
        self._socket.sendall(
            f"POST / HTTP/1.1\r\nHost: {address}\r\nContent-Length: {len(body)}\r\n"
            "Content-Type: application/soap+xml\r\n\r\n".encode()
            + body
        )

    @property
    def replied(self) -> bool:
        return bool(select.select([self._socket], [], [], 0)[0])

    def close(self) -> None:
        self._socket.close()


@rule("R16-129", "R16-270")
@pytest.mark.parametrize(
    ("order", "followed_by"),
    [
        (TriggerMessageRequest(requested_message="Heartbeat"), HeartbeatRequest),
        (TriggerMessageRequest(requested_message="MeterValues"), MeterValuesRequest),
        (availability("Inoperative"), StatusNotificationRequest),
        (remote_start(), StatusNotificationRequest),
        (
            ReserveNowRequest(
                connector_id=1,
                expiry_date=boot("Accepted", 1).current_time + timedelta(days=1),
                id_tag=CARD,
                reservation_id=1,
            ),
            StatusNotificationRequest,
        ),
    ],
    ids=["heartbeat", "meter values", "availability", "remote start", "reserve"],
)
def test_the_reply_first(world: World, order: Message, followed_by: type[Message]) -> None:
    """R16-129: what an order causes is told when its reply is written, and not before."""
    central = world.central
    world.start()
    central.wait_status("Available")
    seen: list[bool] = []
    asking: list[Asking] = []

    def look(call: Call) -> Answer:
        seen.append(asking[0].replied)
        return central.usual(call)

    central.always(followed_by, look)
    asking.append(Asking(world, order))
    eventually(lambda: seen)
    asking[0].close()
    assert seen[0]


@rule("R16-025", "R16-129")
def test_the_reply_to_a_trigger_comes_before_the_boot(world: World) -> None:
    central, station = world.central, world.station()
    central.once(BootNotificationRequest, boot("Pending", 3600))
    station.start()
    central.wait(BootNotificationRequest)
    seen: list[bool] = []
    asking: list[Asking] = []

    def look(call: Call) -> Answer:
        seen.append(asking[0].replied)
        return central.usual(call)

    central.once(BootNotificationRequest, look)
    asking.append(Asking(world, TriggerMessageRequest(requested_message="BootNotification")))
    central.wait_status("Available")
    asking[0].close()
    assert seen == [True]


# --- what is not built ---------------------------------------------------------------------------

NOT_IN_OUR_SERVICE = {
    "SendLocalList": "<p:listVersion>1</p:listVersion><p:updateType>Full</p:updateType>",
    "GetLocalListVersion": "",
    "ClearChargingProfile": "",
    "GetCompositeSchedule": "<p:connectorId>1</p:connectorId><p:duration>60</p:duration>",
    "UpdateFirmware": "",
    "GetDiagnostics": "<p:location>ftp://example.com/</p:location>",
    "SetChargingProfile": "<p:connectorId>1</p:connectorId>",
    "Nonsense": "",
}


@rule("R16-005")
def test_published_operations_that_are_not_even_read(world: World) -> None:
    """Their requests are in no schema of ours yet: named by their element only."""
    central = world.central
    world.start()
    namespace = CHARGE_POINT.namespace
    for name, content in NOT_IN_OUR_SERVICE.items():
        element = f"p:{name[0].lower()}{name[1:]}Request"
        body = (
            '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"'
            f' xmlns:p="{namespace}" xmlns:a="http://www.w3.org/2005/08/addressing">'
            "<e:Header><p:chargeBoxIdentity>cp001</p:chargeBoxIdentity>"
            f"<a:Action>/{name}</a:Action><a:MessageID>urn:uuid:1</a:MessageID></e:Header>"
            f"<e:Body><{element}>{content}</{element}></e:Body></e:Envelope>"
        )
        status, answer = post(central.station_url, body.encode())
        assert status == 500
        assert "NotSupported" in answer, answer
        assert "Receiver" in answer


def post(url: str, body: bytes, kind: str = "application/soap+xml") -> tuple[int, str]:
    address = url.removeprefix("http://").rstrip("/")
    with closing(HTTPConnection(address, timeout=PATIENCE_S)) as connection:
        connection.request("POST", "/", body, {"Content-Type": kind})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
