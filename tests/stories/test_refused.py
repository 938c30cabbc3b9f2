"""Cards that the central system refuses after the start, and cards of a group, over the wire."""

from collections.abc import Generator

import pytest

from ocpp.v16 import (
    AuthorizeRequest,
    IdTagInfo,
    MeterValuesRequest,
    StartTransactionRequest,
    StartTransactionResponse,
    StatusNotificationRequest,
    StopTransactionRequest,
    TriggerMessageRequest,
)
from tests.rules import rule

from .kept import FAST, Kept, keeping
from .station import CARD, OTHER_CARD, eventually


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Generator[Kept]:
    yield from keeping(tmp_path_factory, board=FAST)


@pytest.fixture
def cp(kept: Kept) -> Generator[Kept]:
    yield kept
    kept.tidy()


def refuse(cp: Kept, transaction: int = 77, parent: str | None = None) -> None:
    """The next card is accepted when it asks, but not when it has started."""
    info = IdTagInfo(status="Blocked", parent_id_tag=parent)
    response = StartTransactionResponse(transaction_id=transaction, id_tag_info=info)
    cp.central.once(StartTransactionRequest, response)


@rule("R16-077", "R16-082", "R16-050")
def test_a_refused_card_ends_its_session_and_keeps_its_cable(cp: Kept) -> None:
    refuse(cp)
    cp.station.plug_in()
    cp.station.card()
    stopped = cp.wait(StopTransactionRequest)
    assert (stopped.transaction_id, stopped.reason) == (77, "DeAuthorized")
    assert stopped.id_tag is None
    cp.status("Finishing")
    cp.station.until(lambda e: e["locked"] and not e["relay_closed"])
    cp.station.card(OTHER_CARD)
    eventually(lambda: "no usable EVSE" in cp.station.lines)
    assert cp.station.evse()["locked"]
    cp.station.card(CARD)
    cp.station.until(lambda e: not e["locked"])


@rule("R16-077", "R16-062")
def test_another_card_of_its_group_releases_the_cable(cp: Kept) -> None:
    cp.central.parents = {CARD: "family", OTHER_CARD: "family", "STRANGER": "strangers"}
    refuse(cp, parent="family")
    cp.station.plug_in()
    cp.station.card()
    cp.wait(StopTransactionRequest)
    cp.refused("STRANGER", "not of this group")
    assert cp.station.evse()["locked"]
    cp.station.card(OTHER_CARD)
    cp.station.until(lambda e: not e["locked"])


@rule("R16-077", "R16-107")
def test_a_card_that_began_offline_and_is_refused_later(cp: Kept) -> None:
    cp.set(AllowOfflineTxForUnknownId=True, MeterValueSampleInterval=1)
    refuse(cp)
    with cp.offline():
        cp.station.plug_in()
        cp.station.card()
        cp.station.charging()
        eventually(lambda: cp.station.snapshot()["queue"]["history"] >= 3)
    assert cp.wait(StopTransactionRequest).reason == "DeAuthorized"
    times = [m.meter_value[0].timestamp for m in cp.of(MeterValuesRequest)]
    apart = [(b - a).total_seconds() for a, b in zip(times, times[1:], strict=False)]
    assert apart == pytest.approx([1.0] * len(apart), abs=0.002)
    assert apart


@rule("R16-078", "R16-159")
def test_a_refused_card_may_only_suspend(cp: Kept) -> None:
    cp.set(StopTransactionOnInvalidId=False)
    refuse(cp)
    cp.station.plug_in()
    cp.station.card()
    cp.status("SuspendedEVSE")
    cp.station.until(lambda e: not e["relay_closed"])
    cp.station.do("ev/pause", evse=1, connector=1)  # suspended by both: EVSE has precedence
    trigger = TriggerMessageRequest(requested_message="StatusNotification", connector_id=1)
    assert cp.ask(trigger) == "Accepted"
    cp.wait(StatusNotificationRequest, lambda s: s.status == "SuspendedEVSE", 2)
    cp.station.card()
    stopped = cp.wait(StopTransactionRequest)
    assert (stopped.reason, stopped.transaction_id) == ("Local", 77)


@rule("R16-078", "R16-074")
def test_a_refused_card_may_have_some_energy(cp: Kept) -> None:
    cp.set(StopTransactionOnInvalidId=False, MaxEnergyOnInvalidId=500)
    refuse(cp, transaction=-3)
    began = cp.charge().meter_start
    cp.status("SuspendedEVSE")
    cp.station.until(lambda e: not e["relay_closed"])
    cp.station.card()
    stopped = cp.wait(StopTransactionRequest)
    assert stopped.transaction_id == -3
    assert stopped.meter_stop - began >= 500
    assert cp.statuses()[:3] == ["Preparing", "Charging", "SuspendedEVSE"]


# --- groups ---------------------------------------------------------------------------------------


@rule("R16-079", "R16-062")
def test_another_card_of_the_group_stops_after_asking(cp: Kept) -> None:
    cp.central.parents = {CARD: "family", OTHER_CARD: "FAMILY", "STRANGER": "strangers"}
    cp.charge()
    cp.refused("STRANGER", "not of this group")
    cp.refused("family", "not of this group")  # a card named like a group is not of it
    cp.station.card(OTHER_CARD)
    stopped = cp.wait(StopTransactionRequest)
    assert (stopped.reason, stopped.id_tag) == ("Local", OTHER_CARD)
    asked = [a.id_tag for a in cp.of(AuthorizeRequest)]
    assert asked == [CARD, "STRANGER", "family", OTHER_CARD]


@rule("R16-081")
def test_a_card_known_to_be_of_the_group_stops_unasked(cp: Kept) -> None:
    cp.central.parents = {CARD: "family", OTHER_CARD: "family"}
    cp.station.card(OTHER_CARD)
    cp.status("Preparing")
    cp.station.card(OTHER_CARD)
    cp.status("Available")
    cp.set(LocalPreAuthorize=True)
    cp.charge()
    cp.settled()
    cp.new()
    cp.station.card(OTHER_CARD)
    assert cp.wait(StopTransactionRequest).id_tag == OTHER_CARD
    assert cp.of(AuthorizeRequest) == []


@rule("R16-081", "R16-054")
def test_a_card_known_to_be_of_the_group_stops_offline(cp: Kept) -> None:
    cp.central.parents = {CARD: "family", OTHER_CARD: "family"}
    cp.station.card(OTHER_CARD)
    cp.status("Preparing")
    cp.station.card(OTHER_CARD)
    cp.status("Available")
    cp.charge()
    cp.settled()
    with cp.offline():
        cp.refused("STRANGER", "another card, ignored")
        cp.station.card(OTHER_CARD)
        cp.station.until(lambda e: e["transaction"] is None)
    assert cp.wait(StopTransactionRequest).id_tag == OTHER_CARD


@rule("R16-079", "R16-080", "R16-063")
def test_without_a_group_only_the_starting_card_stops(cp: Kept) -> None:
    cp.station.card()
    cp.status("Preparing")
    cp.station.card()  # again: never mind
    cp.status("Available")
    cp.charge()
    cp.new()
    cp.refused(OTHER_CARD, "no usable EVSE")
    cp.station.card(CARD.lower())
    stopped = cp.wait(StopTransactionRequest)
    assert (stopped.reason, stopped.id_tag) == ("Local", CARD.lower())
    assert cp.of(AuthorizeRequest) == []
