"""What the firmware may expect of every board: one suite for all drivers.

A driver joins by a fixture that opens it and a `Hands` that plays vehicle and card on its wires.
"""

import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Protocol

import pytest

from hal.board import open_board
from hal.ports import Board, Card, EvseReport, EvseSpec, HalError

PATIENCE_S = 20.0
SPECS = (EvseSpec(1), EvseSpec(2))


class Hands(Protocol):
    """What the suite needs done on the board's wires."""

    board: Board

    def plug(self, evse: int) -> None:
        """Plug in a vehicle that wants power as soon as it is offered some."""

    def unplug(self, evse: int) -> None: ...

    def present(self, token: str) -> None: ...


class FakeHands:
    """The fake board, played by its bench controls."""

    def __init__(self, state_dir: Path) -> None:
        self.board: Board = open_board("fake", {"time_scale": 1000.0}, SPECS, state_dir)

    def command(self, verb: str, **body: object) -> None:
        assert self.board.bench is not None
        self.board.bench.command(verb, body)

    def plug(self, evse: int) -> None:
        self.command("plug-in", evse=evse, connector=1)

    def unplug(self, evse: int) -> None:
        self.command("unplug", evse=evse, connector=1)

    def present(self, token: str) -> None:
        self.command("rfid", token=token)


@pytest.fixture(params=[FakeHands], ids=["fake"])
def hands(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Hands]:
    hands: Hands = request.param(tmp_path)
    yield hands
    hands.board.close()


