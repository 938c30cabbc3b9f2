"""The HTTP server of one address: cheroot, given deadlines, limits and threads by need.

cheroot reads headers and shakes TLS hands in the threads that serve, so a few dozen connections
that send nothing stop it. Here its accepting thread gathers each header without waiting, and only
a whole one is worth a worker.
"""

import contextlib
import logging
import math
import queue
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from traceback import extract_tb
from typing import Any
from wsgiref.types import WSGIApplication

import msgspec
from cheroot.connections import ConnectionManager
from cheroot.wsgi import Server

from ocpp.connection import HEADER_MAX, Connection, TlsAdapter

_log = logging.getLogger("pilotwire.http")

_BACKLOG = 128  # connections that the kernel holds until they are accepted
_TURN_S = 0.2  # the accepting thread looks this often at deadlines, and whether to stop
_QUIET_S = 10.0  # between two words on the same flood
_CALM_S = 10.0  # without any connection there is no deadline to look at
_STOP_S = 0.6  # for the workers; with a turn of the accepting thread, less than a second


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What peers may ask of a server. Times in seconds."""

    connections: int = 64
    """Past these, the one is cut whose peer has been waited for longest. No more threads either."""
    body: int = 65_536
    """Bytes; of a header, 16 KiB."""
    header_s: float = 5.0
    """From its first byte, or from the connection, until a header must be complete."""
    body_s: float = 5.0
    idle_s: float = 60.0
    """How long a kept connection may be silent between requests."""


class HttpServer:
    """Serves a WSGI application at one address, over TLS if given a context.

    Binds at once, so `port` is the real one even where 0 was asked for; raises OSError if that
    fails. Its threads are daemons, called `{name}-accept` and `{name}-worker-N`.
    """

    def __init__(  # noqa: PLR0913
        self,
        host: str,
        port: int,
        app: WSGIApplication,
        *,
        name: str,
        tls: ssl.SSLContext | None = None,
        limits: Limits = Limits(),  # noqa: B008 (frozen)
    ) -> None:
        self._server = _Server((host, port), app, name, limits)
        self._server.ssl_adapter = TlsAdapter(tls) if tls else None
        self._server.prepare()
        self.host: str = self._server.bind_addr[0]
        self.port: int = self._server.bind_addr[1]
        self._thread = threading.Thread(
            target=self._server.serve, name=f"{name}-accept", daemon=True
        )

    @property
    def url(self) -> str:
        """Where this machine reaches it, without a path: `http://127.0.0.1:8080`."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        scheme = "https" if self._server.ssl_adapter else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"

    def start(self) -> None:
        """Begin to serve; until then, connections wait."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving, within a second, whatever the peers do.

        Answers under way have a moment to end, then every connection is cut. A stream whose
        application sleeps ends when that next yields; its thread holds up nothing.
        """
        self._server.stop()
        if self._thread.ident is not None:
            self._thread.join(_TURN_S)


class _Pool:
    """The workers, begun when a connection finds none idle (the interface is cheroot's)."""

    def __init__(self, name: str, most: int, serve: Callable[[Connection], None]) -> None:
        self._name, self._most, self._serve = name, most, serve
        self._queue: queue.SimpleQueue[Connection | None] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._growing = threading.Lock()
        self._threads: list[threading.Thread] = []

    def put(self, connection: Connection) -> None:
        self._queue.put(connection)
        if not self._idle.acquire(blocking=False):
            self._grow()

    def _grow(self) -> None:
        with self._growing:
            number = len(self._threads) + 1
            if number > self._most:
                return
            name = f"{self._name}-worker-{number}"
            self._threads.append(threading.Thread(target=self._work, name=name, daemon=True))
            self._threads[-1].start()

    def _work(self) -> None:
        while (connection := self._queue.get()) is not None:
            self._serve(connection)
            self._idle.release()

    def stop(self, seconds: float) -> list[str]:
        """Wait that long for the workers to end; the names of those that have not."""
        end = time.monotonic() + seconds
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        return [thread.name for thread in self._threads if thread.is_alive()]


