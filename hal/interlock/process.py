"""The interlock process: one loop between the lease channel, the rules and the fake EVSEs.

Nothing in the loop blocks: the sockets are polled, and what goes to disk goes through the recorder.
It ends when the firmware's end of the lease channel closes, with every contactor open.
"""

import fcntl
import os
import select
import socket
import sys
import time
from pathlib import Path

import msgspec

from hal.evse.fake import FakeEvse, FakeOptions
from hal.evse.verbs import Ask, ReadMeter, ReadState, Reply
from hal.evse.world import World
from hal.interlock import channel, rules
from hal.interlock.record import Recorder, load_registers
from hal.ports import EvseReport, EvseSpec

REPORT_S = 0.5
KEEP_S = 0.5
"""How often the registers are kept on disk while energy flows."""
BUSY_S = 0.01
IDLE_S = 0.05
OPENING_S = 0.5
"""How long a contactor is waited for at the end."""
PREDECESSOR_S = 3.0
"""How long an interlock still at work in the same folder is waited for at the start."""


class Setup(msgspec.Struct, frozen=True):
    """What the starter passes on the command line, as JSON; the descriptors are inherited."""

    nonce: int
    lease_fd: int
    bench_fd: int
    evses: tuple[EvseSpec, ...]
    options: FakeOptions
    state_dir: str


