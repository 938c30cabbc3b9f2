"""What the page sees of the running station: reasons with masked cards, ailing threads, orders."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from firmware.core.cards import Card
from firmware.core.state import Durable
from firmware.facts import OrderOutcome
from firmware.orders import LearnCard, Order, Stop
from firmware.shell.clock import Clock
from firmware.shell.logs import Lines
from firmware.shell.messages import Messages
from firmware.shell.sessions import Sessions
from firmware.shell.supervisor import Pulse
from firmware.shell.view import View
from tests.firmware.rig import Rig
from tests.firmware.shell.made import CARD, batch, started, stopped
from tests.firmware.shell.test_sessions import journal_of

Worker = SimpleNamespace


def worker(name: str, *, alive: bool = True, busy_s: float = 0.0) -> Worker:
    return Worker(name=name, alive=alive, pulse=SimpleNamespace(busy_s=busy_s))


class Desk:
    def __init__(self) -> None:
        self.asked: list[tuple[Order, float]] = []

    def ask(self, order: Order, timeout_s: float) -> OrderOutcome:
        self.asked.append((order, timeout_s))
        return OrderOutcome("Accepted")


MakeView = Callable[..., View]


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def make(tmp_path: Path, desk: Desk) -> MakeView:
    def build(*workers: Worker, sessions: Sessions | None = None) -> View:
        link = SimpleNamespace(view=dict)
        specs: Any = {1: SimpleNamespace(voltage_v=230.0, phases=3)}
        table = SimpleNamespace(id="cp001", vendor="V", model="M", firmware_version="1")
        site: Any = SimpleNamespace(station=table, csms=())
        outbox: Any = SimpleNamespace(waiting=lambda: 0)
        view = View(
            site,
            specs,
            None,
            cast(Any, link),
            outbox,
            Clock(1),
            Lines(),
            cast(Any, workers),
            cast(Any, desk),
            Messages(),
            sessions or Sessions(tmp_path / "none"),
        )
        view.phase = "running"
        return view

    return build


def test_healthy_threads_have_nothing_to_tell(make: MakeView) -> None:
    assert make(worker("station"), worker("link", busy_s=60)).ailing() == []


def test_a_dead_and_a_stuck_thread_are_named(make: MakeView) -> None:
    view = make(
        worker("station", busy_s=6), worker("rfid", alive=False), worker("link", busy_s=999)
    )
    assert view.ailing() == [
        "thread station is stuck",
        "thread rfid is dead",
        "thread link is stuck",
    ]


def test_a_station_that_starts_is_not_well_yet(make: MakeView) -> None:
    view = make(worker("station"))
    view.phase = "starting"
    assert view.ailing() == ["the station is starting"]


def test_why_is_shown_with_the_card_masked(make: MakeView) -> None:
    rig, view = Rig(), make(Worker(name="x", alive=True, pulse=Pulse("x")))
    rig.charges(token=CARD)
    view.publish(rig.state, lambda: rig.loop.stored)
    shown: Any = view.snapshot()
    assert shown["evses"][0]["why"][1] == {
        "what": "session 1, card 04…80",
        "effect": "permits",
        "by": "card",
        "amps": None,
    }
    assert CARD not in str(shown)


def test_sessions_have_the_names_of_the_list(tmp_path: Path, make: MakeView) -> None:
    view = make(sessions=journal_of(tmp_path, batch(1, started(1), stopped(1))))
    rig = Rig()
    view.publish(rig.state, Durable)
    (unnamed,) = view.sessions()
    assert (unnamed["card"], unnamed["name"]) == ("04…80", "")
    listed: Any = (Card(CARD.lower(), "Anna"),)
    view.publish(type(rig.state)(rig.state.connectors, cards=listed), Durable)
    (named,) = view.sessions()
    assert (named["card"], named["name"], named["wh"]) == ("04…80", "Anna", 900)


def test_a_card_to_be_learned_is_waited_for(make: MakeView, desk: Desk) -> None:
    view = make()
    view.ask(Stop(1))
    view.ask(LearnCard("Anna"))
    assert [timeout_s for _, timeout_s in desk.asked] == [10.0, 40.0]
