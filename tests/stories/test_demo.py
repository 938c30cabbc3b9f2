"""The demo: two processes and a central system that end together, whenever they are told to."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .station import PATIENCE_S, eventually, survivors

ROOT = Path(__file__).parents[2]


def demo(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "firmware", "demo", "--state-dir", str(folder / "demo")]
        return subprocess.Popen([*command, *words], stdout=log, stderr=log, cwd=ROOT)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_within_2_s(tmp_path: Path, number: signal.Signals) -> None:
    process = demo(tmp_path)
    try:
        eventually(lambda: "EVSE 1: Charging" in (tmp_path / "log").read_text())
        began = time.monotonic()
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == 0
        assert survivors(tmp_path) == []
        assert time.monotonic() - began < 2.0
        record = (tmp_path / "demo" / "station" / "interlock.jsonl").read_text().splitlines()
        assert [json.loads(line)["event"] for line in record] == ["close", "open"]
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in (tmp_path / "log").read_text()
