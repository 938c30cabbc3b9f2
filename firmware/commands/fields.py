"""`key=value` on the command line."""

from collections.abc import Iterable, Iterator


def pairs(words: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each word apart. Raises ValueError for one that is no pair."""
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or not key:
            raise ValueError(f"expected key=value, got {word!r}")
        yield key, value
