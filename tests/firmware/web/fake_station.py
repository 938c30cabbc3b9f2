"""A station for the pages to show: it changes when told and remembers what it was asked."""

import copy
import threading
from collections.abc import Mapping
from typing import Any

from firmware.core.cards import Card, Cards
from firmware.facts import OrderOutcome, SettingShown
from firmware.orders import GetSettings, Order
from firmware.shell.desk import NoAnswer
from firmware.shell.messages import Messages
from hal.ports import BenchError

SETTINGS = (
    SettingShown("HeartbeatInterval", "300", readonly=False),
    SettingShown("LocalPreAuthorize", "false", readonly=False),
    SettingShown("NumberOfConnectors", "1", readonly=True),
)
SESSION: dict[str, Any] = {
    "number": 17,
    "evse": 1,
    "transaction": "4711",
    "card": "04…80",
    "name": "Anna",
    "started": "2026-11-22T14:20:07Z",
    "stopped": "2026-11-22T15:21:07Z",
    "seconds": 3660.0,
    "wh": 11040,
    "reason": "Local",
    "delivery": "delivered",
}


def idle_evse(evse: int = 1) -> dict[str, Any]:
    return {
        "id": evse,
        "status": "Available",
        "error": "NoError",
        "pilot": "A",
        "plugged": False,
        "closed": False,
        "locked": False,
        "faults": [],
        "power_w": 0.0,
        "energy_wh": 1_284_310,
        "current_a": [],
        "soc": None,
        "limit_a": 0.0,
        "limit_w": 0.0,
        "offered_a": 0.0,
        "fuse_a": 32.0,
        "set_a": None,
        "why": [
            {
                "what": "no vehicle is plugged in",
                "effect": "forbids",
                "by": "vehicle",
                "amps": None,
            },
            {"what": "fuse", "effect": "limits", "by": "site file", "amps": 32.0},
        ],
        "session": None,
        "reservation": None,
    }


def charging_evse(evse: int = 1) -> dict[str, Any]:
    session = {
        "number": 17,
        "transaction": 4711,
        "token_masked": "04A1…E580",
        "wh": 4210,
        "started": "2026-11-22T14:20:07Z",
        "seconds": 1384,
    }
    return idle_evse(evse) | {
        "status": "Charging",
        "pilot": "C",
        "plugged": True,
        "closed": True,
        "locked": True,
        "power_w": 11_040.0,
        "energy_wh": 1_288_520,
        "current_a": [16.0, 16.0, 15.9],
        "soc": 41.0,
        "limit_a": 16.0,
        "limit_w": 11_040.0,
        "offered_a": 16.0,
        "session": session,
    }


def snapshot(*evses: Mapping[str, Any]) -> dict[str, Any]:
    names = ("main", "station", "journal", "rfid", "meter", "evse", "heartbeat", "link", "web")
    return {
        "station": {
            "id": "cp001",
            "vendor": "Pilotwire",
            "model": "Bench",
            "version": "0.1.0",
            "central": "http://127.0.0.1:9000/ocpp",
            "link": "up",
            "registration": "Accepted",
            "problem": None,
            "phase": "running",
            "time": "2026-11-22T14:43:11Z",
        },
        "fake": True,
        "evses": [dict(evse) for evse in evses or (idle_evse(),)],
        "threads": [{"name": n, "alive": True, "busy_s": None, "turns": 12} for n in names],
        "queue": {"history": 0},
        "lines": [{"time": "2026-11-22T14:43:09Z", "text": "evse 1: Available"}],
    }


class FakeStation:
    """The facade over a snapshot that a test changes with `show`."""

    def __init__(self, *, fake: bool = True) -> None:
        self.fake = fake
        self.asked: list[tuple[str, Mapping[str, object]]] = []
        self.refusal: BenchError | None = None
        self.orders: list[Order] = []
        self.outcome: OrderOutcome | None = OrderOutcome("Accepted")
        """How orders are answered; None = not at all."""
        self.cards: Cards = (Card("04A1B2C3D4E580", "Anna"), Card("=TOKEN", ""))
        self.free_token: str | None = None
        self.messages = Messages()
        self.ills: list[str] = []
        self.kept = [dict(SESSION)]
        self.samples: list[tuple[float, float, float, int]] = [(1795358591.0, 11040.0, 16.0, 184)]
        self.points: dict[str, list[list[float]]] = {"1": []}
        self._shown = snapshot() | {"fake": fake}
        self._count = 0
        self._changed = threading.Condition()

    def show(self, shown: Mapping[str, object]) -> None:
        with self._changed:
            self._shown = copy.deepcopy(dict(shown))
            self._count += 1
            self._changed.notify_all()

    def wait_asked(self, count: int, timeout_s: float = 20) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: len(self.asked) >= count, timeout_s)

    def snapshot(self) -> Mapping[str, object]:
        with self._changed:
            return copy.deepcopy(self._shown)

    def wait_change(self, seen: int, timeout_s: float) -> int:
        with self._changed:
            self._changed.wait_for(lambda: self._count != seen, timeout_s)
            return self._count

    def history(self) -> Mapping[str, object]:
        return copy.deepcopy(self.points)

    def bench(self, verb: str, body: Mapping[str, object]) -> None:
        with self._changed:
            self.asked.append((verb, body))
            self._changed.notify_all()
        if self.refusal:
            raise self.refusal

    def bench_state(self) -> Mapping[str, object]:
        return {"phase": "running", "link": "up", "evses": []}

    def ailing(self) -> list[str]:
        return self.ills

    def ask(self, order: Order) -> OrderOutcome:
        if self.outcome is None:
            raise NoAnswer("no answer within 10 s")
        if isinstance(order, GetSettings):
            return OrderOutcome("Accepted", SETTINGS)
        with self._changed:
            self.orders.append(order)
            self._changed.notify_all()
        return self.outcome

    def wait_ordered(self, count: int, timeout_s: float = 20) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: len(self.orders) >= count, timeout_s)

    def sessions(self) -> list[Mapping[str, object]]:
        return list(self.kept)

    def curve(self, session: int) -> list[tuple[float, float, float, int]]:
        return self.samples if session == self.kept[0]["number"] else []
