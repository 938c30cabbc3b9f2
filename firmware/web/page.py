"""The station's page: its files, its API, its live stream of events, its health and figures."""

import threading
from collections.abc import Iterable, Iterator
from importlib.resources import files
from wsgiref.types import StartResponse, WSGIEnvironment

import msgspec
from werkzeug import Response
from werkzeug.exceptions import NotFound, ServiceUnavailable, UnsupportedMediaType
from werkzeug.routing import Rule
from werkzeug.utils import send_from_directory

from firmware.web import orders
from firmware.web.bench import act
from firmware.web.facade import Station
from firmware.web.records import record_rules
from firmware.web.wsgi import Application, Guard, Request, answer

MAX_VIEWERS = 16
"""Each viewer holds one thread of the server, which must keep some for everybody else."""
MIN_INTERVAL_S = 0.25
SLICE_S = 0.25
"""How long a stream waits at most before it looks whether the page is being closed."""
KEEP_ALIVE_SLICES = 40
"""A comment every 10 s tells a lost viewer from a quiet station."""

POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class Page:
    """The WSGI application of the page. Without a guard that asks for a password it lets in nobody
    but this machine."""

    def __init__(self, station: Station, guard: Guard | None = None) -> None:
        self._station = station
        self._viewers = threading.BoundedSemaphore(MAX_VIEWERS)
        self._closing = threading.Event()
        self._app = Application(self._rules(), guard)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._app(environ, start_response)

    def close(self) -> None:
        """End the live streams, for good, within a quarter of a second. From any thread."""
        self._closing.set()

    def _rules(self) -> list[Rule]:
        return [
            Rule("/", endpoint=self._index, methods=["GET"]),
            Rule("/static/<path:path>", endpoint=self._own_file, methods=["GET"]),
            Rule("/shared/<path:path>", endpoint=self._shared_file, methods=["GET"]),
            Rule("/api/state", endpoint=self._state, methods=["GET"]),
            Rule("/api/history", endpoint=self._history, methods=["GET"]),
            Rule("/events", endpoint=self._events, methods=["GET"]),
            Rule("/api/bench/<verb>", endpoint=self._bench, methods=["POST"]),
            Rule("/api/order/<name>", endpoint=self._order, methods=["POST"]),
            Rule("/health", endpoint=self._health, methods=["GET"]),
            Rule("/metrics", endpoint=self._metrics, methods=["GET"]),
            *record_rules(self._station),
        ]

    def _index(self, request: Request) -> Response:
        return static_file("firmware.web", "index.html", request)

    def _own_file(self, request: Request, path: str) -> Response:
        return static_file("firmware.web", path, request)

    def _shared_file(self, request: Request, path: str) -> Response:
        return static_file("ocpp", path, request)

    def _state(self, _: Request) -> Response:
        return answer(self._station.snapshot())

    def _history(self, _: Request) -> Response:
        return answer(self._station.history())

    def _bench(self, request: Request, verb: str) -> Response:
        if not self._station.fake:
            raise NotFound("this board is no simulation: there is nothing to play with")
        return act(self._station, verb, json_of(request))

    def _order(self, request: Request, name: str) -> Response:
        return orders.act(self._station, name, json_of(request))

    def _health(self, _: Request) -> Response:
        ailing = self._station.ailing()
        return answer({"status": "ailing", "problems": ailing} if ailing else {"status": "ok"},
                      503 if ailing else 200)  # fmt: skip

    def _metrics(self, _: Request) -> Response:
        # Imported where it is asked for: most stations are never, and it costs them memory.
        from firmware.web import metrics  # noqa: PLC0415

        return Response(metrics.text(self._station), content_type=metrics.CONTENT_TYPE_LATEST)

    def _events(self, _: Request) -> Response:
        if not self._viewers.acquire(blocking=False):
            raise ServiceUnavailable(f"{MAX_VIEWERS} viewers are here already", retry_after=10)
        response = Response(self._stream(), mimetype="text/event-stream")
        response.headers["Cache-Control"] = "no-store"
        response.call_on_close(self._viewers.release)
        return response

    def _stream(self) -> Iterator[bytes]:
        """Snapshots as server-sent events: one at once, then one a change, at most 4 Hz."""
        yield b"retry: 1000\n\n"
        seen, quiet = -1, 0
        while not self._closing.is_set():
            current = self._station.wait_change(seen, SLICE_S)
            quiet = quiet + 1 if current == seen else 0
            if current != seen:
                seen = current
                yield b"data: " + msgspec.json.encode(self._station.snapshot()) + b"\n\n"
                self._closing.wait(MIN_INTERVAL_S)
            elif quiet % KEEP_ALIVE_SLICES == 0:
                yield b": nothing new\n\n"


def json_of(request: Request) -> bytes:
    """The body. A foreign page cannot send this type without asking first, and we never say yes."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("send the body as application/json")
    return request.get_data()


def static_file(package: str, path: str, request: Request) -> Response:
    """A file of a package's `static` folder, and nothing outside of it (NotFound)."""
    folder = str(files(package).joinpath("static"))
    try:
        response = send_from_directory(folder, path, request.environ)
    except NotFound:
        raise NotFound(f"there is no file {path}") from None
    response.headers["Content-Security-Policy"] = POLICY
    return response
