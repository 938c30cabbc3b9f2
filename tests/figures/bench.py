"""All figures in one run, printed side by side: `python -m tests.figures.bench` (make bench).

--write PATH   keep the table there too, with machine and date (or BENCH_OUTPUT=PATH)
--long         as long as for a release
--only NAME    one of the figures, may be repeated
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from hal.evse.fake import CONTACTOR_S
from tests.figures.cpu import cpu
from tests.figures.drain import drain
from tests.figures.edge import edge
from tests.figures.inbound import inbound
from tests.figures.roundtrip import round_trip
from tests.figures.row import Row, machine, table
from tests.figures.station import idle, station
from tests.figures.tap import tap


class Figure(msgspec.Struct, frozen=True):
    measure: Callable[[int], list[Row]]
    usual: int
    """How often, or in which time (s): each of them says in its rows."""
    long: int
    least: int
    """For a test that it works at all."""


FIGURES = {
    "cpu": Figure(cpu, 21, 51, 1),
    "round-trip": Figure(round_trip, 15, 50, 1),
    "inbound": Figure(inbound, 15, 50, 1),
    "tap": Figure(tap, 1000, 3000, 3),
    "edge": Figure(edge, 2000, 2500, 4),  # a longer record is put aside
    "station": Figure(station, 10, 20, 1),
    "idle": Figure(idle, 20, 60, 1),
    "drain": Figure(drain, 10_000, 10_000, 20),
}
PAGE = """\
# Figures

What `make bench` printed; `make bench BENCH_OUTPUT=docs/figures.md` writes this page anew.

{machine}

{table}
{short}
What is measured:

- *CPU*: of the process, for a request written and its response read, in memory; each value is the
  mean of a stretch, the implementations take turns. A client of gSOAP, unless told otherwise, goes
  through a request once more to count its length: that is *gSOAP*; without it, the other. *zeep* is
  `engine = "zeep"`: zeep writes and parses, the checks are ours.
- *round trip*: kept connections on loopback to one gSOAP server. *ReserveNow*: our client to each
  server, which has a process of its own.
- *card presented to lease*: the card is known (authorisation cache, `LocalPreAuthorize`); the
  session is on disk before the lease.
- *input edge to off command*: from before the fake vehicle is told to pause until the interlock's
  record has the contact open, less the {travel:.0f} ms that the simulated contactor takes.
- *memory*: resident set, after a session.
"""

REASONS = {
    "CPU": "all of it is Python, and checked: what is written by the definition of its message, "
    "leaf by leaf (sixty of them in MeterValues), what is read by the schema",
    "round trip": "beside the XML there is Python's HTTP client, a deadline for the whole call and "
    "an end to it from another thread",
    "ReserveNow": "the HTTP server is Python, and wakes two threads for a request: one gathers "
    "headers, so that slow peers stop nobody, another serves",
    "input edge": "the interlock has no cores of its own: with the load, four busy processes share "
    "those of the machine",
    "start": "most of it is importing what a station needs",
    "memory": "two processes of Python, and the compiled schemas",
    "context switches": "each second two reports of the interlock, one question to the meter that "
    "waits twice, one look of the supervisor",
}
"""Why a figure may be short of what it was to reach, by how its name begins."""


def measured(names: list[str], *, long: bool) -> list[Row]:
    rows: list[Row] = []
    for name in names:
        figure = FIGURES[name]
        began = time.monotonic()
        print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
        rows += figure.measure(figure.long if long else figure.usual)
        print(f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return rows


def missed(rows: list[Row]) -> str:
    """A list of what is short, and why; nothing where nothing is."""
    short = [row.what for row in rows if not all(goal.met for goal in row.goals)]
    lines = [
        f"- *{name}*: {why}."
        for name, why in REASONS.items()
        if any(what.startswith(name) for what in short)
    ]
    return "\n".join(["", "What is short, and why:", "", *lines, ""]) if lines else ""


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("--write", type=Path, default=os.environ.get("BENCH_OUTPUT") or None)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--only", action="append", choices=FIGURES)
    asked = parser.parse_args()
    rows = measured(asked.only or list(FIGURES), long=asked.long)
    text, short = table(rows), missed(rows)
    print(f"{machine()}\n\n{text}\n{short}")
    if asked.write:
        page = PAGE.format(machine=machine(), table=text, short=short, travel=CONTACTOR_S * 1e3)
        Path(asked.write).write_text(page)


if __name__ == "__main__":
    main()
