"""A vehicle stops asking for power: how long until the interlock commands the contactor open, while
the firmware has all it can do.

    python -m tests.figures.edge station FOLDER EDGES    the firmware, with the vehicles in it
    python -m tests.figures.edge load SOAP PAGE          orders at full speed, and open pages

The record of the interlock notes when a contact is seen open: so much less is the command as the
simulated contactor takes. Seen is it at the next look, 10 ms later at most, which stays counted in.
"""

import http.client
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from firmware.app import App
from firmware.config import load
from firmware.shell import logs
from hal.evse.fake import CONTACTOR_S
from hal.evse.verbs import Ask, Pause
from hal.interlock.record import RECORD
from ocpp.http import SoapClient
from ocpp.v16 import CHARGE_POINT, GetConfigurationRequest
from tests.figures.central import Central
from tests.figures.process import PATIENCE_S, Process
from tests.figures.row import Goal, Row, quantile

EVSES = 8
"""Side by side, for more edges a minute; each adds to the load."""
PAGES = 3
APART_S = 0.005
ANSWER_MAX = 65_536
ME = (sys.executable, "-m", "tests.figures.edge")
"""How a program of this module starts."""
TYPICAL_MS, MOST_MS = 30.0, 50.0


def edge(edges: int = 2000) -> list[Row]:
    """Each value is one edge."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        central = stack.enter_context(Central())
        (folder / "site.toml").write_text(central.site(EVSES, interval_s=1))
        ours = stack.enter_context(Process(*ME, "station", folder, edges))
        addresses = ours.line().split()
        load = stack.enter_context(Process(*ME, "load", *addresses))
        load.line()
        began = time.monotonic()
        found = ours.ask(edges)
        seconds = time.monotonic() - began
        [orders] = load.ask(0)
    goals = (
        Goal("p99.9", quantile(found, 0.999), TYPICAL_MS),
        Goal("max", max(found), MOST_MS),
    )
    note = f"under {orders / seconds:.0f} orders/s, {EVSES} sessions, {PAGES} pages"
    return [Row("input edge to off command", "interlock", "ms", tuple(found), None, goals, note)]


# --- the station ----------------------------------------------------------------------------------


def run_station(folder: Path, edges: int) -> None:
    """Say where it listens; when asked, print how long each edge took, ms."""
    answers, sys.stdout = sys.stdout, open(os.devnull, "w")  # noqa: PTH123, SIM115 (the log's)
    lines = logs.Lines()
    listener = logs.begin(lines)
    app = App(load(folder / "site.toml"), folder, 0, lines)

    def measure() -> None:
        try:
            vehicles = Vehicles(app, folder)
            vehicles.charge()
            print(app._sender, app._servers[0].url, file=answers, flush=True)
            sys.stdin.readline()
            print(*vehicles.edges(edges), file=answers, flush=True)
            sys.stdin.read()
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=measure, name="vehicles", daemon=True).start()
    app.run()
    listener.stop()


class Vehicles:
    """One at each EVSE, played without the detour through the bench's HTTP."""

    def __init__(self, app: App, folder: Path) -> None:
        self._app = app
        self._bench = app._board.bench
        self._link = app._board._link
        self._record = folder / RECORD
        self._read = 0

    def charge(self) -> None:
        self._until(lambda: self._app._loop.state.online, "accepted")
        for evse in range(1, EVSES + 1):
            self._command("plug-in", evse, battery_wh=1e9)
            self._bench.command("rfid", {"token": f"04A1B2C3D4{evse:04}", "evses": [evse]})
            self._wait("close", {evse})

    def edges(self, wanted: int) -> Iterator[float]:
        """From the moment before the word to the vehicle until the off command, ms."""
        for done in range(0, wanted, EVSES):
            some = range(1, min(EVSES, wanted - done) + 1)
            pressed = {evse: self._pause(evse) for evse in some}
            opened = self._wait("open", set(some))
            for evse in some:
                yield (opened[evse] - CONTACTOR_S - pressed[evse]) * 1e3
                self._command("resume", evse)
            self._wait("close", set(some))

    def _pause(self, evse: int) -> float:
        time.sleep(random.uniform(0, APART_S))  # in step with no loop
        link = self._link
        with link._lock:  # no meter's question goes ahead of it
            link._serial += 1
            word = msgspec.json.encode(Ask(link._serial, Pause(evse, 1)))
            end = link._end
            assert end is not None
            pressed = time.monotonic()
            os.write(end.fileno(), word)  # `send` would let other threads run before it sends
            end.recv(ANSWER_MAX)
        return pressed

    def _command(self, verb: str, evse: int, **more: object) -> None:
        self._bench.command(verb, {"evse": evse, "connector": 1, **more})

    def _wait(self, event: str, evses: set[int]) -> dict[int, float]:
        """When the record says this of each, monotonic s."""
        found: dict[int, float] = {}

        def all_there() -> bool:
            entries = (entry for entry in self._entries() if entry["event"] == event)
            found.update({entry["evse"]: entry["monotonic"] for entry in entries})
            return evses <= found.keys()

        self._until(all_there, f"{event} of EVSEs {evses}")
        return found

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            if time.monotonic() > deadline:
                raise TimeoutError(what)
            time.sleep(APART_S)

    def _entries(self) -> Iterator[dict[str, Any]]:
        """What has been written since."""
        with suppress(FileNotFoundError), self._record.open() as file:
            file.seek(self._read)
            text = file.read()
            whole = text[: text.rfind("\n") + 1]
            self._read += len(whole)
            yield from map(json.loads, whole.splitlines())


# --- the load -------------------------------------------------------------------------------------


def run_load(soap: str, page: str) -> None:
    """Until asked how many orders were answered."""
    for _ in range(PAGES):
        threading.Thread(target=_look, args=(page,), daemon=True).start()
    asked = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), asked.set()), daemon=True).start()
    client = SoapClient(CHARGE_POINT, soap, identity="figures")
    client.call(GetConfigurationRequest())
    print("begun", flush=True)
    for number in count(1):
        client.call(GetConfigurationRequest())
        if asked.is_set():
            print(number, flush=True)
            return


def _look(page: str) -> None:
    """An open page: takes all events."""
    connection = http.client.HTTPConnection(urlsplit(page).netloc)
    connection.request("GET", "/events")
    response = connection.getresponse()
    while response.read1():
        pass


if __name__ == "__main__":
    if sys.argv[1] == "station":
        run_station(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        run_load(*sys.argv[2:])
