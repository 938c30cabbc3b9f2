"""OCPP 1.6: the messages of Core, Reservation and Remote Trigger, and the two services they make.

Field order is the order of the published interface (16 §6 and §7, S16 §4): XML needs it.
"""

from typing import Annotated, Literal

from msgspec import Meta

from ocpp.message import (
    DateTime,
    DecimalOne,
    Int,
    Message,
    Operation,
    Service,
    check_one_decimal,
)

# --- simple types -----------------------------------------------------------------------------

IdToken = Annotated[str, Meta(max_length=20, title="IdToken")]
CiString20 = Annotated[str, Meta(max_length=20, title="CiString20Type")]
CiString25 = Annotated[str, Meta(max_length=25, title="CiString25Type")]
CiString50 = Annotated[str, Meta(max_length=50, title="CiString50Type")]
CiString255 = Annotated[str, Meta(max_length=255, title="CiString255Type")]
CiString500 = Annotated[str, Meta(max_length=500, title="CiString500Type")]

AuthorizationStatus = Annotated[
    Literal["Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"],
    Meta(title="AuthorizationStatus"),
]
AvailabilityStatus = Annotated[
    Literal["Accepted", "Rejected", "Scheduled"], Meta(title="AvailabilityStatus")
]
AvailabilityType = Annotated[Literal["Inoperative", "Operative"], Meta(title="AvailabilityType")]
CancelReservationStatus = Annotated[
    Literal["Accepted", "Rejected"], Meta(title="CancelReservationStatus")
]
ChargePointErrorCode = Annotated[
    Literal[
        "ConnectorLockFailure",
        "EVCommunicationError",
        "GroundFailure",
        "HighTemperature",
        "InternalError",
        "LocalListConflict",
        "NoError",
        "OtherError",
        "OverCurrentFailure",
        "OverVoltage",
        "PowerMeterFailure",
        "PowerSwitchFailure",
        "ReaderFailure",
        "ResetFailure",
        "UnderVoltage",
        "WeakSignal",
    ],
    Meta(title="ChargePointErrorCode"),
]
ChargePointStatus = Annotated[
    Literal[
        "Available",
        "Preparing",
        "Charging",
        "SuspendedEV",
        "SuspendedEVSE",
        "Finishing",
        "Reserved",
        "Faulted",
        "Unavailable",
    ],
    Meta(title="ChargePointStatus"),
]
ChargingProfileKindType = Annotated[
    Literal["Absolute", "Recurring", "Relative"], Meta(title="ChargingProfileKindType")
]
ChargingProfilePurposeType = Annotated[
    Literal["ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"],
    Meta(title="ChargingProfilePurposeType"),
]
ChargingRateUnitType = Annotated[Literal["W", "A"], Meta(title="ChargingRateUnitType")]
ClearCacheStatus = Annotated[Literal["Accepted", "Rejected"], Meta(title="ClearCacheStatus")]
ConfigurationStatus = Annotated[
    Literal["Accepted", "Rejected", "NotSupported", "RebootRequired"],
    Meta(title="ConfigurationStatus"),
]
DataTransferStatus = Annotated[
    Literal["Accepted", "Rejected", "UnknownMessageId", "UnknownVendorId"],
    Meta(title="DataTransferStatus"),
]
Location = Annotated[
    Literal["Body", "Cable", "EV", "Inlet", "Outlet"],
    Meta(title="Location"),
]
Measurand = Annotated[
    Literal[
        "Current.Export",
        "Current.Import",
        "Current.Offered",
        "Energy.Active.Export.Register",
        "Energy.Active.Import.Register",
        "Energy.Reactive.Export.Register",
        "Energy.Reactive.Import.Register",
        "Energy.Active.Export.Interval",
        "Energy.Active.Import.Interval",
        "Energy.Reactive.Export.Interval",
        "Energy.Reactive.Import.Interval",
        "Frequency",
        "Power.Active.Export",
        "Power.Active.Import",
        "Power.Factor",
        "Power.Offered",
        "Power.Reactive.Export",
        "Power.Reactive.Import",
        "RPM",
        "SoC",
        "Temperature",
        "Voltage",
    ],
    Meta(title="Measurand"),
]
MessageTrigger = Annotated[
    Literal[
        "BootNotification",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "MeterValues",
        "StatusNotification",
    ],
    Meta(title="MessageTrigger"),
]
Phase = Annotated[
    Literal["L1", "L2", "L3", "N", "L1-N", "L2-N", "L3-N", "L1-L2", "L2-L3", "L3-L1"],
    Meta(title="Phase"),
]
ReadingContext = Annotated[
    Literal[
        "Interruption.Begin",
        "Interruption.End",
        "Other",
        "Sample.Clock",
        "Sample.Periodic",
        "Transaction.Begin",
        "Transaction.End",
        "Trigger",
    ],
    Meta(title="ReadingContext"),
]
Reason = Annotated[
    Literal[
        "EmergencyStop",
        "EVDisconnected",
        "HardReset",
        "Local",
        "Other",
        "PowerLoss",
        "Reboot",
        "Remote",
        "SoftReset",
        "UnlockCommand",
        "DeAuthorized",
    ],
    Meta(title="Reason"),
]
RecurrencyKindType = Annotated[Literal["Daily", "Weekly"], Meta(title="RecurrencyKindType")]
RegistrationStatus = Annotated[
    Literal["Accepted", "Pending", "Rejected"], Meta(title="RegistrationStatus")
]
RemoteStartStopStatus = Annotated[
    Literal["Accepted", "Rejected"], Meta(title="RemoteStartStopStatus")
]
ReservationStatus = Annotated[
    Literal["Accepted", "Faulted", "Occupied", "Rejected", "Unavailable"],
    Meta(title="ReservationStatus"),
]
ResetStatus = Annotated[Literal["Accepted", "Rejected"], Meta(title="ResetStatus")]
ResetType = Annotated[Literal["Hard", "Soft"], Meta(title="ResetType")]
TriggerMessageStatus = Annotated[
    Literal["Accepted", "Rejected", "NotImplemented"], Meta(title="TriggerMessageStatus")
]
UnitOfMeasure = Annotated[
    Literal[
        "Celsius",
        "Fahrenheit",
        "Wh",
        "kWh",
        "varh",
        "kvarh",
        "W",
        "kW",
        "VA",
        "kVA",
        "var",
        "kvar",
        "A",
        "V",
        "K",
        "Percent",
    ],
    Meta(title="UnitOfMeasure"),
]
UnlockStatus = Annotated[
    Literal["Unlocked", "UnlockFailed", "NotSupported"], Meta(title="UnlockStatus")
]
ValueFormat = Annotated[Literal["Raw", "SignedData"], Meta(title="ValueFormat")]

