"""`pilotwire central`: the bench central system alone."""

import argparse
import signal
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from firmware.config import address
from ocpp.central import CentralSystem, DatabaseError


def main(args: argparse.Namespace) -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with suppress(KeyboardInterrupt), ExitStack() as end:
        folder = args.state_dir or Path(
            end.enter_context(tempfile.TemporaryDirectory(prefix="pilotwire-"))
        )
        try:
            soap, page = _address("--soap", args.soap), _address("--page", args.page)
            central = CentralSystem(folder, soap=soap, page=page, on_line=said)
        except ValueError as error:
            print(f"pilotwire central: {error}", file=sys.stderr)
            return 2
        except (OSError, DatabaseError) as error:
            print(f"pilotwire central: {error}", file=sys.stderr)
            return 1
        central.start()
        end.callback(central.stop)
        print(f"    SOAP   {central.soap_url}", flush=True)
        print(f"    page   {central.page_url}", flush=True)
        while True:
            signal.pause()
    return 0


def said(line: str) -> None:
    """A line of the central system, on the terminal; in one piece, for several threads write."""
    print(f"{time.strftime('%H:%M:%S')} central  {line}\n", end="", flush=True)


def _address(option: str, listen: str) -> tuple[str, int]:
    try:
        return address(listen)
    except ValueError as error:
        raise ValueError(f"{option}: {error}, got {listen!r}") from error
