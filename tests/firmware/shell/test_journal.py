"""The journal: what is acknowledged is on disk, whole, in order, and once."""

import logging
import resource
import sqlite3
from collections.abc import Callable, Generator
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from firmware.core.state import Durable
from firmware.events import Undelivered
from firmware.facts import Sample
from firmware.shell import journal as journals
from firmware.shell.journal import Batch, Journal, OpenRow, Outbox
from firmware.shell.supervisor import Pulse

from .made import batch, durable, known, metered, settles, started, stopped


class Disk:
    """A folder with the journals and outboxes that a test opens there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: list[Journal | Outbox] = []

    def journal(self) -> Journal:
        journal = Journal(self.folder)
        self._open.append(journal)
        return journal

    def outbox(self) -> Outbox:
        outbox = Outbox(self.folder / "journal.sqlite")
        self._open.append(outbox)
        return outbox

    def rows(self) -> list[tuple[int, str, str | None]]:
        """Session, kind and outcome of the whole history, in order."""
        db = sqlite3.connect(self.folder / "journal.sqlite")
        rows = db.execute("SELECT session, kind, outcome FROM history ORDER BY row").fetchall()
        db.close()
        return rows

    def close(self) -> None:
        for opened in self._open:
            opened.close()


@pytest.fixture
def disk(tmp_path: Path) -> Generator[Disk]:
    disk = Disk(tmp_path)
    yield disk
    disk.close()


def stores(journal: Journal, *batches: Batch) -> list[int]:
    """Hand these over together and let the thread's body work; what it acknowledges."""
    acknowledged: list[int] = []
    journal.on_stored = acknowledged.append
    for each in batches:
        journal.hand_over(each)
    journal.finish()
    journal.run(Pulse("journal"))
    return acknowledged


def stores_each(journal: Journal, *batches: Batch) -> None:
    for each in batches:
        stores(journal, each)


def test_an_empty_folder_is_factory_state(disk: Disk) -> None:
    assert disk.journal().load() == Durable()
    assert disk.outbox().next_open() is None


def test_what_was_stored_is_there_after_a_restart(disk: Disk) -> None:
    state = durable(17, changed=(("HeartbeatInterval", "20"),), corrections=((3, -1.5),))
    stores(disk.journal(), batch(1, started(17), state=state))
    assert disk.journal().load() == state
    assert disk.outbox().next_open() == OpenRow(1, started(17), None)


def test_every_start_has_a_boot_number_of_its_own_and_the_same_identity(disk: Disk) -> None:
    """Of the identity the message ids of the history are made: a repeat has the first one's."""
    first, second, third = (disk.journal() for _ in range(3))
    assert (first.boot, second.boot, third.boot) == (1, 2, 3)
    assert first.identity == second.identity == third.identity


def test_two_stations_have_different_identities(tmp_path: Path) -> None:
    journals = [Journal(tmp_path / name) for name in ("a", "b") if not (tmp_path / name).mkdir()]
    assert journals[0].identity != journals[1].identity
    for journal in journals:
        journal.close()


def test_what_waits_is_committed_together_and_acknowledged_once(disk: Disk) -> None:
    journal = disk.journal()
    assert stores(journal, batch(1, started()), batch(2, metered()), batch(3, stopped())) == [3]
    assert [kind for _, kind, _ in disk.rows()] == [
        *("SessionStarted", "SessionMetered", "SessionStopped")
    ]


def test_what_comes_during_a_commit_goes_into_the_next(disk: Disk) -> None:
    journal = disk.journal()
    acknowledged: list[int] = []

    def stored(number: int) -> None:
        acknowledged.append(number)
        if number == 1:
            journal.hand_over(batch(2, metered()))
            journal.hand_over(batch(3, stopped()))
            journal.finish()

    journal.on_stored = stored
    journal.hand_over(batch(1, started()))
    journal.run(Pulse("journal"))
    assert acknowledged == [1, 3]


def test_it_is_on_disk_when_it_is_acknowledged(disk: Disk) -> None:
    journal = disk.journal()
    seen: list[int] = []
    journal.on_stored = lambda number: seen.append(len(disk.rows()))
    journal.hand_over(batch(1, started()))
    journal.finish()
    journal.run(Pulse("journal"))
    assert seen == [1]


@pytest.mark.parametrize("fact", [started(7), stopped(7)])
def test_one_start_and_one_stop_a_session(disk: Disk, fact: object) -> None:
    """A second one is a defect of ours that must not reach a bill: better no station than that."""
    journal = disk.journal()
    stores(journal, batch(1, started(7), stopped(7)))
    with pytest.raises(sqlite3.IntegrityError):
        stores(journal, batch(2, metered(7), fact))  # type: ignore[arg-type]
    assert len(disk.rows()) == 2, "nothing of that batch is stored"
    assert journal.load() == Durable(next_session=1)


