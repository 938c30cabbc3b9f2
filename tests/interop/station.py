"""A charge point of ours in a process of its own, with the fake board, and its bench control."""

import json
import signal
import socket
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PATIENCE_S = 30.0

SITE = """
[station]
id = "cp001"
vendor = "Pilotwire"
model = "Bench"
firmware_version = "0.1"

[board]
driver = "fake"

[[evse]]
id = 1
connectors = 1
current_type = "AC"
phases = 3

[web]
listen = "127.0.0.1:0"

[[csms]]
slot = 1
version = "1.6-soap"
url = "{url}"

[soap]
listen = "127.0.0.1:0"

[ocpp.configuration]
MeterValueSampleInterval = "1"
"""


def free_port() -> int:
    """A port of loopback that nobody uses at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Station:
    """`pilotwire run` towards a central system at this URL; ends with the block."""

    def __init__(self, url: str, folder: Path) -> None:
        self._port = free_port()
        site = folder / "site.toml"
        site.write_text(SITE.format(url=url))
        options = {"config": site, "state-dir": folder / "state", "control-port": self._port}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self._process = subprocess.Popen([sys.executable, "-m", "firmware", "run", *words])

    def post(self, verb: str, **body: Any) -> None:
        """Play driver, vehicle, cable or mains: a verb of bench control."""
        control = HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_S)
        try:
            content = {"Content-Type": "application/json"}
            control.request("POST", f"/v1/{verb}", json.dumps(body), content)
            answer = control.getresponse()
            assert answer.status == 200, (verb, answer.status, answer.read())
        finally:
            control.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(PATIENCE_S)
        finally:
            self._process.kill()
            self._process.wait()
