"""The bench central system put together: store, SOAP service, page, and calls to stations."""

import ipaddress
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, closing
from contextvars import ContextVar
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from ocpp.central.changes import Changes
from ocpp.central.page import Page
from ocpp.central.service import CentralService, Options
from ocpp.central.snapshot import read_snapshot
from ocpp.central.state import Exchange, State
from ocpp.central.store import Store, Tariff
from ocpp.central.words import one_line, summary
from ocpp.http import Exchanged, Refused, SoapClient, Unreachable, soap_app
from ocpp.message import Message
from ocpp.server import HttpServer
from ocpp.soap import Call, Fault
from ocpp.v16 import (
    CENTRAL_SYSTEM,
    CHARGE_POINT,
    AuthorizationStatus,
    CancelReservationRequest,
    CancelReservationResponse,
    ReserveNowRequest,
    ReserveNowResponse,
)

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

SOAP_PATH = "/CentralSystemService"
TIMEOUT_S = 30.0
STOP_S = 1.0

_peer: ContextVar[str] = ContextVar("peer")
"""The IP address behind the request that this thread is serving."""


class CentralSystem:
    """A central system for the bench: accepts every station, remembers everything, bills sessions.

    Binds both addresses at once (raises OSError if one is taken; port 0 is any free one) and opens
    `state_dir`/central.sqlite (raises DatabaseError if that is unusable). The page is for this
    machine only: ValueError for any other host. `on_line` gets one line per change, from any
    thread. `unknown_cards` is the status that a card never seen before joins the table with.
    `addresses` are the URLs of stations that cannot say themselves where they are called.
    """

    def __init__(  # noqa: PLR0913 -- each is one decision of whoever starts it
        self,
        state_dir: Path,
        *,
        soap: tuple[str, int] = ("127.0.0.1", 9000),
        page: tuple[str, int] = ("127.0.0.1", 9001),
        price_per_kwh: Decimal = Decimal("0.39"),
        currency: str = "EUR",
        heartbeat_interval_s: int = 300,
        unknown_cards: AuthorizationStatus = "Accepted",
        addresses: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        _check_loopback(page[0])
        self.changes = Changes()
        self._on_line = on_line
        self._under_way: set[SoapClient] = set()
        self._options = Options(
            tariff=Tariff(price_per_kwh, currency),
            heartbeat_interval_s=heartbeat_interval_s,
            unknown_cards=unknown_cards,
            addresses=addresses or {},
        )
        self._picture = threading.Lock()
        self._drawn: tuple[int, bytes] = (-1, b"")
        state_dir.mkdir(parents=True, exist_ok=True)
        with ExitStack() as undo:
            self.store = Store(state_dir / "central.sqlite", self.changes.notify)
            undo.callback(self.store.close)
            self._service = CentralService(self.store, self._options, self._say)
            self._soap_app = soap_app(
                CENTRAL_SYSTEM, self._handle, identity=None, on_exchange=self._unread
            )
            self._soap = HttpServer(*soap, self._soap_entry, name="central-soap")
            undo.callback(self._soap.stop)
            self._page = HttpServer(*page, Page(self), name="central-page")
            undo.pop_all()

    @property
    def soap_url(self) -> str:
        """What a station is given as its central system's URL."""
        return self._soap.url + SOAP_PATH

    @property
    def page_url(self) -> str:
        return f"{self._page.url}/"

    def start(self) -> None:
        """Begin to serve."""
        self._soap.start()
        self._page.start()

    def stop(self) -> None:
        """Stop serving, within a second."""
        self.changes.close()
        for client in tuple(self._under_way):
            client.close()
        stopping = [
            threading.Thread(target=server.stop, name=f"central-stop-{number}")
            for number, server in enumerate((self._soap, self._page))
        ]
        for thread in stopping:
            thread.start()
        for thread in stopping:
            thread.join(STOP_S)
        self.store.close()

    def call(self, station: str, request: Message) -> Message:
        """Ask a station for something and return its answer.

        Raises Unreachable (also if the station's address is not known), Refused, or ValueError for
        a text that XML cannot carry.
        """
        began = time.perf_counter()
        try:
            answer = self._ask(station, request)
        except (Refused, Unreachable) as error:
            if not self.changes.closed:  # given up by stop(), which also closes the store
                self._record("out", station, request, began, error)
            raise
        self._remember(station, request, answer)
        self._record("out", station, request, began, answer)
        return answer

    def state(self) -> State:
        """Everything the page shows, as of now."""
        return State(
            soap_url=self.soap_url,
            currency=self._options.tariff.currency,
            price_per_kwh=self._options.tariff.price_per_kwh,
            heartbeat_interval_s=self._options.heartbeat_interval_s,
            **msgspec.structs.asdict(read_snapshot(self.store, datetime.now(UTC))),
        )

    def state_json(self) -> bytes:
        """The state as JSON, made once per change however many look at it."""
        with self._picture:
            version = self.changes.version
            if version > self._drawn[0]:
                self._drawn = (version, msgspec.json.encode(self.state()))
            return self._drawn[1]

    def wait_for(self, condition: Callable[[State], bool], timeout_s: float) -> State:
        """The state as soon as it satisfies the condition. Raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        while True:
            version = self.changes.version
            state = self.state()
            if condition(state):
                return state
            left = deadline - time.monotonic()
            if left <= 0 or self.changes.closed:
                raise TimeoutError("the central system did not get there in time")
            self.changes.wait_past(version, left)

    def _ask(self, station: str, request: Message) -> Message:
        """By the other engine than a station's, so that a conversation has two hands."""
        address, problem = self.store.address(station)
        if address is None:
            why = problem or "it has never called here"
            raise Unreachable("no address", f"{station} cannot be called: {why}.")
        try:
            client = SoapClient(
                CHARGE_POINT,
                address,
                identity=station,
                sender=self.soap_url,
                timeout_s=TIMEOUT_S,
                engine="zeep",
            )
        except ValueError as error:
            raise Unreachable("no address", f"{station} cannot be called: {error}.") from error
        self._under_way.add(client)
        if self.changes.closed:  # since the first line, for the first client takes a while
            client.close()
        with closing(client):
            try:
                return client.call(request)
            finally:
                self._under_way.discard(client)

    def _remember(self, station: str, request: Message, answer: Message) -> None:
        """Reservations are shown with a button to cancel them, so those accepted are kept."""
        match request, answer:
            case ReserveNowRequest(), ReserveNowResponse(status="Accepted"):
                self.store.reserve(station, request)
            case CancelReservationRequest(), CancelReservationResponse(status="Accepted"):
                self.store.cancel(station, request.reservation_id)

    def _soap_entry(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """The SOAP service at its path, and for whoever mistyped that, where it is."""
        if environ.get("PATH_INFO", "").rstrip("/") != SOAP_PATH:
            start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
            return [f"The central system is at {SOAP_PATH}.\n".encode()]
        _peer.set(str(environ["REMOTE_ADDR"]))
        return self._soap_app(environ, start_response)

    def _handle(self, call: Call) -> Message:
        began = time.perf_counter()
        station = call.identity or ""
        try:
            answer = self._service.answer(call, _peer.get())
        except Fault as fault:
            self._record("in", station, call.message, began, fault)
            self._say(f"{station} {call.operation.name} refused: {fault.reason}")
            raise
        self._record("in", station, call.message, began, answer)
        return answer

    def _say(self, line: str) -> None:
        if self._on_line:
            self._on_line(one_line(line))

    def _unread(self, exchanged: Exchanged) -> None:
        """What never became a call is worth a line too: somebody's charge point gets no further."""
        if exchanged.operation is None:
            status = exchanged.status
            self._say(f"{_peer.get()} sent what is no message known here: HTTP status {status}")

    def _record(
        self,
        direction: Literal["in", "out"],
        station: str,
        request: Message,
        began: float,
        outcome: Message | Exception,
    ) -> None:
        self.store.log(
            Exchange(
                id=0,
                time=datetime.now(UTC),
                station=station,
                direction=direction,
                action=type(request).__name__.removesuffix("Request"),
                summary=summary(request),
                outcome=summary(outcome) if isinstance(outcome, Message) else str(outcome),
                ok=isinstance(outcome, Message),
                latency_ms=(time.perf_counter() - began) * 1000,
            )
        )


def _check_loopback(host: str) -> None:
    """The page gives orders to stations and asks nobody for a password."""
    if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"the page is for this machine only: 127.0.0.1, not {host}")