def test_an_answer_settles_fact_ledger_and_state_in_one_commit(disk: Disk) -> None:
    journal = disk.journal()
    stores(journal, batch(1, started(7), started(8)))
    answered = settles(2, 1, started(7), known(4711))
    with pytest.raises(sqlite3.IntegrityError):  # something in the same commit fails
        stores(journal, answered, batch(3, started(8)))
    assert disk.outbox().next_open() == OpenRow(1, started(7), None)
    assert journal.load() == Durable(next_session=1)

    journal = disk.journal()
    stores(journal, answered)
    assert [outcome for _, _, outcome in disk.rows()] == ["delivered", None]
    assert journal.load() == answered.durable


def test_the_central_systems_name_is_known_to_what_follows_the_start(disk: Disk) -> None:
    journal, outbox = disk.journal(), disk.outbox()
    stores(journal, batch(1, started(7), metered(7)), settles(2, 1, started(7), known(4711)))
    assert outbox.next_open() == OpenRow(2, metered(7), "4711")


def test_a_start_that_could_not_be_delivered_leaves_a_transaction_without_name(disk: Disk) -> None:
    """R16-075: what follows is told with -1."""
    journal, outbox = disk.journal(), disk.outbox()
    stores(journal, batch(1, started(7), stopped(7)), settles(2, 1, started(7), Undelivered()))
    assert outbox.next_open() == OpenRow(2, stopped(7), "-1")
    assert disk.rows()[0] == (7, "SessionStarted", "undelivered")


def test_samples_stay_until_the_stop_of_their_session_is_settled(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "KEEP_CURVES", 0)
    journal = disk.journal()
    facts = (started(7), metered(7, 1.0), metered(7, 2.0), metered(8), stopped(7))
    stores(journal, batch(1, *facts))
    stores_each(
        journal,
        settles(2, 1, facts[0], known(1)),
        settles(3, 2, facts[1]),
        settles(4, 3, facts[2], Undelivered()),
        settles(5, 4, facts[3]),
    )
    assert len(disk.rows()) == 5
    stores(journal, settles(6, 5, facts[4]))
    assert disk.rows() == [
        (7, "SessionStarted", "delivered"),
        (7, "SessionMetered", "undelivered"),  # kept and marked, for whoever looks
        (8, "SessionMetered", "delivered"),
        (7, "SessionStopped", "delivered"),
    ]


