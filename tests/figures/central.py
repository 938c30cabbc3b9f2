"""A central system that accepts everything at once, and notes when what arrived."""

import threading
import time
from datetime import UTC, datetime
from itertools import count
from types import TracebackType
from typing import Self

from ocpp.http import soap_app
from ocpp.message import Message
from ocpp.server import HttpServer
from ocpp.soap import Call
from ocpp.v16 import CENTRAL_SYSTEM, IdTagInfo
from tests.figures.process import PATIENCE_S

SITE = """\
[station]
id = "figures"

{evses}

[[csms]]
version = "1.6-soap"
url = "{url}"

[ocpp.configuration]
MeterValueSampleInterval = "{interval}"
"""
HEARTBEAT_S = 300


class Central:
    def __init__(self) -> None:
        self._seen: dict[str, list[float]] = {}
        self._changed = threading.Condition()
        self._transactions = count(1)
        app = soap_app(CENTRAL_SYSTEM, self._handle, identity=None)
        self._server = HttpServer("127.0.0.1", 0, app, name="central")
        self._server.start()

    def _handle(self, call: Call) -> Message:
        with self._changed:
            self._seen.setdefault(call.operation.name, []).append(time.monotonic())
            self._changed.notify_all()
        fields = {
            "status": "Accepted",
            "current_time": datetime.now(UTC),
            "interval": HEARTBEAT_S,
            "id_tag_info": IdTagInfo(status="Accepted"),
            "transaction_id": next(self._transactions),
        }
        wanted = call.operation.response.__struct_fields__
        return call.operation.response(**{k: v for k, v in fields.items() if k in wanted})

    def site(self, evses: int = 1, interval_s: int = 60) -> str:
        """A site file for a station of this central system, with the fake board."""
        tables = "\n".join(f"[[evse]]\nid = {number}" for number in range(1, evses + 1))
        return SITE.format(evses=tables, url=self._server.url, interval=interval_s)

    def arrived(
        self, operation: str, times: int = 1, patience_s: float = PATIENCE_S
    ) -> list[float]:
        """Wait until this has arrived so many times; when each did, monotonic. Then forget them."""
        with self._changed:
            enough = lambda: len(self._seen.get(operation, ())) >= times  # noqa: E731
            if not self._changed.wait_for(enough, patience_s):
                there = len(self._seen.get(operation, ()))
                raise TimeoutError(f"{there} of {times} {operation}")
            return self._seen.pop(operation)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._server.stop()
