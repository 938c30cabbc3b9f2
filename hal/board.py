"""Opening a board by its driver's name: imported when asked for, no detection, no fall-back."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hal.ports import Board, EvseSpec, HalError

DRIVERS = {"fake": ("hal.fake.board", "open_fake")}
"""Where each driver lives: module and function."""


def open_board(
    driver: str, options: Mapping[str, object], evses: Sequence[EvseSpec], state_dir: Path
) -> Board:
    """Open the board; `options` are the driver's own. Raises HalError, for an unknown driver too.

    To be called before any thread is started: the interlock process is started here.
    """
    if driver not in DRIVERS:
        raise HalError(f"no board driver {driver!r}: known are {', '.join(sorted(DRIVERS))}")
    module, name = DRIVERS[driver]
    opener: Callable[..., Board] = getattr(importlib.import_module(module), name)
    return opener(options, evses, state_dir)
