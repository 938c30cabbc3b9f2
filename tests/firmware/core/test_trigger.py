"""TriggerMessage (R16-270 ... R16-272); MeterValues are in test_metering."""

import pytest

from firmware.facts import BootAsked, HeartbeatAsked, OrderAnswered, StatusChanged, Talk
from firmware.orders import Order, Trigger
from tests.firmware.rig import Rig


def triggered(rig: Rig, what: str, evse: int | None = None) -> tuple[str, list[Talk]]:
    """The answer, and what was told after it."""
    before = len(rig.told)
    status = rig.orders(Trigger(what, evse)).status  # type: ignore[arg-type]
    answered, *rest = rig.told[before:]
    assert isinstance(answered, OrderAnswered)  # R16-270: the answer first
    return status, rest  # type: ignore[return-value]


def test_status_of_all() -> None:
    """R16-271: absent = 0 and all connectors."""
    rig = Rig(2)
    rig.plugs(2)
    status, told = triggered(rig, "Status")
    assert status == "Accepted"
    assert [(t.evse, t.status, t.asked) for t in told if isinstance(t, StatusChanged)] == [
        (0, "Available", True),
        (1, "Available", True),
        (2, "Preparing", True),
    ]


@pytest.mark.parametrize("evse", [0, 1, 2])
def test_status_of_one(evse: int) -> None:
    status, told = triggered(Rig(2), "Status", evse)
    assert status == "Accepted"
    assert [t.evse for t in told if isinstance(t, StatusChanged)] == [evse]


@pytest.mark.parametrize("evse", [-1, 3])
def test_status_of_none_of_ours(evse: int) -> None:
    """R16-272 (TC_055)."""
    assert triggered(Rig(2), "Status", evse) == ("Rejected", [])


@pytest.mark.parametrize("evse", [None, 0, 99])
def test_heartbeat(evse: int | None) -> None:
    """R16-271: an irrelevant connectorId is ignored."""
    assert triggered(Rig(), "Heartbeat", evse) == ("Accepted", [HeartbeatAsked()])


def test_boot_while_pending() -> None:
    """R16-025."""
    rig = Rig()
    rig.boots("Pending")
    assert triggered(rig, "Boot") == ("Accepted", [BootAsked()])


def test_boot_after_acceptance() -> None:
    """R16-026."""
    assert triggered(Rig(), "Boot") == ("Rejected", [])


def test_other_messages() -> None:
    """R16-270."""
    assert triggered(Rig(), "Other") == ("NotImplemented", [])


def test_order_of_no_kind_we_know_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="no such order"):
        Rig().orders(Order())
