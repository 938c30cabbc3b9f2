"""The link: tells the central system what the station has to say, one message at a time.

History is told from the journal, strictly in order, until each fact is settled. Talk lives in
memory and may overtake it. While there is no connection statuses are not queued: afterwards the
present ones are told where they differ from what was told last (R16-151).
"""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from firmware.core.settings import Settings
from firmware.dialects import v16
from firmware.dialects.times import from_utc
from firmware.events import (
    Asked,
    Booted,
    ClockLearned,
    LinkChanged,
    Outcome,
    Registration,
    Undelivered,
    Verdict,
)
from firmware.facts import AuthorizationAsked, BootAsked, HeartbeatAsked, StatusChanged, Talk
from firmware.shell.clock import Clock
from firmware.shell.desk import Desk
from firmware.shell.history import History
from firmware.shell.inbox import Inbox
from firmware.shell.statuses import Statuses
from firmware.shell.supervisor import Pulse
from firmware.shell.watchers import Heartbeat
from ocpp.http import Refused, Unreachable
from ocpp.message import Message
from ocpp.v16 import BootNotificationRequest, BootNotificationResponse, HeartbeatResponse

log = logging.getLogger("pilotwire.link")

BACK_OFF_S = 1.0
LONGEST_BACK_OFF_S = 30.0
DEFAULT_INTERVAL_S = 60
"""Between boots where the answer names no interval (R16-022)."""
TALK_CAPACITY = 1000


class Caller(Protocol):
    """A transport as the link sees it: one call at a time."""

    def call(
        self, message: Message, *, message_id: str | None = None, timeout_s: float | None = None
    ) -> Message: ...
    def close(self) -> None: ...


class Problem(msgspec.Struct, frozen=True):
    """Why there is no connection, in words that a person can act on."""

    reason: str
    hint: str


