"""A foreign peer's process: commands go in as words, what it tells comes out as lines of JSON."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from xml.etree import ElementTree

import msgspec

from ocpp.message import Message

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pilotwire-interop"
"""Where peers are built: none of it is ours to commit or to ship."""

PATIENCE_S = 30.0
CARD, REFUSED_CARD = "04A1B2C3D4E580", "DEADBEEF"


def run(folder: Path, *command: str) -> str:
    """What a tool prints. Raises RuntimeError with all it said if it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(
            f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
        )
    return done.stdout


class Told:
    """One line the peer told: a message it heard, an answer it had, or a fault."""

    def __init__(self, line: dict[str, str]) -> None:
        self.line = line
        self.message = ElementTree.fromstring(line["message"]) if "message" in line else None

    def __getitem__(self, path: str) -> str | None:
        """Return the text at this path of element names ("idTagInfo/status"), None if absent."""
        assert self.message is not None, self.line
        return self.message.findtext("/".join(f"{{*}}{name}" for name in path.split("/")))

    def all(self, path: str) -> list[str | None]:
        """Return the texts of all elements at this path, in order."""
        assert self.message is not None, self.line
        found = self.message.findall("/".join(f"{{*}}{name}" for name in path.split("/")))
        return [element.text for element in found]

    @property
    def leaves(self) -> list[tuple[str, str]]:
        """The elements that hold text and not others, by name, in order."""
        assert self.message is not None, self.line
        leaves = [
            each for each in self.message.iter() if each is not self.message and not len(each)
        ]
        return [(leaf.tag.rpartition("}")[2], leaf.text or "") for leaf in leaves]

    def __repr__(self) -> str:
        said = {key: text for key, text in self.line.items() if key != "message"}
        return f"Told({said}, {self.leaves if self.message is not None else None})"


def leaves_of(message: Message) -> list[tuple[str, str]]:
    """What `Told.leaves` is of a peer that heard all of this message."""
    return list(_leaves(msgspec.to_builtins(message)))


def _leaves(plain: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(plain, dict):
        for key, value in plain.items():
            yield from _leaves(value, key)
    elif isinstance(plain, list | tuple):
        for value in plain:
            yield from _leaves(value, name)
    else:
        yield name, str(plain)


def operation_of(message: Message) -> str:
    return type(message).__name__.removesuffix("Request")


class Peer:
    """The peer's process: commands go in as words, what it tells is kept until it is asked for."""

    def __init__(self, command: Sequence[str], *arguments: object) -> None:
        self._process = subprocess.Popen(
            [*command, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._told: list[Told] = []
        self._changed = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, name="peer", daemon=True)
        self._reader.start()
        self.url = self.take("ready").line["ready"]

    def command(self, *words: object) -> Told:
        """Have the peer make one call; return the answer it had, or the fault."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        return self.take("answer")

    def heard(self, operation: str, **fields: str) -> Told:
        """Return the oldest message of this operation with these fields not yet taken."""
        return self.take("heard", operation, fields)

    def take(
        self, kind: str, value: str | None = None, fields: Mapping[str, str] | None = None
    ) -> Told:
        """Wait for the oldest line of this kind with this value and these fields, and take it."""

        def wanted(told: Told) -> bool:
            if kind not in told.line or value not in (None, told.line[kind]):
                return False
            return all(told[name] == text for name, text in (fields or {}).items())

        with self._changed:
            self._changed.wait_for(lambda: self._ended or any(map(wanted, self._told)), PATIENCE_S)
            for told in filter(wanted, self._told):
                self._told.remove(told)
                return told
            raise AssertionError(f"no {kind} {value} {fields}, only {self._told}")

    def told(self, kind: str) -> list[Told]:
        """Return all lines of this kind that nobody has taken yet, without taking them."""
        with self._changed:
            return [told for told in self._told if kind in told.line]

    def close(self) -> None:
        """End the peer by closing its stdin."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(PATIENCE_S)
        finally:
            self._process.kill()
            self._reader.join(PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                with self._changed:
                    self._told.append(Told(json.loads(line)))
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()
