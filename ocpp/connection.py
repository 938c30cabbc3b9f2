"""One connection to our HTTP server, made of cheroot's parts: nobody waits for its header, and its
body is read whole, in time and within limits, before the application sees the request.
"""

import contextlib
import errno
import io
import math
import re
import socket
import ssl
import time
from typing import Any

from cheroot.makefile import StreamReader, StreamWriter
from cheroot.server import HeaderReader, HTTPConnection, HTTPRequest
from cheroot.ssl import Adapter

HEADER_MAX = 16_384  # bytes, request line included

_WRITE_S = 10.0  # how long a peer may take none of an answer
_LINGER_S = 0.5  # how long the rest of a refused request is read, or the refusal would not arrive
_LINGER_MAX = 1_048_576  # bytes of it

_TLS_HELLO = b"\x16"
_HEADER_END = re.compile(rb"\n\r?\n")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?")


class _TimedIO(socket.SocketIO):
    """Reads against a deadline, not a time-out a read: who drips is cut like who is silent."""

    deadline: float | None = None  # monotonic; None leaves the socket as it is set
    ended = False  # the peer will send no more

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock, "rb")
        self._socket = sock

    def readinto(self, buffer: Any) -> int | None:
        if self.deadline is not None:
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")  # the words by which cheroot knows it
            self._socket.settimeout(left)
        size = super().readinto(buffer)
        self.ended = size == 0
        return size


class _Reader(StreamReader):
    """What a connection has sent; can tell whether a whole header is buffered."""

    def __init__(self, sock: socket.socket) -> None:
        self.timed = _TimedIO(sock)
        self._socket = sock
        super(StreamReader, self).__init__(self.timed, HEADER_MAX)
        self.bytes_read = 0

    def buffered(self) -> bytes:
        return self.peek() if super().has_data() else b""  # type: ignore[no-untyped-call]

    def has_header(self) -> bool:
        return _HEADER_END.search(self.buffered()) is not None

    def has_data(self) -> bool:
        """Whether it would be wrong to wait for the socket: cheroot asks before it does."""
        decrypted = isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()
        return self.has_header() or bool(decrypted)


def _makefile(sock: socket.socket, mode: str, size: int) -> StreamReader | StreamWriter:
    return _Reader(sock) if "r" in mode else StreamWriter(sock, mode, size)


class TlsAdapter(Adapter):
    """An SSLContext as cheroot wants it, with the handshake left to the first reads.

    cheroot's own adapter takes files, and shakes hands in the accepting thread, which one silent
    client would hold up.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context

    def bind(self, sock: socket.socket) -> socket.socket:
        return sock

    def wrap(self, sock: socket.socket) -> tuple[ssl.SSLSocket, dict[str, str]]:
        wrapped = self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return wrapped, self.get_environ()

    def get_environ(self) -> dict[str, str]:
        return {"wsgi.url_scheme": "https", "HTTPS": "on"}

    def makefile(self, sock: socket.socket, mode: str = "r", bufsize: int = -1) -> Any:
        return _makefile(sock, mode, bufsize)


class _Headers(HeaderReader):
    """Refuses what would leave in doubt where a body ends (RFC 9112 §6.3)."""

    def __call__(self, rfile: Any, hdict: dict[bytes, bytes] | None = None) -> dict[bytes, bytes]:
        headers: dict[bytes, bytes] = super().__call__(rfile, hdict)
        length = headers.get(b"Content-Length")
        if length is not None and b"Transfer-Encoding" in headers:
            raise ValueError("Content-Length and Transfer-Encoding exclude each other")
        if length is not None and not length.isdigit():
            raise ValueError("Malformed Content-Length")
        return headers


class _TooLarge(Exception):
    """A body is longer than it may be."""


class _Body:
    """Reads a request's body, whole, from a connection."""

    def __init__(self, rfile: Any, limit: int) -> None:
        self._rfile, self._limit = rfile, limit

    def exactly(self, size: int) -> bytes:
        data: bytes = self._rfile.read(size)
        if len(data) < size:
            raise ConnectionAbortedError(errno.ECONNABORTED, "the peer left within a body")
        return data

    def chunked(self) -> bytes:
        """Raises ValueError if it is malformed, _TooLarge if it is that (RFC 9112 §7.1)."""
        body = bytearray()
        while size := self._chunk_size():
            if len(body) + size > self._limit:
                raise _TooLarge
            body += self.exactly(size)
            if self._line():
                raise ValueError("Malformed chunk")
        while self._line():  # trailer fields mean nothing here
            pass
        return bytes(body)

    def _chunk_size(self) -> int:
        line = _CHUNK_SIZE.fullmatch(self._line())
        if not line:
            raise ValueError("Malformed chunk size")
        return int(line[1], 16)

    def _line(self) -> bytes:
        line: bytes = self._rfile.readline(1024)
        if not line.endswith(b"\r\n"):
            raise ValueError("Malformed chunk")
        return line[:-2]


