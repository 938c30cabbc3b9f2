"""What is expected of a SOAP client on the way there and back, whichever engine it has.

One deadline, one connection, and for every failure a reason and a remedy.
"""

import gzip
import logging
import queue
import socket
import ssl
import struct
import threading
import time
import zlib
from collections.abc import Generator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import trustme

from ocpp.http import Exchanged, Refused, SoapClient, Unreachable, soap_app
from ocpp.server import HttpServer
from ocpp.soap import Call, Codec, Fault
from ocpp.v16 import (
    CENTRAL_SYSTEM,
    AuthorizeRequest,
    AuthorizeResponse,
    HeartbeatRequest,
    HeartbeatResponse,
    IdTagInfo,
)
from tests.contract.conftest import Dial, Serve
from tests.ocpp.wires import PATIENCE_S, Script, Scripted, drip, read_request, respond, says

BEAT = HeartbeatRequest()
ANSWER = HeartbeatResponse(current_time=datetime(2026, 1, 2, tzinfo=UTC))
CODEC = Codec(CENTRAL_SYSTEM)


def envelope_for(request: bytes) -> bytes:
    return CODEC.response(ANSWER, CODEC.read_request(request.partition(b"\r\n\r\n")[2]))


def answers(times: int = 1, **more: Any) -> Script:
    """As many heartbeats as said, then closed."""

    def script(sock: socket.socket) -> None:
        for _ in range(times):
            if request := read_request(sock):
                sock.sendall(respond(envelope_for(request), **more))

    return script


def leaves(sock: socket.socket) -> None:
    """One request is read and the connection closed."""
    read_request(sock)


def hangs(sock: socket.socket) -> None:
    """Nothing is said until the other end leaves."""
    while sock.recv(65_536):
        pass


class TestCall:
    def test_brings_the_response(self, serve: Serve, dial: Dial) -> None:
        assert dial(serve(answers()).port).call(BEAT) == ANSWER

    def test_is_one_http_request(self, serve: Serve, dial: Dial) -> None:
        heard: queue.SimpleQueue[bytes] = queue.SimpleQueue()

        def script(sock: socket.socket) -> None:
            request = read_request(sock)
            heard.put(request)
            sock.sendall(respond(envelope_for(request)))

        server = serve(script)
        client = dial(server.port, "/a b/ü?x=1", sender="http://192.0.2.1:8080/")
        client.call(BEAT, message_id="urn:uuid:1")
        head, _, body = heard.get().partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        assert lines[0] == "POST /a%20b/%C3%BC?x=1 HTTP/1.1"
        assert f"Host: 127.0.0.1:{server.port}" in lines
        assert 'Content-Type: application/soap+xml; charset=utf-8; action="/Heartbeat"' in lines
        assert "Accept-Encoding: identity" in lines
        call = CODEC.read_request(body)
        assert (call.message_id, call.identity) == ("urn:uuid:1", "CP1")
        assert call.sender == "http://192.0.2.1:8080/"

    def test_each_has_an_id_of_its_own(self, serve: Serve, dial: Dial) -> None:
        ids = set()

        def script(sock: socket.socket) -> None:
            for _ in range(3):
                request = read_request(sock)
                ids.add(CODEC.read_request(request.partition(b"\r\n\r\n")[2]).message_id)
                sock.sendall(respond(envelope_for(request)))

        client = dial(serve(script).port)
        for _ in range(3):
            client.call(BEAT)
        assert len(ids) == 3

    def test_is_told_of_with_what_was_said(self, serve: Serve, dial: Dial) -> None:
        told: list[Exchanged] = []
        client = dial(serve(answers()).port, on_exchange=told.append)
        client.call(BEAT)
        (one,) = told
        assert (one.operation, one.status) == ("Heartbeat", 200)
        assert CODEC.read_request(one.request).message == BEAT
        assert b"currentTime" in one.response
        assert 0 < one.seconds < PATIENCE_S

    def test_is_told_of_without_an_answer(self, serve: Serve, dial: Dial) -> None:
        told: list[Exchanged] = []
        client = dial(serve(leaves).port, on_exchange=told.append)
        with pytest.raises(Unreachable):
            client.call(BEAT)
        assert [(one.operation, one.status, one.response) for one in told] == [
            ("Heartbeat", 0, b"")
        ]

    def test_that_breaks_its_definition_is_not_sent(self, serve: Serve, dial: Dial) -> None:
        server = serve(answers())
        with pytest.raises(msgspec.ValidationError):
            dial(server.port).call(AuthorizeRequest(id_tag="x" * 21))
        assert server.connections == 0

    @pytest.mark.parametrize("encoding", ["gzip", "deflate", "bare deflate"])
    def test_answer_may_be_compressed_although_not_asked(
        self, serve: Serve, dial: Dial, encoding: str
    ) -> None:
        compress = {
            "gzip": gzip.compress,
            "deflate": zlib.compress,
            "bare deflate": lambda data: zlib.compress(data, wbits=-15),
        }[encoding]

        def script(sock: socket.socket) -> None:
            body = compress(envelope_for(read_request(sock)))
            sock.sendall(respond(body, f"Content-Encoding: {encoding.rsplit(maxsplit=1)[-1]}"))

        assert dial(serve(script).port).call(BEAT) == ANSWER

    def test_answer_may_be_chunked_or_end_with_the_connection(
        self, serve: Serve, dial: Dial
    ) -> None:
        def chunked(sock: socket.socket) -> None:
            body = envelope_for(read_request(sock))
            sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
            sock.sendall(b"Transfer-Encoding: chunked\r\n\r\n5\r\n" + body[:5] + b"\r\n")
            sock.sendall(b"%x;x\r\n%b\r\n0\r\nX: y\r\n\r\n" % (len(body) - 5, body[5:]))
            sock.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + envelope_for(read_request(sock)))

        server = serve(chunked)
        client = dial(server.port)
        assert [client.call(BEAT) for _ in range(2)] == [ANSWER, ANSWER]
        assert server.connections == 1


