"""What both web applications share: routing, JSON answers, and a guard that lets in loopback."""

import logging
import re
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

import msgspec
from werkzeug import Request as BaseRequest
from werkzeug import Response
from werkzeug.exceptions import Forbidden, HTTPException, InternalServerError, NotFound
from werkzeug.routing import Map, Rule

log = logging.getLogger(__name__)

# Names that need no resolver: a foreign name that was rebound to 127.0.0.1 stays a stranger.
LOOPBACK_HOST = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?", re.IGNORECASE)


class Request(BaseRequest):
    """A request whose body may not be larger than any body we know (413)."""

    max_content_length = 16 * 1024


class Application:
    """A WSGI application; the endpoint of a rule is the function that answers it."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._routes = Map(rules, strict_slashes=False, merge_slashes=False)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        response = self.respond(Request(environ))
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response(environ, start_response)

    def respond(self, request: Request) -> Response:
        try:
            guard(request)
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


def guard(request: Request) -> None:
    """Let in programs on this machine and pages that came from here. Raises Forbidden."""
    remote, host = request.remote_addr or "", request.headers.get("Host", "")
    if not (remote == "::1" or remote.startswith("127.")) or not LOOPBACK_HOST.fullmatch(host):
        raise Forbidden("only this machine may ask; use http://127.0.0.1 or http://localhost")
    origin = request.headers.get("Origin")
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