class Interlock:
    """The loop and what it holds."""

    def __init__(self, setup: Setup, now: float) -> None:
        folder = Path(setup.state_dir)
        kept = load_registers(folder)
        self.world = World(
            FakeEvse(spec, setup.options, kept.get(spec.id, 0.0), now) for spec in setup.evses
        )
        self.states = {spec.id: rules.State(spec) for spec in setup.evses}
        self.leases = dict.fromkeys(self.states, rules.Lease())
        self.recorder = Recorder(folder, setup.nonce)
        self._nonce = setup.nonce
        self._lease_end = socket.socket(fileno=setup.lease_fd)
        self._bench_end = socket.socket(fileno=setup.bench_fd)
        self._poll = select.poll()
        self._poll.register(self._lease_end, select.POLLIN)
        self._poll.register(self._bench_end, select.POLLIN)
        self._lease_sequence = self._report_sequence = -1
        self._let_go: float | None = None
        self._sent: dict[int, EvseReport] = {}
        self._report_due = self._keep_due = now
        self._kept = self.world.registers
        self._noted = dict.fromkeys(self.states, False)
        self._decoder = msgspec.json.Decoder(Ask)

    def run(self) -> None:
        self.recorder.start()
        try:
            while not self._ended(time.monotonic()):
                self._poll.poll(1000 * (BUSY_S if self.world.busy else IDLE_S))
                self.turn(time.monotonic())
        finally:
            self.recorder.registers(self.world.registers)
            self.recorder.finish(timeout_s=1.0)

    def turn(self, now: float) -> None:
        """Take what came, let the world go on, apply the rules, then tell."""
        if self._let_go is None:
            self._take_leases(now)
        replies = [(ask, self.world.carry_out(ask, now)) for ask in self._asks()]
        self.world.advance(now)
        for evse in self.states:
            self._apply_rules(evse, now)
        self._report(now)
        self._keep_registers(now)
        for ask, reply in replies:
            self._answer(ask, reply)

    def _ended(self, now: float) -> bool:
        if self._let_go is None:
            return False
        all_open = not any(state.seen.contact for state in self.states.values())
        return all_open or now - self._let_go > OPENING_S

    # --- leases in ----------------------------------------------------------------------------

    def _take_leases(self, now: float) -> None:
        """Drain to the newest lease of each EVSE; whatever is wrong withdraws all of them."""
        for data in channel.received(self._lease_end):
            try:
                self._take_lease(data, now)
            except channel.BadFrame as bad:
                self._withdraw(f"bad lease: {bad}")

    def _take_lease(self, data: bytes | None, now: float) -> None:
        if data is None:
            self._poll.unregister(self._lease_end)
            self._let_go = now
            self._withdraw("lease channel closed")
            return
        frame = channel.decode_lease(data, self._nonce)
        if frame.sequence <= self._lease_sequence or frame.evse not in self.leases:
            raise channel.BadFrame("an old sequence number or an unknown EVSE")
        self._lease_sequence = frame.sequence
        expires = min(frame.expires, now + rules.LEASE_S)
        self.leases[frame.evse] = rules.Lease(frame.limit_a, frame.lock, expires)

    def _withdraw(self, why: str) -> None:
        self.leases = dict.fromkeys(self.leases, rules.Lease(ended=why))

    # --- rules --------------------------------------------------------------------------------

    def _apply_rules(self, evse: int, now: float) -> None:
        was, fake = self.states[evse], self.world.evses[evse]
        state = rules.step(was, fake.seen(), self.leases[evse], now)
        fake.drive(state.out, now)
        self.states[evse] = state
        if state.seen.contact != self._noted[evse]:
            self._note_contact(state)

    def _note_contact(self, state: rules.State) -> None:
        lost = state.out.close and not state.seen.contact
        because = "contact lost" if lost else state.because
        self.recorder.contact(state.spec.id, state.seen.contact, because)
        self._noted[state.spec.id] = state.seen.contact
        self._keep_due = -1.0  # an opening keeps the register at once

    # --- reports and replies out --------------------------------------------------------------

    def _report(self, now: float) -> None:
        """Every REPORT_S all of them, in between what changed."""
        everything = now >= self._report_due
        if everything:
            self._report_due = now + REPORT_S
        for evse, state in self.states.items():
            report = state.report
            if everything or report != self._sent.get(evse):
                self._sent[evse] = report
                self._report_sequence += 1
                data = channel.encode_report(report, self._report_sequence, self._nonce)
                _send(self._lease_end, data)

    def _asks(self) -> list[Ask]:
        asks = []
        for data in channel.received(self._bench_end) if self._bench_end.fileno() >= 0 else ():
            if data is None:
                self._poll.unregister(self._bench_end)
                self._bench_end.close()
            else:
                asks.append(self._decoder.decode(data))
        return asks

    def _answer(self, ask: Ask, reply: Reply) -> None:
        if reply.status is None and isinstance(ask.request, ReadMeter):
            reading = self.world.evses[ask.request.evse].reading()
            reply = msgspec.structs.replace(reply, reading=reading)
        elif isinstance(ask.request, ReadState):
            evses = self.world.state({evse: state.report for evse, state in self.states.items()})
            reply = msgspec.structs.replace(reply, evses=evses)
        _send(self._bench_end, msgspec.json.encode(reply))

    def _keep_registers(self, now: float) -> None:
        if now >= self._keep_due and self.world.registers != self._kept:
            self._keep_due = now + KEEP_S
            self._kept = self.world.registers
            self.recorder.registers(self._kept)


def _send(end: socket.socket, data: bytes) -> None:
    """Send or drop: a peer that does not read must not hold the loop."""
    try:
        end.send(data)
    except OSError:
        return


def hold(folder: Path) -> int:
    """Wait until the one before has opened and kept its registers, then hold the folder; the lock
    file says who does. Returns its descriptor, which must stay open."""
    lock = os.open(folder / "interlock.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + PREDECESSOR_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                sys.exit(f"interlock: another interlock is at work in {folder}: stop it first")
            time.sleep(BUSY_S)
        else:
            os.ftruncate(lock, 0)
            os.write(lock, f"{os.getpid()}\n".encode())
            return lock


def main(setup: str) -> None:
    """Run until the firmware lets go. `setup` is a Setup as JSON."""
    given = msgspec.json.decode(setup, type=Setup)
    hold(Path(given.state_dir))
    Interlock(given, time.monotonic()).run()
