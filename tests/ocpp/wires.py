"""Bare sockets for the tests of HTTP: clients that say, and servers that do, what they are told."""

import contextlib
import socket
import threading
from collections.abc import Callable, Generator

PATIENCE_S = 10.0  # longer than anything here may take; a test that waits this long has failed

Script = Callable[[socket.socket], None]


def dial(address: tuple[str, int], said: bytes = b"") -> socket.socket:
    sock = socket.create_connection(address, timeout=PATIENCE_S)
    sock.sendall(said)
    return sock


def hear_all(sock: socket.socket) -> bytes:
    """What comes until the other end closes or resets."""
    heard = b""
    with sock, contextlib.suppress(ConnectionError):
        while chunk := sock.recv(65_536):
            heard += chunk
    return heard


def ask(address: tuple[str, int], said: bytes) -> bytes:
    """The answer to a request that asks for the connection to be closed, or is refused."""
    return hear_all(dial(address, said))


def drip(sock: socket.socket, data: bytes, enough: threading.Event) -> None:
    """A byte every 20 ms, from a thread's own loop, until the other end has had enough."""
    with contextlib.suppress(OSError):
        for byte in data:
            sock.sendall(bytes([byte]))
            if enough.wait(0.02):
                return


@contextlib.contextmanager
def dripping(sock: socket.socket, data: bytes) -> Generator[None]:
    enough = threading.Event()
    thread = threading.Thread(target=drip, args=(sock, data, enough))
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def read_request(sock: socket.socket) -> bytes:
    """One request with a Content-Length; empty if the other end left."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = sock.recv(65_536)
        if not chunk:
            return b""
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if b"Content-Length" in line
    )
    while len(body) < length:
        body += sock.recv(65_536)
    return head + b"\r\n\r\n" + body


def respond(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {size}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def says(answer: bytes) -> Script:
    """One request is read and this said."""

    def script(sock: socket.socket) -> None:
        read_request(sock)
        sock.sendall(answer)

    return script


class Scripted:
    """A server that runs one script per connection, one connection after the other."""

    def __init__(self, *scripts: Script) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE_S)
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self._thread = threading.Thread(target=self._run, args=(scripts,))
        self._thread.start()

    def _run(self, scripts: tuple[Script, ...]) -> None:
        for script in scripts:
            try:
                sock = self._listener.accept()[0]
            except OSError:  # closed, or nobody came
                return
            self.connections += 1
            with sock, contextlib.suppress(OSError):
                sock.settimeout(PATIENCE_S)
                script(sock)

    def close(self) -> None:
        socket.socket.shutdown(self._listener, socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