class Link:
    """Body and mailbox of the link thread: `say`, `stored`, `hold` and `stop` are for others."""

    def __init__(
        self,
        connect: Callable[[], Caller],
        boot: BootNotificationRequest,
        history: History,
        inbox: Inbox,
        clock: Clock,
        desk: Desk,
        heartbeat: Heartbeat,
    ) -> None:
        self.settings = Settings()
        self.registration: Registration = "None"
        self.problem: Problem | None = None
        self.up = False
        self.held = False
        self._connect = connect
        self._caller: Caller | None = None
        self._boot_message = boot
        self._history = history
        self._inbox = inbox
        self._clock = clock
        self._desk = desk
        self._heartbeat = heartbeat
        self._corrections: dict[int, float] = {}
        self._changed = threading.Condition()
        self._stopping = False
        self._talk: deque[Talk] = deque(maxlen=TALK_CAPACITY)
        self._statuses = Statuses()
        self._try_at = 0.0
        self._back_off = BACK_OFF_S

    # --- for the other threads -------------------------------------------------------------------

    def say(self, fact: Talk) -> None:
        """From the station: what it rests on is stored."""
        with self._changed:
            if isinstance(fact, BootAsked):
                self._try_at = 0.0
            elif self._ripe(fact) and self._may_tell(fact):
                self._talk.append(fact)
            else:
                self._give_up(fact)
            self._changed.notify()

    def _ripe(self, fact: Talk) -> bool:
        if not isinstance(fact, StatusChanged) or fact.asked:
            return True
        return self._statuses.changed(fact, self.settings.minimum_status_duration)

    def stored(self) -> None:
        """From the journal: something was committed."""
        with self._changed:
            self._history.look()
            self._changed.notify()

    def hold(self, held: bool) -> None:
        """Cut the connection and keep it cut, or let it come back at once."""
        with self._changed:
            self.held = held
            self._try_at, self._back_off = 0.0, BACK_OFF_S
            self._changed.notify()
        if held:
            self._hang_up()

    def reboot(self) -> None:
        """After a reset: register anew, and tell every status anew."""
        with self._changed:
            self.registration, self._try_at = "None", 0.0
            self._drop_talk()
            self._changed.notify()

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._hang_up()

    def _hang_up(self) -> None:
        """What is under way ends now; a caller once closed is of no more use."""
        with self._changed:
            caller, self._caller = self._caller, None
        if caller is not None:
            caller.close()

    # --- the thread ------------------------------------------------------------------------------

    def run(self, pulse: Pulse) -> None:
        self._history.look()  # a thread before this one may have died over it
        while not self._stopping:
            with self._changed:
                job, wait_s = self._next()
                if job is None:
                    self._changed.wait(wait_s)
                    continue
            with pulse:
                job()

    def _next(self) -> tuple[Callable[[], None] | None, float | None]:
        """What to do now, or how long nothing is to be done (None = until something changes)."""
        now = time.monotonic()
        if self._stopping:
            return None, 0.0
        if self.held:
            return (self._cut, None) if self.up else (None, None)
        if self.registration == "Pending" and self._talk:
            return self._tell, None
        if self.registration != "Accepted" or not self.up:
            if now < self._try_at:
                return None, self._try_at - now
            return (self._probe if self.registration == "Accepted" else self._boot), None
        self._talk.extend(self._statuses.settled())
        if self._talk:
            return self._tell, None
        due_s, status_s = self._history.due_in(), self._statuses.due_in()
        if due_s == 0:
            return self._tell_history, None
        return None, min((s for s in (due_s, status_s) if s is not None), default=None)

    def _may_tell(self, fact: Talk) -> bool:
        """While Pending only what the central system asked for (R16-024)."""
        if self.registration == "Pending":
            return not isinstance(fact, AuthorizationAsked | StatusChanged) or (
                isinstance(fact, StatusChanged) and fact.asked
            )
        return self.up and self.registration == "Accepted" and not self.held

    def _give_up(self, fact: Talk) -> None:
        if isinstance(fact, AuthorizationAsked):
            self._inbox.put_urgent(Asked(fact, Undelivered()))

    # --- registration and connection -------------------------------------------------------------

    def _boot(self) -> None:
        try:
            response = self._exchange(self._boot_message)
        except (Refused, Unreachable) as error:
            self._lost(error)
            return
        assert isinstance(response, BootNotificationResponse)
        self._learn(from_utc(response.current_time))
        interval = response.interval if response.interval > 0 else DEFAULT_INTERVAL_S
        with self._changed:
            self.registration = response.status
            self._try_at = time.monotonic() + interval if response.status != "Accepted" else 0.0
            self._statuses.forget()
        self._connected()
        self._inbox.put_urgent(Booted(response.status, response.interval))
        self._note_registration(response, interval)

    def _note_registration(self, response: BootNotificationResponse, interval: int) -> None:
        if response.status == "Accepted":
            log.info("central system: accepted, heartbeat every %d s", response.interval)
            return
        hint = f"asks again in {interval} s; accept the station at the central system"
        self.problem = Problem(response.status.lower(), hint)
        log.warning("central system: registration %s, %s", response.status.lower(), hint)

    def _probe(self) -> None:
        """Is the central system back? A heartbeat tells, and brings the time."""
        try:
            self._beat()
        except (Refused, Unreachable) as error:
            if not self._expelled(error):
                self._lost(error)
        else:
            log.info("central system: answers again")
            self._connected()

    def _answers(self, error: Refused | Unreachable) -> bool:
        """Lost connection, or a message it cannot digest? A heartbeat tells (ES 3.2)."""
        try:
            self._beat()
        except (Refused, Unreachable) as silence:
            if not self._expelled(silence):
                self._lost(error)
            return False
        return True

    def _beat(self) -> None:
        response = self._exchange(v16.request(HeartbeatAsked(), v16.Ledger()))
        assert isinstance(response, HeartbeatResponse)
        self._learn(from_utc(response.current_time))

    def _exchange(self, message: Message, message_id: str | None = None) -> Message:
        self._desk.wait_replied()
        with self._changed:
            if self.held or self._stopping:
                raise Unreachable("stopped", "the connection is cut from this end")
            caller = self._caller = self._caller or self._connect()
        response = caller.call(
            message, message_id=message_id, timeout_s=float(self.settings.message_timeout)
        )
        self._heartbeat.sent()
        return response

    def _connected(self) -> None:
        with self._changed:
            self.up, self.problem, self._back_off = True, None, BACK_OFF_S
            if self.registration == "Accepted":
                self._history.look()
                self._talk.extend(self._statuses.untold())
        self._inbox.put_urgent(LinkChanged(up=True))

    def _lost(self, error: Refused | Unreachable) -> None:
        if self.held or self._stopping:
            self._cut()
            return
        wait_s = self._back_off * random.uniform(0.8, 1.2)
        problem = Problem(error.reason, error.hint)
        if problem != self.problem:
            log.warning("central system: %s: %s", error.reason, error.hint)
        self.problem = problem
        self._cut()
        with self._changed:
            self._try_at = max(self._try_at, time.monotonic() + wait_s)  # R16-022
            self._back_off = min(self._back_off * 2, LONGEST_BACK_OFF_S)

    def _cut(self) -> None:
        """No connection: nobody waits for an answer that will not come."""
        with self._changed:
            self.up = False
            self._drop_talk()
        self._inbox.put_urgent(LinkChanged(up=False))

    def _drop_talk(self) -> None:
        for fact in self._talk:
            self._give_up(fact)
        self._talk.clear()

    def _learn(self, wall: float) -> None:
        offset = self._clock.learn(wall)
        if offset is not None:
            self._corrections[self._clock.boot] = offset
            self._inbox.put_urgent(ClockLearned(offset))

    # --- talk ------------------------------------------------------------------------------------

    def _tell(self) -> None:
        with self._changed:
            if not self._talk:
                return
            fact = self._talk[0]
        outcome: Outcome = Undelivered()
        try:
            outcome = self._tell_one(fact)
        except Refused as error:
            log.warning("%s refused: %s", type(fact).__name__, error.hint)
            if self._expelled(error) or not self._reached(error):
                return
        except Unreachable as error:
            self._lost(error)  # gives up this fact with the others
            return
        with self._changed:
            if self._talk and self._talk[0] is fact:
                self._talk.popleft()
        if isinstance(fact, StatusChanged):
            self._statuses.told(fact)
        elif isinstance(fact, AuthorizationAsked) and isinstance(outcome, Verdict | Undelivered):
            self._inbox.put_urgent(Asked(fact, outcome))

    def _tell_one(self, fact: Talk) -> Outcome:
        if isinstance(fact, HeartbeatAsked):
            self._beat()
            return Undelivered()
        try:
            message = v16.request(
                fact, v16.Ledger(None, self._corrections.get(self._clock.boot, 0.0))
            )
            response = self._exchange(message)
        except ValueError as error:
            log.error("cannot be told: %s", error)
            return Verdict("Invalid")
        return v16.answer(response, self._clock.now().wall)

    def _reached(self, error: Refused) -> bool:
        """An HTTP error may come from a proxy with nothing behind it. While Pending it cannot be
        found out: a heartbeat is not for us to send (R16-024)."""
        return error.fault is not None or self.registration != "Accepted" or self._answers(error)

    def _expelled(self, error: Refused | Unreachable) -> bool:
        """A central system that does not know us any more wants a new BootNotification."""
        fault = error.fault if isinstance(error, Refused) else None
        if fault is None or fault.subcode != "SecurityError" or self.registration != "Accepted":
            return False
        log.warning("central system: not registered any more, booting again")
        with self._changed:
            self.registration = "None"
            self._try_at = time.monotonic() + self._back_off
        self._cut()
        self._inbox.put_urgent(Booted("None", 0))
        return True

    # --- history ------------------------------------------------------------------------------

    def _tell_history(self) -> None:
        tale = self._history.next()
        if tale is None:
            return  # the journal wakes us when there is more
        row = tale.row
        try:
            response = self._exchange(tale.message, tale.message_id)
        except Refused as error:
            if self._expelled(error) or not self._reached(error):
                self._history.again()
            else:
                self._history.failed(row, self.settings, error.hint)
        except Unreachable as error:
            if self._answers(error):
                self._history.failed(row, self.settings, error.hint)
            else:
                self._history.again()
        except ValueError as error:
            self._history.unspeakable(row, error)
        else:
            self._history.settle(row, v16.answer(response, self._clock.now().wall))

    def view(self) -> Mapping[str, object]:
        """For the page."""
        return {
            "link": "held" if self.held else "up" if self.up else "down",
            "registration": "none" if self.registration == "None" else self.registration,
            "problem": None if self.problem is None else msgspec.to_builtins(self.problem),
        }