class TestConnection:
    def test_is_kept(self, serve: Serve, dial: Dial) -> None:
        server = serve(answers(3))
        client = dial(server.port)
        for _ in range(3):
            client.call(BEAT)
        assert server.connections == 1

    def test_is_made_anew_after_the_peer_closed_it(self, serve: Serve, dial: Dial) -> None:
        server = serve(answers(1), answers(1))
        client = dial(server.port)
        assert client.call(BEAT) == ANSWER
        assert client.call(BEAT) == ANSWER
        assert server.connections == 2

    def test_that_dies_under_a_request_is_replaced_once(self, serve: Serve, dial: Dial) -> None:
        def dies(sock: socket.socket) -> None:
            answers(1)(sock)
            read_request(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        server = serve(dies, answers(1))
        client = dial(server.port)
        assert client.call(BEAT) == ANSWER
        assert client.call(BEAT) == ANSWER
        assert server.connections == 2

    def test_that_is_new_and_dies_is_not_replaced(self, serve: Serve, dial: Dial) -> None:
        server = serve(leaves, answers(1))
        with pytest.raises(Unreachable) as raised:
            dial(server.port).call(BEAT)
        assert raised.value.reason == "closed"
        assert server.connections == 1

    def test_that_dies_within_an_answer_is_not_replaced(self, serve: Serve, dial: Dial) -> None:
        def dies(sock: socket.socket) -> None:
            answers(1)(sock)
            says(b"HTTP/1.1 2")(sock)

        server = serve(dies, answers(1))
        client = dial(server.port)
        client.call(BEAT)
        with pytest.raises((Unreachable, Refused)):
            client.call(BEAT)
        assert server.connections == 1

    def test_words_that_nobody_asked_for_are_no_answer(self, serve: Serve, dial: Dial) -> None:
        answered, late = threading.Event(), threading.Event()

        def script(sock: socket.socket) -> None:
            answers(1)(sock)
            answered.wait(PATIENCE_S)
            sock.sendall(respond(b"", status="408 Request Timeout"))
            late.set()
            hangs(sock)

        server = serve(script, answers(1))
        client = dial(server.port)
        client.call(BEAT)
        answered.set()
        assert late.wait(PATIENCE_S)
        assert client.call(BEAT) == ANSWER

    def test_stays_usable_after_a_failure(self, serve: Serve, dial: Dial) -> None:
        client = dial(serve(says(respond(b"no")), answers(1)).port)
        with pytest.raises(Refused):
            client.call(BEAT)
        assert client.call(BEAT) == ANSWER


class TestUnreachable:
    def failure(self, client: SoapClient, **more: Any) -> Unreachable:
        with pytest.raises(Unreachable) as raised:
            client.call(BEAT, **more)
        return raised.value

    def test_name_not_found(self, dial: Dial) -> None:
        failure = self.failure(dial(80, host="nowhere.invalid"))
        assert failure.reason == "name not found"
        assert "nowhere.invalid" in failure.hint

    def test_name_server_that_is_silent(self, dial: Dial, monkeypatch: pytest.MonkeyPatch) -> None:
        go = threading.Event()

        def look_up(*arguments: object, flags: int = 0, **more: object) -> list[Any]:
            if not flags & socket.AI_NUMERICHOST:
                go.wait(PATIENCE_S)
            raise socket.gaierror(socket.EAI_NONAME, "unknown")

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        began = time.monotonic()
        failure = self.failure(dial(80, host="somewhere"), timeout_s=0.3)
        go.set()
        assert failure.reason == "name not found"
        assert time.monotonic() - began < 5

    def test_port_refused(self, serve: Serve, dial: Dial) -> None:
        server = Scripted()
        server.close()
        failure = self.failure(dial(server.port))
        assert failure.reason == "refused"
        assert f"127.0.0.1 port {server.port}" in failure.hint

    @pytest.mark.parametrize(
        "said",
        [b"", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 600, respond(b"x" * 600)],
        ids=["silent", "dripping header", "dripping body"],
    )
    def test_answer_is_not_whole_in_time(self, serve: Serve, dial: Dial, said: bytes) -> None:
        enough = threading.Event()

        def script(sock: socket.socket) -> None:
            read_request(sock)
            drip(sock, said, enough)
            hangs(sock)

        began = time.monotonic()
        client = dial(serve(script).port)
        failure = self.failure(client, timeout_s=0.3)
        enough.set()
        assert failure.reason == "timed out"
        assert time.monotonic() - began < 5

    def test_connecting_takes_too_long(self, dial: Dial) -> None:
        with ExitStack() as stack:
            full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
            port = full.getsockname()[1]
            for _ in range(8):  # as many as the kernel queues; the next is left in the air
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(("127.0.0.1", port))
            assert self.failure(dial(port), timeout_s=0.3).reason == "timed out"

    def test_answer_that_ends_early(self, serve: Serve, dial: Dial) -> None:
        failure = self.failure(dial(serve(says(respond(b"half", length=8))).port))
        assert failure.reason == "closed"


class TestRefused:
    def failure(self, client: SoapClient) -> Refused:
        with pytest.raises(Refused) as raised:
            client.call(BEAT)
        return raised.value

    @pytest.mark.parametrize(
        ("answer", "reason", "hint"),
        [
            (respond(b"<html>", status="404 Not Found"), "wrong path", "/central"),
            (respond(b"", status="405 Method Not Allowed"), "wrong path", "/central"),
            (respond(b"", status="401 Unauthorized"), "unauthorized", "401"),
            (respond(b"", status="403 Forbidden"), "unauthorized", "403"),
            (respond(b"<html>oops</html>", status="500 Oops"), "HTTP 500", "/central"),
            (respond(b"<html>hello</html>"), "not SOAP", "/central"),
            (respond(b"", status="202 Accepted"), "not SOAP", "/central"),
            (respond(b"", status="204 No Content"), "not SOAP", "/central"),
            (
                respond(b"", "Location: http://192.0.2.9/", status="302 Found"),
                "redirect",
                "192.0.2.9",
            ),
            (b"\x15\x03\x01\x00\x02\x02\x46", "not HTTP", "https:"),
            (b"SSH-2.0-OpenSSH_9.2\r\n", "not HTTP", "port"),
            (respond(b"x" * 65_537), "too large", "/central"),
            (respond(b"", length=10**12), "too large", "/central"),
            (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 65_537, "too large", "/central"),
            (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000, "not HTTP", "port"),
            (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000, "not HTTP", "port"),
            (b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000, "too large", "/central"),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n"
                + b"x" * 99_999,
                "too large",
                "/central",
            ),
            (respond(b"<a>", "Content-Encoding: br"), "not SOAP", "br"),
            (respond(b"<a>", "Content-Encoding: gzip"), "not SOAP", "gzip"),
            (respond(gzip.compress(b"<a>")[:-9], "Content-Encoding: gzip"), "not SOAP", "gzip"),
            (
                respond(gzip.compress(b"<a>" * 10**6), "Content-Encoding: gzip"),
                "too large",
                "/central",
            ),
        ],
    )
    def test_answers_that_are_none(
        self, serve: Serve, dial: Dial, answer: bytes, reason: str, hint: str
    ) -> None:
        failure = self.failure(dial(serve(says(answer)).port))
        assert failure.reason == reason
        assert hint in failure.hint
        assert failure.fault is None

    @pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "500 Oops", "404 Not Found"])
    def test_fault_with_any_status(self, serve: Serve, dial: Dial, status: str) -> None:
        fault = CODEC.fault(Fault("Sender", "SecurityError", "unknown station"))
        failure = self.failure(dial(serve(says(respond(fault, status=status))).port))
        assert failure.reason == "fault"
        assert failure.fault is not None
        assert failure.fault.subcode == "SecurityError"
        assert "unknown station" in failure.hint

    def test_response_with_the_status_of_a_failure(self, serve: Serve, dial: Dial) -> None:
        server = serve(answers(status="500 Oops"))
        assert self.failure(dial(server.port)).reason == "HTTP 500"

    def test_response_to_something_else(self, serve: Serve, dial: Dial) -> None:
        def script(sock: socket.socket) -> None:
            call = CODEC.read_request(read_request(sock).partition(b"\r\n\r\n")[2])
            operation = next(o for o in CENTRAL_SYSTEM.operations if o.name == "Authorize")
            other = msgspec.structs.replace(call, operation=operation)
            message = AuthorizeResponse(id_tag_info=IdTagInfo(status="Accepted"))
            sock.sendall(respond(CODEC.response(message, other)))

        assert self.failure(dial(serve(script).port)).reason == "wrong answer"

    def test_response_to_another_request(self, serve: Serve, dial: Dial) -> None:
        def script(sock: socket.socket) -> None:
            call = CODEC.read_request(read_request(sock).partition(b"\r\n\r\n")[2])
            sock.sendall(
                respond(
                    CODEC.response(ANSWER, msgspec.structs.replace(call, message_id="urn:other"))
                )
            )

        failure = self.failure(dial(serve(script).port))
        assert failure.reason == "wrong answer"
        assert "relates" in failure.hint


