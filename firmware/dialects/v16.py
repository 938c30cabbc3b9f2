"""OCPP 1.6: the station's own words to messages and back, without any state of its own."""

from datetime import datetime

import msgspec

from firmware.core.settings import STOP_MAX_VALUES
from firmware.dialects.measurands import sampled_values
from firmware.dialects.times import from_utc, to_utc
from firmware.events import Delivered, Outcome, TransactionKnown, Verdict
from firmware.facts import (
    AuthorizationAsked,
    HeartbeatAsked,
    Instant,
    Measured,
    OrderOutcome,
    Sample,
    SessionFact,
    SessionMetered,
    SessionStarted,
    SessionStopped,
    StatusChanged,
    Talk,
    Trigger,
)
from firmware.orders import (
    CancelReservation,
    ChangeAvailability,
    ChangeSetting,
    ClearCache,
    GetSettings,
    Order,
    RemoteStart,
    RemoteStop,
    Reserve,
    Reset,
    Triggered,
    Unlock,
)
from firmware.orders import Trigger as TriggerOrder
from ocpp import v16
from ocpp.message import Message


class Ledger(msgspec.Struct, frozen=True):
    """What the central system has told us that a fact needs when it is put into words."""

    transaction: str | None = None
    correction_s: float = 0.0
    """For times of this fact's boot that were taken before the clock was known."""
    before: tuple[SessionFact, ...] = ()
    """Of a stop that carries values: what its session has told before."""


class Unsupported(Exception):
    """A message of ours that this station cannot carry out (yet)."""


ERRORS: dict[str, v16.ChargePointErrorCode] = {
    "ConnectorLockFailure": "ConnectorLockFailure",
    "GroundFailure": "GroundFailure",
    "InterlockLost": "InternalError",
    "OverCurrent": "OverCurrentFailure",
    "OverTemperature": "HighTemperature",
    "OverVoltage": "OverVoltage",
    "PowerMeterFailure": "PowerMeterFailure",
    "PowerSwitchFailure": "PowerSwitchFailure",
    "ReaderFailure": "ReaderFailure",
    "UnderVoltage": "UnderVoltage",
}
"""Our faults as error codes; any other is OtherError with the fault's name as info. A diode fault
is no EVCommunicationError: that one is a warning only (R16-153)."""

CONTEXTS: dict[Trigger, v16.ReadingContext] = {
    "Begin": "Transaction.Begin",
    "Clock": "Sample.Clock",
    "End": "Transaction.End",
    "Periodic": "Sample.Periodic",
    "Trigger": "Trigger",
}


def request(fact: SessionFact | Talk, ledger: Ledger) -> Message:
    """The message that tells a fact."""
    match fact:
        case SessionStarted():
            return v16.StartTransactionRequest(
                connector_id=fact.evse,
                id_tag=fact.token,
                timestamp=_time(fact.at, ledger),
                meter_start=fact.wh,
                reservation_id=fact.reservation,
            )
        case SessionMetered():
            return v16.MeterValuesRequest(
                connector_id=fact.evse,
                transaction_id=_transaction(ledger),
                meter_value=(_meter_value(fact.at, fact.sample, fact.trigger, ledger),),
            )
        case SessionStopped():
            return v16.StopTransactionRequest(
                transaction_id=_transaction(ledger),
                id_tag=fact.token,
                timestamp=_time(fact.at, ledger),
                meter_stop=fact.wh,
                reason=fact.reason,
                transaction_data=transaction_data(fact, ledger),
            )
        case _:
            return _talk(fact, ledger)


def _talk(fact: Talk, ledger: Ledger) -> Message:
    match fact:
        case AuthorizationAsked(token=token):
            return v16.AuthorizeRequest(id_tag=token)
        case StatusChanged():
            return _status(fact, ledger)
        case HeartbeatAsked():
            return v16.HeartbeatRequest()
        case Measured():
            value = _meter_value(fact.at, fact.sample, fact.trigger, ledger)
            return v16.MeterValuesRequest(connector_id=fact.evse, meter_value=(value,))
        case _:
            raise TypeError(f"no message for {fact!r}")


def _transaction(ledger: Ledger) -> int:
    """-1 where the start could not be delivered (R16-075)."""
    return -1 if ledger.transaction is None else int(ledger.transaction)


def _time(at: Instant, ledger: Ledger) -> datetime:
    return to_utc(at.wall if at.trusted else at.wall + ledger.correction_s)


def error_code(fault: str | None) -> v16.ChargePointErrorCode:
    return "NoError" if fault is None else ERRORS.get(fault, "OtherError")


