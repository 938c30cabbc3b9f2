"""GetConfiguration, ChangeConfiguration and presets (R16-180 ... R16-187)."""

import pytest

from firmware.core.settings import BY_KEY, COMPUTED, TABLE, Settings, change, preset, show
from firmware.facts import OrderOutcome, SettingShown
from firmware.orders import ChangeSetting, GetSettings
from tests.firmware.rig import Rig

REQUIRED = {
    *("AuthorizeRemoteTxRequests", "ClockAlignedDataInterval", "ConnectionTimeOut"),
    *("ConnectorPhaseRotation", "GetConfigurationMaxKeys", "HeartbeatInterval"),
    *("LocalAuthorizeOffline", "LocalPreAuthorize", "MeterValuesAlignedData"),
    *("MeterValuesSampledData", "MeterValueSampleInterval", "NumberOfConnectors"),
    *("ResetRetries", "StopTransactionOnEVSideDisconnect", "StopTransactionOnInvalidId"),
    *("StopTxnAlignedData", "StopTxnSampledData", "SupportedFeatureProfiles"),
    *("TransactionMessageAttempts", "TransactionMessageRetryInterval"),
    "UnlockConnectorOnEVSideDisconnect",
}
READ_ONLY = {"GetConfigurationMaxKeys", "NumberOfConnectors", "SupportedFeatureProfiles"}
"""Of the required ones (16 §9.1)."""


def shown(rig: Rig, *keys: str) -> dict[str, str]:
    return {s.key: s.value for s in rig.orders(GetSettings(keys)).settings}


def set_to(rig: Rig, key: str, value: str) -> str:
    return rig.orders(ChangeSetting(key, value)).status


# --- get ------------------------------------------------------------------------------------------


def test_no_keys_are_all_keys() -> None:
    """R16-180, R16-187; TC_019: every required key, with its accessibility."""
    outcome = Rig(2).orders(GetSettings())
    readonly = {s.key: s.readonly for s in outcome.settings}
    assert readonly.keys() >= REQUIRED
    assert {key for key in REQUIRED if readonly[key]} == READ_ONLY
    assert len(readonly) == len(outcome.settings) == len(TABLE) + len(COMPUTED)
    assert outcome.unknown == ()


def test_some_keys() -> None:
    """R16-180: known and unknown apart; keys compare without case (R16-011)."""
    outcome = Rig().orders(GetSettings(("connectiontimeout", "Nonsense", "NUMBEROFCONNECTORS")))
    assert outcome.settings == (
        SettingShown("ConnectionTimeOut", "60", readonly=False),
        SettingShown("NumberOfConnectors", "1", readonly=True),
    )
    assert outcome.unknown == ("Nonsense",)


def test_what_the_station_computes() -> None:
    values = shown(Rig(2))
    assert values["NumberOfConnectors"] == "2"
    assert values["ConnectorPhaseRotationMaxLength"] == "3"
    assert values["SupportedFeatureProfiles"] == "Core,Reservation,RemoteTrigger"
    assert values["GetConfigurationMaxKeys"] == str(len(values))
    assert values["MeterValuesSampledDataMaxLength"] == "14"


def test_notation() -> None:
    """16 §9: lower-case booleans, comma-separated lists."""
    values = shown(Rig())
    assert values["StopTransactionOnInvalidId"] == "true"
    assert values["LocalPreAuthorize"] == "false"
    assert values["StopTxnSampledData"] == ""
    assert values["MeterValuesSampledData"] == (
        "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage"
    )