# --- parts of messages ------------------------------------------------------------------------


class IdTagInfo(Message, frozen=True, kw_only=True):
    status: AuthorizationStatus
    expiry_date: DateTime | None = None
    parent_id_tag: IdToken | None = None


class SampledValue(Message, frozen=True, kw_only=True):
    """One reading. What is absent has the default of the standard: see 16 §7.43."""

    value: str
    context: ReadingContext | None = None
    format: ValueFormat | None = None
    measurand: Measurand | None = None
    phase: Phase | None = None
    location: Location | None = None
    unit: UnitOfMeasure | None = None


class MeterValue(Message, frozen=True, kw_only=True):
    timestamp: DateTime
    sampled_value: Annotated[tuple[SampledValue, ...], Meta(min_length=1)]


class KeyValue(Message, frozen=True, kw_only=True):
    key: CiString50
    readonly: bool
    value: CiString500 | None = None


class ChargingSchedulePeriod(Message, frozen=True, kw_only=True):
    """From `start_period` seconds on, `limit` in the schedule's unit (A or W)."""

    start_period: Int
    limit: DecimalOne
    number_phases: Int | None = None

    def __post_init__(self) -> None:
        check_one_decimal(self.limit)


class ChargingSchedule(Message, frozen=True, kw_only=True):
    duration: Int | None = None
    start_schedule: DateTime | None = None
    charging_rate_unit: ChargingRateUnitType
    charging_schedule_period: Annotated[tuple[ChargingSchedulePeriod, ...], Meta(min_length=1)]
    min_charging_rate: DecimalOne | None = None

    def __post_init__(self) -> None:
        check_one_decimal(self.min_charging_rate)