class TestClose:
    def aborted(self, client: SoapClient, under_way: threading.Event) -> tuple[str, float]:
        """The reason that a call is given when another thread closes, and the seconds it took."""
        reasons: queue.SimpleQueue[str] = queue.SimpleQueue()

        def call() -> None:
            try:
                client.call(BEAT)
            except Unreachable as failure:
                reasons.put(failure.reason)

        thread = threading.Thread(target=call)
        thread.start()
        assert under_way.wait(PATIENCE_S)
        began = time.monotonic()
        client.close()
        thread.join(PATIENCE_S)
        return reasons.get(timeout=PATIENCE_S), time.monotonic() - began

    def test_aborts_a_call_that_waits_for_its_answer(self, serve: Serve, dial: Dial) -> None:
        asked = threading.Event()

        def script(sock: socket.socket) -> None:
            read_request(sock)
            asked.set()
            hangs(sock)

        reason, seconds = self.aborted(dial(serve(script).port), asked)
        assert (reason, seconds < 1) == ("stopped", True)

    def test_aborts_a_look_up(self, dial: Dial, monkeypatch: pytest.MonkeyPatch) -> None:
        asked, go = threading.Event(), threading.Event()

        def look_up(*arguments: object, flags: int = 0, **more: object) -> list[Any]:
            if not flags & socket.AI_NUMERICHOST:
                asked.set()
                go.wait(PATIENCE_S)
            raise socket.gaierror(socket.EAI_NONAME, "unknown")

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        reason, seconds = self.aborted(dial(80, host="somewhere"), asked)
        go.set()
        assert (reason, seconds < 1) == ("stopped", True)

    def test_aborts_a_handshake(self, serve: Serve, dial: Dial) -> None:
        asked = threading.Event()

        def script(sock: socket.socket) -> None:
            sock.recv(1)
            asked.set()
            hangs(sock)

        client = dial(serve(script).port, tls=ssl.create_default_context())
        reason, seconds = self.aborted(client, asked)
        assert (reason, seconds < 1) == ("stopped", True)

    def test_is_for_good(self, serve: Serve, dial: Dial) -> None:
        server = serve(answers(2))
        client = dial(server.port)
        client.call(BEAT)
        client.close()
        client.close()
        with pytest.raises(Unreachable) as raised:
            client.call(BEAT)
        assert raised.value.reason == "stopped"
        assert server.connections == 1