# --- change ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "stored"),
    [
        ("ConnectionTimeOut", "0", "0"),
        ("connectiontimeout", "+30", "30"),
        ("HeartbeatInterval", "2147483647", "2147483647"),
        ("LocalPreAuthorize", "TRUE", "true"),
        ("StopTransactionOnInvalidId", " False ", "false"),
        ("MeterValuesSampledData", "", ""),
        ("MeterValuesSampledData", "SoC , Voltage.L1,Current.Import.L3", None),
        ("ConnectorPhaseRotation", "0.RST,1.NotApplicable", "0.RST,1.NotApplicable"),
        ("TransactionMessageAttempts", "1", "1"),
    ],
)
def test_accepted(key: str, value: str, stored: str | None) -> None:
    rig = Rig()
    assert set_to(rig, key, value) == "Accepted"
    want = "SoC,Voltage.L1,Current.Import.L3" if stored is None else stored
    assert list(shown(rig, key).values()) == [want]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("NumberOfConnectors", "2"),
        ("ReserveConnectorZeroSupported", "false"),
        ("MeterValueSampleInterval", "-1"),
        ("MeterValueSampleInterval", ""),
        ("MeterValueSampleInterval", "1.5"),
        ("MeterValueSampleInterval", "1e3"),
        ("MeterValueSampleInterval", "2147483648"),
        ("MeterValueSampleInterval", "0x10"),
        ("TransactionMessageAttempts", "0"),
        ("MessageTimeout", "0"),
        ("LocalPreAuthorize", "1"),
        ("LocalPreAuthorize", ""),
        ("MeterValuesSampledData", "Nonsense"),
        ("MeterValuesSampledData", "Voltage,voltage"),
        ("MeterValuesSampledData", "SoC.L1"),
        ("MeterValuesSampledData", "Voltage.L4"),
        ("MeterValuesSampledData", ",".join(["Voltage"] * 15)),
        ("ConnectorPhaseRotation", "RST"),
        ("ConnectorPhaseRotation", "1.RRR"),
        ("ConnectorPhaseRotation", "x.RST"),
        ("ConnectorPhaseRotation", "2.RST"),
        ("ConnectorPhaseRotation", "1.RST,1.TSR"),
    ],
)
def test_rejected(key: str, value: str) -> None:
    """R16-183 (TC_040_2), R16-185: and everything stays as it was."""
    rig = Rig()
    before = rig.state
    assert set_to(rig, key, value) == "Rejected"
    assert rig.state == before


def test_unknown_key() -> None:
    """R16-183 (TC_040_1)."""
    assert set_to(Rig(), "Nonsense", "1") == "NotSupported"


def test_change_is_stored() -> None:
    """R16-186: the newest value of each key, in the standard's notation."""
    rig = Rig()
    set_to(rig, "connectiontimeout", "10")
    set_to(rig, "ConnectionTimeOut", "20")
    set_to(rig, "LocalPreAuthorize", "TRUE")
    assert rig.disk.changed == (("ConnectionTimeOut", "20"), ("LocalPreAuthorize", "true"))


def test_change_takes_effect_at_once() -> None:
    """R16-186."""
    rig = Rig()
    set_to(rig, "ConnectionTimeOut", "5")
    rig.taps()
    rig.passes(5)
    assert rig.status() == "Available"


def test_every_setting_can_be_read_back_as_it_is_shown() -> None:
    settings = Settings()
    for s in show(settings, (), 2)[0]:
        if s.key.lower() in BY_KEY and not s.readonly:
            assert change(settings, s.key, s.value) == (settings, "Accepted")


def test_answer_to_a_change_shows_nothing() -> None:
    outcome = Rig().orders(ChangeSetting("ConnectionTimeOut", "10"))
    assert outcome == OrderOutcome("Accepted")


# --- presets --------------------------------------------------------------------------------------


def test_preset() -> None:
    """Read-only ones may be preset too; what is not ours is named."""
    settings, unknown = preset(
        Settings(),
        {"heartbeatinterval": "7", "ReserveConnectorZeroSupported": "false", "Strange": "1"},
    )
    assert (settings.heartbeat_interval, settings.reserve_zero) == (7, False)
    assert unknown == ("Strange",)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("HeartbeatInterval", "soon", "a whole number"),
        ("LocalPreAuthorize", "perhaps", "true or false"),
        ("MeterValuesSampledData", "Nonsense", "a comma-separated list"),
    ],
)
def test_bad_preset_is_named(key: str, value: str, expected: str) -> None:
    with pytest.raises(ValueError, match=f"{key} = '{value}': expected {expected}"):
        preset(Settings(), {key.lower(): value})