class _Server(Server):
    """cheroot with connections that gather, workers by need, and a stop that is short."""

    ConnectionClass = Connection
    expiration_interval = _TURN_S
    max_request_header_size = HEADER_MAX
    software = "pilotwire"

    def __init__(
        self, address: tuple[str, int], app: WSGIApplication, name: str, limits: Limits
    ) -> None:
        super().__init__(address, app, server_name="pilotwire")
        self.requests = _Pool(name, limits.connections, self._serve)
        self.limits = limits
        self.shutdown_timeout = _STOP_S / 2
        self.max_request_body_size = limits.body
        self.keep_alive_conn_limit = limits.connections
        self.open: set[Connection] = set()
        self._quiet_until = 0.0
        self._name = name

    def prepare(self) -> None:
        """Bind and listen.

        cheroot's own loses the errno of a taken port, and takes descriptor 3 for its listener
        wherever systemd hands one over.
        """
        host, port = self.bind_addr
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        self.socket = socket.create_server(address, family=family, backlog=_BACKLOG)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # inherited
        self.socket.settimeout(_TURN_S)
        self.bind_addr = self.socket.getsockname()[:2]
        manager: Any = ConnectionManager(self)  # cheroot's stubs leave out what is used here
        select = manager._selector.select
        # An idle server sleeps; what comes, or a stop, wakes it.
        manager._selector.select = lambda timeout: select(timeout if self.open else _CALM_S)
        self._connections = self._manager = manager
        self.ready = True

    def serve(self) -> None:
        """Accept and gather until stopped. (cheroot's own starts a thread that would stay idle.)"""
        while self.ready:
            try:
                self._connections.run(self.expiration_interval)
            except Exception:  # this thread's root
                if self._manager._stop_requested:
                    return
                self.error_log("accepting", logging.ERROR, traceback=True)

    def admit(self, connection: Connection) -> None:
        """Past the limit, cut whose peer is waited for longest: a flood keeps nobody out."""
        if len(self.open) >= self.limits.connections:
            longest = min(self.open.copy(), key=lambda other: other.since or math.inf)
            if longest.since is None:  # all are being served
                longest = connection
            longest.cut()
            self._warn_of_flood()
        self.open.add(connection)

    def _warn_of_flood(self) -> None:
        now = time.monotonic()
        if now > self._quiet_until:
            self._quiet_until = now + _QUIET_S
            self.error_log("too many connections, the slowest are cut", logging.WARNING)

    def process_conn(self, conn: Connection) -> None:
        """cheroot's call for a connection that is new or has something to read."""
        try:
            if conn.rfile.has_header() or conn.gather():
                self.requests.put(conn)
            else:
                super().put_conn(conn)
        except OSError as gone:
            if not isinstance(gone, ConnectionError):
                self.error_log(f"{conn.remote_addr}: {gone}")
            conn.close()

    def put_conn(self, conn: Connection) -> None:
        """Back from a worker, to wait for the next request."""
        conn.wait(self.limits.header_s if conn.rfile.buffered() else self.limits.idle_s)
        super().put_conn(conn)

    def _serve(self, connection: Connection) -> None:
        kept = False
        try:
            kept = connection.communicate()
        except OSError as gone:
            self.error_log(f"{connection.remote_addr}: {gone}", logging.DEBUG)
        except Exception:  # a worker's root
            self.error_log("serving", logging.ERROR, traceback=True)
        if kept:
            self.put_conn(connection)
        else:
            connection.close()

    def stop(self) -> None:
        if not self.ready:
            return
        self._end_accepting()
        self.socket.close()  # nobody new; and cheroot then spares calling itself to wake up
        super().stop()
        for connection in self.open.copy():
            connection.cut()
        for thread in self.requests.stop(_STOP_S / 2):
            self.error_log(f"{thread} is still busy after the stop", logging.WARNING)

    def _end_accepting(self) -> None:
        """Wake the accepting thread by its listener, and let it see that it is to stop."""
        self._manager._stop_requested = True
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        end = time.monotonic() + _TURN_S
        while self._manager._serving and time.monotonic() < end:
            time.sleep(_TURN_S / 100)

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """One line, whatever cheroot has to say."""
        error = sys.exc_info()[1] if traceback else None
        if error and error.__traceback__:
            frame = extract_tb(error.__traceback__)[-1]
            msg = f"{msg} ({type(error).__name__} in {frame.filename}:{frame.lineno})"
        _log.log(level, "%s: %s", self._name, " ".join(msg.split()))
