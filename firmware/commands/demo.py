"""`pilotwire demo`: a central system, a charge point, and a session that plays itself."""

import argparse
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from firmware.demo.player import play
from firmware.demo.scenario import BUILT_IN, ScenarioError, load
from firmware.demo.stage import USUAL, Failed, stage
from ocpp.central import DatabaseError


def main(args: argparse.Namespace) -> int:
    """Play a scenario; then stay until Ctrl-C, or with `once` end."""
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell had them ignored
        signal.signal(number, signal.default_int_handler)
    try:
        script = load(args.scenario or BUILT_IN)
        with ExitStack() as end:
            temporary = tempfile.TemporaryDirectory(prefix="pilotwire-")
            folder = args.state_dir or Path(end.enter_context(temporary))
            folder.mkdir(parents=True, exist_ok=True)
            play(script, end.enter_context(stage(script.scenario, folder, USUAL)), said)
            if not args.once:
                print("    the pages stay open; Ctrl-C ends both", flush=True)
                signal.pause()
    except ScenarioError as error:
        print(error, file=sys.stderr)
        return 2
    except (Failed, OSError, DatabaseError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\n    demo: ended", flush=True)
    return 0


def said(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} demo     {text}\n", end="", flush=True)
