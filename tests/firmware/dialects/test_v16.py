"""The 1.6 dialect: every fact, answer, order and reply, and that what it builds can be sent."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import orders
from firmware.core.settings import MEASURANDS, PHASED, PHASES
from firmware.dialects import v16 as dialect
from firmware.dialects.times import from_utc, to_utc
from firmware.dialects.v16 import Ledger, Unsupported
from firmware.events import Delivered, TransactionKnown, Verdict
from firmware.facts import (
    AuthorizationAsked,
    BootAsked,
    HeartbeatAsked,
    Instant,
    Measured,
    OrderOutcome,
    Sample,
    SessionMetered,
    SessionStarted,
    SessionStopped,
    SettingShown,
    Status,
    StatusChanged,
    StopReason,
    Trigger,
)
from hal.ports import Fault
from ocpp import v16
from ocpp.message import Message, to_plain

WALL = 1_700_000_000.25
WHEN = datetime(2023, 11, 14, 22, 13, 20, 250_000, tzinfo=UTC)
AT = Instant(10.0, WALL, 1, trusted=True)
EARLY = Instant(10.0, WALL, 1, trusted=False)
CARD = "04A1B2C3D4E580"
ENERGY = ("Energy.Active.Import.Register",)


def value(text: str, context: str, measurand: str = ENERGY[0]) -> v16.SampledValue:
    return v16.SampledValue(
        value=text,
        context=context,  # type: ignore[arg-type]
        measurand=measurand,  # type: ignore[arg-type]
        location="Outlet",
        unit="Wh",
    )


# --- facts to requests ---------------------------------------------------------------------------


def test_a_session_that_starts() -> None:
    fact = SessionStarted(17, 2, AT, CARD, 1000, reservation=5)
    assert dialect.request(fact, Ledger()) == v16.StartTransactionRequest(
        connector_id=2, id_tag=CARD, meter_start=1000, reservation_id=5, timestamp=WHEN
    )


def test_a_sample_of_a_session() -> None:
    fact = SessionMetered(17, 2, AT, Sample(1500, measurands=ENERGY))
    assert dialect.request(fact, Ledger("4711")) == v16.MeterValuesRequest(
        connector_id=2,
        transaction_id=4711,
        meter_value=(
            v16.MeterValue(timestamp=WHEN, sampled_value=(value("1500", "Sample.Periodic"),)),
        ),
    )


@pytest.mark.parametrize(
    ("trigger", "context"),
    [
        ("Begin", "Transaction.Begin"),
        ("Periodic", "Sample.Periodic"),
        ("End", "Transaction.End"),
        ("Trigger", "Trigger"),
        ("Clock", "Sample.Clock"),
    ],
)
def test_why_a_sample_was_taken(trigger: Trigger, context: str) -> None:
    request: Any = dialect.request(SessionMetered(1, 1, AT, Sample(1), trigger), Ledger("1"))
    assert request.meter_value[0].sampled_value[0].context == context
    assert trigger in get_args(Trigger)


@pytest.mark.parametrize("reason", get_args(StopReason))
def test_a_session_that_stops(reason: StopReason) -> None:
    fact = SessionStopped(17, 2, AT, 2000, reason, CARD)
    assert dialect.request(fact, Ledger("4711")) == v16.StopTransactionRequest(
        transaction_id=4711, id_tag=CARD, timestamp=WHEN, meter_stop=2000, reason=reason
    )


def test_a_stop_without_card_names_none() -> None:
    request: Any = dialect.request(SessionStopped(17, 2, AT, 2000, "EVDisconnected"), Ledger("1"))
    assert request.id_tag is None


def test_a_transaction_that_was_never_named_is_minus_one() -> None:
    """R16-075."""
    for fact in (SessionStopped(1, 1, AT, 1, "Local"), SessionMetered(1, 1, AT, Sample(1))):
        for ledger in (Ledger(), Ledger("-1")):
            request: Any = dialect.request(fact, ledger)
            assert request.transaction_id == -1


def test_a_transaction_of_another_dialect_is_an_error_that_says_so() -> None:
    with pytest.raises(ValueError, match="0a1b"):
        dialect.request(SessionStopped(1, 1, AT, 1, "Local"), Ledger("0a1b-2c3d"))


def test_talk() -> None:
    assert dialect.request(AuthorizationAsked(1, CARD), Ledger()) == v16.AuthorizeRequest(
        id_tag=CARD
    )
    assert dialect.request(HeartbeatAsked(), Ledger()) == v16.HeartbeatRequest()
    measured = Measured(2, AT, Sample(1500, measurands=ENERGY))
    assert dialect.request(measured, Ledger()) == v16.MeterValuesRequest(
        connector_id=2,
        meter_value=(v16.MeterValue(timestamp=WHEN, sampled_value=(value("1500", "Trigger"),)),),
    )


@pytest.mark.parametrize("status", get_args(Status))
def test_a_status(status: Status) -> None:
    fact = StatusChanged(2, status, None, None, AT)
    assert dialect.request(fact, Ledger()) == v16.StatusNotificationRequest(
        connector_id=2, error_code="NoError", status=status, timestamp=WHEN
    )


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("ConnectorLockFailure", "ConnectorLockFailure"),
        ("DiodeFault", "OtherError"),  # no EVCommunicationError: that is a warning only (R16-153)
        ("EmergencyStop", "OtherError"),
        ("GroundFailure", "GroundFailure"),
        ("InterlockLost", "InternalError"),
        ("Other", "OtherError"),
        ("OverCurrent", "OverCurrentFailure"),
        ("OverTemperature", "HighTemperature"),
        ("OverVoltage", "OverVoltage"),
        ("PowerMeterFailure", "PowerMeterFailure"),
        ("PowerSwitchFailure", "PowerSwitchFailure"),
        ("ReaderFailure", "ReaderFailure"),
        ("UnderVoltage", "UnderVoltage"),
    ],
)
def test_a_fault_as_error_code(fault: str, code: str) -> None:
    request: Any = dialect.request(StatusChanged(1, "Faulted", fault, fault, AT), Ledger())
    assert (request.error_code, request.info) == (code, fault)


def test_there_is_a_code_for_every_fault_of_the_hardware() -> None:
    codes = {dialect.error_code(fault) for fault in get_args(Fault)}
    assert "NoError" not in codes
    assert dialect.error_code(None) == "NoError"


def test_asking_to_boot_is_no_message_of_this_dialects_facts() -> None:
    """The link has it ready: it says who the station is."""
    with pytest.raises(TypeError):
        dialect.request(BootAsked(), Ledger())


# --- values within StopTransaction ---------------------------------------------------------------


def test_a_stop_carries_begin_samples_and_end_where_they_are_wanted() -> None:
    """R16-091, R16-200."""
    soc = ("SoC",)
    before = (
        SessionStarted(17, 1, AT, CARD, 1000, sample=Sample(1000, measurands=ENERGY)),
        SessionMetered(17, 1, AT.at(20.0), Sample(1100, measurands=soc), for_stop=ENERGY),
        SessionMetered(17, 1, AT.at(30.0), Sample(1200, measurands=ENERGY)),  # for itself only
    )
    stop = SessionStopped(17, 1, AT.at(40.0), 1300, "Local", sample=Sample(1300, measurands=ENERGY))
    request: Any = dialect.request(stop, Ledger("4711", before=before))
    assert [
        (m.timestamp - WHEN, [(v.value, v.context) for v in m.sampled_value])
        for m in request.transaction_data
    ] == [
        (timedelta(0), [("1000", "Transaction.Begin")]),
        (timedelta(seconds=10), [("1100", "Sample.Periodic")]),
        (timedelta(seconds=30), [("1300", "Transaction.End")]),
    ]


def test_a_stop_carries_none_where_none_are_wanted() -> None:
    before = (SessionMetered(17, 1, AT, Sample(1100), for_stop=ENERGY),)
    stop = SessionStopped(17, 1, AT, 1300, "Local")
    request: Any = dialect.request(stop, Ledger("4711", before=before))
    assert request.transaction_data == ()


# --- times ---------------------------------------------------------------------------------------

facts_with_times = pytest.mark.parametrize(
    "make",
    [
        lambda at: SessionStarted(1, 1, at, CARD, 0),
        lambda at: SessionStopped(1, 1, at, 0, "Local"),
        lambda at: StatusChanged(1, "Available", None, None, at),
        lambda at: SessionMetered(1, 1, at, Sample(0)),
        lambda at: Measured(1, at, Sample(0)),
    ],
)


def moment(request: Any) -> datetime:
    values = getattr(request, "meter_value", None)
    when = values[0].timestamp if values else request.timestamp
    assert isinstance(when, datetime)
    return when


@facts_with_times
def test_a_time_taken_before_the_clock_was_known_is_corrected(make: Any) -> None:
    """Rule 6."""
    assert moment(dialect.request(make(EARLY), Ledger("1", 3600.0))) == WHEN + timedelta(hours=1)


@facts_with_times
def test_a_trusted_time_is_told_as_it_is(make: Any) -> None:
    assert moment(dialect.request(make(AT), Ledger("1", 3600.0))) == WHEN


@given(st.floats(0, 4e9))
def test_times_are_utc_with_whole_milliseconds(wall: float) -> None:
    """R16-043."""
    told = to_utc(wall)
    assert told.tzinfo is UTC
    assert told.microsecond % 1000 == 0
    assert from_utc(told) == pytest.approx(wall, abs=0.000_51)


def test_a_time_with_an_offset_is_the_same_moment() -> None:
    assert from_utc(datetime.fromisoformat("2023-11-15T00:13:20.250+02:00")) == WALL


# --- responses to outcomes -----------------------------------------------------------------------

NOW = WALL


@pytest.mark.parametrize("status", ["Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"])
def test_what_the_central_system_says_of_a_card(status: Any) -> None:
    info = v16.IdTagInfo(status=status, parent_id_tag="GROUP")
    outcome = dialect.answer(v16.AuthorizeResponse(id_tag_info=info), NOW)
    assert isinstance(outcome, Verdict)
    assert (outcome.status, outcome.parent) == (status, "GROUP")
    assert outcome.accepted == (status == "Accepted")


@pytest.mark.parametrize(
    ("status", "seconds", "verdict"),
    [
        ("Accepted", 1, "Accepted"),
        ("Accepted", 0, "Expired"),
        ("Accepted", -1, "Expired"),
        ("Blocked", -1, "Blocked"),
    ],
)
def test_an_expiry_date_in_the_past_means_expired(status: Any, seconds: int, verdict: str) -> None:
    """R16-058."""
    info = v16.IdTagInfo(status=status, expiry_date=WHEN + timedelta(seconds=seconds))
    outcome: Any = dialect.answer(v16.AuthorizeResponse(id_tag_info=info), NOW)
    assert outcome.status == verdict


def test_the_answer_to_a_start_names_the_transaction() -> None:
    response = v16.StartTransactionResponse(
        transaction_id=4711, id_tag_info=v16.IdTagInfo(status="Invalid")
    )
    assert dialect.answer(response, NOW) == TransactionKnown("4711", Verdict("Invalid"))


@pytest.mark.parametrize(
    "response",
    [
        v16.MeterValuesResponse(),
        v16.StopTransactionResponse(),
        v16.StatusNotificationResponse(),
        v16.HeartbeatResponse(current_time=WHEN),
    ],
)
def test_other_answers_say_that_it_was_delivered(response: Message) -> None:
    assert dialect.answer(response, NOW) == Delivered()


# --- requests to orders --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "order"),
    [
        (v16.RemoteStartTransactionRequest(id_tag=CARD), orders.RemoteStart(CARD)),
        (
            v16.RemoteStartTransactionRequest(id_tag=CARD, connector_id=2),
            orders.RemoteStart(CARD, 2),
        ),
        (v16.RemoteStopTransactionRequest(transaction_id=4711), orders.RemoteStop("4711")),
        (
            v16.ReserveNowRequest(
                connector_id=0,
                expiry_date=WHEN,
                id_tag=CARD,
                parent_id_tag="GROUP",
                reservation_id=5,
            ),
            orders.Reserve(5, 0, CARD, "GROUP", WALL),
        ),
        (v16.CancelReservationRequest(reservation_id=5), orders.CancelReservation(5)),
        (v16.GetConfigurationRequest(), orders.GetSettings()),
        (v16.GetConfigurationRequest(key=("A", "b")), orders.GetSettings(("A", "b"))),
        (
            v16.ChangeConfigurationRequest(key="HeartbeatInterval", value="20"),
            orders.ChangeSetting("HeartbeatInterval", "20"),
        ),
        (
            v16.ChangeAvailabilityRequest(connector_id=1, type="Inoperative"),
            orders.ChangeAvailability(1, operative=False),
        ),
        (
            v16.ChangeAvailabilityRequest(connector_id=0, type="Operative"),
            orders.ChangeAvailability(0, operative=True),
        ),
        (
            v16.TriggerMessageRequest(requested_message="BootNotification"),
            orders.Trigger("Boot"),
        ),
        (
            v16.TriggerMessageRequest(requested_message="Heartbeat"),
            orders.Trigger("Heartbeat"),
        ),
        (
            v16.TriggerMessageRequest(requested_message="StatusNotification", connector_id=2),
            orders.Trigger("Status", 2),
        ),
        (
            v16.TriggerMessageRequest(requested_message="MeterValues", connector_id=1),
            orders.Trigger("MeterValues", 1),
        ),
        (
            v16.TriggerMessageRequest(requested_message="FirmwareStatusNotification"),
            orders.Trigger("Other"),
        ),
        (
            v16.TriggerMessageRequest(requested_message="DiagnosticsStatusNotification"),
            orders.Trigger("Other"),
        ),
    ],
)
def test_a_request_as_order(request_: Message, order: orders.Order) -> None:
    assert dialect.order(request_) == order


def test_a_request_that_is_none_of_this_stations_is_named() -> None:
    with pytest.raises(Unsupported, match="^DataTransfer$"):
        dialect.order(v16.DataTransferRequest(vendor_id="org.example"))


# --- outcomes to replies -------------------------------------------------------------------------


def example(kind: type[Message]) -> Message:
    """A request with what it must have."""
    known: dict[str, Any] = {
        "connector_id": 1,
        "expiry_date": WHEN,
        "id_tag": CARD,
        "key": "HeartbeatInterval",
        "requested_message": "Heartbeat",
        "reservation_id": 1,
        "transaction_id": 1,
        "type": {"ResetRequest": "Soft"}.get(kind.__name__, "Operative"),
        "value": "1",
        "vendor_id": "org.example",
    }
    if kind is v16.GetConfigurationRequest:
        return kind()
    return kind(**{name: known[name] for name in kind.__struct_fields__ if name in known})


def replies() -> list[Any]:
    """Every request with every status that its response can have."""
    pairs = []
    for operation in v16.CHARGE_POINT.operations:
        hint = operation.response.__annotations__.get("status")
        statuses = get_args(get_args(hint)[0]) if hint is not None else ()
        pairs += [pytest.param(operation, s, id=f"{operation.name}-{s}") for s in statuses]
    return pairs


@pytest.mark.parametrize(("operation", "status"), replies())
def test_a_reply_is_the_response_with_the_orders_status(operation: Any, status: str) -> None:
    response = dialect.reply(example(operation.request), OrderOutcome(status))
    assert type(response) is operation.response
    assert to_plain(response)["status"] == status


def test_every_operation_is_answered_with_a_status_but_one() -> None:
    named = {operation.name for operation, _ in (p.values for p in replies())}
    assert {o.name for o in v16.CHARGE_POINT.operations} - named == {"GetConfiguration"}


def test_settings_are_shown_with_their_keys_and_the_unknown_ones_named() -> None:
    outcome = OrderOutcome(
        settings=(SettingShown("A", "1", readonly=True), SettingShown("B", "", readonly=False)),
        unknown=("C",),
    )
    assert dialect.reply(v16.GetConfigurationRequest(), outcome) == v16.GetConfigurationResponse(
        configuration_key=(
            v16.KeyValue(key="A", readonly=True, value="1"),
            v16.KeyValue(key="B", readonly=False, value=""),
        ),
        unknown_key=("C",),
    )


# --- all that can be told, can be told -----------------------------------------------------------

evses = st.integers(1, 100)
registers = st.integers(0, 2**31 - 1)
tokens = st.text(st.characters(codec="ascii", categories=("L", "N", "P")), min_size=1, max_size=20)
phases = st.lists(st.floats(0, 1e5), max_size=3).map(tuple)
configured = st.lists(
    st.sampled_from((*MEASURANDS, *(f"{name}.{phase}" for name in PHASED for phase in PHASES))),
    unique=True,
).map(tuple)
instants = st.builds(Instant, st.floats(0, 1e9), st.floats(0, 4e9), st.integers(1), st.booleans())
samples = st.builds(
    Sample,
    registers,
    watts=st.floats(-1e6, 1e6),
    volts=phases,
    amps=phases,
    hertz=st.none() | st.floats(0, 100),
    soc=st.none() | st.floats(0, 100),
    offered_a=st.floats(0, 80),
    measurands=configured,
)
triggers = st.sampled_from(get_args(Trigger))
starts = st.builds(
    SessionStarted,
    *(st.integers(1), evses, instants, tokens, registers),
    reservation=st.none() | st.integers(-(2**31), 2**31 - 1),
    sample=st.none() | samples,
)
meterings = st.builds(
    SessionMetered, st.integers(1), evses, instants, samples, triggers, configured
)
stops = st.builds(
    SessionStopped,
    *(st.integers(1), evses, instants, registers, st.sampled_from(get_args(StopReason))),
    token=st.none() | tokens,
    sample=st.none() | samples,
)
statuses = st.builds(
    StatusChanged,
    *(st.integers(0, 100), st.sampled_from(get_args(Status))),
    *(st.none() | st.sampled_from(get_args(Fault)), st.none() | st.text(max_size=50), instants),
)
talk = st.one_of(
    statuses,
    st.builds(AuthorizationAsked, evses, tokens),
    st.builds(Measured, evses, instants, samples, triggers),
    st.just(HeartbeatAsked()),
)
ledgers = st.builds(
    Ledger,
    st.none() | st.integers(-1, 2**31 - 1).map(str),
    st.floats(-1e8, 1e8).filter(lambda s: s == 0 or abs(s) > 1),
    st.lists(starts | meterings, max_size=5).map(tuple),
)


@given(starts | meterings | stops | talk, ledgers)
def test_every_fact_makes_a_message_that_keeps_its_own_definition(
    fact: Any, ledger: Ledger
) -> None:
    """What is told a central system has passed the check that encoding alone does not make."""
    to_plain(dialect.request(fact, ledger))
