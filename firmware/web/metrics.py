"""The station's figures for Prometheus, drawn up when they are asked for."""

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from firmware.web.facade import Station

__all__ = ["CONTENT_TYPE_LATEST", "text"]

Rows = list[tuple[list[str], float]]


def text(station: Station) -> bytes:
    """All figures in the text format; nothing of them is kept."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(station))
    return generate_latest(registry)


class _Figures(Collector):
    def __init__(self, station: Station) -> None:
        self._station = station

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        shown: Mapping[str, Any] = self._station.snapshot()
        about = shown["station"]
        named = {key: about[key] for key in ("id", "vendor", "model", "version")}
        yield InfoMetricFamily("pilotwire", "What this station is", named)
        yield _one("link_up", "Whether the central system answers", about["link"] == "up")
        accepted = about["registration"] == "Accepted"
        yield _one("registered", "Whether the central system has accepted it", accepted)
        waiting = shown["queue"]["history"]
        yield _one("history_waiting", "Facts that the central system does not have yet", waiting)
        yield from _evses(shown["evses"])
        yield from _threads(shown["threads"])
        yield self._messages()

    def _messages(self) -> Metric:
        rows = [
            ([direction, action, "answered" if ok else "failed"], float(number))
            for (direction, action, ok), number in sorted(self._station.messages.counts.items())
        ]
        labels = ["direction", "action", "result"]
        return _counted("messages", "Messages exchanged with the central system", labels, rows)


def _evses(evses: list[Mapping[str, Any]]) -> Iterator[Metric]:
    gauges = {
        "power_watts": ("What it draws", "power_w"),
        "limit_amperes": ("What is permitted per phase", "limit_a"),
        "offered_amperes": ("What the pilot offers per phase", "offered_a"),
    }
    for name, (what, key) in gauges.items():
        rows = [([str(evse["id"])], float(evse[key])) for evse in evses]
        yield _gauge(f"evse_{name}", what, ["evse"], rows)
    energy = [([str(evse["id"])], float(evse["energy_wh"])) for evse in evses]
    yield _counted("evse_energy_watt_hours", "Its meter's register", ["evse"], energy)
    status = [([str(evse["id"]), evse["status"]], 1.0) for evse in evses]
    yield _gauge("evse_status", "Its status in OCPP's words", ["evse", "status"], status)


def _threads(threads: list[Mapping[str, Any]]) -> Iterator[Metric]:
    alive = [([thread["name"]], float(thread["alive"])) for thread in threads]
    yield _gauge("thread_alive", "Whether the thread runs", ["thread"], alive)
    busy = [([thread["name"]], float(thread["busy_s"] or 0)) for thread in threads]
    yield _gauge("thread_busy_seconds", "Since when it is busy with one thing", ["thread"], busy)
    turns = [([thread["name"]], float(thread["turns"])) for thread in threads]
    yield _counted("thread_turns", "What it has had to do", ["thread"], turns)


def _one(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(f"pilotwire_{name}", what, value=float(value))


def _gauge(name: str, what: str, labels: list[str], rows: Rows) -> Metric:
    family = GaugeMetricFamily(f"pilotwire_{name}", what, labels=labels)
    for values, value in rows:
        family.add_metric(values, value)
    return family


def _counted(name: str, what: str, labels: list[str], rows: Rows) -> Metric:
    family = CounterMetricFamily(f"pilotwire_{name}", what, labels=labels)
    for values, value in rows:
        family.add_metric(values, value)
    return family
