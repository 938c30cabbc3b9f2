"""Every configuration key over the wire: access, what it accepts, and what it refuses."""

from collections.abc import Generator

import pytest

from ocpp.v16 import (
    ChangeConfigurationRequest,
    GetConfigurationRequest,
    GetConfigurationResponse,
)
from tests.rules import KEYS, rule

from .kept import Kept, keeping

BOOL = (["true", "false", "TRUE"], ["", "1", "yes"])
SECONDS = (["0", "17", "2147483647"], ["-1", "1.5", "soon", "", "2147483648"])
POSITIVE = (["1", "17"], ["0", "-1", "many"])
LIST = (
    [
        "Energy.Active.Import.Register",
        "Voltage.L1, Current.Import.L3",
        "Power.Active.Import,Current.Import,Voltage,Current.Offered,Power.Offered,Frequency,SoC",
        "",
    ],
    ["Temperature", "voltage", "Voltage.L4", "SoC.L1", "Voltage;SoC", ",".join(["SoC"] * 15)],
)
VALUES: dict[str, tuple[list[str], list[str]]] = {
    "AllowOfflineTxForUnknownId": BOOL,
    "AuthorizationCacheEnabled": BOOL,
    "AuthorizeRemoteTxRequests": BOOL,
    "BlinkRepeat": SECONDS,
    "ClockAlignedDataInterval": SECONDS,
    "ConnectionTimeOut": SECONDS,
    "ConnectorPhaseRotation": (
        ["0.Unknown,1.RST,2.TSR", "1.NotApplicable", "0.Unknown, 1.RTS"],
        ["RST", "1.XYZ", "1.rst", "one.RST", "3.RST", "1.RST,1.RST", "0.RST,1.RST,2.RST,2.RST"],
    ),
    "HeartbeatInterval": (["3600", "86400"], ["-1", "often"]),
    "LightIntensity": (["0", "100"], ["-1", "101", "bright"]),
    "LocalAuthorizeOffline": BOOL,
    "LocalPreAuthorize": BOOL,
    "MaxEnergyOnInvalidId": SECONDS,
    "MessageTimeout": POSITIVE,
    "MeterValueSampleInterval": SECONDS,
    "MeterValuesAlignedData": LIST,
    "MeterValuesSampledData": LIST,
    "MinimumStatusDuration": (["0", "1"], ["-1", "never"]),
    "ResetRetries": SECONDS,
    "StopTransactionOnEVSideDisconnect": BOOL,
    "StopTransactionOnInvalidId": BOOL,
    "StopTxnAlignedData": LIST,
    "StopTxnSampledData": LIST,
    "TransactionMessageAttempts": POSITIVE,
    "TransactionMessageRetryInterval": SECONDS,
    "UnlockConnectorOnEVSideDisconnect": BOOL,
}
READ_ONLY = {
    "ConnectorPhaseRotationMaxLength": "3",
    "GetConfigurationMaxKeys": str(len(KEYS)),
    "MeterValuesAlignedDataMaxLength": "14",
    "MeterValuesSampledDataMaxLength": "14",
    "NumberOfConnectors": "2",
    "ReserveConnectorZeroSupported": "true",
    "StopTransactionMaxMeterValues": "100",
    "StopTxnAlignedDataMaxLength": "14",
    "StopTxnSampledDataMaxLength": "14",
    "SupportedFeatureProfiles": "Core,Reservation,RemoteTrigger",
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Generator[Kept]:
    yield from keeping(tmp_path_factory, evses=2)


@pytest.fixture
def cp(kept: Kept) -> Generator[Kept]:
    yield kept
    kept.tidy()


def change(cp: Kept, key: str, value: str) -> str:
    return cp.ask(ChangeConfigurationRequest(key=key, value=value))


def spelt(text: str) -> str:
    """As it is told: lower-case booleans, no spaces in lists."""
    return text.lower() if text == "TRUE" else text.replace(" ", "")


@pytest.mark.parametrize("key", [pytest.param(key, marks=rule(key)) for key in VALUES])
@rule("R16-182", "R16-183", "R16-185")
def test_a_key_that_may_be_changed(kept: Kept, key: str) -> None:
    accepted, rejected = VALUES[key]
    before, readonly = kept.keys(key)[key]
    assert not readonly
    for value in accepted:
        assert change(kept, key, value) == "Accepted"
        assert kept.keys(key.lower()) == {key: (spelt(value), False)}
    for value in rejected:
        assert change(kept, key, value) == "Rejected", value
    assert kept.keys(key)[key] == (spelt(accepted[-1]), False)
    assert change(kept, key, str(before)) == "Accepted"


@pytest.mark.parametrize("key", [pytest.param(key, marks=rule(key)) for key in READ_ONLY])
@rule("R16-182", "R16-183")
def test_a_key_that_is_read_only(kept: Kept, key: str) -> None:
    assert change(kept, key, "1") == "Rejected"
    assert kept.keys(key) == {key: (READ_ONLY[key], True)}


@rule("R16-180", "R16-187")
def test_all_keys_at_once(kept: Kept) -> None:
    shown = kept.keys()
    access = {key: "R" if readonly else "RW" for key, (_, readonly) in shown.items()}
    assert access == KEYS
    assert VALUES.keys() | READ_ONLY.keys() == KEYS.keys()
    assert len(shown) == int(shown["GetConfigurationMaxKeys"][0] or "")


@rule("R16-011", "R16-180", "R16-183")
def test_known_and_unknown_apart(kept: Kept) -> None:
    answer = kept.central.ask(GetConfigurationRequest(key=("NOPE", "heartbeatinterval", "Nix")))
    assert isinstance(answer, GetConfigurationResponse)
    assert [row.key for row in answer.configuration_key] == ["HeartbeatInterval"]
    assert answer.unknown_key == ("NOPE", "Nix")
    assert change(kept, "Nope", "1") == "NotSupported"


@rule("R16-186")
def test_what_was_changed_outlasts_a_power_cut(cp: Kept) -> None:
    cp.set(LightIntensity=40, StopTxnSampledData="Voltage", LocalPreAuthorize=True)
    cp.station.again()
    cp.status("Available")
    shown = cp.keys("LightIntensity", "StopTxnSampledData", "LocalPreAuthorize", "BlinkRepeat")
    assert [value for value, _ in shown.values()] == ["40", "Voltage", "true", "3"]
