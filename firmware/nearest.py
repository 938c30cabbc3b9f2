"""Did you mean: the nearest of the known names, for errors about unknown ones."""

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """`, did you mean 'that'?`, to be put behind what is wrong; empty if nothing is known."""
    by_lower = {one.lower(): one for one in known}
    found = difflib.get_close_matches(name.lower(), by_lower, 1, 0.0)
    return f", did you mean {by_lower[found[0]]!r}?" if found else ""