def until(
    board: Board,
    evse: int,
    holds: Callable[[EvseReport], bool],
    lease: tuple[float, bool] | None = None,
) -> EvseReport:
    """Wait for a report, renewing the lease if there is one."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if lease:
            board.interlock.lease(evse, *lease)
        for report in board.interlock.reports(0.3):
            if report.evse == evse and holds(report):
                return report
    raise AssertionError("no such report came")


class TestEvse:
    def test_every_evse_reports_without_being_asked(self, hands: Hands) -> None:
        missing = {spec.id for spec in SPECS}
        assert set(hands.board.interlock.evses) == missing
        while missing:
            missing -= {report.evse for report in hands.board.interlock.reports(PATIENCE_S)}

    def test_without_a_lease_nothing_is_offered_nor_closed(self, hands: Hands) -> None:
        hands.plug(1)
        report = until(hands.board, 1, lambda report: report.pilot == "B")
        assert (report.offered_a, report.closed) == (0.0, False)

    def test_a_lease_offers_locks_and_closes(self, hands: Hands) -> None:
        hands.plug(1)
        report = until(hands.board, 1, lambda report: report.closed, (10.0, True))
        assert (report.pilot, report.locked, report.offered_a) == ("C", True, 10.0)

    def test_a_lease_for_one_evse_permits_nothing_at_another(self, hands: Hands) -> None:
        hands.plug(1)
        hands.plug(2)
        until(hands.board, 2, lambda report: report.closed, (10.0, True))
        assert not until(hands.board, 1, lambda report: True).closed

    def test_too_small_a_lease_is_no_offer(self, hands: Hands) -> None:
        hands.plug(1)
        report = until(hands.board, 1, lambda report: report.locked, (5.9, True))
        assert (report.offered_a, report.closed) == (0.0, False)

    def test_a_lease_is_bounded_by_the_fuse(self, hands: Hands) -> None:
        hands.plug(1)
        report = until(hands.board, 1, lambda report: report.closed, (63.0, True))
        assert report.offered_a == SPECS[0].fuse_limit_a

    def test_a_withdrawn_lease_opens(self, hands: Hands) -> None:
        hands.plug(1)
        until(hands.board, 1, lambda report: report.closed, (16.0, True))
        hands.board.interlock.lease(1, 0.0, True)
        report = until(hands.board, 1, lambda report: not report.closed)
        assert report.offered_a == 0.0

    def test_a_lease_lapses_two_seconds_after_its_renewal(self, hands: Hands) -> None:
        hands.plug(1)
        until(hands.board, 1, lambda report: report.closed, (16.0, True))
        hands.board.interlock.lease(1, 16.0, True)
        renewed = time.monotonic()
        until(hands.board, 1, lambda report: not report.closed)
        assert time.monotonic() - renewed < 2.1

    def test_unplugging_opens_and_unlocks(self, hands: Hands) -> None:
        hands.plug(1)
        until(hands.board, 1, lambda report: report.closed, (16.0, True))
        hands.unplug(1)
        until(
            hands.board,
            1,
            lambda report: report.pilot == "A" and not report.closed and not report.locked,
            (16.0, True),
        )

    def test_reports_waits_no_longer_than_told(self, hands: Hands) -> None:
        began = time.monotonic()
        for _ in range(5):
            hands.board.interlock.reports(0.1)
        assert time.monotonic() - began < 1.0

    def test_wake_ends_a_wait(self, hands: Hands) -> None:
        hands.board.interlock.wake()
        began = time.monotonic()
        hands.board.interlock.reports(PATIENCE_S)
        assert time.monotonic() - began < 1.0

    def test_an_unknown_evse_is_refused(self, hands: Hands) -> None:
        with pytest.raises(HalError):
            hands.board.interlock.lease(99, 16.0, True)

    def test_close_is_bounded_and_may_be_repeated(self, hands: Hands) -> None:
        hands.plug(1)
        until(hands.board, 1, lambda report: report.closed, (16.0, True))
        began = time.monotonic()
        hands.board.interlock.close()
        assert time.monotonic() - began < 0.6
        hands.board.interlock.close()


class TestMeter:
    def test_every_evse_has_a_meter(self, hands: Hands) -> None:
        assert set(hands.board.meters) == {spec.id for spec in SPECS}
        for id, meter in hands.board.meters.items():
            assert meter.evse == id

    def test_the_register_never_falls_and_rises_with_power(self, hands: Hands) -> None:
        hands.plug(1)
        until(hands.board, 1, lambda report: report.closed, (16.0, True))
        meter = hands.board.meters[1]
        shown = [meter.read().wh]
        deadline = time.monotonic() + PATIENCE_S
        while shown[-1] <= shown[0]:
            assert time.monotonic() < deadline
            until(hands.board, 1, lambda report: True, (16.0, True))
            shown.append(meter.read().wh)
        assert shown == sorted(shown)

    def test_power_agrees_with_volts_and_amperes(self, hands: Hands) -> None:
        hands.plug(1)
        until(hands.board, 1, lambda report: report.closed, (10.0, True))
        reading = hands.board.meters[1].read()
        assert len(reading.volts) == len(reading.amps)
        product = sum(volt * amp for volt, amp in zip(reading.volts, reading.amps, strict=True))
        assert reading.watts == pytest.approx(product, rel=0.02)
        assert all(amp == pytest.approx(10.0, abs=0.5) for amp in reading.amps)

    def test_a_reading_is_quick(self, hands: Hands) -> None:
        began = time.monotonic()
        for _ in range(5):
            hands.board.meters[1].read()
        assert time.monotonic() - began < 5.0

    def test_close_may_be_repeated(self, hands: Hands) -> None:
        for _ in range(2):
            hands.board.meters[1].close()


class TestCardReader:
    def test_a_card_is_read_once(self, hands: Hands) -> None:
        (reader,) = hands.board.readers
        assert reader.name
        hands.present("04A1B2C3D4E580")
        card = reader.read(PATIENCE_S)
        assert isinstance(card, Card)
        assert card.token == "04A1B2C3D4E580"
        assert reader.read(0.05) is None

    def test_read_waits_no_longer_than_told(self, hands: Hands) -> None:
        (reader,) = hands.board.readers
        began = time.monotonic()
        assert reader.read(0.1) is None
        assert time.monotonic() - began < 1.0

    def test_a_card_ends_the_wait(self, hands: Hands) -> None:
        (reader,) = hands.board.readers
        waiting = threading.Timer(0.05, hands.present, ("04A1B2C3",))
        waiting.start()
        assert reader.read(PATIENCE_S) is not None
        waiting.join()
