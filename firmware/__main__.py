"""The command line: `pilotwire run`, `demo`, `wsdl`, `bench`."""

import argparse
import importlib.util
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType


def main(argv: list[str] | None = None) -> int:
    """Returns the exit status: 0 well, 1 failed, 2 the site file or the call cannot be used."""
    if (shadow := _shadowed()) is not None:
        print(f"pilotwire: another package called 'ocpp' is in the way: {shadow}", file=sys.stderr)
        return 2
    from firmware import commands  # only now: it imports ocpp

    args = _parser(commands).parse_args(argv)
    return int(args.command(args))


def _shadowed() -> str | None:
    """Where `ocpp` comes from, if not from beside us (PyPI has a package of that name)."""
    spec = importlib.util.find_spec("ocpp")
    where = Path(spec.origin).parent if spec is not None and spec.origin else None
    ours = Path(__file__).resolve().parent.parent / "ocpp"
    if where is None:
        return "nothing at all; reinstall pilotwire"
    return None if where.resolve() == ours else str(where)


def _version() -> str:
    try:
        return version("pilotwire")
    except PackageNotFoundError:
        return "not installed"


def _parser(commands: ModuleType) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("pilotwire", description="Charge-point firmware.")
    parser.add_argument("--version", action="version", version=f"pilotwire {_version()}")
    verbs = parser.add_subparsers(required=True, metavar="COMMAND")

    run = verbs.add_parser("run", help="run a charge point")
    run.add_argument("--config", type=Path, default=Path("site.toml"), help="the site file")
    run.add_argument("--state-dir", type=Path, required=True, help="all that is written is here")
    run.add_argument("--control-port", type=int, help="bench control (fake board only); 0 = any")
    run.set_defaults(command=commands.run)

    demo = verbs.add_parser("demo", help="a charge point, a central system and one session")
    demo.add_argument("--once", action="store_true", help="end after the first bill")
    demo.add_argument("--state-dir", type=Path, help="default: a new temporary folder")
    demo.set_defaults(command=commands.demo)

    wsdl = verbs.add_parser("wsdl", help="print the WSDL of both services")
    wsdl.add_argument("service", nargs="?", choices=("central", "chargepoint"))
    wsdl.add_argument("--address", default="http://127.0.0.1:9000/", help="soap:address")
    wsdl.set_defaults(command=commands.wsdl)

    bench = verbs.add_parser("bench", help="play driver, vehicle and mains of a fake board")
    bench.add_argument("--control-port", type=int, required=True)
    bench.add_argument("verb", help="state, plug-in, unplug, pause, resume, rfid, link, faults, …")
    bench.add_argument("fields", nargs="*", metavar="key=value")
    bench.set_defaults(command=commands.bench)
    return parser


if __name__ == "__main__":
    sys.exit(main())
