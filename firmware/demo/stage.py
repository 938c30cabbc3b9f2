"""The stage: a bench central system in this process, and a charge point in one of its own."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from firmware.commands.bench import control
from firmware.commands.central import said
from firmware.demo.scenario import Scenario
from ocpp.central import CentralSystem
from ocpp.central.state import Card

STATION = "cp001"
SITE = """\
[station]
id = "{id}"
serial = "0001"
firmware_version = "{version}"
fuse_limit_a = 16.0

[board]
driver = "fake"
time_scale = {time_scale}

{evses}
[web]
listen = "127.0.0.1:{web}"

[[csms]]
version = "1.6-soap"
url = "{url}"

[ocpp.configuration]
{settings}
"""


class Failed(Exception):
    """The session did not play as scripted; the text says why."""


class Ports(NamedTuple):
    """Where to be found if that is free; 0 = anywhere."""

    soap: int = 0
    central: int = 0
    page: int = 0


USUAL = Ports(9000, 9001, 8600)


class Stage(NamedTuple):
    """The charge point's process, its two ports, and the central system."""

    central: CentralSystem
    process: "subprocess.Popen[bytes]"
    control_port: int
    page_port: int

    def do(self, verb: str, **body: object) -> None:
        """Bench control. Raises Failed."""
        status, answer = control(self.control_port, verb, body)
        if status != HTTPStatus.OK:
            raise Failed(f"{verb}: {answer}")

    def snapshot(self) -> Any:
        """What the station's page shows; None while it does not answer. Raises Failed."""
        if self.process.poll() is not None:
            raise Failed("the charge point has ended, see above")
        connection = HTTPConnection("127.0.0.1", self.page_port, timeout=5)
        try:
            connection.request("GET", "/api/state")
            return json.loads(connection.getresponse().read())
        except (OSError, HTTPException, ValueError):
            return None
        finally:
            connection.close()


@contextmanager
def stage(scenario: Scenario, folder: Path, ports: Ports) -> Iterator[Stage]:
    """Both ends, until the end of the block; all that they write is in the folder."""
    with _central(scenario, folder, ports) as central:
        control_port, page_port = _free(), _preferred(ports.page) or _free()
        site = folder / "site.toml"
        site.write_text(_site(scenario, central.soap_url, page_port), encoding="utf-8")
        print(f"\n    central system   {central.page_url}")
        print(f"    charge point     http://127.0.0.1:{page_port}/")
        print(f"    site file        {site}\n", flush=True)
        command = [sys.executable, "-m", "firmware", "run", "--config", str(site)]
        command += ["--state-dir", str(folder / "station"), "--control-port", str(control_port)]
        process = subprocess.Popen(command, env={**os.environ, "PYTHONUNBUFFERED": "1"})
        try:
            yield Stage(central, process, control_port, page_port)
        finally:
            process.terminate()
            try:
                process.wait(2.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def _central(scenario: Scenario, folder: Path, ports: Ports) -> Iterator[CentralSystem]:
    central = CentralSystem(
        folder / "central",
        soap=("127.0.0.1", _preferred(ports.soap)),
        page=("127.0.0.1", _preferred(ports.central)),
        heartbeat_interval_s=30,
        on_line=said,
    )
    for card, status in scenario.cards.items():
        central.store.save_card(Card(id=card, status=status))
    central.start()
    try:
        yield central
    finally:
        central.stop()


def _site(scenario: Scenario, url: str, web: int) -> str:
    # A JSON string is a TOML string too.
    settings = (f"{json.dumps(k)} = {json.dumps(v)}\n" for k, v in scenario.settings.items())
    return SITE.format(
        id=STATION,
        version=_version(),
        time_scale=scenario.time_scale,
        evses="".join(f"[[evse]]\nid = {n + 1}\n\n" for n in range(scenario.connectors)),
        web=web,
        url=url,
        settings="".join(settings),
    )


def _version() -> str:
    try:
        return version("pilotwire")
    except PackageNotFoundError:
        return ""


def _preferred(port: int) -> int:
    """The usual port if it is free, else any: two demos may run at once."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return 0
    return port


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
