"""SOAP over HTTP, both ways: a client for a service, and a service as a WSGI application."""

import http.client
import logging
import re
import ssl
import time
import uuid
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Literal
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment
from wsgiref.util import request_uri

import msgspec

from ocpp.failure import Refused, Unreachable, faulted, no_answer, no_success
from ocpp.message import Message, Service
from ocpp.peer import Closed, Peer, TooLarge, inflate
from ocpp.soap import BadEnvelope, Call, Codec, Fault
from ocpp.wsdl import wsdl

__all__ = ["Engine", "Exchanged", "OnExchange", "Refused", "SoapClient", "Unreachable", "soap_app"]

_log = logging.getLogger("pilotwire.http")

_SOAP = "application/soap+xml; charset=utf-8"
_ACCEPTED = ("application/soap+xml", "text/xml")
_ACTION = re.compile(r'\baction="?([^";]+)', re.IGNORECASE)

Engine = Literal["typed", "zeep"]
"""What writes a client's requests and reads the answers; the way there is the same."""


class Exchanged(msgspec.Struct, frozen=True):
    """One request and what came of it, inflated, and else as it was on the wire."""

    operation: str | None
    """None = the request could not be read."""
    request: bytes
    response: bytes
    status: int
    """Of HTTP; 0 = no answer was had."""
    seconds: float


OnExchange = Callable[[Exchanged], None]


class SoapClient:
    """Calls one service at one address over a connection that is kept; for one thread.

    `identity` is the charge point's; `sender` is where our own server listens, and may be set
    later. An answer may have `max_response` bytes. Raises ValueError for an address that is none.
    The engine zeep is imported where it is first chosen: few have a use for its 0.3 s and 10 MB.
    """

    def __init__(  # noqa: PLR0913
        self,
        service: Service,
        url: str,
        *,
        identity: str | None = None,
        sender: str | None = None,
        timeout_s: float = 30.0,
        max_response: int = 65_536,
        tls: ssl.SSLContext | None = None,
        engine: Engine = "typed",
        on_exchange: OnExchange | None = None,
    ) -> None:
        self.url = url
        self.identity = identity
        self.sender = sender
        self._timeout_s = timeout_s
        self._limit = max_response
        self._codec = _codec(service, engine)
        self._operations = {operation.request: operation for operation in service.operations}
        self._peer = Peer(url, tls)
        self._on_exchange = on_exchange

    def call(
        self, message: Message, *, message_id: str | None = None, timeout_s: float | None = None
    ) -> Message:
        """Send a request and return its response, within `timeout_s` seconds for all of it.

        Raises Unreachable or Refused; what Codec.request does, for a message that cannot be sent.
        """
        message_id = message_id or f"urn:uuid:{uuid.uuid4()}"
        envelope = self._codec.request(
            message, to=self.url, message_id=message_id, identity=self.identity, sender=self.sender
        )
        operation = self._operations[type(message)]
        kind = f'{_SOAP}; action="{operation.action}"'
        seconds = self._timeout_s if timeout_s is None else timeout_s
        began, plain, status = time.monotonic(), b"", 0
        try:
            answer = self._peer.post(envelope, kind, seconds=seconds, limit=self._limit)
            status = answer.status
            plain = inflate(answer.body, answer.encoding, self._limit)
            response = self._codec.read_response(plain, operation, message_id)
        except (OSError, http.client.HTTPException, TooLarge, Closed) as error:
            raise no_answer(error, self._peer) from error
        except Fault as fault:
            raise faulted(fault, self._peer) from fault
        except (BadEnvelope, ValueError) as error:
            raise no_success(answer, str(error), self._peer) from error
        finally:
            if self._on_exchange:
                took = time.monotonic() - began
                self._on_exchange(Exchanged(operation.name, envelope, plain, status, took))
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise no_success(answer, "a response, and yet no success", self._peer)
        return response

    def close(self) -> None:
        """For good, and from any thread: a call under way raises Unreachable at once."""
        self._peer.close()


def _codec(service: Service, engine: Engine) -> Codec:
    if engine == "typed":
        return Codec(service)
    from ocpp.zeep_engine import ZeepCodec  # noqa: PLC0415 -- see SoapClient

    return ZeepCodec(service)


