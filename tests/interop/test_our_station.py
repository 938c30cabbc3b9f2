"""The whole of our charge point, with the fake board, at a foreign central system."""

from pathlib import Path

from tests.interop.foreign import CARD, REFUSED_CARD, Peer, Told
from tests.interop.station import Station


def boots(central: Peer) -> None:
    """The station said who it is, where it listens, and that it is ready for a car."""
    boot = central.heard("BootNotification", chargePointVendor="Pilotwire")
    assert boot.line["identity"] == "cp001"
    assert boot.line["from"].startswith("http://127.0.0.1:")
    central.heard("StatusNotification", connectorId="1", status="Available")


def watt_hours(told: Told, field: str) -> int:
    text = told[field]
    assert text is not None
    return int(text)


def test_charges_a_car(foreign_central: Peer, tmp_path: Path) -> None:
    with Station(foreign_central.url, tmp_path) as station:
        boots(foreign_central)
        foreign_central.heard("Heartbeat")
        station.post("rfid", token=CARD, evses=[1])
        foreign_central.heard("Authorize", idTag=CARD)
        station.post("ev/plug-in", evse=1, connector=1)
        start = foreign_central.heard("StartTransaction", connectorId="1", idTag=CARD)
        foreign_central.heard("StatusNotification", connectorId="1", status="Charging")
        foreign_central.heard("MeterValues", connectorId="1", transactionId="1")
        assert foreign_central.command("remotestop", "cp001", 1)["status"] == "Accepted"
        stop = foreign_central.heard("StopTransaction", transactionId="1", reason="Remote")
        assert watt_hours(stop, "meterStop") >= watt_hours(start, "meterStart")
        station.post("ev/unplug", evse=1, connector=1)
        foreign_central.heard("StatusNotification", connectorId="1", status="Available")


def test_does_not_charge_for_a_refused_card(foreign_central: Peer, tmp_path: Path) -> None:
    with Station(foreign_central.url, tmp_path) as station:
        boots(foreign_central)
        station.post("ev/plug-in", evse=1, connector=1)
        foreign_central.heard("StatusNotification", connectorId="1", status="Preparing")
        station.post("rfid", token=REFUSED_CARD, evses=[1])
        foreign_central.heard("Authorize", idTag=REFUSED_CARD)
        # The link makes one call after the other: when this comes, the answer was had.
        foreign_central.command("trigger", "cp001", "StatusNotification")
        foreign_central.heard("StatusNotification", connectorId="1", status="Preparing")
        station.post("ev/unplug", evse=1, connector=1)
        foreign_central.heard("StatusNotification", connectorId="1", status="Available")
        operations = [told.line["heard"] for told in foreign_central.told("heard")]
        assert "StartTransaction" not in operations


def test_reserves_and_cancels(foreign_central: Peer, tmp_path: Path) -> None:
    with Station(foreign_central.url, tmp_path):
        boots(foreign_central)
        reserved = foreign_central.command("reserve", "cp001", 1, 5, CARD, 600)
        assert reserved["status"] == "Accepted"
        foreign_central.heard("StatusNotification", connectorId="1", status="Reserved")
        assert foreign_central.command("cancel", "cp001", 5)["status"] == "Accepted"
        foreign_central.heard("StatusNotification", connectorId="1", status="Available")
        assert foreign_central.command("cancel", "cp001", 5)["status"] == "Rejected"


def test_starts_a_session_from_afar(foreign_central: Peer, tmp_path: Path) -> None:
    with Station(foreign_central.url, tmp_path) as station:
        boots(foreign_central)
        assert foreign_central.command("remotestart", "cp001", 1, CARD)["status"] == "Accepted"
        station.post("ev/plug-in", evse=1, connector=1, unplug_after_s=1)
        foreign_central.heard("StartTransaction", connectorId="1", idTag=CARD)
        foreign_central.heard("StopTransaction", transactionId="1")
        assert foreign_central.command("remotestop", "cp001", 1)["status"] == "Rejected"


def test_asks_and_configures(foreign_central: Peer, tmp_path: Path) -> None:
    with Station(foreign_central.url, tmp_path):
        boots(foreign_central)
        told = foreign_central.command("getconf", "cp001", "HeartbeatInterval", "Nonsense")
        assert told["configurationKey/key"] == "HeartbeatInterval"
        assert told["configurationKey/value"] == "1"  # as BootNotification was answered
        assert told.all("unknownKey") == ["Nonsense"]
        everything = foreign_central.command("getconf", "cp001")
        assert "NumberOfConnectors" in everything.all("configurationKey/key")
        changed = foreign_central.command("changeconf", "cp001", "ConnectionTimeOut", "45")
        assert changed["status"] == "Accepted"


def test_is_triggered(foreign_central: Peer, tmp_path: Path) -> None:
    with Station(foreign_central.url, tmp_path):
        boots(foreign_central)
        for message in ("Heartbeat", "StatusNotification", "MeterValues"):
            assert foreign_central.command("trigger", "cp001", message)["status"] == "Accepted"
            foreign_central.heard(message)
        again = foreign_central.command("trigger", "cp001", "BootNotification")
        assert again["status"] == "Rejected"  # it is accepted already (R16-026)
        unbuilt = foreign_central.command("trigger", "cp001", "FirmwareStatusNotification")
        assert unbuilt["status"] == "NotImplemented"
