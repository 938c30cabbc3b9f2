"""The station's settings: one typed table with name, type, default, check and OCPP 1.x key."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec

from firmware.facts import SettingShown

MEASURANDS = (
    "Energy.Active.Import.Register",
    "Power.Active.Import",
    "Current.Import",
    "Voltage",
    "Current.Offered",
    "Power.Offered",
    "Frequency",
    "SoC",
)
"""What this station can measure; those in `PHASED` also per phase, as `Voltage.L1`."""
PHASED = ("Current.Import", "Voltage")
PHASES = ("L1", "L2", "L3")
MOST_MEASURANDS = len(MEASURANDS) + len(PHASED) * len(PHASES)
ROTATIONS = ("NotApplicable", "Unknown", "RST", "RTS", "SRT", "STR", "TRS", "TSR")

ChangeStatus = Literal["Accepted", "Rejected", "NotSupported"]


def key(name: str, *, readonly: bool = False) -> msgspec.Meta:
    """The OCPP 1.x configuration key of a setting."""
    return msgspec.Meta(extra={"key": name, "readonly": readonly})


Natural = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
Percent = Annotated[int, msgspec.Meta(ge=0, le=100)]
Measurands = Annotated[tuple[str, ...], msgspec.Meta(max_length=MOST_MEASURANDS)]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Present values. Intervals and timeouts in s, energies in Wh (keys: 16 §9.1)."""

    allow_offline_tx_for_unknown_id: Annotated[bool, key("AllowOfflineTxForUnknownId")] = False
    blink_repeat: Annotated[Natural, key("BlinkRepeat")] = 3
    cache_enabled: Annotated[bool, key("AuthorizationCacheEnabled")] = True
    authorize_remote_tx: Annotated[bool, key("AuthorizeRemoteTxRequests")] = False
    clock_aligned_interval: Annotated[Natural, key("ClockAlignedDataInterval")] = 0
    connection_timeout: Annotated[Natural, key("ConnectionTimeOut")] = 60
    phase_rotation: Annotated[tuple[str, ...], key("ConnectorPhaseRotation")] = ()
    heartbeat_interval: Annotated[Natural, key("HeartbeatInterval")] = 300
    light_intensity: Annotated[Percent, key("LightIntensity")] = 100
    local_authorize_offline: Annotated[bool, key("LocalAuthorizeOffline")] = True
    local_pre_authorize: Annotated[bool, key("LocalPreAuthorize")] = False
    max_energy_on_invalid_id: Annotated[Natural, key("MaxEnergyOnInvalidId")] = 0
    message_timeout: Annotated[Positive, key("MessageTimeout")] = 30
    aligned_measurands: Annotated[Measurands, key("MeterValuesAlignedData")] = (MEASURANDS[0],)
    sampled_measurands: Annotated[Measurands, key("MeterValuesSampledData")] = MEASURANDS[:4]
    sample_interval: Annotated[Natural, key("MeterValueSampleInterval")] = 60
    minimum_status_duration: Annotated[Natural, key("MinimumStatusDuration")] = 0
    reserve_zero: Annotated[bool, key("ReserveConnectorZeroSupported", readonly=True)] = True
    reset_retries: Annotated[Natural, key("ResetRetries")] = 1
    stop_on_ev_disconnect: Annotated[bool, key("StopTransactionOnEVSideDisconnect")] = True
    stop_on_invalid_id: Annotated[bool, key("StopTransactionOnInvalidId")] = True
    stop_aligned_measurands: Annotated[Measurands, key("StopTxnAlignedData")] = ()
    stop_sampled_measurands: Annotated[Measurands, key("StopTxnSampledData")] = ()
    message_attempts: Annotated[Positive, key("TransactionMessageAttempts")] = 3
    message_retry_interval: Annotated[Natural, key("TransactionMessageRetryInterval")] = 60
    unlock_on_ev_disconnect: Annotated[bool, key("UnlockConnectorOnEVSideDisconnect")] = True


class Row(msgspec.Struct, frozen=True):
    """One setting: our name for it, its key in OCPP 1.x, its type with checks."""

    name: str
    key: str
    readonly: bool
    type: Any


def _row(name: str, hint: Any) -> Row:
    extra = next(m.extra for m in get_args(hint)[1:] if m.extra is not None)
    return Row(name, extra["key"], extra["readonly"], hint)


TABLE = tuple(_row(*item) for item in get_type_hints(Settings, include_extras=True).items())
BY_KEY: Mapping[str, Row] = {row.key.lower(): row for row in TABLE}
"""Keys compare case-insensitively (CiString50, R16-011)."""


