"""Power cuts: of what the journal has acknowledged, none leaves anything out, torn or twice.

Killing the process does not show this: what it has written is safe in the kernel by then. Here the
disk itself forgets; `recorder.py` says how.
"""

import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from firmware.core.connector import Kept, Session
from firmware.core.state import Durable
from firmware.events import Delivered, TransactionKnown, Verdict
from firmware.facts import (
    Instant,
    Sample,
    SessionFact,
    SessionMetered,
    SessionStarted,
    SessionStopped,
)
from firmware.shell.journal import Batch, Journal, Settled
from firmware.shell.supervisor import Pulse

from .recorder import Mark, Note, Recorder, Sync, after_cut

CUTS = 400
ENDS = ("SessionStarted", "SessionStopped")
SESSIONS = 12
CHECKPOINT_PAGES = 40
"""So few that checkpoints come among the commits: the default is 1000."""


def life() -> list[Batch]:
    """What a station hands over while it serves some sessions: each is started, sampled, stopped,
    and each fact settled some time later."""
    batches: list[Batch] = []
    row = 0
    for n in range(1, SESSIONS + 1):
        at = Instant(60.0 * n, 1.7e9 + 60 * n, 1, trusted=True)
        kept = Session(n, f"CARD{n}", at, 1000 * n, Kept(1000 * n, at))
        open_ = Durable(sessions=((1, kept),), next_session=n + 1)
        done = Durable(next_session=n + 1)
        started = SessionStarted(n, 1, at, f"CARD{n}", 1000 * n)
        metered = SessionMetered(n, 1, at.at(at.mono + 10), Sample(1000 * n + 10))
        stopped = SessionStopped(n, 1, at.at(at.mono + 20), 1000 * n + 20, "Local")
        facts: list[SessionFact] = [started, metered, stopped]
        known = TransactionKnown(f"{4710 + n}", Verdict("Accepted"))
        for fact in facts:
            batches.append(Batch(0, done if fact is stopped else open_, (fact,)))
        for number, fact in enumerate(facts, row + 1):
            outcome = known if fact is started else Delivered()
            batches.append(Batch(0, done, settled=(Settled(number, fact, outcome),)))
        row += len(facts)
    return [
        msgspec.structs.replace(batch, number=number) for number, batch in enumerate(batches, 1)
    ]


class Lived(msgspec.Struct):
    """What was recorded of a life, and what a journal holds after each acknowledgement."""

    notes: list[Note]
    acknowledged: list[int]
    contents: dict[int, object]
    identity: UUID

    @property
    def first(self) -> int:
        """Where among the notes the first acknowledgement is."""
        return next(n for n, note in enumerate(self.notes) if isinstance(note, Mark))


def content(folder: Path) -> object:
    """All that a journal holds, but for the number of the boot."""
    with closing(sqlite3.connect(folder / "journal.sqlite")) as db:
        return [
            db.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
            for table in ("history", "ledger", "state")
        ]


def lives(folder: Path, synchronous: str | None, chance: random.Random) -> Lived:
    """A station's life, recorded; `synchronous` weakens what the journal asks for.

    One to three batches wait whenever the journal commits."""
    recorder, batches = Recorder(folder), life()
    with recorder.recording():
        journal = Journal(folder)
        journal._db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        if synchronous:
            journal._db.execute(f"PRAGMA synchronous = {synchronous}")
        lived = Lived(recorder.notes, [], {0: content(folder)}, journal.identity)

        def hand_over() -> None:
            for _ in range(chance.randint(1, 3)):
                journal.hand_over(batches.pop(0)) if batches else journal.finish()

        def stored(number: int) -> None:
            recorder.mark(number)
            lived.acknowledged.append(number)
            lived.contents[number] = content(folder)
            hand_over()

        journal.on_stored = stored
        hand_over()
        journal.run(Pulse("journal"))
        end = len(recorder.notes)
        journal.close()
    del recorder.notes[end:]  # a power cut does not close anything
    return lived