class TestTls:
    @pytest.fixture
    def authority(self) -> trustme.CA:
        return trustme.CA()

    @pytest.fixture
    def certified(self) -> str:
        """Whom the certificate is for."""
        return "127.0.0.1"

    @pytest.fixture
    def secure(self, authority: trustme.CA, certified: str) -> Generator[HttpServer]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(certified).configure_cert(context)

        def answer(call: Call) -> HeartbeatResponse:
            return ANSWER

        app = soap_app(CENTRAL_SYSTEM, answer, identity=None)
        server = HttpServer("127.0.0.1", 0, app, name="secure", tls=context)
        server.start()
        yield server
        server.stop()

    @pytest.fixture
    def trusting(self, authority: trustme.CA) -> ssl.SSLContext:
        context = ssl.create_default_context()
        authority.configure_trust(context)
        return context

    def test_with_a_trusted_certificate(
        self, secure: HttpServer, trusting: ssl.SSLContext, dial: Dial
    ) -> None:
        client = dial(secure.port, host="127.0.0.1", tls=trusting)
        assert [client.call(BEAT) for _ in range(3)] == [ANSWER] * 3
        assert len(secure._server.open) == 1

    def test_authority_that_is_not_ours(
        self, secure: HttpServer, dial: Dial, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = dial(secure.port, host="127.0.0.1", tls=ssl.create_default_context())
        with caplog.at_level(logging.INFO), pytest.raises(Unreachable) as raised:
            client.call(BEAT)
        assert raised.value.reason == "tls"
        assert "certificate" in raised.value.hint

    @pytest.mark.parametrize("certified", ["elsewhere.invalid"])
    def test_certificate_for_another_name(
        self, secure: HttpServer, trusting: ssl.SSLContext, dial: Dial
    ) -> None:
        with pytest.raises(Unreachable) as raised:
            dial(secure.port, host="127.0.0.1", tls=trusting).call(BEAT)
        assert raised.value.reason == "tls"
        assert "127.0.0.1" in raised.value.hint

    def test_where_plain_http_is_spoken(
        self, serve: Serve, trusting: ssl.SSLContext, dial: Dial
    ) -> None:
        def script(sock: socket.socket) -> None:
            sock.recv(65_536)
            sock.sendall(respond(b"", status="400 Bad Request"))

        with pytest.raises(Unreachable) as raised:
            dial(serve(script).port, host="127.0.0.1", tls=trusting).call(BEAT)
        assert raised.value.reason == "tls"
        assert "http:" in raised.value.hint

    def test_where_it_is_expected_and_not_spoken(self, secure: HttpServer, dial: Dial) -> None:
        with pytest.raises(Unreachable) as raised:
            dial(secure.port).call(BEAT)
        assert raised.value.reason == "closed"
        assert "https:" in raised.value.hint


@pytest.mark.parametrize(
    "url", ["", "central", "ftp://x/", "http:///x", "http://me:secret@x/", "http://x:port/"]
)
def test_address_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match=r"address|[Pp]ort"):
        SoapClient(CENTRAL_SYSTEM, url)


def test_proxies_of_the_environment_are_not_asked(
    serve: Serve, dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1/")
    assert dial(serve(answers()).port).call(BEAT) == ANSWER
