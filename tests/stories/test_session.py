"""Sessions over the wire: how they start, what is sampled, and every way in which they stop."""

from datetime import timedelta

import pytest

from ocpp.v16 import (
    AuthorizeRequest,
    AuthorizeResponse,
    IdTagInfo,
    MeterValuesRequest,
    RemoteStopTransactionRequest,
    StartTransactionRequest,
    StartTransactionResponse,
    StatusNotificationRequest,
    StopTransactionRequest,
    TriggerMessageRequest,
)
from tests.rules import rule

from .central import NOT_NOW, Answer, Http
from .conftest import World
from .station import CARD, OTHER_CARD, Station, eventually

FAST = "time_scale = 200.0"
BLOCKED = StartTransactionResponse(transaction_id=4711, id_tag_info=IdTagInfo(status="Blocked"))


def charge(world: World, station: Station) -> StartTransactionRequest:
    """Plug in, show the card, and wait until current flows."""
    station.plug_in()
    station.card()
    started = world.central.wait(StartTransactionRequest)
    world.central.wait_status("Charging")
    station.charging()
    return started


@rule("R16-050", "R16-070", "R16-079")
def test_plug_first(world: World) -> None:
    station, central = world.start(board=FAST), world.central
    mark = central.mark
    station.plug_in()
    central.wait_status("Preparing")
    station.card()
    assert central.wait(AuthorizeRequest).id_tag == CARD
    started = central.wait(StartTransactionRequest)
    assert (started.connector_id, started.id_tag, started.meter_start) == (1, CARD, 0)
    assert started.reservation_id is None
    central.wait_status("Charging")
    assert station.evse()["transaction"] == "4711"
    station.until(lambda e: e["energy_wh"] > 100)
    station.card()
    stopped = central.wait(StopTransactionRequest)
    central.wait_status("Finishing")
    assert (stopped.transaction_id, stopped.id_tag, stopped.reason) == (4711, CARD, "Local")
    assert stopped.meter_stop > 100
    assert stopped.meter_stop == station.evse()["energy_wh"]
    assert stopped.timestamp > started.timestamp
    station.unplug()
    central.wait_status("Available")
    assert central.statuses(1, mark) == ["Preparing", "Charging", "Finishing", "Available"]
    assert central.kinds(mark).count("Authorize") == 1  # R16-079


@rule("R16-070")
def test_card_first(world: World) -> None:
    station, central = world.start(), world.central
    station.card()
    central.wait_status("Preparing")
    station.plug_in()
    central.wait(StartTransactionRequest)
    central.wait_status("Charging")
    assert central.statuses() == ["Available", "Preparing", "Charging"]
    assert station.evse()["locked"]


@rule("R16-063", "R16-064")
def test_a_card_without_a_plug_is_dropped_after_the_timeout(world: World) -> None:
    station, central = world.start(station="connection_timeout_s = 1"), world.central
    station.card()
    central.wait_status("Preparing")
    central.wait_status("Available")
    station.card()
    central.wait_status("Preparing")
    station.card()  # R16-063: a second time cancels
    central.wait_status("Available")
    station.plug_in()
    central.wait_status("Preparing")
    assert central.of(StartTransactionRequest) == []


@rule("R16-050")
@pytest.mark.parametrize("status", ["Invalid", "Blocked", "Expired", "ConcurrentTx"])
def test_a_card_that_is_refused_starts_nothing(world: World, status: str) -> None:
    station, central = world.start({"AllowOfflineTxForUnknownId": "true"}), world.central
    central.refused[OTHER_CARD] = status
    station.plug_in()
    station.card(OTHER_CARD)
    central.wait(AuthorizeRequest)
    eventually(lambda: f"refused: {status}" in station.lines)
    assert OTHER_CARD not in station.lines
    station.card()
    assert central.wait(StartTransactionRequest).id_tag == CARD


@rule("R16-058")
def test_an_expiry_date_in_the_past_is_expired(world: World) -> None:
    station, central = world.start(), world.central
    past = IdTagInfo(status="Accepted", expiry_date=central.now - timedelta(days=1))
    central.once(AuthorizeRequest, AuthorizeResponse(id_tag_info=past))
    station.plug_in()
    station.card()
    eventually(lambda: "refused: Expired" in station.lines)


@rule("R16-056")
@pytest.mark.parametrize("trouble", [NOT_NOW, Http(503), Http(200, b"nonsense")])
def test_an_authorisation_that_is_not_answered_is_decided_offline(
    world: World, trouble: Answer
) -> None:
    station, central = world.start({"AllowOfflineTxForUnknownId": "true"}), world.central
    central.once(AuthorizeRequest, trouble)
    station.plug_in()
    station.card()
    assert central.wait(StartTransactionRequest).id_tag == CARD