def test_samples_of_the_last_sessions_stay_for_their_curves(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And those of an old one as long as it runs."""
    monkeypatch.setattr(journals, "KEEP_CURVES", 1)
    journal = disk.journal()
    stores(journal, batch(1, started(1), metered(1), started(2), metered(2), stopped(2)))
    stores(journal, settles(2, 2, metered(1)))
    stores(journal, settles(3, 4, metered(2)))
    stores(journal, settles(4, 5, stopped(2)))
    stores(journal, batch(5, started(3), stopped(3)))
    stores(journal, settles(6, 7, stopped(3)))
    kept = [(session, kind) for session, kind, _ in disk.rows()]
    assert (2, "SessionMetered") not in kept
    assert (1, "SessionMetered") in kept
    stores(journal, batch(7, started(4), metered(4), stopped(4)))
    stores(journal, settles(8, 9, metered(4)))
    stores(journal, settles(9, 10, stopped(4)))
    assert (4, "SessionMetered", "delivered") in disk.rows()


def test_very_old_sessions_go_if_they_were_delivered(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "KEEP_SESSIONS", 2)
    journal = disk.journal()
    for session in (1, 2, 3, 4):
        row = 2 * session - 1
        stores(journal, batch(1, started(session), stopped(session)))
        outcome = Undelivered() if session == 1 else known(session)
        stores(journal, settles(2, row, started(session), outcome))
        stores(journal, settles(3, row + 1, stopped(session)))
    assert [session for session, _, _ in disk.rows()] == [1, 2, 2, 3, 3, 4, 4]


def test_where_nobody_is_told_old_samples_and_sessions_go_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "KEEP_CURVES", 1)
    monkeypatch.setattr(journals, "KEEP_SESSIONS", 2)
    journal = Journal(tmp_path, standalone=True)
    for session in (1, 2, 3, 4):
        stores(journal, batch(1, started(session), metered(session), stopped(session)))
    journal.close()
    kinds = [(session, kind) for session, kind, _ in Disk(tmp_path).rows()]
    assert [session for session, kind in kinds if kind == "SessionMetered"] == [4]
    assert [session for session, kind in kinds if kind == "SessionStarted"] == [2, 3, 4]


# --- the outbox ----------------------------------------------------------------------------------


def test_the_history_is_told_in_the_order_in_which_it_happened(disk: Disk) -> None:
    """R16-100: of both EVSEs together."""
    journal, outbox = disk.journal(), disk.outbox()
    facts = (started(1), started(2), metered(1), stopped(2), stopped(1))
    stores_each(journal, *(batch(n, fact) for n, fact in enumerate(facts)))
    told = []
    while (row := outbox.next_open()) is not None:
        told.append(row.fact)
        stores(journal, settles(9, row.row, row.fact))
    assert told == list(facts)


def test_a_row_is_never_numbered_like_one_that_is_gone(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its number makes the message id: two facts must never share one."""
    monkeypatch.setattr(journals, "KEEP_CURVES", 0)
    journal, outbox = disk.journal(), disk.outbox()
    stores(journal, batch(1, started(1), stopped(1), metered(1)))
    for row, fact in enumerate((started(1), stopped(1), metered(1)), 1):
        stores(journal, settles(2, row, fact))
    stores(journal, settles(3, 2, stopped(1)))  # the sample, the newest row, is pruned
    assert len(disk.rows()) == 2
    stores(journal, batch(4, started(2)))
    assert outbox.next_open() == OpenRow(4, started(2), None)


def test_it_counts_what_is_not_told_yet(disk: Disk) -> None:
    journal, outbox = disk.journal(), disk.outbox()
    stores(journal, batch(1, started(), stopped()))
    assert outbox.waiting() == 2
    stores(journal, settles(2, 1, started()))
    assert outbox.waiting() == 1


def test_the_correction_of_a_boot_is_that_of_the_stored_state(disk: Disk) -> None:
    journal, outbox = disk.journal(), disk.outbox()
    assert outbox.correction(1) is None
    stores(journal, batch(1, state=durable(corrections=((1, 100.0), (2, 0.0)))))
    assert [outbox.correction(boot) for boot in (1, 2, 3)] == [100.0, 0.0, None]


def test_a_stop_that_carries_values_comes_with_what_its_session_told_before(disk: Disk) -> None:
    """R16-091; also what was delivered already, and nothing of another session."""
    journal, outbox = disk.journal(), disk.outbox()
    stop = msgspec.structs.replace(stopped(7), sample=Sample(9))
    stores(journal, batch(1, started(7), metered(8), metered(7), stop))
    for row, fact in enumerate((started(7), metered(8), metered(7)), 1):
        stores(journal, settles(2, row, fact))
    assert outbox.next_open() == OpenRow(4, stop, "-1", (started(7), metered(7)))


def test_the_outbox_can_only_read(disk: Disk) -> None:
    disk.journal()
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        disk.outbox()._db.execute("DELETE FROM history")


@pytest.mark.parametrize("name", ["a b", "50%41", "what?mode=rw", "#1", "é"])
def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    disk = Disk(tmp_path / name)
    stores(disk.journal(), batch(1, started()))
    assert disk.outbox().waiting() == 1
    disk.close()


# --- a full disk ---------------------------------------------------------------------------------


class FullDisk:
    """No file may grow until it is emptied; `waits` is what the journal does meanwhile."""

    def __init__(self, retries: int) -> None:
        self.left = retries
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(self, size: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, self._limits[1]))

    def empty(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)

    def waits(self, seconds: float) -> None:
        self.left -= 1
        if self.left == 0:
            self.empty()


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Generator[Callable[[int], FullDisk]]:
    opened: list[FullDisk] = []

    def open_(retries: int) -> FullDisk:
        full = FullDisk(retries)
        monkeypatch.setattr(journals, "time", SimpleNamespace(sleep=full.waits))
        opened.append(full)
        return full

    yield open_
    for full in opened:
        full.empty()


def test_on_a_full_disk_nothing_is_lost_and_nothing_acknowledged_until_there_is_room(
    disk: Disk, full_disk: Callable[[int], FullDisk], caplog: pytest.LogCaptureFixture
) -> None:
    journal = disk.journal()
    stores(journal, batch(1, started()))
    full = full_disk(3)
    full.fill((disk.folder / "journal.sqlite-wal").stat().st_size)
    seen: list[tuple[int, int]] = []
    journal.on_stored = lambda number: seen.append((number, full.left))
    journal.hand_over(batch(2, metered()))
    journal.hand_over(batch(3, stopped()))
    journal.finish()
    with caplog.at_level(logging.ERROR):
        journal.run(Pulse("journal"))
    assert seen == [(3, 0)]
    assert len(disk.rows()) == 3
    assert [r.getMessage() for r in caplog.records] == [
        "cannot store (disk I/O error): is the disk full? nothing new is permitted"
    ], "said once, not at every try"


def test_a_full_disk_is_told_again_if_it_happens_again(
    disk: Disk, full_disk: Callable[[int], FullDisk], caplog: pytest.LogCaptureFixture
) -> None:
    journal = disk.journal()
    for number in (1, 2):
        full = full_disk(1)
        full.fill((disk.folder / "journal.sqlite-wal").stat().st_size)
        assert stores(journal, batch(number, metered())) == [number]
    assert len(caplog.records) == 2
