"""The authorisation cache over the wire: what it learns, when it decides, and when it does not."""

from collections.abc import Callable, Generator
from datetime import timedelta

import pytest

from ocpp.message import Message
from ocpp.v16 import (
    AuthorizeRequest,
    AuthorizeResponse,
    ClearCacheRequest,
    IdTagInfo,
    StartTransactionRequest,
    StartTransactionResponse,
    StopTransactionRequest,
    StopTransactionResponse,
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


def known(cp: Kept, token: str, info: IdTagInfo) -> None:
    """Have a card asked about, and answered so; then cancel what it began."""
    cp.central.once(AuthorizeRequest, AuthorizeResponse(id_tag_info=info))
    cp.station.card(token)
    cp.wait(AuthorizeRequest, lambda a: a.id_tag == token)
    if info.status == "Accepted" and (
        info.expiry_date is None or info.expiry_date > cp.central.now
    ):
        cp.status("Preparing")
        cp.station.card(token)
        cp.status("Available")
    else:
        cp.status("Available")
    cp.new()


def starts_offline(cp: Kept, token: str = CARD) -> StartTransactionRequest:
    """A session begun and ended without a connection; what is told of it afterwards."""
    with cp.offline():
        cp.station.plug_in()
        cp.station.card(token)
        cp.station.charging()
        cp.station.card(token)
        cp.station.until(lambda e: e["transaction"] is None)
    assert cp.of(AuthorizeRequest) == []
    return cp.wait(StartTransactionRequest)


def refused_offline(cp: Kept, token: str, why: str) -> None:
    with cp.offline():
        cp.station.plug_in()
        cp.refused(token, why)
        assert not cp.running()
    assert cp.of(StartTransactionRequest) == []


ACCEPTED = IdTagInfo(status="Accepted")


@rule("R16-054", "R16-057")
def test_a_card_learned_from_authorize_charges_offline(cp: Kept) -> None:
    refused_offline(cp, CARD, "cannot be asked")
    cp.unplug()
    known(cp, CARD, ACCEPTED)
    assert starts_offline(cp, CARD.lower()).id_tag == CARD.lower()


@pytest.mark.parametrize("status", ["Blocked", "Expired", "Invalid", "ConcurrentTx"])
@rule("R16-055", "R16-057")
def test_a_card_known_to_be_bad_is_refused_offline(cp: Kept, status: str) -> None:
    known(cp, CARD, IdTagInfo(status=status))
    cp.set(AllowOfflineTxForUnknownId=True)
    refused_offline(cp, CARD, f"known as {status}")
    cp.unplug()
    assert starts_offline(cp, OTHER_CARD).id_tag == OTHER_CARD


@rule("R16-054", "R16-055")
def test_local_authorize_offline_switched_off(cp: Kept) -> None:
    known(cp, CARD, ACCEPTED)
    known(cp, OTHER_CARD, IdTagInfo(status="Blocked"))
    cp.set(LocalAuthorizeOffline=False)
    refused_offline(cp, CARD, "cannot be asked")
    cp.set(AllowOfflineTxForUnknownId=True)
    refused_offline_again(cp, OTHER_CARD, "known as Blocked")
    cp.unplug()
    assert starts_offline(cp).id_tag == CARD


def refused_offline_again(cp: Kept, token: str, why: str) -> None:
    with cp.offline():
        cp.refused(token, why)
        assert not cp.running()


@rule("R16-052", "R16-073")
def test_pre_authorised_a_known_card_starts_without_asking(cp: Kept) -> None:
    known(cp, CARD, ACCEPTED)
    cp.set(LocalPreAuthorize=True)
    cp.station.plug_in()
    with cp.central.holding(StartTransactionRequest) as arrived:
        cp.station.card()
        assert arrived.wait(20)
        cp.station.charging()  # although nobody has answered yet
    assert cp.of(AuthorizeRequest) == []
    cp.station.until(lambda e: not str(e["transaction"]).startswith("session"))


@pytest.mark.parametrize(("pre", "status"), [(True, "Blocked"), (False, "Accepted")])
@rule("R16-052", "R16-053")
def test_otherwise_it_is_asked_about_again(cp: Kept, pre: bool, status: str) -> None:
    known(cp, CARD, IdTagInfo(status=status))
    cp.set(LocalPreAuthorize=pre)
    cp.charge()
    assert cp.wait(AuthorizeRequest).id_tag == CARD


@rule("R16-057", "R16-058")
def test_an_entry_expires(cp: Kept) -> None:
    soon = cp.central.now + timedelta(seconds=1.5)
    known(cp, CARD, IdTagInfo(status="Accepted", expiry_date=soon))
    cp.set(LocalPreAuthorize=True, AllowOfflineTxForUnknownId=True)
    with cp.offline():
        cp.station.plug_in()
        eventually(lambda: cp.central.now > soon)
        cp.refused(CARD, "known as Expired")
    cp.station.card()  # and online it is asked about again (R16-053)
    cp.wait(AuthorizeRequest)
    cp.wait(StartTransactionRequest)


Answered = Callable[[IdTagInfo], tuple[type[Message], Message]]


def from_start(info: IdTagInfo) -> tuple[type[Message], Message]:
    return (
        StartTransactionRequest,
        StartTransactionResponse(transaction_id=-5, id_tag_info=info),
    )


def from_stop(info: IdTagInfo) -> tuple[type[Message], Message]:
    return StopTransactionRequest, StopTransactionResponse(id_tag_info=info)


@pytest.mark.parametrize("answered", [from_start, from_stop], ids=["start", "stop"])
@rule("R16-057", "R16-060")
def test_start_and_stop_teach_too(cp: Kept, answered: Answered) -> None:
    """The newest word on a card counts, whichever answer brought it."""
    cp.set(StopTransactionOnInvalidId=False)
    for cached in (True, False):
        cp.set(AuthorizationCacheEnabled=cached)
        cp.central.once(*answered(IdTagInfo(status="Blocked")))
        cp.station.plug_in()
        cp.station.card()
        cp.wait(StartTransactionRequest)
        cp.station.until(lambda e: not str(e["transaction"]).startswith("session"))
        cp.station.card()
        cp.wait(StopTransactionRequest)
        cp.settled()
        cp.set(AuthorizationCacheEnabled=True)
        cp.unplug()
        if cached:
            cp.new()
            refused_offline(cp, CARD, "known as Blocked")
            cp.ask(ClearCacheRequest())
            cp.unplug()
    refused_offline_again(cp, CARD, "cannot be asked")


@rule("R16-059", "R16-060")
def test_a_cache_that_is_switched_off(cp: Kept) -> None:
    known(cp, CARD, ACCEPTED)
    cp.set(AuthorizationCacheEnabled=False, LocalPreAuthorize=True)
    assert cp.ask(ClearCacheRequest()) == "Rejected"
    refused_offline(cp, CARD, "cannot be asked")
    cp.charge()
    assert cp.wait(AuthorizeRequest).id_tag == CARD


@rule("R16-059")
def test_clearing_the_cache(cp: Kept) -> None:
    known(cp, CARD, ACCEPTED)
    assert cp.ask(ClearCacheRequest()) == "Accepted"
    refused_offline(cp, CARD, "cannot be asked")


@rule("R16-057", "R16-030", "R16-076")
def test_it_outlasts_a_power_cut_without_a_connection(cp: Kept) -> None:
    known(cp, CARD, ACCEPTED)
    known(cp, OTHER_CARD, IdTagInfo(status="Invalid"))
    cp.central.down()
    cp.station.again()
    cp.station.plug_in()
    cp.refused(OTHER_CARD, "known as Invalid")
    cp.station.card()
    cp.station.charging()
    cp.station.again()
    cp.central.up()
    started, stopped = cp.wait(StartTransactionRequest), cp.wait(StopTransactionRequest)
    assert (started.id_tag, stopped.reason) == (CARD, "PowerLoss")
    assert stopped.transaction_id == cp.central.newest
    assert cp.of(AuthorizeRequest) == []
