"""A central system that does as it is told: answers, faults, nonsense, silence, or is not there."""

import http.server
import socket
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeVar

from ocpp.http import SoapClient
from ocpp.message import Message
from ocpp.soap import Call, Codec, Fault
from ocpp.v16 import (
    CENTRAL_SYSTEM,
    CHARGE_POINT,
    AuthorizeRequest,
    AuthorizeResponse,
    BootNotificationRequest,
    BootNotificationResponse,
    DataTransferRequest,
    DataTransferResponse,
    HeartbeatRequest,
    HeartbeatResponse,
    IdTagInfo,
    MeterValuesRequest,
    MeterValuesResponse,
    StartTransactionRequest,
    StartTransactionResponse,
    StatusNotificationRequest,
    StatusNotificationResponse,
    StopTransactionRequest,
    StopTransactionResponse,
)

PATIENCE_S = 20.0
"""Long enough for the slowest machine; nothing waits for it where the code is right."""

M = TypeVar("M", bound=Message)


class Http(NamedTuple):
    """An answer that is no SOAP response."""

    status: int
    body: bytes = b""


class Close:
    """The connection is closed instead of an answer."""


Answer = Message | Fault | Http | Close
Script = Answer | Callable[[Call], Answer]
NOT_NOW = Fault("Receiver", "InternalError", "not now")


class Received(NamedTuple):
    """A request as it came in. `at` is monotonic, `now` this central system's clock."""

    message: Message
    message_id: str | None
    sender: str | None
    body: bytes
    at: float
    now: datetime


class Central:
    """Remembers every request in order; answers sensibly unless told otherwise."""

    def __init__(self) -> None:
        self.offset = timedelta()
        """How much later than this machine's clock it is here."""
        self.interval_s = 3600
        self.refused: dict[str, str] = {}
        """AuthorizationStatus of the idTags that are not Accepted."""
        self.parents: dict[str, str] = {}
        self.received: list[Received] = []
        self._codec = Codec(CENTRAL_SYSTEM)
        self._changed = threading.Condition()
        self._next: dict[type[Message], deque[Script]] = defaultdict(deque)
        self._always: dict[type[Message], Script] = {}
        self._transactions: dict[str, int] = {}
        self._server: _Server | None = None
        self.port = 0
        self.up()

    # --- being there ------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/central"

    def up(self) -> None:
        """Listen, at the port of the first time."""
        self._server = _Server(self.port, self._answer)
        self.port = self._server.server_port

    def down(self) -> None:
        """Nothing listens any more, and every connection is closed."""
        if self._server:
            self._server.end()
            self._server = None

    # --- what it answers --------------------------------------------------------------------------

    def once(self, kind: type[Message], *scripts: Script) -> None:
        """The next of its kind are answered by these, one after the other."""
        self._next[kind].extend(scripts)

    def always(self, kind: type[Message], script: Script | None) -> None:
        """All further of its kind, or as usual again with None."""
        self._always.pop(kind, None)
        if script is not None:
            self._always[kind] = script

    def usual_again(self) -> None:
        """Answer sensibly again, and every card as accepted."""
        self._next.clear()
        self._always.clear()
        self.refused.clear()
        self.parents.clear()

    @contextmanager
    def holding(self, kind: type[Message]) -> Iterator[threading.Event]:
        """The next of its kind is answered only after the block. Yields what is set on arrival."""
        arrived, go_on = threading.Event(), threading.Event()

        def wait(call: Call) -> Answer:
            arrived.set()
            go_on.wait(PATIENCE_S)
            return self.usual(call)

        self.once(kind, wait)
        try:
            yield arrived
        finally:
            go_on.set()

    @property
    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def usual(self, call: Call) -> Message:
        """A sensible answer; the same transaction for the same message id."""
        message = call.message
        match message:
            case BootNotificationRequest():
                return boot("Accepted", self.interval_s, self.now)
            case HeartbeatRequest():
                return HeartbeatResponse(current_time=self.now)
            case AuthorizeRequest():
                return AuthorizeResponse(id_tag_info=self._judge(message.id_tag))
            case StartTransactionRequest():
                number = self._transactions.setdefault(
                    call.message_id or "", 4711 + len(self._transactions)
                )
                info = self._judge(message.id_tag)
                return StartTransactionResponse(transaction_id=number, id_tag_info=info)
            case _:
                return PLAIN[type(message)]

    @property
    def newest(self) -> int:
        """The transaction that was numbered last."""
        return 4710 + len(self._transactions)

    def _judge(self, token: str) -> IdTagInfo:
        status = self.refused.get(token, "Accepted")
        return IdTagInfo(status=status, parent_id_tag=self.parents.get(token))

    def _answer(self, body: bytes) -> Http | Close:
        call = self._codec.read_request(body)
        with self._changed:
            received = Received(
                call.message, call.message_id, call.sender, body, time.monotonic(), self.now
            )
            self.received.append(received)
            kind = type(call.message)
            queue = self._next[kind]
            script = queue.popleft() if queue else self._always.get(kind, self.usual)
            self._changed.notify_all()
        answer = script(call) if callable(script) else script
        if isinstance(answer, Message):
            return Http(200, self._codec.response(answer, call))
        if isinstance(answer, Fault):
            return Http(answer.http_status, self._codec.fault(answer, call))
        return answer

    # --- what it saw ------------------------------------------------------------------------------

    def of(self, kind: type[M], since: int = 0) -> list[M]:
        """The requests of one kind, in order."""
        return [r.message for r in self.received[since:] if isinstance(r.message, kind)]

    def kinds(self, since: int = 0) -> list[str]:
        """The names of what came, in order."""
        return [type(r.message).__name__.removesuffix("Request") for r in self.received[since:]]

    def statuses(self, connector: int = 1, since: int = 0) -> list[str]:
        seen = self.of(StatusNotificationRequest, since)
        return [s.status for s in seen if s.connector_id == connector]

    def wait_for(self, holds: Callable[[], object], what: str = "") -> None:
        """Until something holds of what was received."""
        with self._changed:
            came = self._changed.wait_for(holds, PATIENCE_S)
            assert came, f"waited in vain{what and ' for '}{what}; came: {self.kinds()}"

    def wait(
        self,
        kind: type[M],
        fits: Callable[[M], object] = lambda _: True,
        *,
        since: int = 0,
        count: int = 1,
    ) -> M:
        """The `count`-th request of a kind that fits, as soon as it is there."""

        def found() -> list[M]:
            return [m for m in self.of(kind, since) if fits(m)]

        self.wait_for(lambda: len(found()) >= count, f"{count} {kind.__name__}")
        return found()[count - 1]

    def wait_status(self, status: str, connector: int = 1, since: int = 0) -> None:
        """Until this is the newest status of a connector."""
        self.wait_for(lambda: self.statuses(connector, since)[-1:] == [status], status)

    @property
    def mark(self) -> int:
        """What comes from now on comes since this."""
        return len(self.received)

    # --- what it asks -----------------------------------------------------------------------------

    @property
    def station_url(self) -> str:
        """Where the station says that it is called."""
        url = self.received[-1].sender
        assert url
        return url

    def ask(self, request: Message, identity: str = "cp001") -> Message:
        """Call the station. Raises what SoapClient.call does."""
        client = SoapClient(CHARGE_POINT, self.station_url, identity=identity, sender=self.url)
        with closing(client):
            return client.call(request, timeout_s=PATIENCE_S)

    def status_of(self, request: Message) -> str:
        """The `status` that the station answers with."""
        return str(self.ask(request).status)


