"""A process that the figures measure, or measure with: told how many, it answers with figures."""

import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

PATIENCE_S = 10.0
DISK = Path(__file__).parents[2] / ".cache"


def disk_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder beside the tree: the system's own may be in memory, where no disk is waited for."""
    DISK.mkdir(exist_ok=True)
    return tempfile.TemporaryDirectory(dir=DISK)


class Process:
    """Ends when its stdin does, which leaving the context brings about."""

    def __init__(self, *command: object) -> None:
        self._process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        """Raises RuntimeError where the process has ended instead."""
        assert self._process.stdout is not None
        if text := self._process.stdout.readline().strip():
            return text
        raise RuntimeError(f"{self._process.args!r} ended with status {self._process.wait()}")

    def ask(self, count: int) -> list[float]:
        """The figures for that many exchanges."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{count}\n")
        self._process.stdin.flush()
        return [float(word) for word in self.line().split()]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(PATIENCE_S)
        finally:
            self._process.kill()
            self._process.stdout.close()
