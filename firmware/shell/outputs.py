"""Where the station thread hands on what follows from an event: nothing here waits."""

import logging
from collections.abc import Callable

from firmware.core.connector import Permit
from firmware.core.state import Durable, Station
from firmware.facts import OrderAnswered, RestartDue, StatusChanged, Talk
from firmware.shell.desk import Desk
from firmware.shell.journal import Batch, Journal
from firmware.shell.link import Link
from firmware.shell.telling import describe
from firmware.shell.view import View
from firmware.shell.watchers import EvseWatcher, Heartbeat

log = logging.getLogger("pilotwire.station")


class Wires:
    """`loop.Outputs` for a running station."""

    def __init__(
        self,
        journal: Journal,
        evses: EvseWatcher,
        link: Link,
        desk: Desk,
        heartbeat: Heartbeat,
        view: View,
        stored: Callable[[], Durable],
        restart: Callable[[RestartDue], None],
    ) -> None:
        self._journal = journal
        self._evses = evses
        self._link = link
        self._desk = desk
        self._heartbeat = heartbeat
        self._view = view
        self._stored = stored
        self.restart = restart

    def want(self, evse: int, permit: Permit | None, lock: bool) -> None:
        self._evses.want(evse, permit, lock)

    def store(self, batch: Batch) -> None:
        for fact in batch.facts:
            log.info("%s", describe(fact))
        self._journal.hand_over(batch)

    def say(self, fact: Talk) -> None:
        if isinstance(fact, StatusChanged) and not fact.asked:
            log.info("%s", describe(fact))
        self._link.say(fact)

    def answer(self, answered: OrderAnswered) -> None:
        self._desk.answer(answered)

    def changed(self, state: Station) -> None:
        self._link.settings = state.settings
        accepted = state.registration == "Accepted"
        self._heartbeat.every(state.settings.heartbeat_interval if accepted else None)
        self._view.publish(state, self._stored)