PLAIN: dict[type[Message], Message] = {
    DataTransferRequest: DataTransferResponse(status="Accepted"),
    MeterValuesRequest: MeterValuesResponse(),
    StatusNotificationRequest: StatusNotificationResponse(),
    StopTransactionRequest: StopTransactionResponse(),
}


def boot(status: str, interval_s: int, now: datetime | None = None) -> BootNotificationResponse:
    return BootNotificationResponse(
        status=status,
        current_time=now or datetime.now(UTC),
        interval=interval_s,
    )


class _Server(http.server.ThreadingHTTPServer):
    """HTTP/1.1 with kept connections, all of which end with it."""

    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False

    def __init__(self, port: int, answer: Callable[[bytes], Http | Close]) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.answer = answer
        self.open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        self.shutdown()
        self.server_close()
        for connection in self.open.copy():
            _shut(connection)
        self._thread.join(PATIENCE_S)

    def handle_error(self, request: object, client_address: object) -> None:
        """A station that was killed leaves connections that end in the middle."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.open.add(self.connection)

    def finish(self) -> None:
        self.server.open.discard(self.connection)
        super().finish()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/central":
            answer: Http | Close = Http(404)
        else:
            answer = self.server.answer(body)
        if isinstance(answer, Close):
            _shut(self.connection)
            self.close_connection = True
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/soap+xml; charset=utf-8")
        self.send_header("Content-Length", str(len(answer.body)))
        self._headers_buffer: list[bytes]
        self._headers_buffer += [b"\r\n", answer.body]  # one write, so that nobody waits
        self.flush_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