@pytest.fixture
def scratch(tmp_path: Path) -> Generator[Path]:
    """In memory where there is some: four hundred times a journal is begun on it."""
    shared = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=shared if shared.is_dir() else tmp_path))
    yield folder
    shutil.rmtree(folder)


class Found(msgspec.Struct):
    """What a station finds at its first start after a power cut."""

    aside: bool
    content: object
    starts: int
    stops: int
    identity: UUID


def starts_again(folder: Path) -> Found:
    journal = Journal(folder)
    found = content(folder)
    with closing(sqlite3.connect(folder / "journal.sqlite")) as db:
        kinds = db.execute("SELECT session, kind FROM history").fetchall()
    journal.close()
    ends = [kinds.count((n, kind)) for n in range(1, SESSIONS + 1) for kind in ENDS]
    assert max(ends) <= 1
    return Found(
        any(folder.glob("*.broken*")), found, sum(ends[::2]), sum(ends[1::2]), journal.identity
    )


def cut(lived: Lived, moment: int, chance: random.Random, folder: Path) -> tuple[int, Found]:
    """The power fails after so many notes: the last acknowledgement by then, and what is found."""
    before = lived.notes[:moment]
    last = max((note.what for note in before if isinstance(note, Mark)), default=0)
    image = folder / f"{moment}"
    image.mkdir()
    for name, data in after_cut(before, chance).items():
        if not name.endswith("-shm"):
            (image / name).write_bytes(data)
    found = starts_again(image)
    shutil.rmtree(image)
    return last, found


def may_hold(lived: Lived, last: int) -> list[object]:
    """What was acknowledged, or with it what was being committed when the power failed."""
    following = [number for number in lived.acknowledged if number > last][:1]
    return [lived.contents[number] for number in [last, *following]]


def cuts(lived: Lived, folder: Path, seed: int, count: int) -> Generator[tuple[int, Found]]:
    chance = random.Random(seed)
    for moment in chance.sample(range(lived.first, len(lived.notes)), count):
        yield cut(lived, moment, chance, folder)


Live = Callable[[str | None], Lived]


@pytest.fixture
def live(tmp_path: Path) -> Live:
    return lambda synchronous: lives(tmp_path.resolve(), synchronous, random.Random(1))


def test_no_acknowledged_fact_is_lost_torn_or_doubled(live: Live, scratch: Path) -> None:
    lived = live(None)
    assert len(lived.acknowledged) > SESSIONS
    assert Sync("journal.sqlite") in lived.notes[lived.first :], "checkpoints were among it"
    for last, found in cuts(lived, scratch, seed=2, count=CUTS):
        assert not found.aside, f"after {last}: the journal was taken for broken"
        assert found.content in may_hold(lived, last), f"after {last}"
        assert found.identity == lived.identity
        assert found.starts - found.stops in (0, 1)


def test_before_anything_was_acknowledged_a_power_cut_leaves_a_folder_that_starts(
    live: Live, scratch: Path
) -> None:
    """While the file is made and migrated."""
    lived, chance = live(None), random.Random(3)
    for moment in range(lived.first):
        _, found = cut(lived, moment, chance, scratch)
        assert not found.aside
        assert found.content in [*may_hold(lived, 0), [[], [], []]]


def test_the_model_notices_what_a_weaker_setting_loses(live: Live, scratch: Path) -> None:
    """The same cuts with synchronous=NORMAL: else the test above would show nothing."""
    lived = live("NORMAL")
    lost = sum(
        found.content not in may_hold(lived, last)
        for last, found in cuts(lived, scratch, seed=4, count=40)
    )
    assert lost > 20


def test_the_model_notices_what_no_sync_at_all_breaks(live: Live, scratch: Path) -> None:
    lived = live("OFF")
    broken = sum(found.aside for _, found in cuts(lived, scratch, seed=5, count=40))
    assert broken > 0
