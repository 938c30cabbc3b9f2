"""Boot in every outcome, the heartbeat, and whose time it is."""

from datetime import timedelta

import pytest

from ocpp.http import Refused
from ocpp.soap import Fault
from ocpp.v16 import (
    BootNotificationRequest,
    ChangeConfigurationRequest,
    GetConfigurationRequest,
    GetConfigurationResponse,
    HeartbeatRequest,
    RemoteStartTransactionRequest,
    ReserveNowRequest,
    StartTransactionRequest,
    StatusNotificationRequest,
    TriggerMessageRequest,
)
from tests.rules import rule

from .central import NOT_NOW, Answer, Close, Http, boot
from .conftest import World
from .station import CARD, eventually

TRIGGER_BOOT = TriggerMessageRequest(requested_message="BootNotification")


@rule("R16-020", "R16-027", "R16-031")
def test_accepted_first_boot_then_every_status(world: World) -> None:
    station = world.station(
        evses=2,
        station="""
serial = "S1"
charge_box_serial = "cp001"
firmware_version = "0.1"
iccid = "8949"
imsi = "2620"
meter_serial = "M1"
meter_type = "fake"
""",
    )
    station.start()
    world.central.wait_status("Available", 2)
    assert world.central.received[0].message == BootNotificationRequest(
        charge_point_vendor="Pilotwire",
        charge_point_model="Bench",
        charge_point_serial_number="S1",
        charge_box_serial_number="cp001",
        firmware_version="0.1",
        iccid="8949",
        imsi="2620",
        meter_type="fake",
        meter_serial_number="M1",
    )
    assert world.central.kinds() == ["BootNotification"] + ["StatusNotification"] * 3
    told = [(s.connector_id, s.status) for s in world.central.of(StatusNotificationRequest)]
    assert told == [(n, "Available") for n in (0, 1, 2)]  # R16-027
    assert {r.sender for r in world.central.received} == {world.central.station_url}


@rule("R16-024", "R16-025", "R16-026")
def test_pending_is_configurable_and_sends_only_what_is_triggered(world: World) -> None:
    central, station = world.central, world.station()
    central.once(BootNotificationRequest, boot("Pending", 3600), boot("Pending", 3600))
    station.start()
    central.wait(BootNotificationRequest)

    shown = central.ask(GetConfigurationRequest(key=("HeartbeatInterval", "Nonsense")))
    assert isinstance(shown, GetConfigurationResponse)
    assert [row.value for row in shown.configuration_key] == ["300"]
    assert shown.unknown_key == ("Nonsense",)
    change = ChangeConfigurationRequest(key="LocalPreAuthorize", value="true")
    assert central.status_of(change) == "Accepted"
    assert central.status_of(RemoteStartTransactionRequest(id_tag=CARD)) == "Rejected"  # R16-024
    reserve = ReserveNowRequest(
        connector_id=1,
        expiry_date=central.now + timedelta(hours=1),
        id_tag=CARD,
        reservation_id=1,
    )
    assert central.status_of(reserve) == "Rejected"
    station.card()

    status = TriggerMessageRequest(requested_message="StatusNotification", connector_id=1)
    assert central.status_of(status) == "Accepted"
    central.wait(StatusNotificationRequest)
    assert central.status_of(TRIGGER_BOOT) == "Accepted"  # R16-025
    central.wait(BootNotificationRequest, count=2)
    assert central.status_of(TRIGGER_BOOT) == "Accepted"
    central.wait_status("Available")
    central.wait_for(lambda: len(central.of(StatusNotificationRequest)) == 3)
    kinds = ["BootNotification", "StatusNotification", "BootNotification", "BootNotification"]
    assert central.kinds() == [*kinds, "StatusNotification", "StatusNotification"]
    assert central.status_of(TRIGGER_BOOT) == "Rejected"  # R16-026


