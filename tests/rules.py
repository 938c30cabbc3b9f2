"""The rules that stories show: the table, and the decorator that cites it."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

TABLE: dict[str, dict[str, str]] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
IMPOSSIBLE = TABLE.pop("SOAP cannot carry")
REASONS = TABLE.pop("no story")
KEYS = TABLE.pop("keys")
"""Configuration keys with the access that this station gives."""
RULES = {id: title for section in TABLE.values() for id, title in section.items()}
MOST = 3


def rule(*ids: str) -> pytest.MarkDecorator:
    """The behaviour that a story covers, by the ids of the rules, or by configuration keys."""
    unknown = [id for id in ids if id not in (RULES.keys() - IMPOSSIBLE.keys()) | KEYS.keys()]
    if unknown or not 1 <= len(ids) <= MOST:
        raise ValueError(f"one to {MOST} ids of tests/rules.toml are wanted, got {ids}")
    return pytest.mark.rule(*ids)


def cited(item: Any) -> list[str]:
    """What a collected story cites."""
    return [id for mark in item.iter_markers("rule") for id in mark.args]
