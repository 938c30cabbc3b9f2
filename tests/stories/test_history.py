"""The history is safe: whatever the central system does, facts arrive in order and unchanged."""

from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest

from ocpp.central import CentralSystem
from ocpp.http import SoapClient
from ocpp.message import Message
from ocpp.soap import Call, Fault
from ocpp.v16 import (
    CENTRAL_SYSTEM,
    AuthorizeRequest,
    BootNotificationRequest,
    HeartbeatRequest,
    MeterValuesRequest,
    StartTransactionRequest,
    StopTransactionRequest,
)
from tests.rules import rule

from .central import NOT_NOW, Answer, Central, Close, Http, Received, boot
from .conftest import World
from .station import CARD, Station, eventually

HISTORY = (StartTransactionRequest, MeterValuesRequest, StopTransactionRequest)
OFFLINE = {"AllowOfflineTxForUnknownId": "true"}
IMPATIENT = {
    **OFFLINE,
    "TransactionMessageAttempts": "2",
    "TransactionMessageRetryInterval": "1",
    "MessageTimeout": "2",
}


def told(central: Central, since: int = 0) -> list[Received]:
    return [r for r in central.received[since:] if isinstance(r.message, HISTORY)]


def outcomes(station: Station) -> list[str | None]:
    return [row[3] for row in station.history()]


def settled(station: Station) -> bool:
    return all(outcomes(station))


def session(station: Station) -> None:
    """A whole one, as seen from the vehicle."""
    station.plug_in()
    station.card()
    station.charging()
    station.card()
    station.until(lambda e: not e["relay_closed"])
    eventually(lambda: station.evse()["transaction"] is None)
    station.unplug()
    station.until(lambda e: not e["plugged"])


@rule("R16-008", "R16-010", "R16-105")
@pytest.mark.parametrize("step", ["before", "authorized", "started", "metered", "stopped"])
def test_the_connection_is_lost_at_each_step(world: World, step: str) -> None:
    """R16-100 ... R16-107: afterwards the history comes in order, with its own times and meter."""
    central = world.central
    station = world.start({**OFFLINE, "MeterValueSampleInterval": "1"}, board="time_scale = 100.0")
    mark = central.mark
    steps = iter(["before", "authorized", "started", "metered", "stopped"])

    def reached() -> None:
        if next(steps) == step:
            central.down()

    reached()
    station.card()
    eventually(lambda: "Preparing" in station.lines)
    reached()
    station.plug_in()
    station.charging()
    reached()
    eventually(lambda: len(station.history()) >= 3)
    reached()
    station.card()
    eventually(lambda: any(row[1] == "SessionStopped" for row in station.history()))
    reached()
    kept = [row[2] for row in station.history()]
    station.unplug()
    central.down()
    central.up()
    central.wait(StopTransactionRequest, since=mark)
    eventually(lambda: settled(station))

    messages = [r.message for r in told(central, mark)]
    assert isinstance(messages[0], StartTransactionRequest)
    assert isinstance(messages[-1], StopTransactionRequest)
    assert all(isinstance(m, MeterValuesRequest) for m in messages[1:-1])
    assert messages[0].id_tag == messages[-1].id_tag == CARD
    assert messages[0].timestamp.timestamp() == pytest.approx(kept[0]["at"]["wall"], abs=0.001)
    assert messages[0].meter_start == kept[0]["wh"]
    stop = next(fact for fact in kept if fact["type"] == "SessionStopped")
    assert messages[-1].timestamp.timestamp() == pytest.approx(stop["at"]["wall"], abs=0.001)
    assert messages[-1].meter_stop == stop["wh"]
    assert {m.transaction_id for m in messages[1:]} == {4711}
    assert "BootNotification" not in central.kinds(mark)  # R16-008
    central.wait_status("Available")


@rule("R16-008", "R16-151")
def test_only_the_present_status_is_told_after_an_outage(world: World) -> None:
    central = world.central
    station = world.start(OFFLINE)
    central.down()
    session(station)
    station.plug_in()
    mark = central.mark
    central.up()
    central.wait_status("Preparing", since=mark)
    assert central.statuses(1, mark) == ["Preparing"]  # R16-151
    assert central.statuses(0, mark) == []


