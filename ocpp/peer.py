"""One HTTP address and the connection kept to it: a post has a deadline, whatever the peer does."""

import contextlib
import http.client
import io
import queue
import socket
import ssl
import threading
import time
import zlib
from email.message import Message as Headers
from select import POLLIN, poll
from typing import Any, cast
from urllib.parse import quote, urlsplit

import msgspec

_HEADER_MAX = 65_536  # bytes that an answer may have beyond its body
_CLOSE_S = 1.0  # by then whoever uses a closed connection has noticed

_SAFE = "/%:@!$&'()*+,;=~?"  # what quoting leaves alone

# How TLS says that the peer has closed, where plain TCP raises a ConnectionError.
_GONE = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


class TooLarge(Exception):
    """More bytes than allowed."""


class Closed(Exception):
    """The connection was closed from our side."""


class Answer(msgspec.Struct, frozen=True):
    """What came back, whatever its status. The body is as sent, perhaps compressed."""

    status: int
    headers: Headers
    body: bytes

    @property
    def encoding(self) -> str:
        return str(self.headers.get("Content-Encoding", "")).strip().lower()


def inflate(data: bytes, encoding: str, limit: int) -> bytes:
    """What a Content-Encoding hides, at most `limit` bytes of it (S16 §6.1).

    Raises TooLarge, and ValueError for an encoding that is unknown or broken.
    """
    if encoding in ("", "identity"):
        return data
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise ValueError(f"content encoding {encoding[:40]} is not understood")
    # RFC 9110 §8.4.1.2: deflate means zlib's format, but some send it bare.
    bare = encoding == "deflate" and data[:1] and data[0] & 0x0F != zlib.DEFLATED
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS if bare else zlib.MAX_WBITS | 32)
    try:
        plain = unpacker.decompress(data, limit + 1)
    except zlib.error as error:
        raise ValueError(f"broken {encoding}: {error}") from error
    if len(plain) > limit:
        raise TooLarge
    if not unpacker.eof:
        raise ValueError(f"{encoding} that ends too early")
    return plain


