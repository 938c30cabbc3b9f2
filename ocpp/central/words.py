"""Messages in words, for the log: without card numbers and secrets."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from ocpp.message import Message, to_plain

_CARD_FIELDS = frozenset({"idTag", "parentIdTag"})
_SECRET = re.compile(r"password|authorization_?key|secret", re.IGNORECASE)
_SHOWN = 4


def mask(card: str) -> str:
    """Enough of a card number to recognise it by, not enough to copy it."""
    return f"…{card[-_SHOWN:]}" if len(card) >= 2 * _SHOWN else "…"


def one_line(text: str) -> str:
    """Without what could move a terminal's cursor: much of what is said was written by a peer."""
    return "".join(one if one.isprintable() else "?" for one in text)


def summary(message: Message) -> str:
    """One line: wire names and values, long lists as a count."""
    plain = to_plain(message)
    if "value" in plain and _SECRET.search(plain.get("key", "")):
        plain["value"] = "***"
    return ", ".join(_words(name, value) for name, value in plain.items()) or "–"


def _words(name: str, value: Any) -> str:
    if name in _CARD_FIELDS:
        return f"{name} {mask(value)}"
    if isinstance(value, dict):
        return ", ".join(_words(inner, one) for inner, one in value.items())
    if isinstance(value, (list, tuple)):
        return _listed(name, value)
    if isinstance(value, datetime):
        return f"{name} {value.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
    return f"{name} {value}"


def _listed(name: str, values: Sequence[Any]) -> str:
    """Readings are told one by one; of anything else, how many there are."""
    if name == "meterValue":
        readings = [one for value in values[:_SHOWN] for one in value["sampledValue"][:_SHOWN]]
        return ", ".join(f"{one['value']} {one.get('unit', 'Wh')}" for one in readings)
    return f"{len(values)} × {name}"
