"""The fake board's line to its simulation in the interlock process: one question, one answer."""

import socket
import threading
import time

import msgspec

from hal.evse.verbs import Ask, Reply, Request
from hal.ports import BenchError, HalError

ANSWER_S = 1.0
"""The simulation answers within milliseconds; after this it will not."""


class Link:
    """Shared by the meters and the bench controls, one question at a time."""

    def __init__(self) -> None:
        self._end: socket.socket | None = None
        self._lock = threading.Lock()
        self._serial = 0
        self._decoder = msgspec.json.Decoder(Reply)

    def connect(self, end: socket.socket) -> None:
        """Talk to the interlock at this end from now on."""
        with self._lock:
            self._end = end

    def ask(self, request: Request, timeout_s: float = ANSWER_S) -> Reply:
        """Raises HalError where there is no answer, BenchError where it is a refusal."""
        with self._lock:
            try:
                reply = self._exchange(request, timeout_s)
            except TimeoutError as problem:
                raise HalError("the fake EVSEs do not answer: is the interlock stuck?") from problem
            except (OSError, msgspec.DecodeError) as problem:
                raise HalError("the fake EVSEs are gone with the interlock") from problem
        if reply.status is not None:
            raise BenchError(reply.status, reply.text)
        return reply

    def _exchange(self, request: Request, timeout_s: float) -> Reply:
        if self._end is None:
            raise ConnectionError
        self._serial += 1
        deadline = time.monotonic() + timeout_s
        self._end.settimeout(timeout_s)
        self._end.send(msgspec.json.encode(Ask(self._serial, request)))
        while True:
            reply = self._decoder.decode(self._end.recv(65536))
            if reply.serial == self._serial:
                return reply
            self._end.settimeout(max(deadline - time.monotonic(), 0.001))
