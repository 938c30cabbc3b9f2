"""The HTTP server: what it serves, and that no peer keeps it from serving others."""

import errno
import http.client
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
import trustme

from ocpp.server import HttpServer, Limits
from tests.ocpp.wires import PATIENCE_S, ask, dial, dripping, hear_all

GET = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
SLOW = Limits(header_s=30, body_s=30)  # nothing expires while a test looks
QUICK = Limits(header_s=0.3, body_s=0.3, idle_s=0.3)

Serve = Callable[..., HttpServer]


def echo(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    """Answers with the path and the body of the request."""
    body = environ["PATH_INFO"].encode() + b" " + environ["wsgi.input"].read()
    start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


@pytest.fixture
def serve() -> Generator[Serve]:
    with ExitStack() as stack:

        def serve(app: WSGIApplication = echo, limits: Limits = SLOW, **more: Any) -> HttpServer:
            server = HttpServer("127.0.0.1", 0, app, name="tested", limits=limits, **more)
            stack.callback(server.stop)
            server.start()
            return server

        yield serve


def at(server: HttpServer) -> tuple[str, int]:
    return server.host, server.port


def post(body: bytes, *headers: str) -> bytes:
    lines = ["POST /p HTTP/1.1", "Host: x", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


class TestAddress:
    def test_is_known_before_the_start(self) -> None:
        server = HttpServer("127.0.0.1", 0, echo, name="tested")
        try:
            assert server.port > 0
            assert server.url == f"http://127.0.0.1:{server.port}"
        finally:
            server.stop()

    def test_connections_wait_for_the_start(self) -> None:
        server = HttpServer("127.0.0.1", 0, echo, name="tested")
        client = dial(at(server), GET)
        server.start()
        try:
            assert hear_all(client).endswith(b"\r\n\r\n/ ")
        finally:
            server.stop()

    def test_if_taken_is_an_oserror_that_says_so(self, serve: Serve) -> None:
        taken = serve().port
        with pytest.raises(OSError, match="in use") as raised:
            HttpServer("127.0.0.1", taken, echo, name="second")
        assert raised.value.errno == errno.EADDRINUSE

    def test_may_be_ipv6(self) -> None:
        server = HttpServer("::1", 0, echo, name="tested")
        server.start()
        try:
            assert server.url == f"http://[::1]:{server.port}"
            assert ask(("::1", server.port), GET).startswith(b"HTTP/1.1 200")
        finally:
            server.stop()

    def test_is_ours_although_systemd_hands_a_socket_over(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LISTEN_PID", "1")
        assert ask(at(serve()), GET).startswith(b"HTTP/1.1 200")


class TestRequest:
    def test_is_answered_on_a_connection_that_is_kept(self, serve: Serve) -> None:
        client = http.client.HTTPConnection(*at(serve()), timeout=PATIENCE_S)
        for body in (b"one", b"two"):
            client.request("POST", "/p", body)
            assert client.getresponse().read() == b"/p " + body
            assert client.sock is not None
        client.close()

    def test_may_come_before_the_last_is_answered(self, serve: Serve) -> None:
        first = post(b"one", "Content-Length: 3")
        heard = ask(at(serve()), first + post(b"two", "Content-Length: 3", "Connection: close"))
        assert heard.count(b"HTTP/1.1 200") == 2
        assert heard.index(b"/p one") < heard.index(b"/p two")

    def test_may_be_chunked_and_another_may_follow(self, serve: Serve) -> None:
        client = http.client.HTTPConnection(*at(serve()), timeout=PATIENCE_S)
        for _ in range(2):
            client.request("POST", "/p", iter([b"one ", b"two"]), encode_chunked=True)
            assert client.getresponse().read() == b"/p one two"
        client.close()

    def test_chunks_may_have_extensions_and_trailers(self, serve: Serve) -> None:
        chunks = b'3;a="b"\r\none\r\n0\r\nX-Sum: 1\r\n\r\n'
        request = post(chunks, "Transfer-Encoding: chunked", "Connection: close")
        assert ask(at(serve()), request).endswith(b"/p one")

    @pytest.mark.parametrize(
        ("length", "body"),
        [("Content-Length: 3", b"one"), ("Transfer-Encoding: chunked", b"3\r\none\r\n0\r\n\r\n")],
    )
    def test_may_wait_for_the_word_to_continue(
        self, serve: Serve, length: str, body: bytes
    ) -> None:
        client = dial(at(serve()), post(b"", length, "Expect: 100-continue", "Connection: close"))
        assert client.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert hear_all(client).endswith(b"/p one")

    def test_may_end_the_connection_of_a_peer_that_left(self, serve: Serve) -> None:
        server = serve()
        dial(at(server), post(b"half", "Content-Length: 8")).close()
        dial(at(server), b"GET / HT").close()
        assert ask(at(server), GET).startswith(b"HTTP/1.1 200")

    def test_answer_tells_no_version(self, serve: Serve) -> None:
        head = ask(at(serve()), GET).partition(b"\r\n\r\n")[0]
        assert b"Server: pilotwire\r\n" in head + b"\r\n"
        assert b"cheroot" not in head.lower()

    def test_that_the_application_fails_is_one_line_in_the_log(
        self, serve: Serve, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
            raise RuntimeError("the\nreason")

        server = serve(fail)
        with caplog.at_level(logging.ERROR, "pilotwire.http"):
            for _ in range(2):  # and the worker lives on
                assert ask(at(server), GET).startswith(b"HTTP/1.1 500")
        assert len(caplog.messages) == 2
        assert "reason" in caplog.messages[0]
        assert "test_http_server.py" in caplog.messages[0]
        assert "\n" not in caplog.messages[0]

    def test_packets_are_not_held_back(self, serve: Serve) -> None:
        server = serve()
        with dial(at(server)) as client:
            client.sendall(post(b"", "Content-Length: 0"))
            client.recv(1024)
            (accepted,) = server._server.open
            assert accepted.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


class TestRefusal:
    @pytest.mark.parametrize(
        ("request_", "status"),
        [
            (b"nonsense\r\n\r\n", 400),
            (b"GET / HTTP/1.1\n\n", 400),
            (b"GET http://elsewhere/ HTTP/1.1\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", 431),
            (b"GET /" + b"x" * 200_000, 431),
            (post(b"", "Content-Length: minus"), 400),
            (post(b"", "Content-Length: -1"), 400),
            (post(b"", "Content-Length: 65537", "Expect: 100-continue"), 413),
            (post(b"x" * 65_537, "Content-Length: 65537"), 413),
            (post(b"10001\r\n" + b"x" * 65_537, "Transfer-Encoding: chunked"), 413),
            (
                post(b"8000\r\n" + b"x" * 0x8000 + b"\r\n8001\r\n", "Transfer-Encoding: chunked"),
                413,
            ),
            (post(b"-3\r\none\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), 400),
            (post(b"x" * 2000, "Transfer-Encoding: chunked"), 400),
            (post(b"3\r\nfour\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), 400),
            (post(b"3\r\none\r\n0\r\n\r\n", "Transfer-Encoding: gzip, chunked"), 501),
            (post(b"0\r\n\r\n", "Transfer-Encoding: chunked", "Content-Length: 5"), 400),
        ],
    )
    def test_is_answered_logged_and_reaches_no_application(
        self, serve: Serve, caplog: pytest.LogCaptureFixture, request_: bytes, status: int
    ) -> None:
        def never(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
            pytest.fail("served")

        with caplog.at_level(logging.INFO, "pilotwire.http"):
            heard = ask(at(serve(never)), request_)
        assert heard.startswith(f"HTTP/1.1 {status} ".encode())
        assert heard.count(b"HTTP/1.1") == 1
        assert any(str(status) in line for line in caplog.messages)

    def test_of_tls_on_a_plain_port_is_quick(
        self, serve: Serve, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO, "pilotwire.http"):
            assert ask(at(serve()), b"\x16\x03\x01\x00\xa5\x01") == b""
        assert "TLS" in caplog.text


class TestSlowPeers:
    @pytest.mark.parametrize(
        ("said", "workers"),
        [(b"GET / HTTP/1.1\r\nX: ", 1), (post(b"half", "Content-Length: 8"), 61)],
        ids=["header", "body"],
    )
    def test_sixty_that_stop_half_way_keep_nobody_out(
        self, serve: Serve, said: bytes, workers: int
    ) -> None:
        server = serve()
        slow = [dial(at(server), said) for _ in range(60)]
        began = time.monotonic()
        assert ask(at(server), GET).startswith(b"HTTP/1.1 200")
        assert time.monotonic() - began < 5  # far less than the 30 s that the others have
        names = [t.name for t in threading.enumerate() if t.name.startswith("tested-worker")]
        assert len(names) <= workers
        for client in slow:
            client.close()

    @pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\n"], ids=["nothing", "half a header"])
    def test_silence_is_cut(self, serve: Serve, said: bytes) -> None:
        assert ask(at(serve(limits=QUICK)), said) == b""

    def test_dripping_header_is_cut(self, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
        client = dial(at(serve(limits=QUICK)))
        with caplog.at_level(logging.INFO), dripping(client, b"GET / HTTP/1.1\r\nX: " + b"x" * 500):
            assert hear_all(client) == b""
        assert "before its request was complete" in caplog.text

    @pytest.mark.parametrize(
        ("length", "body"),
        [
            ("Content-Length: 500", b"x" * 500),
            ("Transfer-Encoding: chunked", b"1\r\nx\r\n" * 100),
        ],
    )
    def test_dripping_body_is_cut(
        self, serve: Serve, caplog: pytest.LogCaptureFixture, length: str, body: bytes
    ) -> None:
        client = dial(at(serve(limits=QUICK)), post(b"", length))
        with caplog.at_level(logging.INFO, "pilotwire.http"), dripping(client, body):
            assert hear_all(client).startswith(b"HTTP/1.1 408")
        assert "408" in caplog.text

    def test_kept_connection_has_its_own_patience(self, serve: Serve) -> None:
        client = dial(
            at(serve(limits=Limits(header_s=30, idle_s=0.3))), GET.replace(b"close", b"x")
        )
        assert hear_all(client).startswith(b"HTTP/1.1 200")  # and then the end, before 30 s

    @pytest.mark.parametrize(
        "said", [b"", b"G", post(b"half", "Content-Length: 8")], ids=["nothing", "header", "body"]
    )
    def test_flood_cuts_who_is_waited_for_longest(
        self, serve: Serve, caplog: pytest.LogCaptureFixture, said: bytes
    ) -> None:
        server = serve(limits=Limits(header_s=30, body_s=30, connections=4))
        with caplog.at_level(logging.WARNING, "pilotwire.http"):
            flood = [dial(at(server), said) for _ in range(12)]
            assert ask(at(server), GET).startswith(b"HTTP/1.1 200")
        assert hear_all(flood[0]) == b""
        assert "too many connections" in caplog.text
        for client in flood:
            client.close()

    def test_flood_of_busy_connections_turns_newcomers_away(self, serve: Serve) -> None:
        go, busy = threading.Event(), threading.Semaphore(0)

        def wait(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
            busy.release()
            go.wait(PATIENCE_S)
            return echo(environ, start)

        server = serve(wait, limits=Limits(header_s=30, connections=2))
        served = [dial(at(server), GET) for _ in range(2)]
        for _ in served:
            assert busy.acquire(timeout=PATIENCE_S)
        assert ask(at(server), GET) == b""
        go.set()
        assert all(hear_all(client).startswith(b"HTTP/1.1 200") for client in served)


class TestWorkers:
    def test_are_as_many_as_are_busy(self, serve: Serve) -> None:
        go, busy = threading.Event(), threading.Semaphore(0)

        def wait(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
            busy.release()
            go.wait(PATIENCE_S)
            return echo(environ, start)

        server = serve(wait)
        clients = [dial(at(server), GET) for _ in range(3)]
        for _ in clients:
            assert busy.acquire(timeout=PATIENCE_S)
        names = [t.name for t in threading.enumerate() if t.name.startswith("tested")]
        assert sorted(names) == ["tested-accept", *(f"tested-worker-{n}" for n in (1, 2, 3))]
        go.set()
        assert all(hear_all(client).startswith(b"HTTP/1.1 200") for client in clients)

    def test_are_used_again(self, serve: Serve) -> None:
        server = serve()
        for _ in range(20):
            ask(at(server), GET)
        workers = [t for t in threading.enumerate() if t.name.startswith("tested-worker")]
        assert len(workers) < 20  # more than one, where the next comes before the last is done


class TestStop:
    def test_is_short_with_streams_open_and_peers_that_hang(
        self, serve: Serve, caplog: pytest.LogCaptureFixture
    ) -> None:
        closed, asleep, wake = threading.Event(), threading.Event(), threading.Event()

        def stream() -> Iterator[bytes]:
            try:
                while True:
                    yield b"data: tick\n\n"
                    wake.wait(0.05)
            finally:
                closed.set()

        def sleeping() -> Iterator[bytes]:
            yield b"data: one\n\n"
            asleep.set()
            wake.wait(PATIENCE_S)

        def app(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
            start("200 OK", [("Content-Type", "text/event-stream")])
            return sleeping() if environ["PATH_INFO"] == "/sleeping" else stream()

        server = serve(app)
        clients = [
            dial(at(server), said)
            for said in (
                GET,
                GET.replace(b"/ ", b"/sleeping "),
                b"",
                b"GET",
                post(b"", "Content-Length: 9"),
            )
        ]
        assert clients[0].recv(1024).startswith(b"HTTP/1.1 200")
        assert asleep.wait(PATIENCE_S)
        began = time.monotonic()
        with caplog.at_level(logging.WARNING, "pilotwire.http"):
            server.stop()
        assert time.monotonic() - began < 1.0
        assert closed.wait(PATIENCE_S)
        assert "still busy" in caplog.text  # the one that sleeps, by its thread's name
        wake.set()
        for client in clients:
            hear_all(client)

    def test_lets_an_answer_under_way_out(self, serve: Serve) -> None:
        entered, go = threading.Event(), threading.Event()

        def slow(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
            entered.set()
            go.wait(PATIENCE_S)
            return echo(environ, start)

        server = serve(slow)
        client = dial(at(server), GET)
        assert entered.wait(PATIENCE_S)
        threading.Timer(0.05, go.set).start()
        server.stop()
        assert hear_all(client).endswith(b"/ ")

    def test_frees_the_port_and_may_be_repeated(self, serve: Serve) -> None:
        server = serve()
        server.stop()
        server.stop()
        HttpServer("127.0.0.1", server.port, echo, name="next").stop()

    def test_leaves_no_thread(self, serve: Serve) -> None:
        server = serve()
        ask(at(server), GET)
        server.stop()
        assert not [t.name for t in threading.enumerate() if t.name.startswith("tested")]


class TestTls:
    @pytest.fixture
    def authority(self) -> trustme.CA:
        return trustme.CA()

    @pytest.fixture
    def secure(self, serve: Serve, authority: trustme.CA) -> HttpServer:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        return serve(tls=context)

    @pytest.fixture
    def trusting(self, authority: trustme.CA) -> ssl.SSLContext:
        context = ssl.create_default_context()
        authority.configure_trust(context)
        return context

    def test_serves_and_says_so(self, secure: HttpServer, trusting: ssl.SSLContext) -> None:
        client = http.client.HTTPSConnection(
            "127.0.0.1", secure.port, context=trusting, timeout=PATIENCE_S
        )
        for _ in range(2):
            client.request("POST", "/p", b"x" * 40_000)  # several records
            assert client.getresponse().read() == b"/p " + b"x" * 40_000
        client.close()
        assert secure.url == f"https://127.0.0.1:{secure.port}"

    def test_next_request_in_the_same_record_is_served(
        self, secure: HttpServer, trusting: ssl.SSLContext
    ) -> None:
        first = post(b"x" * 12_000, "Content-Length: 12000")
        with dial(at(secure)) as plain:
            client = trusting.wrap_socket(plain, server_hostname="127.0.0.1")
            client.sendall(first + GET)
            assert hear_all(client).count(b"HTTP/1.1 200") == 2

    def test_silent_clients_keep_nobody_out(
        self, secure: HttpServer, trusting: ssl.SSLContext
    ) -> None:
        silent = [dial(at(secure), b"\x16\x03"[: n % 3]) for n in range(60)]
        with dial(at(secure)) as plain:
            client = trusting.wrap_socket(plain, server_hostname="127.0.0.1")
            client.sendall(GET)
            assert hear_all(client).startswith(b"HTTP/1.1 200")
        for client in silent:
            client.close()

    def test_plain_http_is_turned_away(
        self, secure: HttpServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO, "pilotwire.http"):
            ask(at(secure), GET)
        assert "HTTP_REQUEST" in caplog.text
