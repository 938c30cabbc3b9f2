"""What the interlock writes beside its loop: the record, put aside when long, and the registers."""

from pathlib import Path

import pytest

from hal.interlock.record import (
    RECORD,
    REGISTERS,
    Recorder,
    append,
    load_registers,
)

from .conftest import record


def test_lines_and_registers_are_on_disk_when_it_has_finished(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, 0xBEEF)
    recorder.start()
    recorder.contact(1, True, "vehicle ready")
    recorder.registers({1: 1.5})
    recorder.contact(2, False, "lease expired")
    recorder.registers({1: 2.5, 2: 0.0})
    recorder.finish(20)
    assert not recorder.is_alive()
    assert [(line["evse"], line["event"], line["reason"]) for line in record(tmp_path)] == [
        (1, "close", "vehicle ready"),
        (2, "open", "lease expired"),
    ]
    assert record(tmp_path)[0]["boot"] == "000000000000beef"
    assert str(record(tmp_path)[0]["time"]).endswith("+00:00")
    assert load_registers(tmp_path) == {1: 2.5, 2: 0.0}


def test_a_full_or_missing_disk_is_said_and_survived(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    recorder = Recorder(tmp_path / "nowhere", 1)
    recorder.start()
    recorder.contact(1, True, "vehicle ready")
    recorder.finish(20)
    assert not recorder.is_alive()
    assert "cannot write" in capfd.readouterr().err


def test_a_long_record_is_put_aside_once(tmp_path: Path) -> None:
    path = tmp_path / RECORD
    for line in ("one\n", "two\n", "three\n"):
        append(path, line, max_bytes=4)
    assert path.read_text() == "three\n"
    assert (tmp_path / f"{RECORD}.1").read_text() == "two\n"
    assert len(list(tmp_path.iterdir())) == 2


def test_without_a_file_there_are_no_registers(tmp_path: Path) -> None:
    assert load_registers(tmp_path) == {}


@pytest.mark.parametrize("text", ["", "[1]", '{"1": "x"}', '{"a": 1}', "\x00"])
def test_an_unreadable_register_file_is_said_and_begins_anew(
    tmp_path: Path, text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / REGISTERS).write_text(text)
    assert load_registers(tmp_path) == {}
    assert "unreadable" in capfd.readouterr().err
