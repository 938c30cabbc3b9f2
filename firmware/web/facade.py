"""What the web thread may know of the station, and what it may ask of it."""

from collections.abc import Mapping
from typing import Protocol

from firmware.core.cards import Cards
from firmware.facts import OrderOutcome
from firmware.orders import Order
from firmware.shell.messages import Messages


class Station(Protocol):
    """The station as its pages see it. Every method may be called from any thread at any time."""

    fake: bool
    """Whether the board is the fake one: only then does the page show buttons."""

    messages: Messages

    def snapshot(self) -> Mapping[str, object]:
        """All that the page *Now* shows, ready for JSON. Cheap, never waits.

        ::

            {"station": {"id", "vendor", "model", "version",
                         "central": null | url, "link": "up" | "down" | "held",
                         "registration": "Accepted" | "Pending" | "Rejected" | "none",
                         "problem": null | {"reason", "hint"},
                         "phase": "starting" | "running" | "restarting", "time": ISO 8601},
             "fake": bool,
             "evses": [{"id", "status": ChargePointStatus, "error": ChargePointErrorCode,
                        "pilot": "A".."F", "plugged": bool, "closed": bool,
                        "locked": null | bool, "faults": [Fault],
                        "power_w", "energy_wh", "current_a": [per phase], "soc": null | %,
                        "limit_a", "limit_w", "offered_a", "fuse_a",
                        "set_a": null | what somebody at the station limited it to,
                        "why": [{"what", "effect": "permits" | "limits" | "forbids",
                                 "by": who set it, "amps": null | A per phase}],
                        "session": null | {"number", "transaction": null | int, "token_masked",
                                           "wh", "started": ISO 8601, "seconds"},
                        "reservation": null | {"id", "expires": ISO 8601}}],
             "threads": [{"name", "alive": bool, "busy_s": null | seconds, "turns": int}],
             "queue": {"history": facts not yet told},
             "lines": [{"time": ISO 8601, "text"}]}

        `limit_w` is `limit_a` over the phases in use; `locked` is null where nothing can lock.
        Card identifiers come masked: what is in the snapshot is shown to whoever looks.
        """

    def wait_change(self, seen: int, timeout_s: float) -> int:
        """The change counter (from 0), as soon as it differs from `seen` or on timeout."""

    def history(self) -> Mapping[str, object]:
        """The last 15 minutes at 1 Hz, oldest first, for the plot:
        `{"1": [[unix_s, power_w, limit_w, energy_wh], ...]}` with the EVSE's id as the key."""

    def bench(self, verb: str, body: Mapping[str, object]) -> None:
        """Carry out a bench verb (`plug-in`, `unplug`, `pause`, `resume`, `rfid`, `link`, `faults`,
        `lock`, `meter`) whose body has been checked and completed with the defaults.
        Never waits for an OCPP exchange. Raises `hal.ports.BenchError`."""

    def bench_state(self) -> Mapping[str, object]:
        """The body of `GET /v1/state`."""

    def ailing(self) -> list[str]:
        """What is wrong with the threads, in a sentence each; nothing = all is well."""

    def ask(self, order: Order) -> OrderOutcome:
        """Give an order like everybody else, and wait for its answer. Raises `NoAnswer`."""

    @property
    def cards(self) -> Cards:
        """The station's own list, in full: to be masked before it is shown."""

    @property
    def free_token(self) -> str | None:
        """The idTag of whoever charges without a card, if that is allowed."""

    def sessions(self) -> list[Mapping[str, object]]:
        """The last ones, newest first: `{"number", "evse", "transaction", "card" (masked), "name",
        "started", "stopped", "seconds", "wh", "reason", "delivery"}`; null = not known yet."""

    def curve(self, session: int) -> list[tuple[float, float, float, int]]:
        """The samples of a session: UTC s, W, A offered, Wh since its start."""
