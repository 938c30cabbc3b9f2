"""What the commands of `pilotwire` do; each returns the exit status."""

import argparse
import http.client
import json
import signal
import sqlite3
import sys
from urllib.parse import quote

from firmware.config import SiteError, Unusable, load, located
from firmware.shell import logs
from hal.ports import HalError
from ocpp import v16
from ocpp.wsdl import wsdl as render


def run(args: argparse.Namespace) -> int:
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


def demo(args: argparse.Namespace) -> int:
    from firmware.demo import demo as play

    return play(args.state_dir, once=args.once)


def wsdl(args: argparse.Namespace) -> int:
    services = {"central": v16.CENTRAL_SYSTEM, "chargepoint": v16.CHARGE_POINT}
    wanted = [args.service] if args.service else list(services)
    for name in wanted:
        sys.stdout.write(render(services[name], args.address))
    return 0


def bench(args: argparse.Namespace) -> int:
    """The bench-control API from the command line."""
    try:
        body = dict(_field(text) for text in args.fields)
    except ValueError as error:
        print(f"pilotwire bench: {error}", file=sys.stderr)
        return 2
    status, answer = control(args.control_port, args.verb, body)
    print(answer, file=sys.stdout if status == http.client.OK else sys.stderr)
    return 0 if status == http.client.OK else 1


def control(port: int, verb: str, body: dict[str, object]) -> tuple[int, str]:
    """One request to a station's bench control; status 0 if nobody answers."""
    moving = ("plug-in", "unplug", "pause", "resume")
    path = f"/v1/ev/{verb}" if verb in moving else f"/v1/{quote(verb)}"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        if verb == "state":
            connection.request("GET", path)
        else:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read().decode()
    except (OSError, OverflowError, http.client.HTTPException) as error:
        return 0, f"no station answers on port {port}: {getattr(error, 'strerror', None) or error}"
    finally:
        connection.close()


def _field(text: str) -> tuple[str, object]:
    """`key=value`; the value as JSON (2, true, [1, 2]), or else as plain text, as tokens are."""
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise ValueError(f"expected key=value, got {text!r}")
    try:
        return key, value if key == "token" else json.loads(value)
    except json.JSONDecodeError:
        return key, value
