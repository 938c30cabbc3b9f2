"""The command line: which commands there are, with which options; what they do is in `commands`."""

import argparse
import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

EXIT = "Exit status: 0 well, 1 failed, 2 the call or the site file cannot be used."


def main(argv: list[str] | None = None) -> int:
    """Returns the exit status: 0 well, 1 failed, 2 the site file or the call cannot be used."""
    if (shadow := _shadowed()) is not None:
        print(f"pilotwire: another package called 'ocpp' is in the way: {shadow}", file=sys.stderr)
        return 2
    args = _parser().parse_args(argv)
    # Only now and only this one, so that little things are quick.
    return int(importlib.import_module(f"firmware.commands.{args.module}").main(args))


def _shadowed() -> str | None:
    """Where `ocpp` comes from, if not from beside us (PyPI has a package of that name)."""
    spec = importlib.util.find_spec("ocpp")
    where = Path(spec.origin).parent if spec is not None and spec.origin else None
    ours = Path(__file__).resolve().parent.parent / "ocpp"
    if where is None:
        return "nothing at all; reinstall pilotwire"
    return None if where.resolve() == ours else str(where)


class _Version(argparse.Action):
    """Looked up only where it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"pilotwire {version('pilotwire')}")
        except PackageNotFoundError:
            print("pilotwire, not installed")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("pilotwire", description="Charge-point firmware.", epilog=EXIT)
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and end")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (_run, _demo, _central, _check, _dump, _wsdl, _bench):
        add(commands)
    return parser


def _command(commands: Any, name: str, module: str, what: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=what, description=f"{what}.")
    parser.set_defaults(module=module)
    return parser


def _site(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        default=Path("site.toml"),
        metavar="SITE",
        help="the site file (default: site.toml)",
    )


def _run(commands: Any) -> None:
    run = _command(commands, "run", "run", "run a charge point, until Ctrl-C")
    _site(run)
    run.add_argument(
        "--state-dir",
        type=Path,
        required=True,
        metavar="DIR",
        help="the folder for all that it writes; an empty one is a new station",
    )
    run.add_argument(
        "--control-port",
        type=int,
        metavar="PORT",
        help="offer bench control here (fake board only); 0 is any free port",
    )


def _demo(commands: Any) -> None:
    demo = _command(commands, "demo", "demo", "play a session: charge point and central system")
    demo.add_argument(
        "scenario",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="a scenario file (default: the first charge, built in)",
    )
    demo.add_argument("--once", action="store_true", help="end after the session, not on Ctrl-C")
    demo.add_argument(
        "--state-dir",
        type=Path,
        metavar="DIR",
        help="the folder for all that is written (default: one that is gone afterwards)",
    )


def _central(commands: Any) -> None:
    what = "run the bench central system, until Ctrl-C; or have a running one call a station"
    central = _command(commands, "central", "central", what)
    central.add_argument(
        "--soap",
        default="127.0.0.1:9000",
        metavar="HOST:PORT",
        help="where stations call (default: 127.0.0.1:9000); port 0 is any free one",
    )
    central.add_argument(
        "--page",
        default="127.0.0.1:9001",
        metavar="HOST:PORT",
        help="its page (default: 127.0.0.1:9001)",
    )
    central.add_argument(
        "--state-dir",
        type=Path,
        metavar="DIR",
        help="the folder for what it remembers (default: one that is gone afterwards)",
    )
    verbs = central.add_subparsers(metavar="VERB", title="verbs")
    call = _command(verbs, "call", "call", "have a running central system call a station")
    call.add_argument("station", metavar="STATION", help="the station's id")
    call.add_argument("operation", metavar="OPERATION", help="as RemoteStartTransaction")
    call.add_argument(
        "fields",
        nargs="*",
        metavar="key=value",
        help="the request's fields under their OCPP names; a list with commas, the rest as JSON",
    )
    call.add_argument(
        "--page",
        default="http://127.0.0.1:9001/",
        metavar="URL",
        help="the central system's page (default: http://127.0.0.1:9001/)",
    )
    call.add_argument("--json", action="store_true", help="print the answer as JSON")


def _check(commands: Any) -> None:
    what = "say in plain words what is wrong with site file, central system or wiring"
    check = _command(commands, "check", "check", what)
    _site(check)
    check.add_argument(
        "--state-dir",
        type=Path,
        metavar="DIR",
        help="the station's folder, to look at its files too",
    )
    check.add_argument("--json", action="store_true", help="print the findings as JSON")


def _dump(commands: Any) -> None:
    what = "write a bug report: versions, settings, state and records, without secrets"
    dump = _command(commands, "dump", "dump", what)
    _site(dump)
    dump.add_argument(
        "--state-dir",
        type=Path,
        required=True,
        metavar="DIR",
        help="the station's folder; it may be running",
    )
    dump.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="where to (default: pilotwire-dump-TIME.tar.gz, here)",
    )


def _wsdl(commands: Any) -> None:
    wsdl = _command(commands, "wsdl", "wsdl", "print the WSDL of one service, or of both")
    wsdl.add_argument("service", nargs="?", choices=("central", "chargepoint"))
    wsdl.add_argument(
        "--address",
        default="http://127.0.0.1:9000/",
        metavar="URL",
        help="the address that it names (default: http://127.0.0.1:9000/)",
    )


def _bench(commands: Any) -> None:
    what = "play driver, vehicle, cable and mains of a station with a fake board"
    bench = _command(commands, "bench", "bench", what)
    bench.add_argument(
        "--control-port",
        type=int,
        required=True,
        metavar="PORT",
        help="the one that `pilotwire run` was given",
    )
    bench.add_argument(
        "verb",
        metavar="VERB",
        help="state, plug-in, unplug, pause, resume, rfid, link, faults, lock or meter",
    )
    bench.add_argument(
        "fields",
        nargs="*",
        metavar="key=value",
        help="as evse=1 connector=1; values as JSON or plain text, the answer is JSON",
    )


if __name__ == "__main__":
    sys.exit(main())
