"""What the bench central system answers its stations, asked over SOAP."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from ocpp.central.state import Card, Registration, Session, State
from ocpp.http import Refused, SoapClient
from ocpp.v16 import (
    AuthorizationStatus,
    AuthorizeRequest,
    AuthorizeResponse,
    BootNotificationResponse,
    DataTransferRequest,
    DataTransferResponse,
    HeartbeatRequest,
    HeartbeatResponse,
    IdTagInfo,
    MeterValue,
    MeterValuesRequest,
    RegistrationStatus,
    SampledValue,
    StartTransactionRequest,
    StartTransactionResponse,
    StatusNotificationRequest,
    StopTransactionRequest,
    StopTransactionResponse,
)
from tests.central.conftest import BOOT, Bench

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)

START = StartTransactionRequest(
    connector_id=1, id_tag="04A1B2C3D4E580", timestamp=NOON, meter_start=1_000
)


def values(register_wh: int, power_w: int, after: timedelta) -> tuple[MeterValue, ...]:
    return (
        MeterValue(
            timestamp=NOON + after,
            sampled_value=(
                SampledValue(value=str(register_wh)),
                SampledValue(value=str(power_w), measurand="Power.Active.Import", unit="W"),
            ),
        ),
    )


def start(station: SoapClient, request: StartTransactionRequest = START) -> int:
    response = station.call(request)
    assert isinstance(response, StartTransactionResponse)
    return response.transaction_id


def stop_of(number: int, meter_stop: int = 8_412) -> StopTransactionRequest:
    return StopTransactionRequest(
        transaction_id=number,
        id_tag=START.id_tag,
        timestamp=NOON + timedelta(hours=1),
        meter_stop=meter_stop,
        reason="EVDisconnected",
    )


def authorize(station: SoapClient, card: str) -> IdTagInfo:
    response = station.call(AuthorizeRequest(id_tag=card))
    assert isinstance(response, AuthorizeResponse)
    return response.id_tag_info


def only_session(state: State) -> Session:
    (session,) = state.sessions
    return session


# --- registration ---------------------------------------------------------------------------------


def test_an_unknown_station_is_accepted_and_shown(unstarted: Bench) -> None:
    bench = unstarted.start(heartbeat_interval_s=77)
    response = bench.client("new").call(BOOT)
    assert isinstance(response, BootNotificationResponse)
    assert (response.status, response.interval) == ("Accepted", 77)
    assert abs(response.current_time - datetime.now(UTC)) < timedelta(minutes=1)
    (station,) = bench.central.state().stations
    assert (station.id, station.vendor, station.model) == ("new", "Pilotwire", "Bench")
    assert (station.firmware, station.registration) == ("0.1", "Accepted")
    assert "new booted (Pilotwire Bench): Accepted" in bench.lines


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
def test_the_next_boot_is_answered_as_the_operator_wants(
    bench: Bench, status: RegistrationStatus
) -> None:
    bench.central.store.set_registration(Registration("cp1", status, 5))
    station = bench.client()
    response = station.call(BOOT)
    assert isinstance(response, BootNotificationResponse)
    assert (response.status, response.interval) == (status, 5)
    with pytest.raises(Refused, match="SecurityError"):
        station.call(HeartbeatRequest())
    bench.central.store.set_registration(Registration("cp1", "Accepted"))
    with pytest.raises(Refused, match="SecurityError"):
        station.call(HeartbeatRequest())
    assert station.call(BOOT).status == "Accepted"
    assert isinstance(station.call(HeartbeatRequest()), HeartbeatResponse)


def test_an_identity_has_a_limit(bench: Bench) -> None:
    with pytest.raises(Refused, match="1 to 255 characters"):
        bench.client("x" * 256).call(BOOT)
    assert bench.client("x" * 255).call(BOOT).status == "Accepted"


def test_a_station_cannot_write_on_the_terminal(bench: Bench) -> None:
    bench.booted("cp\u009b2J\n1")
    assert [line for line in bench.lines if line.startswith("cp?2J?1 booted")]


def test_a_station_that_never_booted_changes_nothing(bench: Bench) -> None:
    with pytest.raises(Refused) as refused:
        bench.client("stranger").call(START)
    assert refused.value.fault is not None
    assert (refused.value.fault.code, refused.value.fault.subcode) == ("Sender", "SecurityError")
    state = bench.central.state()
    assert (state.stations, state.sessions, state.cards) == ((), (), ())
    assert not state.messages[0].ok


# --- cards ----------------------------------------------------------------------------------------


def test_an_unknown_card_is_accepted_and_joins_the_table(bench: Bench) -> None:
    assert authorize(bench.booted(), "ABC").status == "Accepted"
    assert bench.central.state().cards == (Card("ABC"),)


def test_an_unknown_card_is_refused_if_the_operator_wants(unstarted: Bench) -> None:
    station = unstarted.start(unknown_cards="Invalid").booted()
    assert authorize(station, "ABC").status == "Invalid"
    unstarted.central.store.save_card(Card("ABC", name="Anna"))
    assert authorize(station, "ABC").status == "Accepted"


@pytest.mark.parametrize("status", ["Blocked", "Invalid", "ConcurrentTx", "Expired"])
def test_a_card_is_answered_its_status(bench: Bench, status: AuthorizationStatus) -> None:
    bench.central.store.save_card(Card("ABC", status=status, parent="GROUP"))
    assert authorize(bench.booted(), "abc") == IdTagInfo(status=status, parent_id_tag="GROUP")


def test_a_card_expires(bench: Bench) -> None:
    bench.central.store.save_card(Card("OLD", expiry=NOON - timedelta(days=9000)))
    bench.central.store.save_card(Card("NEW", expiry=NOON + timedelta(days=9000)))
    station = bench.booted()
    assert authorize(station, "OLD").status == "Expired"
    answer = IdTagInfo(status="Accepted", expiry_date=NOON + timedelta(days=9000))
    assert authorize(station, "NEW") == answer


def test_no_card_number_is_said_in_full(bench: Bench) -> None:
    station = bench.booted()
    authorize(station, START.id_tag)
    station.call(stop_of(start(station)))
    told = [f"{message.summary} {message.outcome}" for message in bench.central.state().messages]
    assert not [line for line in bench.lines + told if START.id_tag in line]
    assert [line for line in bench.lines if "E580" in line]


# --- sessions -------------------------------------------------------------------------------------


def test_a_session_is_metered_and_billed(bench: Bench) -> None:
    station = bench.booted()
    number = start(station)
    session = only_session(bench.central.state())
    assert (session.live, session.energy_wh, session.power_w) == (True, 0, None)
    station.call(
        MeterValuesRequest(
            connector_id=1,
            transaction_id=number,
            meter_value=values(4_000, 11_040, timedelta(minutes=16)),
        )
    )
    session = only_session(bench.central.state())
    assert (session.energy_wh, session.power_w, session.price) == (3_000, 11_040, Decimal("1.17"))
    response = station.call(stop_of(number))
    assert response == StopTransactionResponse(id_tag_info=IdTagInfo(status="Accepted"))
    session = only_session(bench.central.state())
    assert (session.live, session.energy_wh, session.power_w) == (False, 7_412, None)
    assert (session.reason, session.price, session.currency) == (
        "EVDisconnected",
        Decimal("2.89"),
        "EUR",
    )
    assert (session.start_time, session.stop_time) == (NOON, NOON + timedelta(hours=1))
    totals = bench.central.state().totals
    assert (totals.sessions, totals.energy_wh, totals.billed) == (1, 7_412, Decimal("2.89"))
    assert "cp1 session 1 ended (EVDisconnected): 7.412 kWh, 2.89 EUR" in bench.lines


def test_a_session_keeps_the_price_it_began_with(unstarted: Bench) -> None:
    number = start(unstarted.start(price_per_kwh=Decimal("1"), currency="CHF").booted())
    unstarted.central.stop()
    unstarted.start(price_per_kwh=Decimal("9")).client().call(stop_of(number))
    session = only_session(unstarted.central.state())
    assert (session.price, session.currency) == (Decimal("7.41"), "CHF")


def test_a_blocked_card_still_gets_its_transaction(bench: Bench) -> None:
    bench.central.store.save_card(Card(START.id_tag, status="Blocked"))
    response = bench.booted().call(START)
    assert isinstance(response, StartTransactionResponse)
    assert response.id_tag_info.status == "Blocked"
    assert only_session(bench.central.state()).id == response.transaction_id


def test_a_stop_without_a_card_is_answered_without_one(bench: Bench) -> None:
    station = bench.booted()
    stop = StopTransactionRequest(transaction_id=start(station), timestamp=NOON, meter_stop=1_000)
    assert station.call(stop) == StopTransactionResponse()
    assert only_session(bench.central.state()).reason == "Local"


def test_a_session_without_a_stop_gives_way_to_the_next(bench: Bench) -> None:
    station = bench.booted()
    start(station)
    later = StartTransactionRequest(
        connector_id=1, id_tag="B", timestamp=NOON + timedelta(hours=2), meter_start=9_000
    )
    start(station, later)
    assert [(one.id, one.live) for one in bench.central.state().sessions] == [(2, True), (1, False)]


# --- repeats --------------------------------------------------------------------------------------


def test_a_repeated_start_gets_the_same_number(bench: Bench) -> None:
    station = bench.booted()
    assert start(station) == start(station)
    assert len(bench.central.state().sessions) == 1
    assert bench.central.state().stations[0].repeats == 1


def test_another_start_gets_another_number(bench: Bench) -> None:
    station = bench.booted()
    other = StartTransactionRequest(
        connector_id=2, id_tag=START.id_tag, timestamp=NOON, meter_start=1_000
    )
    assert start(station) != start(station, other)
    assert start(bench.booted("cp2")) not in (1, 2)
    assert [one.repeats for one in bench.central.state().stations] == [0, 0]


def test_a_start_repeated_after_its_stop_opens_nothing(bench: Bench) -> None:
    station = bench.booted()
    number = start(station)
    station.call(stop_of(number))
    assert start(station) == number
    assert not only_session(bench.central.state()).live


def test_a_repeated_stop_changes_nothing(bench: Bench) -> None:
    station = bench.booted()
    stop = stop_of(start(station))
    first, session = station.call(stop), only_session(bench.central.state())
    assert station.call(stop) == first
    station.call(stop_of(session.id, meter_stop=99_999))
    assert only_session(bench.central.state()) == session
    assert bench.central.state().stations[0].repeats == 2


def test_repeated_meter_values_change_nothing(bench: Bench) -> None:
    station = bench.booted()
    number = start(station)
    early = MeterValuesRequest(
        connector_id=1,
        transaction_id=number,
        meter_value=values(2_000, 7_000, timedelta(minutes=9)),
    )
    late = MeterValuesRequest(
        connector_id=1,
        transaction_id=number,
        meter_value=values(5_000, 9_000, timedelta(minutes=30)),
    )
    for request in (early, late, early):
        station.call(request)
    session = only_session(bench.central.state())
    assert (session.energy_wh, session.power_w) == (4_000, 9_000)
    assert bench.central.state().stations[0].repeats == 1
    with bench.central.store.database.reading() as db:
        assert db.execute("SELECT COUNT(*) FROM meter_values").fetchone()[0] == 2


@pytest.mark.parametrize("number", [-1, 4711])
def test_a_stop_of_no_known_session_is_taken_and_said(bench: Bench, number: int) -> None:
    # A station whose start was never answered stops transaction -1 (R16-075).
    bench.booted().call(stop_of(number))
    assert bench.central.state().sessions == ()
    assert [line for line in bench.lines if f"session {number}" in line and "not billed" in line]


def test_a_session_is_stopped_by_its_own_station_only(bench: Bench) -> None:
    number = start(bench.booted("cp1"))
    bench.booted("cp2").call(stop_of(number))
    assert only_session(bench.central.state()).live


# --- the rest -------------------------------------------------------------------------------------


def test_status_is_shown_and_said_when_it_changes(bench: Bench) -> None:
    station = bench.booted()
    for status, error in (("Available", "NoError"), ("Faulted", "GroundFailure")):
        for _ in range(2):
            station.call(
                StatusNotificationRequest(
                    connector_id=1, status=status, error_code=error, info="why", timestamp=NOON
                )
            )
    (connector,) = bench.central.state().stations[0].connectors
    assert (connector.status, connector.error, connector.info) == (
        "Faulted",
        "GroundFailure",
        "why",
    )
    assert connector.since == NOON
    said = [line for line in bench.lines if "connector 1" in line]
    assert said == ["cp1 connector 1: Available", "cp1 connector 1: Faulted, GroundFailure"]


def test_no_vendor_is_known(bench: Bench) -> None:
    response = bench.booted().call(DataTransferRequest(vendor_id="com.example", data="x"))
    assert response == DataTransferResponse(status="UnknownVendorId")


def test_every_exchange_is_logged_with_its_answer(bench: Bench) -> None:
    station = bench.booted()
    station.call(
        StatusNotificationRequest(connector_id=1, status="Available", error_code="NoError")
    )
    last, boot = bench.central.state().messages
    assert (last.station, last.direction, last.action) == ("cp1", "in", "StatusNotification")
    assert (last.summary, last.outcome, last.ok) == (
        "connectorId 1, status Available, errorCode NoError",
        "–",
        True,
    )
    assert boot.outcome.startswith("status Accepted, currentTime 20")
    assert last.latency_ms > 0


def test_only_the_newest_messages_are_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocpp.central.store.KEPT_MESSAGES", 3)
    station = bench.booted()
    for _ in range(5):
        station.call(HeartbeatRequest())
    assert [message.id for message in bench.central.state().messages] == [6, 5, 4]