class ChargingProfile(Message, frozen=True, kw_only=True):
    charging_profile_id: Int
    transaction_id: Int | None = None
    stack_level: Int
    charging_profile_purpose: ChargingProfilePurposeType
    charging_profile_kind: ChargingProfileKindType
    recurrency_kind: RecurrencyKindType | None = None
    valid_from: DateTime | None = None
    valid_to: DateTime | None = None
    charging_schedule: ChargingSchedule


# --- charge point to central system -----------------------------------------------------------


class AuthorizeRequest(Message, frozen=True, kw_only=True):
    id_tag: IdToken


class AuthorizeResponse(Message, frozen=True, kw_only=True):
    id_tag_info: IdTagInfo


class BootNotificationRequest(Message, frozen=True, kw_only=True):
    charge_point_vendor: CiString20
    charge_point_model: CiString20
    charge_point_serial_number: CiString25 | None = None
    charge_box_serial_number: CiString25 | None = None
    firmware_version: CiString50 | None = None
    iccid: CiString20 | None = None
    imsi: CiString20 | None = None
    meter_type: CiString25 | None = None
    meter_serial_number: CiString25 | None = None


class BootNotificationResponse(Message, frozen=True, kw_only=True):
    """`interval` in seconds: between heartbeats, or before the next try if not accepted."""

    status: RegistrationStatus
    current_time: DateTime
    interval: Int


class HeartbeatRequest(Message, frozen=True, kw_only=True):
    pass


class HeartbeatResponse(Message, frozen=True, kw_only=True):
    current_time: DateTime


class MeterValuesRequest(Message, frozen=True, kw_only=True):
    connector_id: Int
    transaction_id: Int | None = None
    meter_value: tuple[MeterValue, ...] = ()


class MeterValuesResponse(Message, frozen=True, kw_only=True):
    pass


class StartTransactionRequest(Message, frozen=True, kw_only=True):
    """`meter_start` in Wh."""

    connector_id: Int
    id_tag: IdToken
    timestamp: DateTime
    meter_start: Int
    reservation_id: Int | None = None


class StartTransactionResponse(Message, frozen=True, kw_only=True):
    transaction_id: Int
    id_tag_info: IdTagInfo


class StatusNotificationRequest(Message, frozen=True, kw_only=True):
    connector_id: Int
    status: ChargePointStatus
    error_code: ChargePointErrorCode
    info: CiString50 | None = None
    timestamp: DateTime | None = None
    vendor_id: CiString255 | None = None
    vendor_error_code: CiString50 | None = None


class StatusNotificationResponse(Message, frozen=True, kw_only=True):
    pass


class StopTransactionRequest(Message, frozen=True, kw_only=True):
    """`meter_stop` in Wh."""

    transaction_id: Int
    id_tag: IdToken | None = None
    timestamp: DateTime
    meter_stop: Int
    reason: Reason | None = None
    transaction_data: tuple[MeterValue, ...] = ()


class StopTransactionResponse(Message, frozen=True, kw_only=True):
    id_tag_info: IdTagInfo | None = None


# --- either way -------------------------------------------------------------------------------


class DataTransferRequest(Message, frozen=True, kw_only=True):
    vendor_id: CiString255
    message_id: CiString50 | None = None
    data: str | None = None


class DataTransferResponse(Message, frozen=True, kw_only=True):
    status: DataTransferStatus
    data: str | None = None


# --- central system to charge point -----------------------------------------------------------


class CancelReservationRequest(Message, frozen=True, kw_only=True):
    reservation_id: Int


class CancelReservationResponse(Message, frozen=True, kw_only=True):
    status: CancelReservationStatus


class ChangeAvailabilityRequest(Message, frozen=True, kw_only=True):
    connector_id: Int
    type: AvailabilityType


class ChangeAvailabilityResponse(Message, frozen=True, kw_only=True):
    status: AvailabilityStatus


class ChangeConfigurationRequest(Message, frozen=True, kw_only=True):
    key: CiString50
    value: CiString500


class ChangeConfigurationResponse(Message, frozen=True, kw_only=True):
    status: ConfigurationStatus


class ClearCacheRequest(Message, frozen=True, kw_only=True):
    pass


