"""The bench central system's page: its files, a JSON API beneath it, and server-sent events."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from werkzeug.exceptions import (
    BadGateway,
    BadRequest,
    Forbidden,
    HTTPException,
    ServiceUnavailable,
    UnsupportedMediaType,
)
from werkzeug.routing import Map, Rule
from werkzeug.utils import send_from_directory
from werkzeug.wrappers import Request, Response

from ocpp.central.state import Card, Registration
from ocpp.http import Refused, Unreachable
from ocpp.message import Message
from ocpp.v16 import CHARGE_POINT

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from ocpp.central.system import CentralSystem

T = TypeVar("T")

VIEWERS = 16
"""Event streams at once; each keeps a thread of the server."""
MIN_INTERVAL_S = 0.5
BEAT_S = 5.0
"""A sign of life on an idle stream, by which also a viewer's leaving is noticed."""
MAX_BODY = 65_536

OWN_FILES = Path(__file__).parent / "static"
SHARED_FILES = Path(__file__).parent.parent / "static"

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

URLS = Map(
    [
        Rule("/", endpoint="index", methods=["GET"]),
        Rule("/static/<path:path>", endpoint="own_file", methods=["GET"]),
        Rule("/shared/<path:path>", endpoint="shared_file", methods=["GET"]),
        Rule("/events", endpoint="events", methods=["GET"]),
        Rule("/api/state", endpoint="state", methods=["GET"]),
        Rule("/api/call", endpoint="call", methods=["POST"]),
        Rule("/api/cards", endpoint="cards", methods=["POST"]),
        Rule("/api/registration", endpoint="registration", methods=["POST"]),
    ]
)


class CallOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An operation to call at a station; `fields` under their names on the wire."""

    station: str
    operation: str
    fields: dict[str, Any] = {}

    def request(self) -> Message:
        """The message that is asked for. Raises BadRequest where there is no such message."""
        kinds = {operation.name: operation.request for operation in CHARGE_POINT.operations}
        if self.operation not in kinds:
            raise BadRequest(f"no operation {self.operation}: there are {', '.join(kinds)}")
        try:
            return msgspec.convert(self.fields, kinds[self.operation])
        except msgspec.ValidationError as error:
            raise BadRequest(f"{self.operation}: {error}") from error


class Page:
    """The WSGI application of the page."""

    def __init__(self, system: "CentralSystem") -> None:
        self._system = system
        self._places = BoundedSemaphore(VIEWERS)
        self._endpoints: dict[str, Callable[..., Response]] = {
            "index": lambda request: self._own_file(request, "index.html"),
            "own_file": self._own_file,
            "shared_file": self._shared_file,
            "events": self._events,
            "state": self._state,
            "call": self._call,
            "cards": self._cards,
            "registration": self._registration,
        }

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        request = Request(environ)
        request.max_content_length = MAX_BODY
        try:
            _guard(request)
            endpoint, arguments = URLS.bind_to_environ(environ).match()
            response = self._endpoints[endpoint](request, **arguments)
        except HTTPException as error:
            response = _json({"error": error.description}, error.code or 500)
        response.headers.update(HEADERS)
        return response(environ, start_response)

    def _own_file(self, request: Request, path: str) -> Response:
        return send_from_directory(OWN_FILES, path, request.environ)

    def _shared_file(self, request: Request, path: str) -> Response:
        return send_from_directory(SHARED_FILES, path, request.environ)

    def _state(self, _request: Request) -> Response:
        return Response(self._system.state_json(), mimetype="application/json")

    def _events(self, _request: Request) -> Response:
        if not self._places.acquire(blocking=False):
            raise ServiceUnavailable(f"{VIEWERS} viewers are the limit: close another tab")
        response = Response(self._stream(), mimetype="text/event-stream")
        response.call_on_close(self._places.release)
        return response

    def _stream(self) -> Iterator[bytes]:
        changes, shown = self._system.changes, -1
        while not changes.closed:
            version = changes.wait_past(shown, BEAT_S)
            if version > shown:
                yield b"data: " + self._system.state_json() + b"\n\n"
                shown = version
                changes.pause(MIN_INTERVAL_S)
            else:
                yield b": beat\n\n"

    def _call(self, request: Request) -> Response:
        order = _body(request, CallOrder)
        try:
            answer = self._system.call(order.station, order.request())
        except (Refused, Unreachable) as error:
            return _json({"error": error.reason, "hint": error.hint}, BadGateway.code)
        except ValueError as error:
            raise BadRequest(str(error)) from error
        return _json({"answer": answer})

    def _cards(self, request: Request) -> Response:
        self._system.store.save_card(_body(request, Card))
        return _json({})

    def _registration(self, request: Request) -> Response:
        self._system.store.set_registration(_body(request, Registration))
        return _json({})


def _guard(request: Request) -> None:
    """Refuse what a foreign web page could make a browser send here.

    The name must be loopback's (a foreign name that resolves to this machine is a rebinding
    attack), and an order must come from this page: browsers name the origin of every POST, and
    send JSON across origins only after asking, which nobody here answers.
    """
    if urlsplit(f"//{request.host}").hostname not in ("127.0.0.1", "::1", "localhost"):
        raise Forbidden("open this page under 127.0.0.1 or localhost")
    if request.headers.get("Origin", f"http://{request.host}") != f"http://{request.host}":
        raise Forbidden("this request comes from another page")
    if request.method == "POST" and request.mimetype != "application/json":
        raise UnsupportedMediaType("send application/json")


def _body(request: Request, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(request.get_data(), type=kind)
    except ValueError as error:  # no JSON, no UTF-8, or not what is expected
        raise BadRequest(str(error)) from error


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, mimetype="application/json")
