"""What SQLite asks of the disk, recorded beneath it, and what a power cut may leave of that.

The recorder is a VFS of SQLite that passes everything on to the real one and notes each write,
truncation, sync and deletion. From those notes `after_cut` builds the files as they may be if the
power fails after so many of them:

* what was written to a file before its last sync is there, whole;
* of each write since then, any of its 512-byte sectors may be there and others not, whether or not
  later writes are: so writes are dropped, torn and reordered;
* creating and deleting a file is certain from the next sync of any file on, as on ext4.

What is not modelled: a disk that says "synced" and lies, damage to sectors that nobody wrote, and
the log's index, which lives in memory and is gone.
"""

import _sqlite3  # the extension, for the SQLite library that it is linked with
import ctypes
import random
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

SECTOR = 512
_P = ctypes.c_void_p
_INT = ctypes.c_int
_INT64 = ctypes.c_int64

_OPEN = ctypes.CFUNCTYPE(_INT, _P, _P, _P, _INT, _P)
_DELETE = ctypes.CFUNCTYPE(_INT, _P, ctypes.c_char_p, _INT)
_WRITE = ctypes.CFUNCTYPE(_INT, _P, _P, _INT, _INT64)
_TRUNCATE = ctypes.CFUNCTYPE(_INT, _P, _INT64)
_SYNC = ctypes.CFUNCTYPE(_INT, _P, _INT)


class _Vfs(ctypes.Structure):
    """`sqlite3_vfs` of https://sqlite.org/c3ref/vfs.html, as far as version 3 goes."""

    _fields_ = [
        *((name, _INT) for name in ("version", "size", "longest")),
        *((name, _P) for name in ("next", "name", "data", "open", "delete")),
        ("others", _P * 13),
    ]


class _Methods(ctypes.Structure):
    """`sqlite3_io_methods`, as far as version 3 goes."""

    _fields_ = [
        ("version", _INT),
        *((name, _P) for name in ("close", "read", "write", "truncate", "sync")),
        ("others", _P * 13),
    ]


class Note(msgspec.Struct, frozen=True):
    file: str


class Write(Note, frozen=True):
    offset: int
    data: bytes


class Truncate(Note, frozen=True):
    size: int


class Sync(Note, frozen=True):
    pass


class Create(Note, frozen=True):
    pass


class Delete(Note, frozen=True):
    pass


class Mark(Note, frozen=True):
    """Something that the test notes between the disk's doings."""

    what: int


