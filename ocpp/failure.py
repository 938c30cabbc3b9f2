"""Why a call brought no success: in a word for programs, in a sentence that a person can act on."""

import http.client
import socket
import ssl
from http import HTTPStatus
from typing import NamedTuple

from ocpp.envelope import Fault
from ocpp.peer import Answer, Closed, Peer, TooLarge


class CallFailed(Exception):
    """`reason` is a word or two, `hint` a sentence that names the address and what to do."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(f"{reason}: {hint}")
        self.reason = reason
        self.hint = hint


class Unreachable(CallFailed):
    """No answer was had; whether the request arrived is not known."""


class Refused(CallFailed):
    """There was an answer, and it is no success; `fault` if that was a SOAP fault."""

    fault: Fault | None = None


class _Case(NamedTuple):
    error: type[Exception]
    kind: type[CallFailed]
    reason: str
    hint: str


# The first that fits counts: some of these errors are kinds of others.
_CASES = (
    _Case(
        *(Closed, Unreachable, "stopped"),
        "The call to {url} was given up: this end is stopping.",
    ),
    _Case(
        *(socket.gaierror, Unreachable, "name not found"),
        "The name {host} was not found ({detail}): check {url}, and the name server.",
    ),
    _Case(
        *(ssl.SSLCertVerificationError, Unreachable, "tls"),
        "The certificate of {host} port {port} is not trusted ({detail}): "
        "check the name in {url}, and the authorities trusted here.",
    ),
    _Case(
        *(ssl.SSLError, Unreachable, "tls"),
        "TLS with {host} port {port} failed ({detail}): "
        "check the port in {url}; if it speaks plain HTTP, begin with http:.",
    ),
    _Case(
        *(TimeoutError, Unreachable, "timed out"),
        "{host} port {port} gave no whole answer in time: "
        "check {url}, the network, and any firewall between.",
    ),
    _Case(
        *(ConnectionRefusedError, Unreachable, "refused"),
        "Nothing listens at {host} port {port}: check that the other end runs, and {url}.",
    ),
    _Case(
        *(ConnectionError, Unreachable, "closed"),
        "{host} port {port} closed the connection instead of answering: "
        "see its log; if it speaks TLS, begin {url} with https:.",
    ),
    _Case(
        *(http.client.IncompleteRead, Unreachable, "closed"),
        "{host} port {port} closed the connection within its answer to {url}: see its log.",
    ),
    _Case(
        *(http.client.HTTPException, Refused, "not HTTP"),
        "What answers at {host} port {port} does not speak HTTP: "
        "check the port in {url}; if it speaks TLS, begin with https:.",
    ),
    _Case(
        *(TooLarge, Refused, "too large"),
        "{url} answers with more than is taken: check that it is the address of the service.",
    ),
    _Case(
        *(OSError, Unreachable, "no connection"),
        "There is no way to {host} port {port} ({detail}): check the network, and {url}.",
    ),
)

_STATUSES = {
    401: ("unauthorized", "{url} wants credentials (HTTP 401): check what it expects of us."),
    403: ("unauthorized", "{url} does not let us in (HTTP 403): check that it knows us."),
    404: ("wrong path", "{host} port {port} has nothing at {path}: correct the path in {url}."),
    405: ("wrong path", "{host} port {port} takes no calls at {path}: correct the path in {url}."),
}


def no_answer(error: Exception, peer: Peer) -> CallFailed:
    """What an error of Peer.post or inflate is to the caller."""
    case = next(case for case in _CASES if isinstance(error, case.error))
    details = (getattr(error, name, None) for name in ("verify_message", "reason", "strerror"))
    detail = next((detail for detail in details if detail), type(error).__name__)
    return case.kind(case.reason, _say(case.hint, peer, detail=detail))


def no_success(answer: Answer, why: str, peer: Peer) -> Refused:
    """What an answer is that holds neither the response expected nor a fault."""
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
        location = answer.headers.get("Location", "elsewhere")
        hint = "{url} redirects to {location}, which is not followed: if that is right, name it."
        return Refused("redirect", _say(hint, peer, location=location))
    if answer.status >= HTTPStatus.BAD_REQUEST:
        default = f"HTTP {answer.status}", "{url} answered HTTP {status} ({why}): see its log."
        reason, hint = _STATUSES.get(answer.status, default)
        return Refused(reason, _say(hint, peer, status=answer.status, why=why))
    reason = "wrong answer" if b"Envelope" in answer.body else "not SOAP"
    hint = "{url} answered what was not asked ({why}): check that the path is the service's."
    return Refused(reason, _say(hint, peer, why=why))


def faulted(fault: Fault, peer: Peer) -> Refused:
    """What a fault is to the caller."""
    refused = Refused(
        "fault", _say("{url} refused the request: {fault}.", peer, fault=str(fault).rstrip("."))
    )
    refused.fault = fault
    return refused


def _say(hint: str, peer: Peer, **more: object) -> str:
    said = {name: " ".join(str(value).split())[:200] for name, value in more.items()}
    return hint.format(url=peer.url, host=peer.host, port=peer.port, path=peer.path, **said)