def to_text(value: object) -> str:
    """A value in OCPP 1.x notation: lower-case booleans, comma-separated lists."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(value) if isinstance(value, tuple) else str(value)


def from_text(row: Row, text: str) -> object:
    """Read OCPP 1.x notation. Raises ValueError (msgspec's included) for what does not fit."""
    kind = get_args(row.type)[0]
    value: object = text.strip()
    if kind is bool:
        value = {"true": True, "false": False}[str(value).lower()]
    elif kind is int:
        if not re.fullmatch(r"[+-]?\d{1,10}", text.strip()):
            raise ValueError("a whole number is expected")
        value = int(text)
    else:
        value = tuple(item for item in re.split(r"\s*,\s*", text.strip()) if item)
        _check_items(row, value)
    return msgspec.convert(value, row.type)


def _check_items(row: Row, items: tuple[str, ...]) -> None:
    if row.name == "phase_rotation":
        good = all(re.fullmatch(rf"\d+\.({'|'.join(ROTATIONS)})", item) for item in items)
    else:
        good = all(map(_measurable, items))
    if not good:
        raise ValueError(f"{row.key}: unsupported item in {','.join(items)}")


def _measurable(item: str) -> bool:
    name, _, phase = item.rpartition(".")
    return item in MEASURANDS or (name in PHASED and phase in PHASES)


def preset(settings: Settings, texts: Mapping[str, str]) -> tuple[Settings, tuple[str, ...]]:
    """Factory values from the site file; read-only settings may be preset too.

    Returns the settings and the keys that are not ours. Raises ValueError naming a bad value."""
    unknown = []
    for name, text in texts.items():
        row = BY_KEY.get(name.lower())
        if row is None:
            unknown.append(name)
            continue
        try:
            settings = msgspec.structs.replace(settings, **{row.name: from_text(row, text)})
        except (ValueError, KeyError) as error:
            raise ValueError(f"{row.key} = {text!r}: {_expected(row)}") from error
    return settings, tuple(unknown)


def _expected(row: Row) -> str:
    kind = get_args(row.type)[0]
    if kind is bool:
        return "expected true or false"
    if kind is int:
        return "expected a whole number within the limits of this key"
    return "expected a comma-separated list of supported items"


def change(settings: Settings, name: str, text: str) -> tuple[Settings, ChangeStatus]:
    """ChangeConfiguration (R16-183): unknown key, read-only or bad value leave all as it was."""
    row = BY_KEY.get(name.lower())
    if row is None:
        return settings, "Rejected" if name.lower() in COMPUTED else "NotSupported"
    if row.readonly:
        return settings, "Rejected"
    try:
        value = from_text(row, text)
    except (ValueError, KeyError):
        return settings, "Rejected"
    return msgspec.structs.replace(settings, **{row.name: value}), "Accepted"


def rotations_fit(rotations: tuple[str, ...], connectors: int) -> bool:
    """Each connector at most once, and none that does not exist (ConnectorPhaseRotationMaxLength,
    R16-185)."""
    named = [int(item.partition(".")[0]) for item in rotations]
    return len(set(named)) == len(named) and max(named, default=0) <= connectors


STOP_MAX_VALUES = 100
COMPUTED = {
    "connectorphaserotationmaxlength": "ConnectorPhaseRotationMaxLength",
    "getconfigurationmaxkeys": "GetConfigurationMaxKeys",
    "metervaluesaligneddatamaxlength": "MeterValuesAlignedDataMaxLength",
    "metervaluessampleddatamaxlength": "MeterValuesSampledDataMaxLength",
    "numberofconnectors": "NumberOfConnectors",
    "stoptransactionmaxmetervalues": "StopTransactionMaxMeterValues",
    "stoptxnaligneddatamaxlength": "StopTxnAlignedDataMaxLength",
    "stoptxnsampleddatamaxlength": "StopTxnSampledDataMaxLength",
    "supportedfeatureprofiles": "SupportedFeatureProfiles",
}
"""Keys whose value the station computes itself: always read-only, never preset."""


def _computed(lower: str, connectors: int) -> str:
    match lower:
        case "numberofconnectors":
            return str(connectors)
        case "connectorphaserotationmaxlength":
            return str(connectors + 1)
        case "supportedfeatureprofiles":
            return "Core,Reservation,RemoteTrigger"
        case "stoptransactionmaxmetervalues":
            return str(STOP_MAX_VALUES)
        case "getconfigurationmaxkeys":
            return str(len(TABLE) + len(COMPUTED))
        case _:
            return str(MOST_MEASURANDS)


def show(
    settings: Settings, keys: tuple[str, ...], connectors: int
) -> tuple[tuple[SettingShown, ...], tuple[str, ...]]:
    """GetConfiguration (R16-180): what is known of `keys`, or of all; and the unknown ones."""
    everything = {row.key.lower(): row.key for row in TABLE} | COMPUTED
    wanted = keys or tuple(sorted(everything.values()))
    shown = [
        _shown(settings, name.lower(), connectors) for name in wanted if name.lower() in everything
    ]
    return tuple(shown), tuple(name for name in wanted if name.lower() not in everything)


def _shown(settings: Settings, lower: str, connectors: int) -> SettingShown:
    row = BY_KEY.get(lower)
    if row is None:
        return SettingShown(COMPUTED[lower], _computed(lower, connectors), readonly=True)
    return SettingShown(row.key, to_text(getattr(settings, row.name)), row.readonly)
