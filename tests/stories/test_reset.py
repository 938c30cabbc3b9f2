"""Resets over the wire: what ends, in which order it is told, and what survives."""

from collections.abc import Generator
from datetime import timedelta

import pytest

from ocpp.message import Message
from ocpp.v16 import (
    AuthorizeRequest,
    BootNotificationRequest,
    ChangeAvailabilityRequest,
    RemoteStartTransactionRequest,
    ReserveNowRequest,
    ResetRequest,
    StartTransactionRequest,
    StopTransactionRequest,
)
from tests.rules import rule

from .central import NOT_NOW
from .conftest import World
from .kept import FAST, Kept, keeping
from .station import CARD, OTHER_CARD, eventually

SOFT, HARD = ResetRequest(type="Soft"), ResetRequest(type="Hard")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Generator[Kept]:
    yield from keeping(tmp_path_factory, board=FAST, evses=2)


@pytest.fixture
def cp(kept: Kept) -> Generator[Kept]:
    yield kept
    kept.tidy()


def booted(cp: Kept, statuses: int = 3) -> None:
    """Until the boot after a reset, and the statuses that follow it, have come."""
    cp.wait(BootNotificationRequest)

    def told() -> bool:
        kinds = cp.central.kinds(cp.mark)
        after = kinds[kinds.index("BootNotification") :]
        return after.count("StatusNotification") >= statuses

    cp.central.wait_for(told, "statuses after the boot")


@pytest.mark.parametrize("order", [SOFT, HARD], ids=["soft", "hard"])
@rule("R16-140", "R16-145", "R16-027")
def test_a_reset_of_an_idle_station(cp: Kept, order: Message) -> None:
    pid = cp.station.pid
    assert cp.ask(order) == "Accepted"
    booted(cp)
    assert cp.central.kinds(cp.mark) == ["BootNotification"] + ["StatusNotification"] * 3
    assert cp.station.pid == pid
    assert cp.station.state()["phase"] == "running"
    cp.new()
    cp.charge()


@pytest.mark.parametrize(
    ("order", "reason"), [(SOFT, "SoftReset"), (HARD, "HardReset")], ids=["soft", "hard"]
)
@rule("R16-141", "R16-143", "R16-083")
def test_a_reset_ends_the_sessions_and_tells_them_first(
    cp: Kept, order: Message, reason: str
) -> None:
    cp.charge(1)
    cp.charge(2, OTHER_CARD)
    cp.settled()
    cp.new()
    assert cp.ask(order) == "Accepted"
    booted(cp)
    stops = cp.of(StopTransactionRequest)
    assert [(s.reason, s.id_tag) for s in stops] == [(reason, None)] * 2
    kinds = [kind for kind in cp.central.kinds(cp.mark) if kind != "StatusNotification"]
    assert kinds == ["StopTransaction", "StopTransaction", "BootNotification"]
    for evse in (1, 2):
        assert cp.statuses(evse)[-1] in ("Finishing", "Preparing")
        assert not cp.station.evse(evse)["relay_closed"]
    cp.new()
    cp.station.card(CARD, 1)
    assert cp.wait(StartTransactionRequest).connector_id == 1


@rule("R16-142", "R16-109", "R16-105")
def test_a_stop_that_is_not_confirmed_is_told_after_the_boot(cp: Kept) -> None:
    cp.set(TransactionMessageAttempts=9, TransactionMessageRetryInterval=1)
    cp.charge()
    cp.settled()
    cp.central.always(StopTransactionRequest, NOT_NOW)
    cp.new()
    assert cp.ask(HARD) == "Accepted"
    cp.wait(StopTransactionRequest)
    assert cp.station.state()["phase"] == "restarting"
    cp.wait(BootNotificationRequest)
    cp.central.always(StopTransactionRequest, None)
    cp.settled()
    stops = cp.of(StopTransactionRequest)
    assert len(set(stops)) == 1  # each time the same, with its own time
    assert cp.central.kinds(cp.mark)[-1] == "StopTransaction"


@rule("R16-144", "R16-231", "R16-232")
def test_what_survives_a_reset(cp: Kept) -> None:
    cp.station.card(OTHER_CARD, 1)
    cp.status("Preparing")
    cp.station.card(OTHER_CARD, 1)
    cp.status("Available")
    cp.set(LightIntensity=41, LocalPreAuthorize=True)
    out = ChangeAvailabilityRequest(connector_id=2, type="Inoperative")
    soon = cp.central.now + timedelta(hours=1)
    reserve = ReserveNowRequest(
        connector_id=1, expiry_date=soon, id_tag=OTHER_CARD, reservation_id=9
    )
    assert (cp.ask(out), cp.ask(reserve)) == ("Accepted", "Accepted")
    cp.status("Unavailable", 2)
    cp.status("Reserved", 1)
    cp.new()
    assert cp.ask(SOFT) == "Accepted"
    booted(cp)
    assert (cp.statuses(1)[-1], cp.statuses(2)[-1]) == ("Reserved", "Unavailable")
    assert cp.keys("LightIntensity") == {"LightIntensity": ("41", False)}
    cp.station.plug_in(1)
    cp.station.card(OTHER_CARD, 1)
    assert cp.wait(StartTransactionRequest).reservation_id == 9
    assert cp.of(AuthorizeRequest) == []  # out of the cache


@rule("R16-064", "R16-122")
def test_a_reset_drops_who_is_authorised(cp: Kept) -> None:
    cp.station.card()
    cp.status("Preparing")
    cp.new()
    assert cp.ask(SOFT) == "Accepted"
    booted(cp)
    cp.status("Available")
    cp.station.plug_in()
    cp.status("Preparing")
    assert not cp.running()
    assert cp.ask(RemoteStartTransactionRequest(connector_id=1, id_tag=CARD)) == "Accepted"
    cp.wait(StartTransactionRequest)


@rule("R16-141", "R16-145")
def test_a_reset_that_ends_the_program(world: World) -> None:
    central = world.central
    station = world.start(station='on_reset = "exit"', board=FAST)
    station.plug_in()
    station.card()
    central.wait_status("Charging")
    mark = central.mark
    assert central.status_of(HARD) == "Accepted"
    assert station.wait() == 0
    assert central.wait(StopTransactionRequest, since=mark).reason == "HardReset"
    assert "BootNotification" not in central.kinds(mark)
    station.start()
    central.wait(BootNotificationRequest, since=mark)
    eventually(lambda: station.snapshot()["queue"]["history"] == 0)
