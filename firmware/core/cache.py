"""The authorisation cache: what the central system has said of cards, for when it cannot be asked.

Kept newest last, so that the oldest is first to go (16 §3.5.1).
"""

from typing import Literal

import msgspec

from firmware.core.cards import same
from firmware.events import Verdict

CAPACITY = 1000
CardStatus = Literal["Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"]


class Entry(msgspec.Struct, frozen=True):
    """A card as the central system last spoke of it."""

    token: str
    status: CardStatus
    parent: str | None = None
    expires: float | None = None
    """UTC seconds since 1970; None = never."""

    def verdict(self, wall: float) -> Verdict:
        """What it is worth now: an accepted entry expires by time (R16-057, R16-058)."""
        expired = self.expires is not None and self.expires <= wall
        status = "Expired" if expired and self.status == "Accepted" else self.status
        return Verdict(status, self.parent, self.expires)


Cache = tuple[Entry, ...]


def find(cache: Cache, token: str) -> Entry | None:
    return next((entry for entry in reversed(cache) if same(entry.token, token)), None)


def learn(cache: Cache, token: str, verdict: Verdict, wall: float) -> Cache:
    """Take over what was answered for a card, valid or not (R16-057). Unchanged knowledge leaves
    the cache as it is, which spares the flash."""
    entry = Entry(token, verdict.status, verdict.parent, verdict.expires)
    if find(cache, token) == entry:
        return cache
    others = tuple(e for e in cache if not same(e.token, token))
    return (*_with_room(others, wall), entry)


def _with_room(cache: Cache, wall: float) -> Cache:
    """Invalid entries go first, then the oldest valid one."""
    if len(cache) < CAPACITY:
        return cache
    victim = next((e for e in cache if not e.verdict(wall).accepted), cache[0])
    return tuple(e for e in cache if e is not victim)