@rule("R16-022", "R16-023")
@pytest.mark.parametrize("status", ["Pending", "Rejected"])
def test_not_accepted_asks_again_exactly_after_the_interval(world: World, status: str) -> None:
    central, station = world.central, world.station()
    central.once(BootNotificationRequest, boot(status, 2))
    station.start()
    central.wait(BootNotificationRequest)
    if status == "Rejected":
        with pytest.raises(Refused):  # R16-023
            central.ask(GetConfigurationRequest())
    central.wait_status("Available")
    assert central.kinds()[:3] == ["BootNotification"] * 2 + ["StatusNotification"]
    first, second = central.received[:2]
    assert 2.0 <= second.at - first.at < 3.0


@rule("R16-022")
def test_rejected_for_an_interval_of_0_does_not_flood(world: World) -> None:
    central, station = world.central, world.station()
    central.always(BootNotificationRequest, boot("Rejected", 0))
    station.start()
    eventually(lambda: "asks again in 60 s" in station.lines)
    assert central.kinds() == ["BootNotification"]


@rule("R16-028")
@pytest.mark.parametrize("trouble", [NOT_NOW, Http(503), Http(200, b"<html>hello</html>"), Close()])
def test_a_boot_without_answer_is_repeated(world: World, trouble: Answer) -> None:
    central, station = world.central, world.station()
    central.once(BootNotificationRequest, trouble)
    station.start()
    central.wait_status("Available")
    assert central.kinds()[:3] == ["BootNotification"] * 2 + ["StatusNotification"]
    assert central.received[1].at - central.received[0].at > 0.5


def test_a_station_that_is_not_known_any_more_boots_again(world: World) -> None:
    central = world.central
    world.start()
    mark = central.mark
    central.once(HeartbeatRequest, Fault("Sender", "SecurityError", "boot first"))
    central.ask(TriggerMessageRequest(requested_message="Heartbeat"))
    central.wait_for(lambda: central.statuses(1, mark) == ["Available"])
    kinds = ["Heartbeat", "BootNotification", "StatusNotification", "StatusNotification"]
    assert central.kinds(mark) == kinds


@rule("R16-021", "R16-040")
def test_heartbeats_fill_silence_only(world: World) -> None:
    central = world.central
    central.interval_s = 2
    station = world.start({"MeterValueSampleInterval": "1"})
    central.wait(HeartbeatRequest)
    for before, after in zip(central.received, central.received[1:], strict=False):
        if isinstance(after.message, HeartbeatRequest):
            assert after.at - before.at > 1.9
    station.plug_in()
    station.card()
    central.wait(StartTransactionRequest)
    mark = central.mark
    central.wait_for(lambda: central.kinds(mark).count("MeterValues") == 3)
    assert "Heartbeat" not in central.kinds(mark)  # R16-040


@rule("R16-045", "R16-186")
def test_a_new_heartbeat_interval_counts_at_once(world: World) -> None:
    world.start()
    change = ChangeConfigurationRequest(key="HeartbeatInterval", value="1")
    assert world.central.status_of(change) == "Accepted"
    world.central.wait(HeartbeatRequest, count=2)  # R16-045


@rule("R16-021", "R16-041", "R16-156")
@pytest.mark.parametrize("hours", [-5, 5])
def test_times_are_the_central_systems(world: World, hours: int) -> None:
    central = world.central
    central.offset = timedelta(hours=hours)
    station = world.start({"MeterValueSampleInterval": "1"})
    station.plug_in()
    station.card()
    central.wait_for(lambda: "MeterValues" in central.kinds())
    for received in central.received:
        message = received.message
        if isinstance(message, StatusNotificationRequest | StartTransactionRequest):
            assert message.timestamp is not None
            assert abs(message.timestamp - received.now) < timedelta(seconds=10)


@rule("R16-044", "R16-030")
def test_what_was_noted_before_the_first_answer_is_corrected(world: World) -> None:
    """R16-044: a session begun before the central system's time is known."""
    central = world.central
    station = world.start({"AllowOfflineTxForUnknownId": "true"})
    station.stop()
    central.down()
    station.start()
    station.plug_in()
    station.card()
    station.charging()
    began = central.now
    central.offset = timedelta(hours=-7)
    mark = central.mark
    central.up()
    started = central.wait(StartTransactionRequest, since=mark)
    expected = began + central.offset
    assert abs(started.timestamp - expected) < timedelta(seconds=10)
