"""Cards: how idTags compare."""


def same(one: str | None, other: str | None) -> bool:
    """idTags compare case-insensitively (R16-011); one that is not there is like no other."""
    return one is not None and other is not None and one.casefold() == other.casefold()
