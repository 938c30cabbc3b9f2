"""`pilotwire run`: one charge point, until a signal."""

import argparse
import signal
import sqlite3
import sys

from firmware.config import SiteError, Unusable, load, located
from firmware.shell import logs
from hal.ports import HalError


def main(args: argparse.Namespace) -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stopped)  # until the application takes them over
    from firmware.app import App

    lines = logs.Lines()
    listener = logs.begin(lines)
    try:
        return App(load(args.config), args.state_dir, args.control_port, lines).run()
    except SiteError as error:
        print(error, file=sys.stderr)
        return 2
    except Unusable as error:
        print(located(args.config, error), file=sys.stderr)
        return 2
    except (HalError, OSError, sqlite3.Error) as error:
        print(f"pilotwire: {args.state_dir}: {error}", file=sys.stderr)
        return 1
    finally:
        listener.stop()


def _stopped(*_: object) -> None:
    """Stopped while it starts: there is nothing to end yet."""
    sys.exit(0)