@rule("R16-056", "R16-006")
def test_an_authorisation_that_is_late_leaves_nobody_hanging(world: World) -> None:
    station, central = world.start({"MessageTimeout": "1"}), world.central
    station.plug_in()
    with central.holding(AuthorizeRequest) as arrived:
        station.card()
        assert arrived.wait(5)
        eventually(lambda: "cannot be asked" in station.lines)  # R16-056
    assert central.of(StartTransactionRequest) == []


@rule("R16-080")
def test_another_card_neither_stops_nor_asks(world: World) -> None:
    station, central = world.start(), world.central
    charge(world, station)
    mark = central.mark
    station.card(OTHER_CARD)
    eventually(lambda: "card refused" in station.lines)
    station.card()
    assert central.wait(StopTransactionRequest).id_tag == CARD
    assert "Authorize" not in central.kinds(mark)  # R16-080


@rule("R16-079", "R16-062")
def test_another_card_of_the_group_stops(world: World) -> None:
    station, central = world.start(), world.central
    central.parents = {CARD: "family", OTHER_CARD: "family", "STRANGER": "others"}
    charge(world, station)
    station.card("STRANGER")
    eventually(lambda: "not of this group" in station.lines)
    station.card(OTHER_CARD)
    stopped = central.wait(StopTransactionRequest)
    assert (stopped.id_tag, stopped.reason) == (OTHER_CARD, "Local")  # R16-079
    assert [a.id_tag for a in central.of(AuthorizeRequest)] == [CARD, "STRANGER", OTHER_CARD]


@rule("R16-190", "R16-195", "R16-198")
def test_samples_are_evenly_spaced_and_rise(world: World) -> None:
    measurands = (
        "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage,"
        "Current.Offered,Power.Offered,Frequency,SoC"
    )
    keys = {"MeterValueSampleInterval": "1", "MeterValuesSampledData": measurands}
    station, central = world.start(keys, board=FAST), world.central
    started = charge(world, station)
    central.wait(MeterValuesRequest, count=3)
    samples = central.of(MeterValuesRequest)[:3]
    for number, sample in enumerate(samples, 1):
        assert (sample.connector_id, sample.transaction_id) == (1, 4711)
        (value,) = sample.meter_value  # R16-195
        spacing = value.timestamp - started.timestamp - timedelta(seconds=number)
        assert abs(spacing) <= timedelta(milliseconds=1)  # R16-190
        assert {v.context for v in value.sampled_value} == {"Sample.Periodic"}
    energies = [energy(sample) for sample in samples]
    assert energies == sorted(set(energies))
    last = samples[-1].meter_value[0].sampled_value
    rows = {(v.measurand, v.phase, v.unit): float(v.value) for v in last}
    assert rows["Power.Active.Import", None, "W"] == pytest.approx(3 * 230 * 16, rel=0.01)
    assert rows["Current.Import", "L2", "A"] == 16
    assert rows["Voltage", "L3-N", "V"] == 230
    assert rows["Current.Offered", None, "A"] == 32
    assert rows["Frequency", None, None] == 50
    assert 30 <= rows["SoC", None, "Percent"] <= 100
    assert len(rows) == 1 + 1 + 3 + 3 + 1 + 1 + 1 + 1


def energy(sample: MeterValuesRequest) -> int:
    (value,) = sample.meter_value
    register = next(
        v for v in value.sampled_value if v.measurand == "Energy.Active.Import.Register"
    )
    return int(register.value)


@rule("R16-194", "R16-201")
def test_meter_values_on_demand(world: World) -> None:
    station, central = world.start(evses=2), world.central
    trigger = TriggerMessageRequest(requested_message="MeterValues", connector_id=1)
    assert central.status_of(trigger) == "Accepted"
    outside = central.wait(MeterValuesRequest)
    charge(world, station)
    assert central.status_of(trigger) == "Accepted"
    inside = central.wait(MeterValuesRequest, count=2)
    assert (outside.transaction_id, inside.transaction_id) == (None, 4711)
    for sample in (outside, inside):
        assert {v.context for v in sample.meter_value[0].sampled_value} == {"Trigger"}
    everywhere = TriggerMessageRequest(requested_message="MeterValues")
    assert central.status_of(everywhere) == "Accepted"
    central.wait(MeterValuesRequest, count=4)
    assert {m.connector_id for m in central.of(MeterValuesRequest)[2:]} == {1, 2}


# --- reasons -------------------------------------------------------------------------------------


