"""Fixtures of the shell's tests."""

import pytest

from .central import World, accepted_world


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A link that has not called yet."""
    return World(monkeypatch)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> World:
    """A link whose station is accepted, with nothing left to tell."""
    return accepted_world(monkeypatch)
