"""The station's inbox: its three lanes, what is refused, what is replaced, and in which order."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from firmware.events import CardPresented, Event, HeartbeatDue, LinkChanged, StopAsked, TimePassed
from firmware.shell.inbox import Inbox

PATIENCE_S = 20.0


def taken(inbox: Inbox) -> list[Event]:
    """All that waits, in the order in which the station gets it."""
    return [event for event in iter(lambda: inbox.get(0), None) if event]


def card(n: int) -> CardPresented:
    return CardPresented(f"card-{n}")


def test_urgent_events_come_first_then_the_rest_then_readings() -> None:
    inbox = Inbox()
    inbox.put_reading("meter", TimePassed())
    inbox.put(card(1))
    inbox.put_urgent(LinkChanged(up=False))
    inbox.put(card(2))
    inbox.put_urgent(StopAsked())
    assert taken(inbox) == [
        *(LinkChanged(up=False), StopAsked()),
        *(card(1), card(2)),
        TimePassed(),
    ]


def test_an_urgent_event_passes_what_waits_already() -> None:
    inbox = Inbox()
    inbox.put(card(1))
    inbox.put(card(2))
    assert inbox.get(0) == card(1)
    inbox.put_urgent(StopAsked())
    assert taken(inbox) == [StopAsked(), card(2)]


def test_a_reading_not_yet_taken_is_replaced_by_the_newest_of_its_kind() -> None:
    inbox = Inbox()
    inbox.put_reading(("meter", 1), card(1))
    inbox.put_reading(("meter", 2), card(2))
    inbox.put_reading(("meter", 1), card(3))
    assert taken(inbox) == [card(3), card(2)]


def test_a_reading_that_was_taken_is_not_replaced() -> None:
    inbox = Inbox()
    inbox.put_reading("meter", card(1))
    assert inbox.get(0) == card(1)
    inbox.put_reading("meter", card(2))
    assert taken(inbox) == [card(2)]


def test_a_full_inbox_refuses_and_keeps_what_it_has() -> None:
    inbox = Inbox(capacity=2)
    assert inbox.put(card(1))
    assert inbox.put(card(2))
    assert not inbox.put(card(3))
    assert inbox.get(0) == card(1)
    assert inbox.put(card(4))
    assert taken(inbox) == [card(2), card(4)]


def test_a_full_inbox_refuses_no_urgent_event_and_no_reading() -> None:
    inbox = Inbox(capacity=0)
    for _ in range(100):
        inbox.put_urgent(StopAsked())
    inbox.put_reading("meter", card(1))
    assert taken(inbox) == [*[StopAsked()] * 100, card(1)]


def test_without_an_event_the_wait_ends_with_none() -> None:
    assert Inbox().get(0.001) is None


def until_it_waits(inbox: Inbox) -> None:
    """Until somebody waits for an event: else whoever comes later finds it without being woken."""
    pause, deadline = threading.Event(), time.monotonic() + PATIENCE_S
    while not inbox._some._waiters:  # type: ignore[attr-defined]
        assert time.monotonic() < deadline
        pause.wait(0.001)


@pytest.mark.parametrize("lane", ["urgent", "rest", "reading"])
def test_whatever_comes_wakes_the_station(lane: str) -> None:
    inbox = Inbox()
    puts = {
        "urgent": inbox.put_urgent,
        "rest": inbox.put,
        "reading": lambda event: inbox.put_reading("meter", event),
    }
    with ThreadPoolExecutor(1) as pool:
        got = pool.submit(inbox.get, PATIENCE_S)
        until_it_waits(inbox)
        puts[lane](HeartbeatDue())
        assert got.result(PATIENCE_S / 2) == HeartbeatDue()


def test_events_of_many_producers_all_come_and_each_producers_in_order() -> None:
    inbox, producers, each = Inbox(), 4, 200
    with ThreadPoolExecutor(producers) as pool:
        list(
            pool.map(
                lambda p: [inbox.put(CardPresented(f"{p}", (n,))) for n in range(each)],
                range(producers),
            )
        )
    seen = [event for event in taken(inbox) if isinstance(event, CardPresented)]
    for p in range(producers):
        assert [e.evses[0] for e in seen if e.token == f"{p}"] == list(range(each))
