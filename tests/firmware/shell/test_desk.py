"""The order desk: numbers, answers, deadlines, and replies written before anything else."""

import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor

import pytest

from firmware.events import Ordered
from firmware.facts import OrderAnswered, OrderOutcome
from firmware.orders import CancelReservation, Order
from firmware.shell import desk as desks
from firmware.shell.desk import Desk, NoAnswer
from firmware.shell.inbox import Inbox

PATIENCE_S = 20.0


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only being told ends a wait."""
    monkeypatch.setattr(desks, "REPLY_S", 3600.0)


@pytest.fixture
def pool() -> Generator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def ordered(inbox: Inbox) -> Ordered:
    """The next order as the station gets it."""
    event = inbox.get(PATIENCE_S)
    assert isinstance(event, Ordered)
    return event


def test_an_order_is_answered_by_its_number(pool: ThreadPoolExecutor) -> None:
    inbox = Inbox()
    desk = Desk(inbox)
    asked = pool.submit(desk.ask, CancelReservation(7), PATIENCE_S)
    event = ordered(inbox)
    assert event.order == CancelReservation(7)
    desk.answer(OrderAnswered(event.number, OrderOutcome("Rejected")))
    assert asked.result(PATIENCE_S) == OrderOutcome("Rejected")


def test_answers_find_who_asked_in_whatever_order_they_come(pool: ThreadPoolExecutor) -> None:
    inbox = Inbox()
    desk = Desk(inbox)
    asked = {n: pool.submit(desk.ask, CancelReservation(n), PATIENCE_S) for n in range(4)}
    events = [ordered(inbox) for _ in asked]
    assert len({event.number for event in events}) == len(asked)
    for event in reversed(events):
        assert isinstance(event.order, CancelReservation)
        desk.answer(OrderAnswered(event.number, OrderOutcome(f"{event.order.id}")))
    assert {n: f.result(PATIENCE_S).status for n, f in asked.items()} == {n: f"{n}" for n in asked}


def test_without_an_answer_in_time_it_gives_up() -> None:
    with pytest.raises(NoAnswer, match=r"no answer within 0\.01 s"):
        Desk(Inbox()).ask(CancelReservation(1), 0.01)


def test_an_answer_that_comes_too_late_reaches_nobody_else() -> None:
    inbox = Inbox()
    desk = Desk(inbox)
    with pytest.raises(NoAnswer):
        desk.ask(CancelReservation(1), 0.001)
    late = ordered(inbox).number
    desk.answer(OrderAnswered(late, OrderOutcome("Accepted")))
    with pytest.raises(NoAnswer):
        desk.ask(CancelReservation(2), 0.001)
    assert ordered(inbox).number != late


def test_too_many_orders_are_refused_at_once() -> None:
    with pytest.raises(NoAnswer, match="too many"):
        Desk(Inbox(capacity=0)).ask(CancelReservation(1), PATIENCE_S)


def test_what_an_order_causes_waits_for_its_reply(pool: ThreadPoolExecutor) -> None:
    """R16-129: the answer is on the wire before what follows from it."""
    desk, told = Desk(Inbox()), threading.Event()

    def tell() -> None:
        desk.wait_replied()
        told.set()

    with desk.replying():
        telling = pool.submit(tell)
        assert not told.wait(0.05)
    telling.result(PATIENCE_S)
    assert told.is_set()


def test_it_waits_for_every_reply_under_way(pool: ThreadPoolExecutor) -> None:
    desk, told = Desk(Inbox()), threading.Event()
    with desk.replying():
        with desk.replying():
            telling = pool.submit(lambda: (desk.wait_replied(), told.set()))
        assert not told.wait(0.05)
    telling.result(PATIENCE_S)


def test_a_peer_that_does_not_take_its_reply_holds_nothing_up_for_long(
    pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desks, "REPLY_S", 0.01)
    desk = Desk(Inbox())
    with desk.replying():
        pool.submit(desk.wait_replied).result(PATIENCE_S)


def test_a_reply_that_fails_counts_as_written(pool: ThreadPoolExecutor) -> None:
    desk = Desk(Inbox())
    with pytest.raises(BrokenPipeError), desk.replying():
        raise BrokenPipeError
    pool.submit(desk.wait_replied).result(PATIENCE_S)


def test_an_order_is_any_order(pool: ThreadPoolExecutor) -> None:
    """The desk looks into none of them."""
    inbox = Inbox()
    desk = Desk(inbox)
    asked = pool.submit(desk.ask, Order(), PATIENCE_S)
    desk.answer(OrderAnswered(ordered(inbox).number, OrderOutcome()))
    assert asked.result(PATIENCE_S).status == "Accepted"
