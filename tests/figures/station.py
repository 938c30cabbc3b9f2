"""What a whole station costs: start to BootNotification, card to contact, memory, threads.

    python tests/figures/station.py [RUNS]

Each run starts a station with the fake board in processes of its own, against a central system in
this one, and charges once. Printed are median, least and most of the runs.
"""

import json
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from firmware.commands.bench import control
from ocpp.http import soap_app
from ocpp.message import Message
from ocpp.server import HttpServer
from ocpp.soap import Call
from ocpp.v16 import CENTRAL_SYSTEM, BootNotificationResponse, IdTagInfo

SITE = """\
[station]
id = "figures"

[[csms]]
version = "1.6-soap"
url = "{url}"
"""
PATIENCE_S = 20.0


class Central:
    """Accepts everything, and notes when what arrived."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}
        self._changed = threading.Condition()
        app = soap_app(CENTRAL_SYSTEM, self._handle, identity=None)
        self._server = HttpServer("127.0.0.1", 0, app, name="central")
        self.url = self._server.url
        self._server.start()

    def _handle(self, call: Call) -> Message:
        with self._changed:
            self._seen[call.operation.name] = time.monotonic()
            self._changed.notify_all()
        now, accepted = datetime.now(UTC), IdTagInfo(status="Accepted")
        if call.operation.name == "BootNotification":
            return BootNotificationResponse(status="Accepted", current_time=now, interval=300)
        fields = {"current_time": now, "id_tag_info": accepted, "transaction_id": 1}
        wanted = call.operation.response.__struct_fields__
        return call.operation.response(**{k: v for k, v in fields.items() if k in wanted})

    def arrived(self, operation: str) -> float:
        with self._changed:
            if not self._changed.wait_for(lambda: operation in self._seen, PATIENCE_S):
                raise TimeoutError(operation)
            return self._seen.pop(operation)

    def stop(self) -> None:
        self._server.stop()


def measure(folder: Path) -> dict[str, float]:
    """One run, in ms and MB."""
    central = Central()
    site = folder / "site.toml"
    site.write_text(SITE.format(url=central.url))
    port = _free_port()
    command = [sys.executable, "-m", "firmware", "run", "--config", str(site)]
    command += ["--state-dir", str(folder), "--control-port", str(port)]
    began = time.monotonic()
    station = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        found = {
            "start to BootNotification, ms": (central.arrived("BootNotification") - began) * 1e3
        }
        return found | _charge(central, port, folder) | _costs(station.pid)
    finally:
        station.terminate()
        station.wait(PATIENCE_S)
        central.stop()


def _charge(central: Central, port: int, folder: Path) -> dict[str, float]:
    central.arrived("StatusNotification")
    control(port, "plug-in", {"evse": 1, "connector": 1})
    tapped = time.monotonic()
    control(port, "rfid", {"token": "04A1B2C3D4E580"})
    started = central.arrived("StartTransaction")
    closed = _switched(folder, "close")
    again = time.monotonic()
    control(port, "rfid", {"token": "04A1B2C3D4E580"})
    opened = _switched(folder, "open")
    stopped = central.arrived("StopTransaction")
    return {
        "card to StartTransaction, ms": (started - tapped) * 1e3,
        "card to contact closed, ms": (closed - tapped) * 1e3,
        "card to contact open, ms": (opened - again) * 1e3,
        "card to StopTransaction, ms": (stopped - again) * 1e3,
    }


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


def _costs(pid: int) -> dict[str, float]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {
        "memory of the firmware, MB": _rss(pid),
        "memory of the interlock, MB": sum(_rss(int(child)) for child in children),
        "threads of the firmware": float(len(list(Path(f"/proc/{pid}/task").iterdir()))),
    }


def _rss(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    found: list[dict[str, float]] = []
    for number in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            found.append(measure(Path(folder)))
        print(f"\rrun {number + 1} of {runs}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print(f"{'':34}{'median':>9}{'least':>9}{'most':>9}   ({runs} runs)")
    for name in found[0]:
        values = [one[name] for one in found]
        middle = statistics.median(values)
        print(f"{name:34}{middle:9.1f}{min(values):9.1f}{max(values):9.1f}")


if __name__ == "__main__":
    main()
