"""Starting the interlock process: isolated, in a session of its own, holding only its sockets."""

import secrets
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from hal.evse.fake import FakeOptions
from hal.interlock import channel
from hal.interlock.process import Setup
from hal.ports import EvseSpec, HalError

# -I keeps the current folder and PYTHON* variables out of the search path, so the folder this
# package lies in is passed. The signals a terminal or a supervisor sends to all are ignored before
# anything else: only the firmware's letting go ends the interlock.
_BOOTSTRAP = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sys.path.insert(0, sys.argv[1])
from hal.interlock.process import main
main(sys.argv[2])
"""
_ROOT = Path(__file__).resolve().parents[2]
END_S = 0.4


class Launched:
    """A running interlock and the firmware's ends of its sockets."""

    def __init__(self, evses: Sequence[EvseSpec], options: FakeOptions, state_dir: Path) -> None:
        self.nonce = secrets.randbits(64)
        self.leases, lease_end = channel.pair()
        self.bench, bench_end = channel.pair()
        ends = (lease_end.fileno(), bench_end.fileno())
        setup = Setup(self.nonce, *ends, tuple(evses), options, str(state_dir.resolve()))
        with lease_end, bench_end:
            self.process = _start(setup, ends)

    def how_it_ended(self) -> str:
        """Its exit status in words, if it has ended."""
        status = self.process.poll()
        return "" if status is None else f" with status {status}"

    def end(self) -> None:
        """Let go: the interlock sees it, opens and ends; one that does not is killed."""
        self.leases.close()
        self.bench.close()
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _start(setup: Setup, ends: tuple[int, int]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-c", _BOOTSTRAP]
    command += [str(_ROOT), msgspec.json.encode(setup).decode()]
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=ends,
            close_fds=True,
            start_new_session=True,
        )
    except OSError as problem:
        raise HalError(f"the interlock cannot be started: {problem}") from problem
