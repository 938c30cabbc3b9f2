"""The journal's files: migrations, what cannot be used is set aside, and the second copy."""

import contextlib
import logging
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from firmware.core.state import Durable
from firmware.shell import schema
from firmware.shell.journal import Journal, Outbox
from firmware.shell.supervisor import Pulse

from .made import batch, started, stopped

replace = msgspec.structs.replace
SET = Durable(
    changed=(("HeartbeatInterval", "20"),), inoperative=(1,), accepted_once=True, next_session=40
)


def stores(folder: Path, *batches: object) -> None:
    """One life of a journal: it opens, stores, and ends without a word, as by a power cut."""
    journal = Journal(folder)
    for each in batches:
        journal.hand_over(each)  # type: ignore[arg-type]
    journal.finish()
    journal.run(Pulse("journal"))
    journal.close()


def loaded(folder: Path) -> Durable:
    journal = Journal(folder)
    state = journal.load()
    journal.close()
    return state


def waiting(folder: Path) -> int:
    outbox = Outbox(folder / "journal.sqlite")
    count = outbox.waiting()
    outbox.close()
    return count


def aside(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.glob("journal.broken-*") if p.suffix[-1].isdigit())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    facts = [fact for n in range(1, 41) for fact in (started(n), stopped(n))]
    stores(folder, batch(1, *facts, state=SET))
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A folder with a journal that holds forty sessions and settings."""
    for path in made.iterdir():
        shutil.copy(path, tmp_path)
    return tmp_path


# --- migrations ----------------------------------------------------------------------------------


def version(folder: Path) -> int:
    with contextlib.closing(sqlite3.connect(folder / "journal.sqlite")) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def test_a_new_file_is_brought_to_the_present_version(folder: Path) -> None:
    assert version(folder) == len(schema.MIGRATIONS)


def test_a_file_of_the_present_version_is_left_alone(folder: Path) -> None:
    assert loaded(folder) == SET
    assert waiting(folder) == 80
    assert aside(folder) == []


def test_an_older_file_is_migrated_and_keeps_what_it_holds(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = (*schema.MIGRATIONS, "ALTER TABLE ledger ADD COLUMN sequence INTEGER;")
    monkeypatch.setattr(schema, "MIGRATIONS", newer)
    assert loaded(folder) == SET
    assert version(folder) == len(newer)
    assert waiting(folder) == 80


def test_a_migration_that_fails_changes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = (*schema.MIGRATIONS, "DROP TABLE ledger; DROP TABLE nonsense;")
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", broken)
        with pytest.raises(sqlite3.OperationalError, match="nonsense"):
            Journal(folder)
    assert version(folder) == len(schema.MIGRATIONS)
    assert loaded(folder) == SET
    assert aside(folder) == [], "that file is sound, it is the program that is not"


def test_a_newer_file_is_kept_whole_and_the_station_starts_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After a return to an older release: what the newer one wrote is not this one's to destroy."""
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, "CREATE TABLE later (x);"))
        assert loaded(folder) == SET
        assert waiting(folder) == 80
    assert loaded(folder).changed == SET.changed
    assert "newer than this program" in caplog.text
    assert "kept as journal.broken-1" in caplog.text
    assert waiting(folder) == 0
    with contextlib.closing(sqlite3.connect(folder / "journal.broken-1")) as db:
        assert db.execute("SELECT count(*) FROM history").fetchone() == (80,)


# --- broken files --------------------------------------------------------------------------------


def garbage(whole: bytes) -> bytes:
    return random.Random(1).randbytes(len(whole))


