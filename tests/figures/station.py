"""What a whole station costs: start, a card's way to the contact, memory, waking up while idle.

A station with the fake board runs in processes of its own, against a central system in this one.
"""

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from firmware.commands.bench import control
from tests.figures.central import Central
from tests.figures.process import PATIENCE_S
from tests.figures.row import Goal, Row

CARD = "04A1B2C3D4E580"
START_MOST_MS = 500.0
MEMORY_MOST_MB = 70.0
SWITCHES_MOST = 5.0
SETTLED_S = 3.0
"""So long after its start a station has nothing left to do."""
GOALS = {"start to BootNotification": START_MOST_MS, "memory of both": MEMORY_MOST_MB}


class Running(msgspec.Struct, frozen=True):
    pid: int
    port: int
    began: float

    @property
    def interlock(self) -> int:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return int(children[0])


@contextmanager
def running(central: Central, folder: Path) -> Iterator[Running]:
    """A station, ended at the end."""
    site = folder / "site.toml"
    site.write_text(central.site())
    port = _free_port()
    command = [sys.executable, "-m", "firmware", "run", "--config", str(site)]
    command += ["--state-dir", str(folder), "--control-port", str(port)]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield Running(process.pid, port, began)
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def station(runs: int = 10) -> list[Row]:
    """Each value is one run: start, one session, end."""
    found: dict[tuple[str, str], list[float]] = {}
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder, Central() as central:
            for name, value in _run(central, Path(folder)).items():
                found.setdefault(name, []).append(value)
    rows = [Row(what, "ours", unit, tuple(values)) for (what, unit), values in found.items()]
    return [_with_goal(row) for row in rows]


def _with_goal(row: Row) -> Row:
    if row.what not in GOALS:
        return row
    goal = Goal("median", row.median, GOALS[row.what])
    return msgspec.structs.replace(row, goals=(goal,))


def _run(central: Central, folder: Path) -> dict[tuple[str, str], float]:
    with running(central, folder) as ours:
        booted = central.arrived("BootNotification")[0]
        central.arrived("StatusNotification")
        control(ours.port, "plug-in", {"evse": 1, "connector": 1})
        tapped = time.monotonic()
        control(ours.port, "rfid", {"token": CARD})
        started = central.arrived("StartTransaction")[0]
        closed = _switched(folder, "close")
        again = time.monotonic()
        control(ours.port, "rfid", {"token": CARD})
        opened = _switched(folder, "open")
        central.arrived("StopTransaction")
        firmware, interlock = _rss(ours.pid), _rss(ours.interlock)
    return {
        ("start to BootNotification", "ms"): (booted - ours.began) * 1e3,
        ("card to StartTransaction, card unknown", "ms"): (started - tapped) * 1e3,
        ("card to contact closed, card unknown", "ms"): (closed - tapped) * 1e3,
        ("card to contact open", "ms"): (opened - again) * 1e3,
        ("memory of the firmware", "MB"): firmware,
        ("memory of the interlock", "MB"): interlock,
        ("memory of both", "MB"): firmware + interlock,
    }


def idle(seconds: float = 20.0) -> list[Row]:
    """Voluntary context switches per second, over all threads; nothing plugged, no page open."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Central() as central,
        running(central, Path(folder)) as ours,
    ):
        central.arrived("StatusNotification")
        time.sleep(min(SETTLED_S, seconds))
        pids = {"firmware": ours.pid, "interlock": ours.interlock}
        before = {of: _switches(pid) for of, pid in pids.items()}
        time.sleep(seconds)
        rates = {of: (_switches(pid) - before[of]) / seconds for of, pid in pids.items()}
    what, over = "context switches, idle", f"over {seconds:g} s"
    goal = Goal("rate", rates["firmware"], SWITCHES_MOST)
    return [
        Row(what, "firmware", "/s", (rates["firmware"],), goals=(goal,), note=over),
        Row(what, "interlock", "/s", (rates["interlock"],), note=over),
    ]


def _switches(pid: int) -> int:
    """Voluntary ones of all threads so far."""
    statuses = [(task / "status").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    return sum(int(s.split("\nvoluntary_ctxt_switches:")[1].split()[0]) for s in statuses)


def _switched(folder: Path, event: str) -> float:
    """When the interlock's own record says so."""
    deadline = time.monotonic() + PATIENCE_S
    record = folder / "interlock.jsonl"
    while time.monotonic() < deadline:
        for line in record.read_text().splitlines() if record.exists() else []:
            entry = json.loads(line)
            if entry["event"] == event:
                return float(entry["monotonic"])
        time.sleep(0.005)
    raise TimeoutError(event)


def _rss(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
