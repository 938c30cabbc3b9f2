"""What the bench central system remembers over a restart, and files that it cannot use."""

import socket
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ocpp.central import CentralSystem, DatabaseError
from ocpp.central.metering import reading
from ocpp.central.state import Card
from ocpp.v16 import HeartbeatRequest, HeartbeatResponse, SampledValue, StartTransactionRequest
from tests.central.conftest import FREE, Bench

START = StartTransactionRequest(
    connector_id=1, id_tag="ANNA", timestamp=datetime(2026, 5, 4, tzinfo=UTC), meter_start=0
)


def test_a_restart_forgets_nothing(bench: Bench) -> None:
    bench.central.store.save_card(Card("ANNA", name="Anna"))
    number = bench.booted().call(START)
    before = bench.central.state()
    bench.central.stop()
    after = bench.start().central.state()
    assert (after.sessions, after.cards) == (before.sessions, before.cards)
    assert (after.stations, after.messages) == (before.stations, before.messages)
    station = bench.client()
    assert isinstance(station.call(HeartbeatRequest()), HeartbeatResponse)
    assert station.call(START) == number
    assert len(bench.central.state().sessions) == 1


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "central.sqlite") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(DatabaseError, match="update Pilotwire"):
        CentralSystem(tmp_path, soap=FREE, page=FREE)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "central.sqlite").write_bytes(b"nonsense" * 1000)
    with pytest.raises(DatabaseError, match="move it away"):
        CentralSystem(tmp_path, soap=FREE, page=FREE)


def test_a_taken_port_is_an_oserror_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with socket.create_server(FREE) as taken:
        with pytest.raises(OSError, match="in use"):
            CentralSystem(tmp_path, soap=FREE, page=taken.getsockname())
        with pytest.raises(OSError, match="in use"):
            CentralSystem(tmp_path, soap=taken.getsockname(), page=FREE)


def test_the_page_is_for_this_machine_only(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="this machine only"):
        CentralSystem(tmp_path, soap=FREE, page=("0.0.0.0", 0))


def test_waiting_ends_with_the_change_or_in_time(bench: Bench) -> None:
    bench.booted()
    state = bench.central.wait_for(lambda state: bool(state.stations), 10)
    assert state.stations[0].id == "cp1"
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        bench.central.wait_for(lambda state: bool(state.sessions), 0.05)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ((SampledValue(value="120"),), (120, None)),
        ((SampledValue(value="1.5", unit="kWh"),), (1500, None)),
        (
            (
                SampledValue(value="7.4", measurand="Power.Active.Import", unit="kW"),
                SampledValue(value="230", measurand="Voltage", unit="V"),
            ),
            (None, 7400),
        ),
        (
            tuple(
                SampledValue(value="3680", measurand="Power.Active.Import", phase=phase)
                for phase in ("L1", "L2", "L3")
            ),
            (None, 11_040),
        ),
        (
            (
                SampledValue(value="11000", measurand="Power.Active.Import"),
                SampledValue(value="3680", measurand="Power.Active.Import", phase="L1"),
            ),
            (None, 11_000),
        ),
        ((SampledValue(value="5", location="EV"),), (None, None)),
        ((SampledValue(value="0af3", format="SignedData"),), (None, None)),
        ((SampledValue(value="much"), SampledValue(value="nan")), (None, None)),
    ],
)
def test_energy_and_power_are_understood(
    samples: tuple[SampledValue, ...], expected: tuple[float | None, float | None]
) -> None:
    assert reading(samples) == expected
