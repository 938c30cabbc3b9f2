"""The composition root: opens the board, wires the threads, runs them, and ends them."""

import contextlib
import logging
import os
import queue
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from wsgiref.types import WSGIApplication

from firmware import config, tls
from firmware.config import Site, Unusable
from firmware.core.connector import Connector
from firmware.core.settings import Settings, change
from firmware.core.state import Durable, Station, restore
from firmware.core.station import observe
from firmware.events import Restarted, StopAsked
from firmware.facts import RestartDue
from firmware.shell.clock import Clock
from firmware.shell.desk import Desk
from firmware.shell.history import History
from firmware.shell.inbox import Inbox
from firmware.shell.journal import Journal, Outbox
from firmware.shell.link import Link
from firmware.shell.listener import Listener
from firmware.shell.logs import Lines
from firmware.shell.loop import Loop, StopLoop, Stored
from firmware.shell.messages import Messages
from firmware.shell.outputs import Wires
from firmware.shell.sessions import Sessions
from firmware.shell.supervisor import Worker
from firmware.shell.view import View
from firmware.shell.watchers import EvseWatcher, Heartbeat, MeterWatcher, ReaderWatcher, reported
from firmware.web.bench import bench_app
from firmware.web.page import Page
from firmware.web.wsgi import Guard, Password
from hal.board import open_board
from hal.ports import HalError
from ocpp.http import SoapClient
from ocpp.server import HttpServer
from ocpp.v16 import CENTRAL_SYSTEM, BootNotificationRequest

log = logging.getLogger("pilotwire")

FIRST_LOOK_S = 1.0
LOOK_S = 1.0
"""The supervisor looks this often at pulses."""
STUCK_S = 5.0
"""A station thread busy with one event this long ends the process: the lease has lapsed already."""
TICK_S = 0.05
JOIN_S = 0.3
LAST_WORDS_S = 5.0
"""A courteous stop gives the link this long to tell what is stored."""
RESTART_S = 1.0
LONGEST_RESTART_S = 60.0


