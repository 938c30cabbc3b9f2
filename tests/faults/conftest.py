"""The world of the stories, for what is done to it here."""

from ..stories.conftest import world

__all__ = ["world"]
