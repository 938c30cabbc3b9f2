"""The authorisation cache: what is learned, what that is worth, what is forgotten (R16-051 ...)."""

import pytest

from firmware.core.cache import CAPACITY, Entry, find, learn
from firmware.core.connector import Permit
from firmware.core.settings import Settings
from firmware.core.state import Durable
from firmware.events import TransactionKnown, Verdict
from firmware.orders import ClearCache
from tests.firmware.rig import WALL, Rig


def known(status: str, parent: str | None = None, expires: float | None = None) -> Durable:
    entry = Entry("CARD", status, parent, expires)  # type: ignore[arg-type]
    return Durable(accepted_once=True, cache=(entry,))


def words(rig: Rig) -> dict[str, str]:
    return {entry.token: entry.status for entry in rig.disk.cache}


def test_every_answer_is_learned() -> None:
    """R16-057: of Authorize, StartTransaction and StopTransaction, valid or not."""
    rig = Rig()
    rig.presents("BAD")
    rig.replies("Blocked")
    rig.charges(token="CARD")
    assert words(rig) == {"BAD": "Blocked", "CARD": "Accepted"}
    rig.confirms("1", "Expired")
    assert words(rig)["CARD"] == "Expired"
    rig.passes(2)
    rig.presents("CARD")
    rig.passes(2)
    stop = rig.stops[0]
    rig.settles(stop, Verdict("Accepted"))
    assert words(rig)["CARD"] == ("Accepted" if stop.token else "Expired")


def test_answer_to_a_stop_by_card_is_learned() -> None:
    rig = Rig()
    rig.charges()
    rig.passes(1)
    rig.presents("CARD")
    rig.opens()
    rig.settles(rig.stops[0], Verdict("ConcurrentTx"))
    assert words(rig) == {"CARD": "ConcurrentTx"}


@pytest.mark.parametrize(
    ("status", "settings", "sessions"),
    [
        ("Accepted", {}, 1),
        ("Accepted", {"local_authorize_offline": False}, 0),
        (
            "Accepted",
            {"local_authorize_offline": False, "allow_offline_tx_for_unknown_id": True},
            1,
        ),
        ("Accepted", {"cache_enabled": False}, 0),
        ("Blocked", {"allow_offline_tx_for_unknown_id": True}, 0),
        ("Blocked", {"cache_enabled": False, "allow_offline_tx_for_unknown_id": True}, 1),
    ],
)
def test_offline(status: str, settings: dict[str, bool], sessions: int) -> None:
    """R16-054, R16-055, R16-060."""
    rig = Rig(settings=Settings(**settings), durable=known(status), online=False)  # type: ignore[arg-type]
    rig.plugs()
    rig.presents("card")
    assert len(rig.starts) == sessions


def test_expired_by_time() -> None:
    """R16-057, R16-058: MUST be refused."""
    durable = known("Accepted", expires=WALL + 100)
    rig = Rig(durable=durable, online=False)
    rig.plugs()
    rig.passes(100)
    rig.presents("CARD")
    assert rig.starts == []


@pytest.mark.parametrize(
    ("status", "pre", "asked"),
    [("Accepted", True, 0), ("Accepted", False, 1), ("Blocked", True, 1)],
)
def test_online(status: str, pre: bool, asked: int) -> None:
    """R16-052, R16-053 (TC_023): a bad entry is asked about, the answer decides."""
    rig = Rig(settings=Settings(local_pre_authorize=pre), durable=known(status))
    rig.plugs()
    rig.taps("CARD")
    assert (len(rig.questions), len(rig.starts)) == (asked, 1)


def test_no_answer_is_decided_by_what_is_known() -> None:
    """R16-056."""
    rig = Rig(durable=known("Accepted"))
    rig.plugs()
    rig.presents("CARD")
    rig.is_silent()
    assert len(rig.starts) == 1


def test_known_group_stops_without_a_question() -> None:
    """R16-081."""
    rig = Rig(
        settings=Settings(local_pre_authorize=True), durable=known("Accepted", parent="GROUP")
    )
    rig.charges(token="OTHER", parent="GROUP")
    rig.passes(1)
    rig.presents("CARD")
    assert len(rig.questions) == 1
    rig.opens()
    assert rig.stops[0].token == "CARD"


def test_clear() -> None:
    """R16-059; a cache that is switched off: Rejected."""
    rig = Rig(durable=known("Accepted"))
    assert rig.orders(ClearCache()).status == "Accepted"
    assert rig.disk.cache == ()
    off = Rig(settings=Settings(cache_enabled=False), durable=known("Accepted"))
    assert off.orders(ClearCache()).status == "Rejected"
    off.taps("OTHER")
    assert off.disk.cache == known("Accepted").cache


def test_survives_a_power_cut() -> None:
    rig = Rig()
    rig.taps()
    assert rig.loses_power().disk.cache == rig.disk.cache


def test_full_cache_drops_the_invalid_then_the_oldest() -> None:
    """R16-057."""
    full = tuple(Entry(f"C{n}", "Accepted") for n in range(CAPACITY))
    with_bad = (*full[:500], Entry("BAD", "Accepted", None, WALL - 1), *full[501:])
    after = learn(with_bad, "NEW", Verdict("Accepted"), WALL)
    assert len(after) == CAPACITY
    assert find(after, "BAD") is None
    assert find(after, "C0") is not None
    after = learn(after, "NEWER", Verdict("Accepted"), WALL)
    assert (find(after, "C0"), len(after)) == (None, CAPACITY)


def test_what_is_known_already_changes_nothing() -> None:
    """Which spares the flash."""
    cache = known("Accepted").cache
    assert learn(cache, "CARD", Verdict("Accepted"), WALL) is cache


def test_refused_card_may_use_its_allowance() -> None:
    """R16-078: MaxEnergyOnInvalidId, over a replaced meter too; then no more."""
    rig = Rig(settings=Settings(stop_on_invalid_id=False, max_energy_on_invalid_id=100))
    rig.charges()
    rig.settles(rig.starts[0], TransactionKnown("1", Verdict("Invalid")))
    rig.reads(wh=1060)
    rig.reads(wh=0)
    rig.reads(wh=39)
    assert rig.wanted() == Permit(1, 16.0)
    rig.reads(wh=40)
    assert (rig.wanted(), rig.stops) == (None, [])
    rig.sees(1, "C")
    assert rig.status() == "SuspendedEVSE"
