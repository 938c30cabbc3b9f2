"""What both web applications share: routing, JSON answers, and the guard at the door."""

import hashlib
import hmac
import ipaddress
import logging
import re
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

import msgspec
from werkzeug import Request as BaseRequest
from werkzeug import Response
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import (
    Forbidden,
    HTTPException,
    InternalServerError,
    NotFound,
    Unauthorized,
)
from werkzeug.routing import Map, Rule

log = logging.getLogger(__name__)

# Names that need no resolver: a foreign name that was rebound to 127.0.0.1 stays a stranger.
LOOPBACK_HOST = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?", re.IGNORECASE)
EVERYWHERE = ("0.0.0.0", "::")


class Request(BaseRequest):
    """A request whose body may not be larger than any body we know (413)."""

    max_content_length = 16 * 1024


Guard = Callable[[Request], None]
"""Lets a request pass, or raises the HTTPException to answer with."""


class Application:
    """A WSGI application; the endpoint of a rule is the function that answers it."""

    def __init__(self, rules: Iterable[Rule], guard: Guard | None = None) -> None:
        self._guard = guard or this_machine
        self._routes = Map(rules, strict_slashes=False, merge_slashes=False)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        response = self.respond(Request(environ))
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response(environ, start_response)

    def respond(self, request: Request) -> Response:
        try:
            self._guard(request)
            return self._route(request)
        except HTTPException as refused:
            return refusal(refused)
        except Exception:  # the root of this thread: the next request may well succeed
            log.exception("could not answer %s %s", request.method, request.path)
            return refusal(InternalServerError("the station failed to answer; its log says why"))

    def _route(self, request: Request) -> Response:
        try:
            endpoint, arguments = self._routes.bind_to_environ(request.environ).match()
        except NotFound:
            raise NotFound(f"there is nothing at {request.path}") from None
        response: Response = endpoint(request, **arguments)
        return response


def this_machine(request: Request) -> None:
    """Let in programs on this machine and pages that came from here. Raises Forbidden."""
    host = request.headers.get("Host", "")
    if not _local(request) or not LOOPBACK_HOST.fullmatch(host):
        raise Forbidden("only this machine may ask; use http://127.0.0.1 or http://localhost")
    _same_origin(request)


class Password:
    """Lets in who knows the password, whatever the user name, at the address we listen on.

    Of the password only a hash is kept, and only in memory. No log line tells what was sent."""

    def __init__(self, password: str, listen_host: str) -> None:
        self._hash = _hash(password)
        self._host = listen_host

    def __call__(self, request: Request) -> None:
        host = request.headers.get("Host", "")
        if not (self._ours(host) or (_local(request) and LOOPBACK_HOST.fullmatch(host))):
            raise Forbidden("open this page by the address that web.listen in the site file names")
        _same_origin(request)
        given = request.authorization
        password = given.password if given is not None and given.type == "basic" else None
        if not hmac.compare_digest(_hash(password or ""), self._hash):
            ask = WWWAuthenticate("basic", {"realm": "Pilotwire", "charset": "UTF-8"})
            raise Unauthorized(
                "the password is web.password of the site file", www_authenticate=ask
            )

    def _ours(self, host: str) -> bool:
        """Listening on all addresses any of them may be ours, but no name: names can be rebound."""
        name = re.sub(r":\d+$", "", host).strip("[]").lower()
        return _is_address(name) if self._host in EVERYWHERE else name == self._host.lower()


def _hash(password: str) -> bytes:
    return hashlib.sha256(password.encode()).digest()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _local(request: Request) -> bool:
    remote = request.remote_addr or ""
    return remote == "::1" or remote.startswith("127.")


def _same_origin(request: Request) -> None:
    """What a browser sends along when another page asks is refused. Raises Forbidden."""
    origin, host = request.headers.get("Origin"), request.headers.get("Host", "")
    if origin is not None and origin.lower() != f"{request.scheme}://{host}".lower():
        raise Forbidden(f"a page from {origin} may not ask here; open the station's own page")


def answer(body: object, status: int = 200) -> Response:
    response = Response(msgspec.json.encode(body), status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def refusal(refused: HTTPException) -> Response:
    """A refusal in JSON, keeping its headers (Allow, Retry-After)."""
    response = Response.force_type(refused.get_response())
    response.data = msgspec.json.encode({"error": refused.description})
    response.mimetype = "application/json"
    return response
