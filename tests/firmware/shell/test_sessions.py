"""What the page is told of sessions: from the journal, with times as they were corrected."""

from pathlib import Path

import msgspec

from firmware.events import Undelivered
from firmware.facts import SessionStopped
from firmware.shell.journal import Journal
from firmware.shell.sessions import Sessions
from firmware.shell.supervisor import Pulse
from tests.firmware.shell.made import (
    CARD,
    WALL,
    at,
    batch,
    durable,
    known,
    metered,
    settles,
    started,
    stopped,
)


def journal_of(folder: Path, *batches: object, standalone: bool = False) -> Sessions:
    folder.mkdir(exist_ok=True)
    journal = Journal(folder, standalone=standalone)
    for each in batches:
        journal.hand_over(each)  # type: ignore[arg-type]
    journal.finish()
    journal.run(Pulse("journal"))
    journal.close()
    return Sessions(journal.path)


def test_a_finished_session_is_one_row(tmp_path: Path) -> None:
    facts = (started(1, 10.0), metered(1, 70.0), stopped(1, 3670.0))
    done = [settles(2, 1, facts[0], known(4711)), settles(3, 3, facts[2])]
    (row,) = journal_of(tmp_path, batch(1, *facts), *done).rows()
    assert (row.number, row.evse, row.transaction, row.token) == (1, 1, "4711", CARD)
    assert (row.started, row.stopped, row.seconds) == (WALL + 10, WALL + 3670, 3660.0)
    assert (row.wh, row.reason, row.delivery) == (900, "Local", "delivered")


def test_a_running_session_is_not_known_to_the_end(tmp_path: Path) -> None:
    (row,) = journal_of(tmp_path, batch(1, started(1))).rows()
    assert (row.stopped, row.seconds, row.wh, row.reason) == (None, None, None, None)
    assert (row.transaction, row.delivery) == (None, "waiting")


def test_what_was_given_up_or_only_kept_says_so(tmp_path: Path) -> None:
    facts = started(1), stopped(1)
    given_up = settles(2, 2, facts[1], Undelivered())
    sessions = journal_of(tmp_path / "a", batch(1, *facts), given_up)
    assert sessions.rows()[0].delivery == "not delivered"
    alone = journal_of(tmp_path / "b", batch(1, *facts), standalone=True)
    assert alone.rows()[0].delivery == "kept here"


def test_the_newest_come_first_and_not_too_many(tmp_path: Path) -> None:
    facts = [fact for n in (1, 2, 3) for fact in (started(n), stopped(n))]
    sessions = journal_of(tmp_path, batch(1, *facts))
    assert [row.number for row in sessions.rows()] == [3, 2, 1]
    assert [row.number for row in sessions.rows(2)] == [3, 2]


def test_times_before_the_clock_was_known_are_corrected(tmp_path: Path) -> None:
    known_later = durable(corrections=((1, 1000.0),))
    sessions = journal_of(tmp_path, batch(1, started(1, 5.0, trusted=False), state=known_later))
    assert sessions.rows()[0].started == WALL + 1005


def test_a_session_over_a_reboot_lasts_by_the_wall_clock(tmp_path: Path) -> None:
    later = msgspec.structs.replace(at(3.0, boot=2), wall=WALL + 500)
    stop = SessionStopped(1, 1, later, 1200, "PowerLoss")
    assert journal_of(tmp_path, batch(1, started(1, 100.0), stop)).rows()[0].seconds == 400.0


def test_the_curve_counts_from_the_start(tmp_path: Path) -> None:
    facts = started(1), metered(1, 60.0, 1250), metered(1, 120.0, 1500), metered(2, 120.0, 9)
    sessions = journal_of(tmp_path, batch(1, *facts))
    assert sessions.curve(1) == [(WALL + 60, 0.0, 0.0, 250), (WALL + 120, 0.0, 0.0, 500)]
    assert sessions.curve(99) == []