class ClearCacheResponse(Message, frozen=True, kw_only=True):
    status: ClearCacheStatus


class GetConfigurationRequest(Message, frozen=True, kw_only=True):
    key: tuple[CiString50, ...] = ()


class GetConfigurationResponse(Message, frozen=True, kw_only=True):
    configuration_key: tuple[KeyValue, ...] = ()
    unknown_key: tuple[CiString50, ...] = ()


class RemoteStartTransactionRequest(Message, frozen=True, kw_only=True):
    connector_id: Int | None = None
    id_tag: IdToken
    charging_profile: ChargingProfile | None = None


class RemoteStartTransactionResponse(Message, frozen=True, kw_only=True):
    status: RemoteStartStopStatus


class RemoteStopTransactionRequest(Message, frozen=True, kw_only=True):
    transaction_id: Int


class RemoteStopTransactionResponse(Message, frozen=True, kw_only=True):
    status: RemoteStartStopStatus


class ReserveNowRequest(Message, frozen=True, kw_only=True):
    connector_id: Int
    expiry_date: DateTime
    id_tag: IdToken
    parent_id_tag: IdToken | None = None
    reservation_id: Int


class ReserveNowResponse(Message, frozen=True, kw_only=True):
    status: ReservationStatus


class ResetRequest(Message, frozen=True, kw_only=True):
    type: ResetType


class ResetResponse(Message, frozen=True, kw_only=True):
    status: ResetStatus


class TriggerMessageRequest(Message, frozen=True, kw_only=True):
    requested_message: MessageTrigger
    connector_id: Int | None = None


class TriggerMessageResponse(Message, frozen=True, kw_only=True):
    status: TriggerMessageStatus


class UnlockConnectorRequest(Message, frozen=True, kw_only=True):
    connector_id: Int


class UnlockConnectorResponse(Message, frozen=True, kw_only=True):
    status: UnlockStatus


# --- services ---------------------------------------------------------------------------------

DATA_TRANSFER = Operation("DataTransfer", DataTransferRequest, DataTransferResponse)

CENTRAL_SYSTEM = Service(
    name="CentralSystemService",
    namespace="urn://Ocpp/Cs/2015/10/",
    identity_header="chargeBoxIdentity",
    operations=(
        Operation("Authorize", AuthorizeRequest, AuthorizeResponse),
        Operation("BootNotification", BootNotificationRequest, BootNotificationResponse),
        DATA_TRANSFER,
        Operation("Heartbeat", HeartbeatRequest, HeartbeatResponse),
        Operation("MeterValues", MeterValuesRequest, MeterValuesResponse),
        Operation("StartTransaction", StartTransactionRequest, StartTransactionResponse),
        Operation("StatusNotification", StatusNotificationRequest, StatusNotificationResponse),
        Operation("StopTransaction", StopTransactionRequest, StopTransactionResponse),
    ),
)
"""What a central system offers its charge points."""

CHARGE_POINT = Service(
    name="ChargePointService",
    namespace="urn://Ocpp/Cp/2015/10/",
    identity_header="chargeBoxIdentity",
    operations=(
        Operation("CancelReservation", CancelReservationRequest, CancelReservationResponse),
        Operation("ChangeAvailability", ChangeAvailabilityRequest, ChangeAvailabilityResponse),
        Operation("ChangeConfiguration", ChangeConfigurationRequest, ChangeConfigurationResponse),
        Operation("ClearCache", ClearCacheRequest, ClearCacheResponse),
        DATA_TRANSFER,
        Operation("GetConfiguration", GetConfigurationRequest, GetConfigurationResponse),
        Operation(
            "RemoteStartTransaction", RemoteStartTransactionRequest, RemoteStartTransactionResponse
        ),
        Operation(
            "RemoteStopTransaction", RemoteStopTransactionRequest, RemoteStopTransactionResponse
        ),
        Operation("ReserveNow", ReserveNowRequest, ReserveNowResponse),
        Operation("Reset", ResetRequest, ResetResponse),
        Operation("TriggerMessage", TriggerMessageRequest, TriggerMessageResponse),
        Operation("UnlockConnector", UnlockConnectorRequest, UnlockConnectorResponse),
    ),
)
"""What a charge point offers its central system."""
