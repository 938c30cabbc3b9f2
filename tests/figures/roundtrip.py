"""Round trips of Heartbeat over loopback to a gSOAP central system, by three clients in turn."""

import time
from contextlib import ExitStack

from ocpp.http import SoapClient
from ocpp.message import Message
from ocpp.v16 import CENTRAL_SYSTEM, HeartbeatRequest
from tests.figures import gsoap
from tests.figures.exchanges import IDENTITY, SENDER
from tests.figures.process import Process
from tests.figures.row import Row, against

WHAT = "round trip of Heartbeat"
WARM_UP = 10
MOST = 2.0


def round_trip(batches: int = 15, count: int = 100) -> list[Row]:
    """Each value is one round trip; the clients take turns, a batch each."""
    try:
        measure = gsoap.binary()
    except gsoap.Missing as missing:
        return [Row(WHAT, "ours", "µs", note=f"no server: {missing}")]
    found: dict[str, list[float]] = {"ours": [], "zeep": [], "gSOAP": []}
    with ExitStack() as stack:
        server = stack.enter_context(Process(measure, "central"))
        url = server.line()
        theirs = stack.enter_context(Process(measure, "client", url))
        ours = SoapClient(CENTRAL_SYSTEM, url, identity=IDENTITY, sender=SENDER)
        zeep = SoapClient(CENTRAL_SYSTEM, url, identity=IDENTITY, sender=SENDER, engine="zeep")
        stack.callback(ours.close)
        stack.callback(zeep.close)
        takes = {
            "ours": lambda n: timed(ours, HeartbeatRequest(), n),
            "zeep": lambda n: timed(zeep, HeartbeatRequest(), n),
            "gSOAP": theirs.ask,
        }
        for take in takes.values():
            take(WARM_UP)
        for _ in range(batches):
            for of, take in takes.items():
                found[of] += take(count)
    return against(WHAT, "µs", found, "gSOAP", MOST)


def timed(client: SoapClient, message: Message, count: int) -> list[float]:
    """So many calls, µs each."""
    found = []
    for _ in range(count):
        began = time.perf_counter_ns()
        client.call(message)
        found.append((time.perf_counter_ns() - began) / 1e3)
    return found