class App:
    """One charge point. The constructor opens and binds everything and starts no thread but the
    interlock's process; `run` starts the rest and returns the exit status."""

    def __init__(self, site: Site, state_dir: Path, control_port: int | None, lines: Lines) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        self._site = site
        self._tls = tls.context(site)
        self._todo: queue.SimpleQueue[Callable[[], int | None]] = queue.SimpleQueue()
        self._journal = Journal(state_dir, standalone=not site.csms)
        durable = self._journal.load()
        self._clock = Clock(self._journal.boot)
        self._inbox = Inbox()
        self._desk = Desk(self._inbox)
        self._heartbeat = Heartbeat(self._inbox)
        specs = {spec.id: spec for spec in site.specs}
        self._board = open_board(
            site.board.driver, site.board.options, tuple(specs.values()), state_dir
        )
        self._link = Link(
            self._connect,
            _boot_message(site),
            History(
                Outbox(self._journal.path), self._inbox, self._journal.boot, self._journal.identity
            ),
            self._inbox,
            self._clock,
            self._desk,
            self._heartbeat,
        )
        self._workers: list[Worker] = []
        self._messages = Messages()
        self._view = View(
            site,
            specs,
            self._board.bench,
            self._link,
            Outbox(self._journal.path),
            self._clock,
            lines,
            self._workers,
            self._desk,
            self._messages,
            Sessions(self._journal.path),
        )
        self._sender = ""
        self._page = Page(self._view, _guard(site))
        self._servers = self._bind(state_dir, control_port)
        self._wire(durable)

    def _wire(self, durable: Durable) -> None:
        """The threads, and who tells whom."""
        meters = MeterWatcher(self._board.meters, self._inbox)
        station = self._worker("station", lambda pulse: self._loop.run(self._inbox, pulse))
        evses = EvseWatcher(
            self._board.interlock,
            self._inbox,
            station.pulse,
            switched=meters.poke,
            lost=lambda: self._todo.put(self._restart_interlock),
        )
        wires = Wires(
            self._journal,
            evses,
            self._link,
            self._desk,
            self._heartbeat,
            self._view,
            lambda: self._loop.stored,
            lambda due: self._todo.put(lambda: self._reset(due)),
        )
        state = _station(self._site, durable)
        # The first look at the hardware belongs to the first state: nothing flickers at the start.
        for report in self._board.interlock.reports(FIRST_LOOK_S):
            state = observe(state, reported(report))
        self._loop = Loop(state, durable, wires, self._clock)
        self._journal.on_stored = self._stored
        self._worker("journal", self._journal.run)
        self._worker("evse", evses.run)
        self._worker("meter", meters.run)
        if self._site.csms:
            self._worker("heartbeat", self._heartbeat.run)
            self._worker("link", self._link.run)
        readers = [ReaderWatcher(reader, self._inbox) for reader in self._board.readers]
        for number, reader in enumerate(readers, 1):
            self._worker("rfid" if len(readers) == 1 else f"rfid-{number}", reader.run)
        self._stops: list[Callable[[], None]] = [
            evses.stop,
            meters.stop,
            self._heartbeat.stop,
            self._link.stop,
            *(reader.stop for reader in readers),
        ]

    def _worker(self, name: str, body: Callable[..., None]) -> Worker:
        worker = Worker(name, body, lambda dead: self._todo.put(lambda: self._died(dead)))
        self._workers.append(worker)
        return worker

    def _stored(self, number: int) -> None:
        self._inbox.put_urgent(Stored(number))
        self._link.stored()

    def _connect(self) -> SoapClient:
        csms = self._site.csms[0]
        return SoapClient(
            CENTRAL_SYSTEM,
            csms.url,
            identity=self._site.station.id,
            sender=self._sender,
            tls=self._tls,
            engine=self._site.soap.engine,
            on_exchange=self._messages.sent,
        )

    # --- addresses -------------------------------------------------------------------------------

    def _bind(self, state_dir: Path, control_port: int | None) -> list[HttpServer]:
        """All addresses at once, before anything starts. Raises Unusable for a taken one."""
        web_host, web_port = config.address(self._site.web.listen)
        servers = [_bound("web.listen", web_host, web_port, self._page, "web")]
        log.info("station %s: page %s/", self._site.station.id, servers[0].url)
        if self._site.csms:
            servers.append(self._bind_soap(state_dir / "soap-port"))
        else:
            log.info("no central system: the list of cards decides")
        if control_port is not None and self._board.bench is not None:
            bench = bench_app(self._view)
            servers.append(_bound("--control-port", "127.0.0.1", control_port, bench, "bench"))
            log.info("bench control %s/v1/state", servers[-1].url)
        return servers

    def _bind_soap(self, kept: Path) -> HttpServer:
        host, port = config.address(self._site.soap.listen)
        listener = Listener(self._desk, self._link, self._site.station.id, self._messages.received)
        server = _bound_again(kept, host, port, listener)
        self._sender = self._site.soap.callback_url or f"{server.url}/"
        log.info("central system %s calls %s", self._site.csms[0].url, self._sender)
        return server

    # --- running ---------------------------------------------------------------------------------

    def start(self) -> None:
        for worker in self._workers:
            worker.start()
        for server in self._servers:
            server.start()
        self._view.phase = "running"

    def run(self) -> int:
        """Until a signal or the death of a thread that cannot be replaced; the exit status."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._signalled)
        self.start()
        while True:
            with contextlib.suppress(queue.Empty):
                status = self._todo.get(timeout=LOOK_S)()
                if status is not None:
                    return self.stop(status)
            if self._workers[0].pulse.busy_s > STUCK_S:
                log.critical("the station thread is stuck: ending, the interlock has opened")
                return self._cut(1)

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        self._todo.put(lambda: 0)

    def _restart_interlock(self) -> None:
        try:
            self._board.interlock.restart()
        except HalError as error:
            log.error("interlock does not start: %s", error)

    def _died(self, worker: Worker) -> int | None:
        """Without station or journal there is nothing to run; the others are replaced."""
        if worker.name in ("station", "journal"):
            log.critical("thread %s is dead: ending", worker.name)
            return 1
        wait_s = min(RESTART_S * 2 ** (worker.deaths - 1), LONGEST_RESTART_S)
        log.error("thread %s is started again in %d s", worker.name, wait_s)
        at = time.monotonic() + wait_s
        self._todo.put(lambda: self._revive(worker, at))
        return None

    def _revive(self, worker: Worker, at: float) -> None:
        if time.monotonic() < at:
            time.sleep(TICK_S)
            self._todo.put(lambda: self._revive(worker, at))
        else:
            worker.start()

    # --- reset ---------------------------------------------------------------------------------

    def _reset(self, due: RestartDue) -> None:
        """The sessions have ended; what they have to tell goes first, for a while (R16-141)."""
        log.info("station: %s reset", due.kind.lower())
        self._view.phase = "restarting"
        until = time.monotonic() + LAST_WORDS_S
        self._todo.put(lambda: self._restart(until))

    def _restart(self, until: float) -> int | None:
        if not self._told() and time.monotonic() < until:
            time.sleep(TICK_S)
            self._todo.put(lambda: self._restart(until))
            return None
        self._desk.wait_replied()
        if self._site.station.on_reset == "exit":
            return 0
        self._inbox.put_urgent(Restarted())  # first: the answer to the boot is to come after it
        self._link.reboot()
        self._view.phase = "running"
        return None

    # --- ending ----------------------------------------------------------------------------------

    def stop(self, status: int) -> int:
        """As the site file says: like a power cut, or courteously."""
        if self._site.cut or status:
            return self._cut(status)
        self._inbox.put_urgent(StopAsked())
        deadline = time.monotonic() + LAST_WORDS_S
        while time.monotonic() < deadline and not self._told():
            time.sleep(TICK_S)
        return self._cut(status)

    def _told(self) -> bool:
        sessions = any(c.session is not None for c in self._loop.state.connectors)
        return not sessions and self._view.waiting() == 0

    def _cut(self, status: int) -> int:
        """No transaction is ended, no message sent (bench-control §1). Every stop flag first, then
        every thread is waited for; those that a library holds up are named and left."""
        for stop in self._stops:
            stop()
        self._board.interlock.close()
        self._inbox.put_urgent(StopLoop())
        self._journal.finish()
        self._page.close()
        left = [w.name for w in self._workers if w.alive and not w.join(JOIN_S)]
        if left:
            log.warning("threads still alive at the end: %s", ", ".join(left))
        self._board.close()
        return status


def _guard(site: Site) -> Guard | None:
    """None = only for this machine."""
    if not site.web.password:
        return None
    return Password(site.web.password, config.address(site.web.listen)[0])


def _bound(key: str, host: str, port: int, app: WSGIApplication, name: str) -> HttpServer:
    if not 0 <= port < 2**16:
        raise Unusable(key, f"expected a port from 0 to 65535, got {port}")
    try:
        return HttpServer(host, port, app, name=name)
    except OSError as error:
        # A look-up has numbers of its own; of the rest, Python's text repeats the address.
        looked_up = isinstance(error, socket.gaierror)
        why = error.strerror if looked_up else os.strerror(error.errno or 0)
        raise Unusable(key, f"{host}:{port} cannot be used: {why}") from error


def _bound_again(kept: Path, host: str, port: int, app: WSGIApplication) -> HttpServer:
    """Any free port is asked for: the one used last time is preferred, so that a central system
    that remembers us still finds us."""
    with contextlib.suppress(OSError, ValueError, Unusable):
        if port == 0:
            return _bound("soap.listen", host, int(kept.read_text()), app, "soap")
    server = _bound("soap.listen", host, port, app, "soap")
    kept.write_text(str(server.port))
    return server


def _station(site: Site, durable: Durable) -> Station:
    """The state to begin with: factory values, over them what was changed and stored."""
    connectors = tuple(Connector(s.id, s.fuse_limit_a, s.lock) for s in site.specs)
    factory, unknown = config.settings(site)
    for key in unknown:
        log.warning("site file: ocpp.configuration.%s is not known here, ignored", key)
    settings = _changed(factory, durable)
    fresh = Station(
        connectors,
        settings,
        standalone=not site.csms,
        free_token=site.station.free_id_tag or None,
    )
    return restore(fresh, durable)


def _changed(settings: Settings, durable: Durable) -> Settings:
    for key, text in durable.changed:
        settings, status = change(settings, key, text)
        if status != "Accepted":
            log.warning("stored setting %s = %r is not possible any more", key, text)
    return settings


def _boot_message(site: Site) -> BootNotificationRequest:
    s = site.station
    return BootNotificationRequest(
        charge_point_vendor=s.vendor,
        charge_point_model=s.model,
        charge_point_serial_number=s.serial or None,
        charge_box_serial_number=s.charge_box_serial or None,
        firmware_version=s.firmware_version or None,
        iccid=s.iccid or None,
        imsi=s.imsi or None,
        meter_type=s.meter_type or None,
        meter_serial_number=s.meter_serial or None,
    )