@rule("R16-082", "R16-084")
def test_unplugged(world: World) -> None:
    station, central = world.start(), world.central
    charge(world, station)
    station.unplug()
    stopped = central.wait(StopTransactionRequest)
    assert (stopped.reason, stopped.id_tag) == ("EVDisconnected", None)  # R16-082
    central.wait_status("Available")
    assert central.statuses()[-2:] == ["Finishing", "Available"]  # R16-084
    finishing = central.wait(StatusNotificationRequest, lambda s: s.status == "Finishing")
    assert finishing.info == "EV side disconnected"
    assert not station.evse()["locked"]


@rule("R16-085")
def test_unplugged_where_that_ends_nothing(world: World) -> None:
    station = world.start({"StopTransactionOnEVSideDisconnect": "false"})
    central = world.central
    charge(world, station)
    station.unplug()
    central.wait_status("SuspendedEV")
    assert central.of(StatusNotificationRequest)[-1].info == "EV side disconnected"  # R16-085
    assert station.evse()["locked"]
    station.plug_in()
    central.wait_status("Charging")
    station.card()
    assert central.wait(StopTransactionRequest).reason == "Local"


@rule("R16-127", "R16-083", "R16-087")
def test_remote_stop(world: World) -> None:
    station, central = world.start(), world.central
    charge(world, station)
    assert central.status_of(RemoteStopTransactionRequest(transaction_id=1)) == "Rejected"
    assert central.status_of(RemoteStopTransactionRequest(transaction_id=4711)) == "Accepted"
    stopped = central.wait(StopTransactionRequest)
    assert (stopped.reason, stopped.id_tag) == ("Remote", None)
    central.wait_status("Finishing")
    station.until(lambda e: not e["locked"])  # R16-127


@rule("R16-077", "R16-083")
def test_deauthorized(world: World) -> None:
    station, central = world.start(), world.central
    central.once(StartTransactionRequest, BLOCKED)
    station.plug_in()
    station.card()
    stopped = central.wait(StopTransactionRequest)
    assert (stopped.reason, stopped.id_tag) == ("DeAuthorized", None)
    central.wait_status("Finishing")
    station.until(lambda e: not e["relay_closed"])
    assert station.evse()["locked"]  # R16-077: until the card is shown again
    station.card()
    station.until(lambda e: not e["locked"])


@rule("R16-078")
def test_deauthorized_where_that_suspends(world: World) -> None:
    station, central = world.start({"StopTransactionOnInvalidId": "false"}), world.central
    central.once(StartTransactionRequest, BLOCKED)
    station.plug_in()
    station.card()
    central.wait_status("SuspendedEVSE")  # R16-078
    station.until(lambda e: not e["relay_closed"])
    station.card()
    assert central.wait(StopTransactionRequest).reason == "Local"


@rule("R16-157", "R16-083")
def test_a_fault_that_ends_a_session(world: World) -> None:
    station, central = world.start(), world.central
    charge(world, station)
    station.fault("GroundFailure")
    assert central.wait(StopTransactionRequest).reason == "Other"
    central.wait_status("Faulted")
    faulted = central.of(StatusNotificationRequest)[-1]
    assert faulted.error_code == "GroundFailure"
    station.fault("GroundFailure", active=False)
    central.wait_status("Finishing")
    station.unplug()
    central.wait_status("Available")
    assert central.of(StatusNotificationRequest)[-1].error_code == "NoError"


@rule("R16-157")
def test_a_fault_that_only_interrupts(world: World) -> None:
    station, central = world.start(), world.central
    charge(world, station)
    station.fault("OverTemperature")
    central.wait_status("Faulted")
    station.until(lambda e: not e["relay_closed"])
    station.fault("OverTemperature", active=False)
    central.wait_status("Charging")  # R16-157
    station.card()
    assert central.wait(StopTransactionRequest).reason == "Local"


@rule("R16-158")
def test_no_session_with_a_fault(world: World) -> None:
    station, central = world.start(), world.central
    station.fault("OverVoltage")
    central.wait_status("Faulted")
    station.plug_in()
    station.card()
    eventually(lambda: "no usable EVSE" in station.lines)  # R16-158
    station.fault("OverVoltage", active=False)
    central.wait_status("Preparing")
    assert central.of(AuthorizeRequest) == []


@rule("R16-083")
def test_a_courteous_stop_ends_the_session_first(world: World) -> None:
    station, central = world.start(station='on_stop = "finish"'), world.central
    charge(world, station)
    assert station.stop() == 0
    assert central.of(StopTransactionRequest)[-1].reason == "Reboot"
    assert central.statuses()[-1] == "Finishing"
    assert [row[3] for row in station.history()] == ["delivered"] * 2


def test_the_vehicle_pauses(world: World) -> None:
    station, central = world.start(), world.central
    charge(world, station)
    station.do("ev/pause", evse=1, connector=1)
    central.wait_status("SuspendedEV")
    station.do("ev/resume", evse=1, connector=1)
    central.wait_status("Charging")