class Recorder:
    """Notes what happens to the files of one folder."""

    def __init__(self, folder: Path) -> None:
        self.notes: list[Note] = []
        self._folder = folder
        self._files: dict[int, tuple[str, _Methods]] = {}
        self._kept: list[Any] = []  # what C points to must not be collected

    def mark(self, what: int) -> None:
        self.notes.append(Mark("", what))

    @contextmanager
    def recording(self) -> Generator[None]:
        """Every database opened within is recorded, for as long as it stays open."""
        library = _library()
        library.sqlite3_vfs_find.restype = _P
        self._real = library.sqlite3_vfs_find(None)
        vfs = _Vfs.from_buffer_copy(_Vfs.from_address(self._real))
        self._open, self._delete = _OPEN(vfs.open), _DELETE(vfs.delete)
        name = ctypes.create_string_buffer(b"recorder")
        vfs.name = ctypes.addressof(name)
        vfs.open = self._keep(_OPEN(self._on_open))
        vfs.delete = self._keep(_DELETE(self._on_delete))
        self._kept += [vfs, name]
        library.sqlite3_vfs_register(ctypes.byref(vfs), 1)
        try:
            yield
        finally:
            library.sqlite3_vfs_unregister(ctypes.byref(vfs))
            library.sqlite3_vfs_register(_P(self._real), 1)

    def _keep(self, function: Any) -> int:
        self._kept.append(function)
        return ctypes.cast(function, _P).value or 0

    def _on_open(self, _: int, name: int, file: int, flags: int, out: int) -> int:
        # As the pointer that it is: the real VFS keeps it for as long as the file is open.
        path = Path(ctypes.string_at(name).decode()) if name else Path()
        existed = path.exists()
        status = self._open(self._real, name, file, flags, out)
        if status == 0 and path.parent == self._folder:
            if not existed:
                self.notes.append(Create(path.name))
            self._listen(file, path.name)
        return status

    def _listen(self, file: int, name: str) -> None:
        """An open file begins with the pointer to its methods: give it some of ours."""
        pointer = _P.from_address(file)
        real = _Methods.from_address(pointer.value or 0)
        ours = _Methods.from_buffer_copy(real)
        ours.write = self._keep(_WRITE(self._on_write))
        ours.truncate = self._keep(_TRUNCATE(self._on_truncate))
        ours.sync = self._keep(_SYNC(self._on_sync))
        self._kept.append(ours)
        self._files[file] = (name, real)
        pointer.value = ctypes.addressof(ours)

    def _on_write(self, file: int, data: int, size: int, offset: int) -> int:
        name, real = self._files[file]
        self.notes.append(Write(name, offset, ctypes.string_at(data, size)))
        return int(_WRITE(real.write)(file, data, size, offset))

    def _on_truncate(self, file: int, size: int) -> int:
        name, real = self._files[file]
        self.notes.append(Truncate(name, size))
        return int(_TRUNCATE(real.truncate)(file, size))

    def _on_sync(self, file: int, flags: int) -> int:
        name, real = self._files[file]
        status = int(_SYNC(real.sync)(file, flags))
        self.notes.append(Sync(name))
        return status

    def _on_delete(self, _: int, name: bytes, flush: int) -> int:
        path = Path(name.decode())
        if path.parent == self._folder and path.exists():
            self.notes.append(Delete(path.name))
        return self._delete(self._real, name, flush)


def _library() -> ctypes.CDLL:
    """Found through Python's own extension, so that it is the one that `sqlite3` uses."""
    return ctypes.CDLL(getattr(_sqlite3, "__file__", None))


def after_cut(notes: list[Note], chance: random.Random) -> Mapping[str, bytes]:
    """The files as a power cut after these notes may leave them."""
    disk = _Disk()
    for note in notes:
        disk.takes(note)
    return disk.cut(chance)


class _Disk:
    def __init__(self) -> None:
        self._sure: dict[str, bytearray] = {}
        self._unsure: list[Note] = []

    def takes(self, note: Note) -> None:
        if isinstance(note, Sync):
            for each in self._unsure:
                if _is_sure(each, note):
                    _apply(self._sure, each)
            self._unsure = [each for each in self._unsure if not _is_sure(each, note)]
        elif not isinstance(note, Mark):
            self._unsure.append(note)

    def cut(self, chance: random.Random) -> Mapping[str, bytes]:
        files = {name: bytearray(content) for name, content in self._sure.items()}
        for note in self._unsure:
            odds = chance.choice((0.0, 0.5, 1.0))  # dropped, torn, or there
            for part in _parts(note):
                if chance.random() < odds:
                    _apply(files, part)
        return files


def _is_sure(note: Note, sync: Sync) -> bool:
    return isinstance(note, Create | Delete) or note.file == sync.file


def _parts(note: Note) -> list[Note]:
    """What of it may reach the disk without the rest."""
    if not isinstance(note, Write):
        return [note]
    cuts = [0, *range(SECTOR - note.offset % SECTOR, len(note.data), SECTOR), len(note.data)]
    return [
        Write(note.file, note.offset + a, note.data[a:b])
        for a, b in zip(cuts, cuts[1:], strict=False)
    ]


def _apply(files: dict[str, bytearray], note: Note) -> None:
    match note:
        case Create(file):
            files.setdefault(file, bytearray())
        case Delete(file):
            files.pop(file, None)
        case Truncate(file, size) if file in files:
            del files[file][size:]
        case Write(file, offset, data) if file in files:
            content = files[file]
            content.extend(bytes(max(offset - len(content), 0)))
            content[offset : offset + len(data)] = data
        case _:
            pass