def soap_app(
    service: Service,
    handle: Callable[[Call], Message],
    *,
    identity: str | None,
    max_body: int = 65_536,
    on_exchange: OnExchange | None = None,
) -> WSGIApplication:
    """A service as a WSGI application; `?wsdl` shows its WSDL.

    `handle` returns the response or raises Fault. `identity` is the charge point's own, if only
    calls to it shall pass. A request may have `max_body` bytes, inflated or not.
    """
    return _SoapApp(service, handle, identity, max_body, on_exchange)


class _Rejected(Exception):
    """An HTTP request that holds no SOAP; the text is the status."""


class _SoapApp:
    """The steps from an HTTP request to its answer."""

    def __init__(
        self,
        service: Service,
        handle: Callable[[Call], Message],
        identity: str | None,
        max_body: int,
        on_exchange: OnExchange | None,
    ) -> None:
        self._codec = Codec(service)
        self._handle = handle
        self._identity = identity
        self._max_body = max_body
        self._on_exchange = on_exchange

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if (environ["REQUEST_METHOD"], environ.get("QUERY_STRING", "").lower()) == ("GET", "wsdl"):
            text = wsdl(self._codec.service, request_uri(environ, include_query=False))
            return _reply(start, "200 OK", "text/xml; charset=utf-8", text.encode())
        try:
            action = _action(environ)
            request = _body(environ, self._max_body)
        except _Rejected as rejected:
            _log.info("%s: %s", environ.get("REMOTE_ADDR"), rejected)
            return _reply(start, str(rejected), "text/plain", b"")
        began = time.monotonic()
        call, status, response = self._answer(request, action)
        if self._on_exchange:
            name, took = call.operation.name if call else None, time.monotonic() - began
            self._on_exchange(Exchanged(name, request, response, status, took))
        return _reply(start, f"{status} {HTTPStatus(status).phrase}", _SOAP, response)

    def _answer(self, request: bytes, action: str | None) -> tuple[Call | None, int, bytes]:
        call = None
        try:
            call = self._codec.read_request(request, identity=self._identity, action=action)
            return call, 200, self._codec.response(self._handle(call), call)
        except Fault as raised:
            fault = raised
        except Exception:  # the application's root: the peer gets an answer whatever happened
            name = call.operation.name if call else "a request"
            _log.exception("%s: %s could not be answered", self._codec.service.name, name)
            fault = Fault("Receiver", "InternalError", "the request could not be processed")
        # The reason may quote the request, and with it a card.
        _log.info("%s: answered %s/%s", self._codec.service.name, fault.code, fault.subcode)
        _log.debug("%s", fault)
        return call, fault.http_status, self._codec.fault(fault, call)


def _reply(start: StartResponse, status: str, kind: str, body: bytes) -> list[bytes]:
    headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    start(status, headers + ([("Allow", "POST")] if status.startswith("405") else []))
    return [body]


def _action(environ: WSGIEnvironment) -> str | None:
    """What HTTP says the action is, if it does. Raises _Rejected for what cannot hold SOAP."""
    if environ["REQUEST_METHOD"] != "POST":
        raise _Rejected("405 Method Not Allowed")
    kind, _, parameters = environ.get("CONTENT_TYPE", "").partition(";")
    if kind.strip().lower() not in _ACCEPTED:
        raise _Rejected("415 Unsupported Media Type")
    said = _ACTION.search(parameters)
    action = said[1] if said else environ.get("HTTP_SOAPACTION", "").strip(' "')
    return action or None


def _body(environ: WSGIEnvironment, limit: int) -> bytes:
    """The request's body as it was before compression. Raises _Rejected."""
    length = environ.get("CONTENT_LENGTH")
    size = int(length) if length else environ.get("wsgi.input_terminated", False) * (limit + 1)
    data = environ["wsgi.input"].read(min(size, limit + 1))
    encoding = environ.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    try:
        plain = inflate(data, encoding, limit)
    except TooLarge:
        raise _Rejected("413 Content Too Large") from None
    except ValueError:
        raise _Rejected("415 Unsupported Media Type") from None
    if len(plain) > limit:
        raise _Rejected("413 Content Too Large")
    return plain
