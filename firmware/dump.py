"""What `pilotwire dump` packs: all that a bug report wants, without secrets and card numbers.

Two nets, one behind the other: known places are blanked by their key, and whatever was found there
is then looked for in everything that goes into the archive.
"""

import contextlib
import io
import json
import platform
import re
import shutil
import sqlite3
import sys
import tarfile
import time
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from firmware import config
from firmware.checks import quick_check
from firmware.core.settings import TABLE, change, to_text
from firmware.shell.telling import masked

BLANK = "***"
ROWS = 500
TAIL = 200_000
"""Bytes of a log that are packed: its end."""
SHORTEST = 4
"""A shorter text is in too many words to be looked for everywhere."""
_SECRET = re.compile(r"password|passphrase|secret|credential|key$|pin$|iccid|imsi", re.IGNORECASE)
_CARD = re.compile(r"token|parent|id_?tag", re.IGNORECASE)
_URL_SECRET = re.compile(r"(?<=://)[^/@\s]+@|(?<=\?)\S+")
_PACKAGES = ("pilotwire", "cheroot", "lxml", "msgspec", "werkzeug", "zeep")

README = """\
A bug report of Pilotwire. Passwords, keys and card numbers have been blanked; please look through
it all the same before you send it.

versions.json    the program, Python and the machine
site.json        the site file
settings.json    OCPP's settings: as they are now
state.json       what the station would go on with after a start
history.json     the newest facts of its sessions, and what became of them
interlock.jsonl  openings and closings of contacts
health.json      files, databases, free space
"""


class Blanker:
    """Blanks secrets and masks cards, and remembers them."""

    def __init__(self) -> None:
        self._found: dict[str, str] = {}

    def value(self, value: Any, key: str = "") -> Any:
        """A copy of plain values without what its keys give away."""
        if isinstance(value, dict):
            return {name: self.value(inner, name) for name, inner in _named(value)}
        if isinstance(value, list):
            if len(value) == 2 and isinstance(value[0], str):  # noqa: PLR2004 -- key and value
                return [value[0], self.value(value[1], value[0])]
            return [self.value(inner, key) for inner in value]
        if isinstance(value, str) and value:
            return self._text(value, key)
        return BLANK if value and _SECRET.search(key) else value

    def _text(self, value: str, key: str) -> str:
        if _SECRET.search(key):
            self._found[value] = BLANK
        elif _CARD.search(key):
            self._found[value] = masked(value)
        else:
            return _URL_SECRET.sub(BLANK, value)
        return self._found[value]

    def text(self, text: str) -> str:
        """Free of all that was found, wherever it stands; the longest first."""
        for found in sorted(self._found, key=len, reverse=True):
            shown = self._found[found].replace("\\", r"\\")
            for form in {found, json.dumps(found)[1:-1]} if len(found) >= SHORTEST else ():
                text = re.sub(re.escape(form), shown, text, flags=re.IGNORECASE)
        return text


def _named(table: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """With the name of a setting that is told in a table of its own, or of a person, as a key."""
    secret = _SECRET.search(f"{table.get('variable', '')}{table.get('key', '')}")
    for name, value in table.items():
        if (name == "value" and secret) or (name == "name" and "token" in table):
            yield name, BLANK
        else:
            yield name, value


def pack(site_path: Path, state_dir: Path) -> bytes:
    """The archive, tar.gz. What cannot be read is told in its place."""
    blanker = Blanker()
    contents = {
        "versions.json": _json(_versions()),
        "site.json": _json(blanker.value(_site(site_path))),
        "settings.json": _json(blanker.value(_settings(site_path, state_dir))),
        "state.json": _json(blanker.value(_state(state_dir))),
        "history.json": _json(blanker.value(_history(state_dir))),
        "interlock.jsonl": _tail(state_dir / "interlock.jsonl"),
        "health.json": _json(_health(state_dir)),
        **{log.name: _tail(log) for log in sorted(state_dir.glob("*.log"))},
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in {"README.txt": README, **contents}.items():
            body = blanker.text(text).encode()
            entry = tarfile.TarInfo(f"pilotwire-dump/{name}")
            entry.size, entry.mtime, entry.mode = len(body), int(time.time()), 0o600
            archive.addfile(entry, io.BytesIO(body))
    return packed.getvalue()


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _versions() -> dict[str, object]:
    found = {}
    for package in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    machine = {
        "python": sys.version,
        "platform": platform.platform(),
        "sqlite": sqlite3.sqlite_version,
    }
    return {**found, **machine}


def _site(path: Path) -> object:
    """As plain values: comments may tell secrets too. Of a file that is no TOML only the error."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return {"error": f"{path}: {error}"}


def _settings(path: Path, state_dir: Path) -> object:
    try:
        settings, unknown = config.settings(config.load(path))
    except config.SiteError as error:
        return {"error": str(error)}
    state = _state(state_dir)
    for key, text in state.get("changed", ()):
        settings, _ = change(settings, key, text)
    values = {row.key: to_text(getattr(settings, row.name)) for row in TABLE}
    return {"settings": values, "unknown in the site file": list(unknown)}


def _state(state_dir: Path) -> dict[str, Any]:
    rows = _rows(state_dir, "SELECT body FROM state")
    try:
        return dict(json.loads(rows[0][0])) if rows else {}
    except ValueError as error:
        return {"error": str(error)}


def _history(state_dir: Path) -> list[object]:
    query = "SELECT row, session, kind, body, outcome FROM history ORDER BY row DESC LIMIT ?"
    told: list[object] = []
    for row, session, kind, body, outcome in _rows(state_dir, query, ROWS):
        fact = json.loads(body)
        told.append(
            {"row": row, "session": session, "kind": kind, "outcome": outcome, "fact": fact}
        )
    return told


def _rows(state_dir: Path, query: str, *values: object) -> list[Any]:
    """Of the journal, opened for reading only; none of one that cannot be read: see its health."""
    uri = f"{(state_dir / 'journal.sqlite').resolve().as_uri()}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as db:
            return db.execute(query, values).fetchall()
    except sqlite3.Error:
        return []


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL))
            return file.read().decode(errors="replace")
    except OSError as error:
        return f"{error}\n"


def _health(state_dir: Path) -> dict[str, object]:
    return {
        "files": {f.name: f.stat().st_size for f in sorted(state_dir.iterdir()) if f.is_file()},
        "databases": {f.name: quick_check(f) for f in sorted(state_dir.glob("*.sqlite"))},
        "free bytes": shutil.disk_usage(state_dir).free,
    }
