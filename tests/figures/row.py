"""A row of the figures: what was measured of whom, how often, how it spread, what it was to be."""

import math
import platform
import statistics
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

from tests.figures import gsoap

HEAD = ("what", "of", "n", "median", "p5", "p95", "unit", "ratio", "to reach")


class Goal(msgspec.Struct, frozen=True):
    """A number that is to be at most so much; `name` says which of the row it is."""

    name: str
    value: float
    most: float

    @property
    def met(self) -> bool:
        return self.value <= self.most

    def __str__(self) -> str:
        word = "met" if self.met else "**missed**"
        return f"{self.name} ≤ {self.most:g}: {short(self.value)}, {word}"


class Row(msgspec.Struct, frozen=True):
    """`note` stands in place of the goals where there are none: why there is nothing, or what."""

    what: str
    of: str
    unit: str
    values: tuple[float, ...] = ()
    ratio: float | None = None
    goals: tuple[Goal, ...] = ()
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def cells(self) -> tuple[str, ...]:
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        goals = "; ".join([*map(str, self.goals), *filter(None, [self.note])])
        if not self.values:
            return (self.what, self.of, "0", "-", "-", "-", self.unit, ratio, goals)
        spread = (self.median, quantile(self.values, 0.05), quantile(self.values, 0.95))
        numbers = (str(len(self.values)), *map(short, spread))
        return (self.what, self.of, *numbers, self.unit, ratio, goals)


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def short(value: float) -> str:
    """Three digits that count."""
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:.{min(digits, 3)}f}"


def against(
    what: str, unit: str, found: dict[str, list[float]], peer: str, most: float
) -> list[Row]:
    """Rows of the same thing done by several, with ratios to the peer; ours is to reach `most`."""
    rows = []
    base = statistics.median(found[peer]) if peer in found else None
    for of, values in found.items():
        ratio = statistics.median(values) / base if base else None
        goals = (Goal("ratio", ratio, most),) if ratio is not None and of == "ours" else ()
        rows.append(Row(what, of, unit, tuple(values), ratio, goals))
    return rows


def table(rows: Iterable[Row]) -> str:
    """In Markdown, laid out to be read as it is."""
    cells = [HEAD, *(row.cells() for row in rows)]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    numeric = {"n", "median", "p5", "p95", "ratio"}

    def line(words: Sequence[str]) -> str:
        laid = [
            word.rjust(width) if name in numeric else word.ljust(width)
            for name, word, width in zip(HEAD, words, widths, strict=True)
        ]
        return f"| {' | '.join(laid)} |"

    rule = [
        "-" * (width - 1) + ":" if name in numeric else "-" * width
        for name, width in zip(HEAD, widths, strict=True)
    ]
    return "\n".join([line(cells[0]), line(rule), *map(line, cells[1:])])


def machine() -> str:
    """What it was measured on, and when."""
    cpu = Path("/proc/cpuinfo").read_text()
    model = cpu.split("model name")[1].split(":", 1)[1].split("\n")[0].strip()
    parts = ", ".join(f"{name} {version(name)}" for name in ("msgspec", "lxml", "cheroot", "zeep"))
    try:
        gsoap.binary()
        peer = f"gSOAP {gsoap.version()} (libgsoap++ as Debian ships it, our part with -O2)"
    except gsoap.Missing:
        peer = "no gSOAP"
    return f"""\
- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC
- {model}, {cpu.count("processor")} cores, Linux {platform.release()}
- Python {platform.python_version()}, {parts}, {peer}"""
