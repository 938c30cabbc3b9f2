"""CPU per message: a request written and its response read, in memory."""

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from ocpp.soap import Codec
from ocpp.v16 import CENTRAL_SYSTEM
from ocpp.zeep_engine import ZeepCodec
from tests.figures import gsoap
from tests.figures.exchanges import EXCHANGES, MESSAGE_ID, answered, written
from tests.figures.process import Process
from tests.figures.row import Row, against

COUNTS = {"ours": 1000, "zeep": 60}
PEER_COUNT = 1000
"""Exchanges at a stretch."""
PASSES = {"gSOAP": 2, "gSOAP, length not counted": 1}
MOST = 1.5


def cpu(alternations: int = 21) -> list[Row]:
    """Each value is the mean of a stretch; the implementations take turns."""
    rows = []
    for name in EXCHANGES:
        what = f"CPU of {name}" + (" with 10 samples" if name == "MeterValues" else "")
        rows += _compared(name, what, alternations)
    return rows


def _compared(name: str, what: str, alternations: int) -> list[Row]:
    codecs = {"ours": Codec(CENTRAL_SYSTEM), "zeep": ZeepCodec(CENTRAL_SYSTEM)}
    found: dict[str, list[float]] = {of: [] for of in codecs}
    missing = ""
    with ExitStack() as stack:
        peers: dict[str, Process] = {}
        try:
            peers = _peers(stack, codecs["ours"], name)
        except gsoap.Missing as missed:
            missing = str(missed)
        found |= {of: [] for of in peers}
        for _ in range(alternations):
            for of, codec in codecs.items():
                found[of].append(_spent(codec, name, COUNTS[of]))
            for of, peer in peers.items():
                found[of] += peer.ask(PEER_COUNT)
    rows = against(what, "µs", found, "gSOAP", MOST)
    return [*rows, Row(what, "gSOAP", "µs", note=missing)] if missing else rows


def _peers(stack: ExitStack, codec: Codec, name: str) -> dict[str, Process]:
    """gSOAP's processes, which read the same response. Raises Missing."""
    measure = gsoap.binary()
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    response = folder / "response.xml"
    response.write_bytes(answered(codec, name)[1])
    return {
        of: stack.enter_context(Process(measure, "cpu", name, response, passes))
        for of, passes in PASSES.items()
    }


def _spent(codec: Codec, name: str, count: int) -> float:
    """CPU of this process, µs each."""
    message = EXCHANGES[name][0]
    operation, response = answered(codec, name)
    began = time.process_time_ns()
    for _ in range(count):
        written(codec, message)
        codec.read_response(response, operation, MESSAGE_ID)
    return (time.process_time_ns() - began) / count / 1e3
