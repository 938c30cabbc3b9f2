"""The interlock's own record of every opening and closing, and the registers it keeps, on disk.

A thread of its own writes, so that a slow disk never delays the loop that watches the pilot: the
loop leaves what is to be written and goes on. Of the registers only the newest are worth writing.
"""

import json
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

RECORD = "interlock.jsonl"
REGISTERS = "fake-registers.json"
MAX_BYTES = 1_000_000
"""A longer record is put aside once, replacing the one put aside before."""
_MAX_WAITING = 1000


class Recorder(threading.Thread):
    """Writes lines and registers until `finish`."""

    def __init__(self, folder: Path, nonce: int) -> None:
        super().__init__(name="record", daemon=True)
        self._folder = folder
        self._boot = f"{nonce:016x}"
        self._lines: deque[str] = deque(maxlen=_MAX_WAITING)
        self._registers: dict[int, float] | None = None
        self._finished = False
        self._changed = threading.Condition()

    def contact(self, evse: int, closed: bool, reason: str) -> None:
        """Note that a contact was seen to close or open now."""
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "monotonic": round(time.monotonic(), 4),
            "boot": self._boot,
            "evse": evse,
            "event": "close" if closed else "open",
            "reason": reason,
        }
        with self._changed:
            self._lines.append(json.dumps(line) + "\n")
            self._changed.notify()

    def registers(self, registers: Mapping[int, float]) -> None:
        """Keep these energy registers, Wh."""
        with self._changed:
            self._registers = dict(registers)
            self._changed.notify()

    def finish(self, timeout_s: float) -> None:
        """Write what waits, for at most `timeout_s`."""
        with self._changed:
            self._finished = True
            self._changed.notify()
        self.join(timeout_s)

    def run(self) -> None:
        finished = False
        while not finished:
            with self._changed:
                self._changed.wait_for(self._has_work)
                lines, registers, finished = list(self._lines), self._registers, self._finished
                self._lines.clear()
                self._registers = None
            try:
                self._write(lines, registers)
            except OSError as problem:
                print(f"interlock: cannot write in {self._folder}: {problem}", file=sys.stderr)

    def _has_work(self) -> bool:
        return bool(self._lines) or self._registers is not None or self._finished

    def _write(self, lines: list[str], registers: Mapping[int, float] | None) -> None:
        if lines:
            append(self._folder / RECORD, "".join(lines))
        if registers is not None:
            draft = self._folder / f"{REGISTERS}.new"
            draft.write_text(json.dumps(registers))
            os.replace(draft, self._folder / REGISTERS)


def append(path: Path, text: str, max_bytes: int = MAX_BYTES) -> None:
    """Append to a file that is put aside as `.1` when it has grown to `max_bytes`."""
    if path.exists() and path.stat().st_size >= max_bytes:
        os.replace(path, path.with_name(f"{path.name}.1"))
    with path.open("a") as file:
        file.write(text)


def load_registers(folder: Path) -> dict[int, float]:
    """The registers as last kept, Wh; none where there is no readable file."""
    path = folder / REGISTERS
    try:
        kept = json.loads(path.read_text())
        return {int(evse): float(wh) for evse, wh in kept.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError) as problem:
        print(f"interlock: {path} is unreadable, meters begin at 0: {problem}", file=sys.stderr)
        return {}