def _status(fact: StatusChanged, ledger: Ledger) -> Message:
    return v16.StatusNotificationRequest(
        connector_id=fact.evse,
        status=fact.status,
        error_code=error_code(fact.fault),
        info=fact.info,
        timestamp=_time(fact.at, ledger),
    )


def _meter_value(at: Instant, sample: Sample, trigger: Trigger, ledger: Ledger) -> v16.MeterValue:
    return v16.MeterValue(
        timestamp=_time(at, ledger), sampled_value=sampled_values(sample, CONTEXTS[trigger])
    )


def transaction_data(stop: SessionStopped, ledger: Ledger) -> tuple[v16.MeterValue, ...]:
    """Begin, samples and end; where they are too many, samples go evenly (R16-091)."""
    if stop.sample is None:
        return ()
    begin, samples = [], []
    for fact in ledger.before:
        match fact:
            case SessionStarted(sample=Sample() as taken):
                begin.append(_meter_value(fact.at, taken, "Begin", ledger))
            case SessionMetered(for_stop=wanted) if wanted:
                taken = msgspec.structs.replace(fact.sample, measurands=wanted)
                samples.append(_meter_value(fact.at, taken, fact.trigger, ledger))
    end = _meter_value(stop.at, stop.sample, "End", ledger)
    room = max(STOP_MAX_VALUES - len(begin) - 1, 1)
    every = -(-len(samples) // room) or 1
    return (*begin, *samples[::every], end)


def verdict(info: v16.IdTagInfo, now_wall: float) -> Verdict:
    """An expiry date in the past means Expired (R16-058)."""
    expired = info.expiry_date is not None and from_utc(info.expiry_date) <= now_wall
    status = "Expired" if expired and info.status == "Accepted" else info.status
    expires = None if info.expiry_date is None else from_utc(info.expiry_date)
    return Verdict(status, info.parent_id_tag, expires)


def answer(response: Message, now_wall: float) -> Outcome:
    """What a response means for the fact that was told."""
    match response:
        case v16.StartTransactionResponse():
            known = verdict(response.id_tag_info, now_wall)
            return TransactionKnown(str(response.transaction_id), known)
        case v16.StopTransactionResponse(id_tag_info=v16.IdTagInfo() as info):
            return verdict(info, now_wall)
        case v16.AuthorizeResponse():
            return verdict(response.id_tag_info, now_wall)
        case _:
            return Delivered()


def order(message: Message) -> Order:
    """What a request of the central system asks of the station. Raises Unsupported."""
    match message:
        case v16.RemoteStartTransactionRequest():
            return RemoteStart(message.id_tag, message.connector_id)
        case v16.RemoteStopTransactionRequest():
            return RemoteStop(str(message.transaction_id))
        case v16.ReserveNowRequest():
            return Reserve(
                message.reservation_id,
                message.connector_id,
                message.id_tag,
                message.parent_id_tag,
                from_utc(message.expiry_date),
            )
        case v16.CancelReservationRequest():
            return CancelReservation(message.reservation_id)
        case v16.TriggerMessageRequest():
            return TriggerOrder(
                TRIGGERS.get(message.requested_message, "Other"), message.connector_id
            )
        case _:
            return _configuration_order(message)


def _configuration_order(message: Message) -> Order:
    match message:
        case v16.GetConfigurationRequest():
            return GetSettings(message.key)
        case v16.ChangeConfigurationRequest():
            return ChangeSetting(message.key, message.value)
        case v16.ClearCacheRequest():
            return ClearCache()
        case v16.ResetRequest():
            return Reset(message.type)
        case v16.UnlockConnectorRequest():
            return Unlock(message.connector_id)
        case v16.ChangeAvailabilityRequest():
            return ChangeAvailability(message.connector_id, message.type == "Operative")
        case _:
            raise Unsupported(type(message).__name__.removesuffix("Request"))


TRIGGERS: dict[v16.MessageTrigger, Triggered] = {
    "BootNotification": "Boot",
    "Heartbeat": "Heartbeat",
    "MeterValues": "MeterValues",
    "StatusNotification": "Status",
}


def reply(message: Message, outcome: OrderOutcome) -> Message:
    """The response to a request, from how the order was answered."""
    if isinstance(message, v16.GetConfigurationRequest):
        shown = tuple(
            v16.KeyValue(key=s.key, readonly=s.readonly, value=s.value) for s in outcome.settings
        )
        return v16.GetConfigurationResponse(configuration_key=shown, unknown_key=outcome.unknown)
    operation = next(o for o in v16.CHARGE_POINT.operations if o.request is type(message))
    return msgspec.convert({"status": outcome.status}, operation.response)