class Peer:
    """An http or https address, posted to over one connection that is kept.

    Follows no redirect and knows no proxy. Raises ValueError for an address that is none.
    """

    def __init__(self, url: str, tls: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ValueError(f"{url}: an address looks like http://host:port/path")
        self.url = url
        self.host = parts.hostname.encode("idna").decode()
        self.port = parts.port or (443 if parts.scheme == "https" else 80)
        self.path = quote(parts.path or "/", safe=_SAFE)
        self.path += f"?{quote(parts.query, safe=_SAFE)}" if parts.query else ""
        self._authority = f"[{self.host}]" if ":" in self.host else self.host
        self._authority += f":{parts.port}" if parts.port else ""
        self._tls = (tls or ssl.create_default_context()) if parts.scheme == "https" else None
        self._busy = threading.Lock()
        self._closed = False
        self._names: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._sock: socket.socket | None = None

    def post(self, body: bytes, content_type: str, *, seconds: float, limit: int) -> Answer:
        """Send this, return the answer, of whatever status, with a body of at most `limit` bytes.

        Raises OSError (TimeoutError after so many seconds for all of it), HTTPException, TooLarge
        or Closed.
        """
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: {self._authority}\r\n"
            f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
            "Accept-Encoding: identity\r\n\r\n"
        )
        with self._busy:
            try:
                return self._post(head.encode() + body, time.monotonic() + seconds, limit)
            except (OSError, http.client.HTTPException) as error:
                if self._closed:
                    raise Closed from error
                raise
            finally:
                if self._closed:
                    self._drop()

    def close(self) -> None:
        """For good, and from any thread: a post under way raises Closed at once."""
        self._closed = True
        self._names.put(None)
        if sock := self._sock:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # an SSLSocket's own would not do
        if self._busy.acquire(timeout=_CLOSE_S):
            self._drop()
            self._busy.release()

    def _post(self, request: bytes, deadline: float, limit: int) -> Answer:
        if self._sock and _is_readable(self._sock):
            self._drop()  # between two posts there is nothing to read but that the peer closed
        reused = self._sock is not None
        incoming = _Incoming(deadline)
        try:
            return self._exchange(request, incoming, limit)
        except _GONE:
            if not reused or incoming.size:
                raise
        return self._exchange(request, _Incoming(deadline), limit)  # RFC 9112 §9.3.1: once more

    def _exchange(self, request: bytes, incoming: "_Incoming", limit: int) -> Answer:
        kept = False
        try:
            sock = self._sock or self._connect(incoming.deadline)
            incoming.sock, incoming.limit = sock, limit + _HEADER_MAX
            sock.settimeout(_left(incoming.deadline))
            sock.sendall(request)
            response = http.client.HTTPResponse(cast(socket.socket, incoming), method="POST")
            with contextlib.closing(response):
                response.begin()
                body = _body(response, limit)
            kept = not response.will_close
            return Answer(response.status, response.headers, body)
        finally:
            if not kept:
                self._drop()

    def _connect(self, deadline: float) -> socket.socket:
        sock = self._dial(self._addresses(deadline), deadline)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is None:
            return sock
        secure = self._tls.wrap_socket(
            sock, server_hostname=self.host, do_handshake_on_connect=False
        )
        self._hold(secure)
        secure.settimeout(_left(deadline))
        secure.do_handshake()
        return secure

    def _dial(self, addresses: list[Any], deadline: float) -> socket.socket:
        """The first of these that answers; each has its share of the time."""
        for still, (family, kind, protocol, _, address) in zip(
            range(len(addresses), 0, -1), addresses, strict=True
        ):
            sock = self._hold(socket.socket(family, kind, protocol))
            try:
                sock.settimeout(_left(deadline) / still)
                sock.connect(address)
                return sock
            except OSError:
                self._drop()
                if still == 1:
                    raise
        raise socket.gaierror(socket.EAI_NONAME, "it has no address")

    def _addresses(self, deadline: float) -> list[Any]:
        """Where the name leads. Looking up knows no deadline, so a thread of its own does it."""
        with contextlib.suppress(socket.gaierror):
            return _look_up(self.host, self.port, socket.AI_NUMERICHOST)
        names: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._names = names
        threading.Thread(target=self._ask, args=(names,), name="name-look-up", daemon=True).start()
        try:
            found = None if self._closed else names.get(timeout=_left(deadline))
        except queue.Empty:
            raise socket.gaierror(socket.EAI_AGAIN, "no name server answered") from None
        if found is None:
            raise Closed
        if isinstance(found, OSError):
            raise found
        return list(found)

    def _ask(self, names: "queue.SimpleQueue[Any]") -> None:
        try:
            names.put(_look_up(self.host, self.port))
        except OSError as error:
            names.put(error)

    def _hold(self, sock: socket.socket) -> socket.socket:
        """Known to close() from here on."""
        self._sock = sock
        if self._closed:
            raise Closed
        return sock

    def _drop(self) -> None:
        sock, self._sock = self._sock, None
        if sock:
            sock.close()


class _Incoming(io.RawIOBase):
    """What http.client reads an answer from: a socket with one deadline for all, and a limit."""

    sock: socket.socket
    limit: int

    def __init__(self, deadline: float) -> None:
        super().__init__()
        self.deadline = deadline
        self.size = 0  # bytes received

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.size > self.limit:
            raise TooLarge
        self.sock.settimeout(_left(self.deadline))
        size = self.sock.recv_into(buffer)
        self.size += size
        return size


def _body(response: http.client.HTTPResponse, limit: int) -> bytes:
    if response.length is None:  # chunked, or until it closes
        body = response.read(limit + 1)
    elif response.length <= limit:
        body = response.read()
    else:
        raise TooLarge
    if len(body) > limit:
        raise TooLarge
    return body


def _look_up(host: str, port: int, flags: int = 0) -> list[Any]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


def _is_readable(sock: socket.socket) -> bool:
    poller = poll()
    poller.register(sock, POLLIN)
    return bool(poller.poll(0))