class _Request(HTTPRequest):
    """A request whose body is read, whole and in time, before the application sees it."""

    header_reader = _Headers()

    def parse_request(self) -> None:
        if self.conn.rfile.has_header():
            super().parse_request()
        else:
            self.simple_response("431 Request Header Fields Too Large")

    def respond(self) -> None:
        try:
            body = self._body()
        except _TooLarge:
            return self.simple_response("413 Content Too Large")
        except ValueError as malformed:
            return self.simple_response("400 Bad Request", str(malformed))
        self.conn.since = None
        self.conn.socket.settimeout(_WRITE_S)
        self.rfile = io.BytesIO(body)
        self.server.gateway(self).respond()
        if self.chunked_write:
            self.conn.wfile.write(b"0\r\n\r\n")
        return None

    def _body(self) -> bytes:
        self.conn.rfile.timed.deadline = time.monotonic() + self.server.limits.body_s
        body = _Body(self.conn.rfile, self.server.limits.body)
        if self.chunked_read:
            return body.chunked()
        return body.exactly(int(self.inheaders.get(b"Content-Length", 0)))

    def simple_response(self, status: str, msg: str = "") -> None:
        """How cheroot answers what it cannot serve; the connection ends after it."""
        self.conn.since = None
        self.server.error_log(f"{self.conn.remote_addr}: {status} {msg}".rstrip())
        super().simple_response(status, msg)
        self.conn.drain()


class Connection(HTTPConnection):
    """A connection that gathers its header while nobody waits for it."""

    RequestHandlerClass = _Request

    since: float | None = None
    """Since when (monotonic) a whole request is waited for; None while one is being served."""

    def __init__(self, server: Any, sock: socket.socket, makefile: Any = None) -> None:
        super().__init__(server, sock, _makefile)
        self.wait(server.limits.header_s)
        server.admit(self)

    def wait(self, seconds: float) -> None:
        """Be in the accepting thread's hands from now on, and not for longer than this."""
        self.rfile.timed.deadline = None
        self.socket.settimeout(0)
        self.since = time.monotonic()
        self.until = self.since + seconds

    def gather(self) -> bool:
        """Take what has arrived; true if a worker is needed. Raises OSError if the peer is gone."""
        before = self.rfile.buffered()
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):  # shaking hands
            self.rfile.peek(len(before) + 1)  # one read, kept in the buffer
        if self.rfile.timed.ended:
            raise ConnectionAbortedError(errno.ECONNABORTED, "the peer left")
        header = self.rfile.buffered()
        if header[:1] == _TLS_HELLO:
            raise OSError(errno.EPROTO, "TLS where plain HTTP is spoken")
        if header and not before:
            self.wait(self.server.limits.header_s)
        return self.rfile.has_header() or len(header) >= HEADER_MAX

    def communicate(self) -> bool:
        self.rfile.timed.deadline = time.monotonic() + self.server.limits.header_s
        self.socket.settimeout(_WRITE_S)
        return bool(super().communicate())  # type: ignore[no-untyped-call]

    @property
    def last_used(self) -> float:
        """cheroot closes what is older than a wall time; here the monotonic clock decides."""
        return -math.inf if time.monotonic() > self.until else math.inf

    @last_used.setter
    def last_used(self, now: float) -> None:
        pass

    def drain(self) -> None:
        """Read a refused request on for a moment: what is unread at the end would reset it all."""
        self.rfile.timed.deadline = time.monotonic() + _LINGER_S
        rest, buffer = _LINGER_MAX, bytearray(65_536)
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.socket, socket.SHUT_WR)
            while rest > 0 and (size := self.rfile.timed.readinto(buffer)):
                rest -= size

    def cut(self) -> None:
        """End it from any thread: whoever has it finds it closed."""
        self.since = None
        with contextlib.suppress(OSError):
            # Not SSLSocket's own, after which another thread could write in the clear.
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)

    def close(self) -> None:
        self.server.open.discard(self)
        if self.since is not None and self.rfile.buffered():
            self.server.error_log(f"{self.remote_addr}: closed before its request was complete")
        with contextlib.suppress(OSError):
            super().close()
        with contextlib.suppress(OSError):
            self.wfile.close()  # cheroot leaves it and what it could not write to chance
