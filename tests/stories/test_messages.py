"""What holds for messages of every kind: ids, times, spelling, and that they are stored first."""

import re
from collections.abc import Generator
from datetime import timedelta, timezone
from decimal import Decimal

import pytest

from ocpp.message import Message
from ocpp.soap import Call
from ocpp.v16 import (
    AuthorizeRequest,
    BootNotificationRequest,
    ChargingProfile,
    ChargingSchedule,
    ChargingSchedulePeriod,
    MeterValuesRequest,
    RemoteStartTransactionRequest,
    ReserveNowRequest,
    StartTransactionRequest,
    StopTransactionRequest,
)
from tests.rules import rule

from .central import NOT_NOW, Answer, Http, boot
from .conftest import World
from .kept import FAST, Kept, keeping
from .station import CARD, eventually
from .test_orders import post

START = (
    '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:c="urn://Ocpp/Cs/2015/10/"><e:Body><c:startTransactionResponse>{}'
    "<c:idTagInfo><c:status>Accepted</c:status></c:idTagInfo>"
    "</c:startTransactionResponse></e:Body></e:Envelope>"
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Generator[Kept]:
    yield from keeping(tmp_path_factory, board=FAST)


@pytest.fixture
def cp(kept: Kept) -> Generator[Kept]:
    yield kept
    kept.tidy()


@rule("R16-002")
def test_no_two_messages_share_an_id(cp: Kept) -> None:
    for _ in range(2):
        cp.charge()
        cp.station.card()
        cp.wait(StopTransactionRequest)
        cp.unplug()
        cp.station.again()
    cp.new()
    cp.charge()
    said: dict[str | None, set[Message]] = {}
    for received in cp.central.received:
        said.setdefault(received.message_id, set()).add(received.message)
    assert None not in said
    # A repeat, as after a kill before its answer was stored, has the id of the original.
    assert [messages for messages in said.values() if len(messages) > 1] == []


@rule("R16-043")
def test_times_are_utc_and_any_zone_is_read(cp: Kept) -> None:
    cp.set(MeterValueSampleInterval=1)
    zone = timezone(timedelta(hours=5, minutes=30))
    soon = (cp.central.now + timedelta(seconds=1.25)).astimezone(zone)
    reserve = ReserveNowRequest(connector_id=1, expiry_date=soon, id_tag=CARD, reservation_id=5)
    assert cp.ask(reserve) == "Accepted"
    cp.status("Reserved")
    cp.status("Available")
    cp.charge()
    cp.wait(MeterValuesRequest)
    stamps = [
        stamp
        for received in cp.central.received[cp.mark :]
        for stamp in re.findall(rb"<(?:\w+:)?timestamp>([^<]*)<", received.body)
    ]
    assert len(stamps) > 3
    assert all(re.fullmatch(rb"\d{4}-\d\d-\d\dT[\d:.]+Z", stamp) for stamp in stamps)


@rule("R16-012", "R16-005")
def test_enumerations_are_spelt_exactly(cp: Kept) -> None:
    def reset(kind: str) -> tuple[int, str]:
        body = (
            '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"'
            ' xmlns:p="urn://Ocpp/Cp/2015/10/"><e:Header>'
            "<p:chargeBoxIdentity>cp001</p:chargeBoxIdentity></e:Header>"
            f"<e:Body><p:resetRequest><p:type>{kind}</p:type></p:resetRequest></e:Body></e:Envelope>"
        )
        return post(cp.central.station_url, body.encode())

    status, answer = reset("soft")
    assert (status, "Sender" in answer) == (400, True)
    assert cp.of(BootNotificationRequest) == []
    status, answer = reset("Soft")
    assert (status, "Accepted" in answer) == (200, True)
    cp.wait(BootNotificationRequest)


@rule("R16-092", "R16-070")
def test_what_belongs_to_a_transaction_is_stored_before_it_is_sent(cp: Kept) -> None:
    cp.set(MeterValueSampleInterval=1)
    stored: dict[str, bool] = {}

    def look(call: Call) -> Answer:
        fact = {
            StartTransactionRequest: "SessionStarted",
            MeterValuesRequest: "SessionMetered",
            StopTransactionRequest: "SessionStopped",
        }[type(call.message)]
        newest = cp.station.history()[-1]
        stored[fact] = newest[1] == fact and newest[3] is None
        return cp.central.usual(call)

    for kind in (StartTransactionRequest, MeterValuesRequest, StopTransactionRequest):
        cp.central.once(kind, look)
    cp.charge()
    cp.wait(MeterValuesRequest)
    cp.station.card()
    cp.wait(StopTransactionRequest)
    cp.settled()
    assert stored == dict.fromkeys(("SessionStarted", "SessionMetered", "SessionStopped"), True)


@rule("R16-106", "R16-072", "R16-103")
def test_what_is_no_history_overtakes_it(cp: Kept) -> None:
    """A start that is to be repeated holds up neither statuses nor questions."""
    cp.central.parents[CARD] = "family"
    cp.station.card()
    cp.wait(AuthorizeRequest)
    cp.set(TransactionMessageRetryInterval=1)
    cp.central.once(StartTransactionRequest, NOT_NOW, NOT_NOW)
    cp.station.plug_in()
    cp.status("Charging")
    cp.station.card("STRANGER")
    cp.wait(AuthorizeRequest, lambda a: a.id_tag == "STRANGER")
    eventually(lambda: cp.station.evse()["transaction"] == str(cp.central.newest))
    kinds = cp.central.kinds(cp.mark)
    first, *_, last = (n for n, kind in enumerate(kinds) if kind == "StartTransaction")
    assert {"StatusNotification", "Authorize"} <= set(kinds[first:last])


@pytest.mark.parametrize(
    "transaction", ["", "<c:transactionId>soon</c:transactionId>"], ids=["none", "no number"]
)
@rule("R16-108", "R16-101", "R16-105")
def test_an_answer_without_a_usable_transaction_id(cp: Kept, transaction: str) -> None:
    cp.set(TransactionMessageAttempts=2, TransactionMessageRetryInterval=1)
    cp.central.once(StartTransactionRequest, Http(200, START.format(transaction).encode()))
    cp.charge()
    first, second = (cp.wait(StartTransactionRequest, n=n) for n in (1, 2))
    assert first == second
    eventually(lambda: cp.station.evse()["transaction"] == str(cp.central.newest))


@rule("R16-125", "R16-121")
def test_a_profile_in_a_remote_start_is_ignored(cp: Kept) -> None:
    """There is no smart charging: the session starts without it."""
    schedule = ChargingSchedule(
        charging_rate_unit="A",
        charging_schedule_period=(ChargingSchedulePeriod(start_period=0, limit=Decimal(6)),),
    )
    profile = ChargingProfile(
        charging_profile_id=1,
        stack_level=0,
        charging_profile_purpose="TxProfile",
        charging_profile_kind="Relative",
        charging_schedule=schedule,
    )
    cp.station.plug_in()
    cp.status("Preparing")
    start = RemoteStartTransactionRequest(connector_id=1, id_tag=CARD, charging_profile=profile)
    assert cp.ask(start) == "Accepted"
    assert cp.wait(StartTransactionRequest).id_tag == CARD
    assert cp.of(AuthorizeRequest) == []


@rule("R16-029", "R16-024")
def test_nobody_charges_before_the_first_acceptance(world: World) -> None:
    central = world.central
    central.once(BootNotificationRequest, boot("Pending", 2))
    station = world.station({"AllowOfflineTxForUnknownId": "true"})
    station.start()
    central.wait(BootNotificationRequest)
    station.plug_in()
    station.card()
    eventually(lambda: "no central system has accepted this station yet" in station.lines)
    central.wait_status("Preparing")
    assert [k for k in central.kinds() if k != "StatusNotification"] == ["BootNotification"] * 2
    station.card()
    assert central.wait(StartTransactionRequest).id_tag == CARD


@rule("R16-007")
def test_a_refused_connection_is_tried_ever_more_slowly(world: World) -> None:
    central = world.central
    central.always(BootNotificationRequest, Http(404))
    world.station().start()
    central.wait(BootNotificationRequest, count=3)
    first, second, third = (r.at for r in central.received[:3])
    assert 0.7 < second - first < third - second
    central.always(BootNotificationRequest, None)
    central.wait_status("Available")
