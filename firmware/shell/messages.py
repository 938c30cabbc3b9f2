"""The last messages both ways, request and answer together, without secrets and card numbers."""

import itertools
import re
import threading
import time
from collections import deque
from collections.abc import Collection
from typing import Literal

import msgspec

from firmware.shell.telling import masked
from ocpp.http import Exchanged

Direction = Literal["in", "out"]

KEPT = 1000
KEPT_CHARACTERS = 4_000_000
"""So that messages of the greatest size do not take up the memory."""
MOST_CARDS = 50
"""Of a message's cards so many are looked for in what is said besides."""

# Every repetition is bounded or ends at the next tag: a hostile message must not cost seconds.
_TEXT = r"([^<]*)"
_CARD = re.compile(rf"(<(?:[\w.-]+:)?(?:idTag|parentIdTag)(?:\s[^>]*)?>){_TEXT}")
_KEY = r"<(?:[\w.-]+:)?key>[^<]{0,60}(?:password|authorizationkey)[^<]{0,60}</[^>]*>\s*"
_SECRET = re.compile(
    rf"({_KEY}(?:<(?:[\w.-]+:)?readonly(?:\s[^>]*)?>[^<]*</[^>]*>\s*)?<(?:[\w.-]+:)?value(?:\s[^>]*)?>"
    rf"|<(?:[\w.-]+:)?\w*(?:password|authorization|secret)\w*(?:\s[^>]*)?>){_TEXT}",
    re.IGNORECASE,
)
_FAULT = re.compile(r"<(?:[\w.-]+:)?Value(?:\s[^>]*)?>\s*(?:[\w.-]+:)?(\w+)\s*<")


class Message(msgspec.Struct, frozen=True):
    """One exchange, as it may be shown."""

    number: int
    time: float
    """UTC s, of its end."""
    direction: Direction
    action: str
    outcome: str
    ok: bool
    ms: float
    request: str
    response: str

    def matches(self, direction: str, action: str, text: str) -> bool:
        """Whether a filter lets it pass; an empty one lets all pass."""
        words = f"{self.action} {self.outcome} {self.request} {self.response}".casefold()
        return (
            direction in ("", self.direction)
            and action.casefold() in ("", self.action.casefold())
            and text.casefold() in words
        )


class Messages:
    """Written by the link and by the threads of the SOAP server, read by the page."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._kept: deque[Message] = deque(maxlen=KEPT)
        self._characters = 0
        self.counts: dict[tuple[Direction, str, bool], int] = {}
        """How many there were, by direction, action and success."""

    def sent(self, exchanged: Exchanged) -> None:
        self._add("out", exchanged)

    def received(self, exchanged: Exchanged) -> None:
        self._add("in", exchanged)

    def _add(self, direction: Direction, exchanged: Exchanged) -> None:
        request, response = clean(exchanged.request, exchanged.response)
        message = Message(
            number=next(self._numbers),
            time=time.time(),
            direction=direction,
            action=exchanged.operation or "unreadable",
            outcome=_outcome(exchanged.status, response),
            ok=exchanged.status == 200,  # noqa: PLR2004 (HTTP)
            ms=round(exchanged.seconds * 1000, 1),
            request=request,
            response=response,
        )
        with self._lock:
            self._keep(message)

    def _keep(self, message: Message) -> None:
        which = (message.direction, message.action, message.ok)
        self.counts[which] = self.counts.get(which, 0) + 1
        if len(self._kept) == KEPT:
            self._characters -= _size(self._kept[0])
        self._kept.append(message)
        self._characters += _size(message)
        while self._characters > KEPT_CHARACTERS and len(self._kept) > 1:
            self._characters -= _size(self._kept.popleft())

    def select(self, direction: str = "", action: str = "", text: str = "") -> list[Message]:
        """Those that the filter lets pass, oldest first."""
        with self._lock:
            kept = list(self._kept)
        return [message for message in kept if message.matches(direction, action, text)]


def clean(request: bytes, response: bytes) -> tuple[str, str]:
    """Both as text, card numbers masked and secrets gone; also where a fault quotes the card."""
    texts = [_readable(request), _readable(response)]
    cards = {match[2].strip() for text in texts for match in _CARD.finditer(text)} - {""}
    texts = [_SECRET.sub(r"\1***", text) for text in texts]
    texts = [_CARD.sub(lambda m: m[1] + _masked(m[2]), text) for text in texts]
    return _without(cards, texts[0]), _without(cards, texts[1])


def _readable(body: bytes) -> str:
    """What could hide a secret from a search is not shown at all; no peer of ours writes it."""
    if b"\0" in body or b"<!" in body:
        return f"[{len(body)} bytes of binary, comments or CDATA: not shown]"
    return body.decode("utf-8", "replace")


def _masked(text: str) -> str:
    """Of what is written with entities nothing is shown."""
    token = text.strip()
    return masked(token) if token and "&" not in token else token and "…"


def _without(cards: Collection[str], text: str) -> str:
    """A card of a few characters is no more than a word that may stand anywhere."""
    known = [re.escape(card) for card in sorted(cards) if len(card) > 3][:MOST_CARDS]  # noqa: PLR2004
    if not known:
        return text
    return re.sub("|".join(known), lambda found: masked(found[0]), text, flags=re.IGNORECASE)


def _outcome(status: int, response: str) -> str:
    if status == 0:
        return "no answer"
    if status == 200:  # noqa: PLR2004 (HTTP)
        return "answered"
    codes = _FAULT.findall(response)
    return f"{codes[-1]}, HTTP {status}" if codes else f"HTTP {status}"


def _size(message: Message) -> int:
    return len(message.request) + len(message.response)