def truncated(whole: bytes) -> bytes:
    return whole[: len(whole) // 2 + 100]


def torn(whole: bytes) -> bytes:
    """The second half of each page is that of another."""
    pages = [whole[n : n + 4096] for n in range(0, len(whole), 4096)]
    return b"".join(a[:2048] + b[2048:] for a, b in zip(pages, pages[1:] + pages[:1], strict=True))


def zeroed(whole: bytes) -> bytes:
    """What a flash card has where it had no time to write."""
    return whole[:8192] + bytes(8192) + whole[16384:]


def unreadable(whole: bytes) -> bytes:
    """SQLite finds nothing wrong with it."""
    return whole.replace(b'"accepted_once"', b'"accepted_once\xff')


DAMAGES = [garbage, truncated, torn, zeroed, unreadable]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_broken_file_is_set_aside_and_the_station_starts(
    folder: Path, damage: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    path = folder / "journal.sqlite"
    broken = damage(path.read_bytes())
    path.write_bytes(broken)
    with caplog.at_level(logging.ERROR):
        stores(folder, batch(1, started(1)))
    assert aside(folder) == ["journal.broken-1"]
    assert (folder / "journal.broken-1").stat().st_size == len(broken)
    assert len(caplog.records) == 1
    assert "cannot be used" in caplog.text
    assert waiting(folder) == 1, "what is stored from now on is found"
    assert loaded(folder) == Durable(next_session=1)
    assert aside(folder) == ["journal.broken-1"], "and the next start finds a sound file"


def test_nothing_set_aside_is_ever_replaced(folder: Path) -> None:
    """Without a clock in the machine every boot may be at the same second."""
    path = folder / "journal.sqlite"
    for word in (b"one", b"two"):
        path.write_bytes(word * 2000)
        loaded(folder)
    assert aside(folder) == ["journal.broken-1", "journal.broken-2"]
    assert (folder / "journal.broken-1").read_bytes() == b"one" * 2000
    assert (folder / "journal.broken-2").read_bytes() == b"two" * 2000


def test_the_log_beside_a_broken_file_is_not_the_new_ones(folder: Path, tmp_path: Path) -> None:
    """Else the new journal would be given the old one's pages."""
    journal = Journal(folder)
    journal.hand_over(batch(1, started(41)))
    journal.finish()
    journal.run(Pulse("journal"))
    cut = tmp_path / "cut"  # both files as a power cut leaves them
    cut.mkdir()
    (cut / "journal.sqlite").write_bytes(garbage((folder / "journal.sqlite").read_bytes()))
    shutil.copy(folder / "journal.sqlite-wal", cut)
    journal.close()
    stores(cut, batch(1, started(1)))
    assert waiting(cut) == 1
    assert aside(cut) == ["journal.broken-1"]


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_damaged_the_station_starts(folder: Path, seed: int) -> None:
    chance = random.Random(seed)
    path = folder / "journal.sqlite"
    data = bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 5)):
        where, length = chance.randrange(len(data)), chance.choice((1, 16, 512, 4096))
        data[where : where + length] = chance.randbytes(len(data[where : where + length]))
    path.write_bytes(bytes(data))
    loaded(folder)


def test_a_file_that_cannot_be_had_now_is_not_called_broken(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        Journal(tmp_path / "nowhere")
    (tmp_path / "journal.sqlite").mkdir()
    with pytest.raises(sqlite3.OperationalError):
        Journal(tmp_path)
    assert aside(tmp_path) == []


# --- the second copy of the settings -------------------------------------------------------------


def breaks(folder: Path) -> None:
    (folder / "journal.sqlite").write_bytes(b"broken" * 1000)


def test_what_people_have_set_survives_a_broken_journal(folder: Path) -> None:
    breaks(folder)
    assert loaded(folder) == Durable(
        changed=SET.changed, inoperative=SET.inoperative, accepted_once=SET.accepted_once
    )


def test_the_second_copy_is_used_only_without_a_first(folder: Path) -> None:
    copy = folder / "settings.json"
    copy.write_bytes(copy.read_bytes().replace(b'"20"', b'"99"'))
    assert loaded(folder) == SET


def test_the_second_copy_follows_every_change(folder: Path) -> None:
    changed = Durable(changed=(("HeartbeatInterval", "30"),))
    stores(folder, batch(1, state=changed))
    breaks(folder)
    assert loaded(folder) == changed


def test_a_second_copy_that_differs_is_written_anew(folder: Path) -> None:
    """It could not be written when it was due, or somebody has lost it."""
    (folder / "settings.json").unlink()
    stores(folder, batch(1, state=SET))
    breaks(folder)
    assert loaded(folder).changed == SET.changed


def test_it_is_not_written_when_only_sessions_change(folder: Path) -> None:
    written: list[Durable] = []
    journal = Journal(folder)
    journal._write_copy = written.append  # type: ignore[method-assign]
    changed = replace(SET, changed=(("HeartbeatInterval", "30"),))
    states = [replace(SET, next_session=99), changed, replace(changed, next_session=100)]

    def stored(number: int) -> None:
        if states:
            journal.hand_over(batch(number + 1, state=states.pop(0)))
        else:
            journal.finish()

    journal.on_stored = stored
    stored(0)
    journal.run(Pulse("journal"))
    journal.close()
    assert [copy.changed for copy in written] == [changed.changed]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"changed": 5}', b"[]"])
def test_without_a_readable_copy_it_is_factory_state(
    folder: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    breaks(folder)
    (folder / "settings.json").write_bytes(content)
    assert loaded(folder) == Durable()
    assert "settings.json is unreadable" in caplog.text


def test_a_copy_that_cannot_be_written_is_told_and_tried_again(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "settings.tmp").mkdir()
    first, second = Durable(changed=(("A", "1"),)), Durable(changed=(("A", "1"),), next_session=2)
    stores(folder, batch(1, state=first))
    assert "cannot write" in caplog.text
    assert loaded(folder) == first, "the first copy is there"
    (folder / "settings.tmp").rmdir()
    stores(folder, batch(2, state=second))
    breaks(folder)
    assert loaded(folder) == first
