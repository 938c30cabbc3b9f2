"""The statuses of a station as the central system knows them: present, told, and still settling."""

import time

from firmware.facts import StatusChanged

Shown = tuple[object, ...]


class Statuses:
    """Which status is to be told. For callers who hold the link's lock."""

    def __init__(self) -> None:
        self._present: dict[int, StatusChanged] = {}
        self._told: dict[int, Shown] = {}
        self._settled_at: dict[int, float] = {}

    def changed(self, fact: StatusChanged, minimum_s: float) -> bool:
        """Note the present status; True if it is to be told now. One that lasts less than
        `minimum_s` (MinimumStatusDuration) may be left out (R16-150)."""
        self._present[fact.evse] = fact
        if minimum_s <= 0:
            return True
        self._settled_at[fact.evse] = time.monotonic() + minimum_s
        return False

    def due_in(self) -> float | None:
        """Seconds until a status has lasted long enough; None = none is waited for."""
        if not self._settled_at:
            return None
        return max(min(self._settled_at.values()) - time.monotonic(), 0.0)

    def settled(self) -> list[StatusChanged]:
        """Those that have lasted long enough, and differ from what was told."""
        now = time.monotonic()
        over = [evse for evse, at in self._settled_at.items() if at <= now]
        for evse in over:
            del self._settled_at[evse]
        return [fact for fact in self.untold() if fact.evse in over]

    def untold(self) -> list[StatusChanged]:
        """What the central system does not know yet, the station itself first."""
        facts = (self._present[evse] for evse in sorted(self._present))
        return [
            fact
            for fact in facts
            if self._told.get(fact.evse) != _shown(fact) and fact.evse not in self._settled_at
        ]

    def told(self, fact: StatusChanged) -> None:
        self._told[fact.evse] = _shown(fact)

    def forget(self) -> None:
        """A central system that accepted us anew knows none of them (R16-027)."""
        self._told.clear()


def _shown(fact: StatusChanged) -> Shown:
    return fact.status, fact.fault, fact.info
