"""Vendors' own messages: handlers of DataTransfer, from entry points of the group below.

A handler's entry point is named after its vendorId. It is called with the message id and the data
of a request, in a thread of its own, and has no way to the station's state.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, entry_points
from queue import Empty, SimpleQueue
from typing import Protocol

from ocpp.v16 import DataTransferRequest, DataTransferResponse

log = logging.getLogger("pilotwire.vendors")

GROUP = "pilotwire.vendors"
ANSWER_S = 5.0


class UnknownMessage(Exception):
    """For a handler to raise where it does not know the message id."""


class Handler(Protocol):
    """What an entry point names: a function, or whatever can be called like one."""

    def __call__(self, message_id: str | None, data: str | None) -> str | None:
        """The data to answer with. JSON comes and goes as text (R16-291).

        Raises UnknownMessage; with any other error the request is Rejected."""


def installed() -> Iterable[EntryPoint]:
    return entry_points(group=GROUP)


class Vendors:
    """Answers DataTransfer, from any thread. A handler is loaded when it is first asked, and asked
    one thing at a time: one that hangs costs one thread."""

    def __init__(self, find: Callable[[], Iterable[EntryPoint]] = installed) -> None:
        self._find = find
        self._known: dict[str, EntryPoint] | None = None
        self._busy: set[str] = set()
        self._lock = threading.Lock()

    def answer(
        self, request: DataTransferRequest, within_s: float = ANSWER_S
    ) -> DataTransferResponse:
        """Bounded by `within_s`. Raises nothing, whatever a handler does (R16-290)."""
        vendor = request.vendor_id.lower()  # a CiString
        with self._lock:
            if self._known is None:
                self._known = {point.name.lower(): point for point in self._find()}
            point = self._known.get(vendor)
            if point is None:
                return DataTransferResponse(status="UnknownVendorId")
            if vendor in self._busy:
                log.warning("vendor %s: still busy with the request before", point.name)
                return DataTransferResponse(status="Rejected")
            self._busy.add(vendor)
        answers: SimpleQueue[DataTransferResponse] = SimpleQueue()
        thread = threading.Thread(
            target=self._ask, args=(point, request, answers), name="vendor", daemon=True
        )
        thread.start()
        try:
            return answers.get(timeout=within_s)
        except Empty:
            log.error("vendor %s: no answer within %g s", point.name, within_s)
            return DataTransferResponse(status="Rejected")

    def _ask(
        self,
        point: EntryPoint,
        request: DataTransferRequest,
        answers: SimpleQueue[DataTransferResponse],
    ) -> None:
        """The thread of one request, and its root."""
        try:
            answer = _answer(point.load(), request)
        except Exception:
            log.exception("vendor %s: its handler failed", point.name)
            answer = DataTransferResponse(status="Rejected")
        with self._lock:
            self._busy.discard(point.name.lower())
        answers.put(answer)


def _answer(handler: Handler, request: DataTransferRequest) -> DataTransferResponse:
    try:
        data = handler(request.message_id, request.data)
    except UnknownMessage:
        return DataTransferResponse(status="UnknownMessageId")
    if data is not None and not isinstance(data, str):
        raise TypeError(f"expected text or None from the handler, got {type(data).__name__}")
    return DataTransferResponse(status="Accepted", data=data)
