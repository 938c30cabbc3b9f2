"""Every problem of a site file, where a start stops at the first."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from firmware import config
from firmware.config import Site, SiteError
from firmware.core.settings import COMPUTED, preset
from firmware.core.settings import Settings as Factory

_STEP = re.compile(r"([A-Za-z_]\w*)|\[(\d+)\]")
_STAND_INS: dict[str, object] = {
    "station": {"id": "unknown"},
    "id": "unknown",
    "version": "1.6-soap",
    "url": "http://127.0.0.1/",
}
"""What a missing key is taken for, to see what else is wrong."""
_MOST = 50


def read(path: Path) -> tuple[Site | None, list[SiteError]]:
    """The site, if it can be used, and all that is wrong. Raises SiteError if it is no TOML."""
    try:
        return config.load(path), []
    except SiteError as error:
        first = error
    try:
        text = path.read_text(encoding="utf-8")
        plain = tomllib.loads(text)
    except (OSError, ValueError):
        raise first from None
    return None, list(_all(path, text, plain)) or [first]


def _all(path: Path, text: str, plain: dict[str, Any]) -> Iterator[SiteError]:
    """First what the types say, then what they cannot."""
    site, mended = None, set[str]()
    for _ in range(_MOST):
        try:
            site = msgspec.convert(plain, Site)
            break
        except msgspec.ValidationError as error:
            # Told, put right, and looked at again, for the reader stops at the first.
            key = _key(str(error))
            if key not in mended:
                yield config.explained(path, text, plain, str(error))
            if not _mend(plain, str(error)):
                return
            mended.add(key)
    told = dict([*config.problems(site), *_presets(site)]) if site is not None else {}
    for key, problem in told.items():
        if key not in mended:
            yield config.mistake(path, text, key, problem)


def _presets(site: Site) -> Iterator[tuple[str, str]]:
    for name, value in site.ocpp.configuration.items():
        try:
            preset(Factory(), {} if name.lower() in COMPUTED else {name: value})
        except ValueError as error:
            yield f"ocpp.configuration.{name}", str(error)


def _key(error: str) -> str:
    """Where msgspec has found it: `evse[1].id`."""
    what, _, where = error.partition(" - at ")
    table = where.strip("`").removeprefix("$").removeprefix(".")
    named = re.search(r"field `(.*)`", what)
    return f"{table}.{named[1]}".lstrip(".") if named else table


def _mend(plain: dict[str, Any], error: str) -> bool:
    """Take the value away that is wrong, or put one where it is missing."""
    *tables, name = [n or int(i) for n, i in _STEP.findall(_key(error))] or [""]
    table: Any = plain
    try:
        for step in tables:
            table = table[step]
        if "missing required field" in error:
            table[name] = (
                len(plain["evse"]) if tables[:1] == ["evse"] else _STAND_INS.get(str(name), "")
            )
        elif error.split("`")[-2].endswith(".configuration[...]"):
            odd = [key for key, value in table[name].items() if not isinstance(value, str)]
            del table[name][odd[0]]
        else:
            del table[name]
    except (KeyError, IndexError, TypeError):
        return False
    return True
