"""A station in a process of its own, with the fake board, its bench control and what it wrote."""

import json
import os
import select
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from .central import PATIENCE_S

CARD = "04A1B2C3D4E580"
OTHER_CARD = "04FFFFFFFFFF80"


def eventually(holds: Callable[[], object], what: str = "") -> None:
    """Wait until something holds that nobody announces, such as a line in a file."""
    deadline = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < deadline, f"it never came to hold: {what}"
        pause.wait(0.01)


def site(
    url: str,
    *,
    configuration: Mapping[str, str] | None = None,
    evses: int = 1,
    station: str = "",
    board: str = "",
    evse: str = "",
    more: str = "",
) -> str:
    """A site file; `station`, `board`, `evse` and `more` are further lines."""
    preset = {"MeterValueSampleInterval": "0", **(configuration or {})}
    keys = "\n".join(f'{key} = "{value}"' for key, value in preset.items())
    tables = "\n".join(f"[[evse]]\nid = {n}\n{evse}" for n in range(1, evses + 1))
    return f"""
[station]
id = "cp001"
vendor = "Pilotwire"
model = "Bench"
{station}

[board]
driver = "fake"
{board}

{tables}

[[csms]]
version = "1.6-soap"
url = "{url}"
{more}

[ocpp.configuration]
{keys}
"""


class Station:
    """`pilotwire run` in a folder. May be started again after it has ended."""

    def __init__(self, folder: Path, text: str) -> None:
        self.folder = folder
        self.state_dir = folder / "state"
        self.site = folder / "site.toml"
        self.site.write_text(text)
        self.log = folder / "station.log"
        self.port = 0
        self.page = ""
        self._process: subprocess.Popen[bytes] | None = None

    # --- the process ------------------------------------------------------------------------------

    def launch(self, port: int = 0) -> None:
        """Start the process and wait for nothing."""
        words = ["--config", self.site, "--state-dir", self.state_dir, "--control-port", port]
        self._from = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "firmware", "run", *map(str, words)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=Path(__file__).parents[2],
            )

    def start(self) -> None:
        """Start, and wait until bench control says that the station runs."""
        self.launch()
        self.until_running()

    def until_running(self) -> None:
        eventually(lambda: self._address("bench control") or self.ended, "bench control")
        self.port = int(self._address("bench control").rsplit(":", 1)[1].partition("/")[0])
        self.page = self._address("page")
        eventually(lambda: self.state()["phase"] == "running", "running")

    def _address(self, name: str) -> str:
        """What the first lines of this start say of an address."""
        words = self.lines.split()
        found = [after for word, after in zip(words, words[1:], strict=False) if word == name]
        if " " in name:
            first, _, second = name.partition(" ")
            found = [
                url
                for a, b, url in zip(words, words[1:], words[2:], strict=False)
                if (a, b) == (first, second)
            ]
        return found[0] if found else ""

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    @property
    def ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    @property
    def lines(self) -> str:
        """What this start has printed."""
        with self.log.open("rb") as log:
            log.seek(self._from)
            return log.read().decode()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait(self) -> int:
        """The exit status."""
        assert self._process
        return self._process.wait(PATIENCE_S)

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.wait()

    def again(self) -> None:
        """Power cut and power back."""
        self.kill()
        self.start()

    def clean_up(self) -> None:
        """Whatever happened: nothing is left running."""
        if not self.ended:
            self.kill()
        eventually(lambda: not survivors(self.folder), "no process left")

    # --- bench control ----------------------------------------------------------------------------

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
        return request(self.port, method, path, body)

    def verb(self, verb: str, **body: object) -> tuple[int, Any]:
        """Status and answer of a verb, `ev/plug-in` and the like included."""
        return self.request("POST", f"/v1/{verb}", json.dumps(body).encode())

    def do(self, verb: str, **body: object) -> None:
        status, answer = self.verb(verb, **body)
        assert status == 200, (verb, status, answer)

    def plug_in(self, evse: int = 1, **body: object) -> None:
        self.do("ev/plug-in", evse=evse, connector=1, **body)

    def unplug(self, evse: int = 1) -> None:
        self.do("ev/unplug", evse=evse, connector=1)

    def card(self, token: str = CARD, *evses: int) -> None:
        self.do("rfid", token=token, evses=list(evses))

    def fault(self, error: str, active: bool = True, evse: int = 1) -> None:
        self.do("faults", evse=evse, connector=1, error=error, active=active)

    def state(self) -> Any:
        status, answer = self.request("GET", "/v1/state")
        assert status == 200, answer
        return answer

    def evse(self, number: int = 1) -> Any:
        return self.state()["evses"][number - 1]

    def until(self, holds: Callable[[Any], object], evse: int = 1) -> Any:
        """Wait until bench control's state of an EVSE is as wanted, and return that."""
        found: list[Any] = []

        def fits() -> object:
            found[:] = [self.evse(evse)]
            return holds(found[0])

        eventually(fits, f"{found}")
        return found[0]

    def charging(self, evse: int = 1) -> None:
        self.until(lambda e: e["relay_closed"] and e["power_w"] > 0, evse)

    def snapshot(self) -> Any:
        """What the page shows."""
        port = int(self.page.rstrip("/").rsplit(":", 1)[1])
        status, answer = request(port, "GET", "/api/state")
        assert status == 200, answer
        return answer

    # --- what it wrote ----------------------------------------------------------------------------

    def history(self) -> list[tuple[int, str, dict[str, Any], str | None]]:
        """The journal's rows: session, kind, fact, outcome."""
        uri = f"file:{self.state_dir / 'journal.sqlite'}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as db:
            rows = db.execute("SELECT session, kind, body, outcome FROM history ORDER BY row")
            return [(session, kind, json.loads(body), out) for session, kind, body, out in rows]

    def record(self, event: str | None = None) -> list[dict[str, Any]]:
        """The interlock's own record, or its lines of one kind."""
        path = self.state_dir / "interlock.jsonl"
        text = path.read_text() if path.exists() else ""
        lines = [json.loads(line) for line in text.splitlines(True) if line.endswith("\n")]
        return [line for line in lines if event in (None, line["event"])]

    @property
    def interlock_pid(self) -> int:
        """The interlock at work, as its lock file says once it is written."""
        lock = self.state_dir / "interlock.lock"
        read = [""]

        def written() -> bool:
            read[0] = lock.read_text()
            return read[0].endswith("\n")

        eventually(written)
        return int(read[0])


def request(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
    """One HTTP request to this machine: status and JSON."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    with closing(connection):
        connection.request(method, path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"null")


def survivors(folder: Path) -> list[int]:
    """The processes that were started for this folder and still run."""
    return [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and _runs(p, folder)]


def _runs(process: Path, folder: Path) -> bool:
    try:
        words = (process / "cmdline").read_bytes()
        state = (process / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return str(folder).encode() in words and state != "Z" and int(process.name) != os.getpid()


def gone(pid: int, within_s: float = PATIENCE_S) -> bool:
    """Wait until the process has ended, also one that is not our child."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(1000 * within_s))
    finally:
        os.close(descriptor)
