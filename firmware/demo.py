"""The demo: central system, charge point with the fake board, and a session that plays itself."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from firmware.commands.bench import control
from firmware.commands.central import said
from ocpp.central import CentralSystem

CARD = "04A1B2C3D4E580"
START_S = 20.0
CHARGE_WH = 500
SITE = """\
[station]
id = "cp001"
serial = "0001"
firmware_version = "{version}"
fuse_limit_a = 16.0

[board]
driver = "fake"
time_scale = 30.0                 # a demo need not take an hour

[[evse]]
id = 1

[web]
listen = "127.0.0.1:{web}"

[[csms]]
version = "1.6-soap"
url = "{url}"

[ocpp.configuration]
MeterValueSampleInterval = "2"
"""


class Station(NamedTuple):
    """The charge point's process and the port of its bench control."""

    port: int
    process: subprocess.Popen[bytes]


class DemoFailed(Exception):
    """The session did not play; the text says at which step."""


def demo(state_dir: Path | None, *, once: bool) -> int:
    """Play one session; then stay until Ctrl-C, or with `once` end after the bill."""
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell had them ignored
        signal.signal(number, _interrupt)
    with tempfile.TemporaryDirectory(prefix="pilotwire-") as temporary:
        folder = state_dir or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with _central(folder) as central, _station(folder, central) as station:
                _play(central, station)
                if not once:
                    print("    the pages stay open; Ctrl-C ends both", flush=True)
                    signal.pause()
        except DemoFailed as error:
            print(f"demo: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\n    demo: ended", flush=True)
    return 0


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def _central(folder: Path) -> Iterator[CentralSystem]:
    central = CentralSystem(
        folder / "central",
        soap=("127.0.0.1", _preferred(9000)),
        page=("127.0.0.1", _preferred(9001)),
        heartbeat_interval_s=30,
        on_line=said,
    )
    central.start()
    try:
        yield central
    finally:
        central.stop()


def _preferred(port: int) -> int:
    """The usual port if it is free, else any: two demos may run at once."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return 0
    return port


@contextmanager
def _station(folder: Path, central: CentralSystem) -> Iterator["Station"]:
    """A station in a process of its own."""
    control_port, web = _free(), _preferred(8600) or _free()
    site = folder / "site.toml"
    site.write_text(SITE.format(url=central.soap_url, version="0.1.0", web=web))
    print(f"\n    central system   {central.page_url}")
    print(f"    charge point     http://127.0.0.1:{web}/")
    print(f"    site file        {site}\n", flush=True)
    command = [sys.executable, "-m", "firmware", "run", "--config", str(site)]
    command += ["--state-dir", str(folder / "station"), "--control-port", str(control_port)]
    station = subprocess.Popen(command, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    try:
        yield Station(control_port, station)
    finally:
        station.terminate()
        try:
            station.wait(2.0)
        except subprocess.TimeoutExpired:
            station.kill()


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _play(central: CentralSystem, station: Station) -> None:
    """Plug, tap, charge, tap, unplug; then the bill."""
    began = time.monotonic()
    old = {session.id for session in central.state().sessions}
    _until(station, "the station is registered", lambda: _registered(central, station))
    _say("a driver plugs in and shows a card")
    _do(station, "plug-in", evse=1, connector=1, current_a=16, phases=3)
    _do(station, "rfid", token=CARD, evses=[1])
    goal = _wh(station) + CHARGE_WH
    _until(station, "the car charges", lambda: _evse(station)["relay_closed"])
    _until(station, "energy flows", lambda: _wh(station) >= goal)
    _say("the driver shows the card again and unplugs")
    _do(station, "rfid", token=CARD, evses=[1])
    _until(station, "the contactor opens", lambda: not _evse(station)["relay_closed"])
    _do(station, "unplug", evse=1, connector=1)
    _until(station, "the bill is written", lambda: _bill(central, old) is not None)
    _say(f"{_bill(central, old)}, {time.monotonic() - began:.1f} s after the start")


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} demo     {text}", flush=True)


def _do(station: Station, verb: str, **body: object) -> None:
    status, answer = control(station.port, verb, body)
    if status != HTTPStatus.OK:
        raise DemoFailed(f"{verb}: {answer}")


def _evse(station: Station) -> dict[str, object]:
    status, answer = control(station.port, "state", {})
    if status != HTTPStatus.OK:
        raise DemoFailed(f"the station does not answer: {answer}")
    evse: dict[str, object] = json.loads(answer)["evses"][0]
    return evse


def _wh(station: Station) -> int:
    return int(str(_evse(station)["energy_wh"]))


def _registered(central: CentralSystem, station: Station) -> bool:
    status, answer = control(station.port, "state", {})
    running = status == HTTPStatus.OK and json.loads(answer)["phase"] == "running"
    return running and any(s.connectors for s in central.state().stations)


def _bill(central: CentralSystem, old: set[int]) -> str | None:
    for session in central.state().sessions:
        if session.id not in old and session.stop_time is not None:
            kwh = Decimal(session.energy_wh) / 1000
            return f"bill: {kwh} kWh, {session.price} {session.currency}"
    return None


def _until(station: Station, what: str, holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + START_S
    while not holds():
        if station.process.poll() is not None:
            raise DemoFailed("the charge point has ended, see above")
        if time.monotonic() > deadline:
            raise DemoFailed(f"waited {START_S:g} s in vain until {what}")
        time.sleep(0.05)