@rule("R16-010", "R16-076", "R16-100")
def test_sessions_of_a_long_outage_come_in_order(world: World) -> None:
    central = world.central
    station = world.start(OFFLINE)
    central.down()
    for _ in range(3):
        session(station)
    mark = central.mark
    central.up()
    central.wait(StopTransactionRequest, since=mark, count=3)
    kinds = [type(r.message) for r in told(central, mark)]
    assert kinds == [StartTransactionRequest, StopTransactionRequest] * 3
    stops = central.of(StopTransactionRequest, mark)
    assert [s.transaction_id for s in stops] == [4711, 4712, 4713]
    times = [r.message.timestamp for r in told(central, mark)]
    assert times == sorted(times)


@rule("R16-075", "R16-101", "R16-102")
def test_a_start_that_is_never_processed(world: World) -> None:
    """R16-075, R16-102: after the last attempt it is kept as undelivered, and life goes on."""
    central = world.central
    station = world.start(IMPATIENT)
    central.always(StartTransactionRequest, NOT_NOW)
    station.plug_in()
    station.card()
    central.wait(StartTransactionRequest, count=2)
    eventually(lambda: outcomes(station)[0] == "undelivered")
    station.card()
    assert central.wait(StopTransactionRequest).transaction_id == -1
    first, second, stop = told(central)
    assert 1.0 <= second.at - first.at < 3.0
    assert (first.body, first.message_id) == (second.body, second.message_id)
    eventually(lambda: settled(station))
    assert outcomes(station) == ["undelivered", "delivered"]
    assert "undelivered after 2 attempts" in station.lines
    assert CARD not in station.lines
    # The next session is none the worse for it.
    central.always(StartTransactionRequest, None)
    station.card()
    eventually(lambda: station.evse()["transaction"] == "4711")
    assert stop.message.id_tag == CARD


@rule("R16-102", "R16-103")
def test_a_stop_that_is_never_processed(world: World) -> None:
    central = world.central
    station = world.start({**IMPATIENT, "TransactionMessageAttempts": "1"})
    central.always(StopTransactionRequest, NOT_NOW)
    session(station)
    eventually(lambda: outcomes(station) == ["delivered", "undelivered"])
    stop = station.history()[-1][2]
    assert (stop["reason"], stop["token"]) == ("Local", CARD)  # kept, whole
    central.always(StopTransactionRequest, None)
    session(station)
    assert central.wait(StopTransactionRequest, count=2).transaction_id == 4712
    eventually(lambda: settled(station))


def test_while_one_waits_the_others_wait_too(world: World) -> None:
    central = world.central
    keys = {**IMPATIENT, "TransactionMessageAttempts": "5"}
    station = world.start(keys)
    central.once(StartTransactionRequest, NOT_NOW, NOT_NOW)
    session(station)
    central.wait(StopTransactionRequest)
    kinds = [type(r.message) for r in told(central)]
    assert kinds == [*[StartTransactionRequest] * 3, StopTransactionRequest]  # R16-103
    assert central.of(StopTransactionRequest)[0].transaction_id == 4711
    waits = [b.at - a.at for a, b in zip(told(central)[:2], told(central)[1:3], strict=True)]
    assert 1.0 <= waits[0] < 2.0 <= waits[1] < 4.0


@rule("R16-101")
@pytest.mark.parametrize(
    "troubles",
    [[Http(503)], [Http(200, b"<nonsense/>")], [Close(), Close()]],
    ids=["HTTP error", "nonsense", "closed"],
)
def test_trouble_with_one_message_while_the_connection_lives(
    world: World, troubles: list[Answer]
) -> None:
    """ES 3.2: a heartbeat tells whether it is the message or the connection; then it counts.

    (A kept connection that is closed instead of an answer is tried once more by HTTP itself.)"""
    central = world.central
    station = world.start(IMPATIENT)
    central.once(StartTransactionRequest, *troubles)
    station.plug_in()
    station.card()
    central.wait(StartTransactionRequest, count=len(troubles) + 1)
    eventually(lambda: station.evse()["transaction"] == "4711")
    *failed, last = told(central)
    assert {r.body for r in failed} == {last.body}
    assert last.at - failed[-1].at >= 1.0


@rule("R16-006", "R16-101")
def test_no_answer_in_time(world: World) -> None:
    central = world.central
    station = world.start(IMPATIENT)
    station.plug_in()
    with central.holding(StartTransactionRequest):
        station.card()
        central.wait(StartTransactionRequest, count=2)
    eventually(lambda: station.evse()["transaction"] == "4711")
    first, second = told(central)
    assert first.body == second.body
    assert second.at - first.at >= 2.0


@rule("R16-101")
def test_time_without_connection_is_no_attempt(world: World) -> None:
    """R16-101: with everything refused by what has no central system behind it, nothing is lost."""
    central = world.central
    station = world.start({**IMPATIENT, "TransactionMessageAttempts": "1"})
    for kind in (StartTransactionRequest, HeartbeatRequest, AuthorizeRequest):
        central.always(kind, Http(502))
    station.plug_in()
    station.card()
    central.wait(HeartbeatRequest, count=2)
    assert outcomes(station) == [None]
    for kind in (StartTransactionRequest, HeartbeatRequest, AuthorizeRequest):
        central.always(kind, None)
    eventually(lambda: station.evse()["transaction"] == "4711")


@rule("R16-002", "R16-089", "R16-109")
def test_a_repeat_after_a_power_cut_is_the_same_to_the_byte(world: World) -> None:
    central = world.central
    station = world.start()
    station.plug_in()
    with central.holding(StartTransactionRequest) as arrived:
        station.card()
        assert arrived.wait(10)
        station.kill()
    station.start()
    central.wait(StopTransactionRequest)
    start, again, stop = told(central)
    assert start.body == again.body
    assert stop.message.transaction_id == 4711
    assert stop.message.reason == "PowerLoss"


@rule("R16-020", "R16-030", "R16-142")
def test_it_waits_until_it_is_accepted(world: World) -> None:
    central = world.central
    station = world.start(OFFLINE)
    central.down()
    session(station)
    station.kill()
    central.once(BootNotificationRequest, boot("Pending", 1), boot("Rejected", 1))
    mark = central.mark
    central.up()
    station.start()
    central.wait(StopTransactionRequest, since=mark)
    kinds = central.kinds(mark)
    assert kinds[:3] == ["BootNotification"] * 3  # R16-020, R16-142
    assert kinds.index("StartTransaction") > 2


def test_being_unknown_in_the_middle_is_no_attempt(world: World) -> None:
    central = world.central
    station = world.start({**IMPATIENT, "TransactionMessageAttempts": "1"})
    central.once(StartTransactionRequest, Fault("Sender", "SecurityError", "boot first"))
    station.plug_in()
    station.card()
    central.wait(StartTransactionRequest, count=2)
    eventually(lambda: station.evse()["transaction"] == "4711")
    assert central.kinds().count("BootNotification") == 2


# --- with the bench central system ---------------------------------------------------------------


class Relay(Central):
    """Passes everything on to the bench central system, unless told otherwise."""

    def __init__(self, bench: CentralSystem) -> None:
        super().__init__()
        self._bench = bench.soap_url

    def usual(self, call: Call) -> Message:
        client = SoapClient(CENTRAL_SYSTEM, self._bench, identity=call.identity, sender=call.sender)
        with closing(client):
            return client.call(call.message, message_id=call.message_id)


@pytest.fixture
def bench(tmp_path: Path) -> Generator[CentralSystem]:
    bench = CentralSystem(tmp_path / "bench", soap=("127.0.0.1", 0), page=("127.0.0.1", 0))
    bench.start()
    yield bench
    bench.stop()


@rule("R16-002")
def test_an_answer_that_is_lost_after_it_was_processed(world: World, bench: CentralSystem) -> None:
    """The repeat is the same to the byte, and the bench central system knows it for one."""
    world.central.down()
    world.central = central = Relay(bench)
    station = world.start({**IMPATIENT, "MeterValueSampleInterval": "1"})

    def processed_but_not_heard(call: Call) -> Answer:
        central.usual(call)
        return Close()

    for kind in HISTORY:
        central.once(kind, processed_but_not_heard, Close())
    station.plug_in()
    station.card()
    central.wait(MeterValuesRequest, count=3)
    station.card()
    central.wait(StopTransactionRequest, count=3)
    eventually(lambda: settled(station))
    for kind in HISTORY:
        first = next(r for r in told(central) if isinstance(r.message, kind))
        repeats = [r.body for r in told(central) if r.message_id == first.message_id]
        assert repeats == [first.body] * 3
    (session,) = bench.state().sessions
    start, stop = central.of(StartTransactionRequest)[0], central.of(StopTransactionRequest)[0]
    assert (session.start_time, session.stop_time) == (start.timestamp, stop.timestamp)
    assert session.energy_wh == stop.meter_stop - start.meter_start
