"""`pilotwire bench`: the bench control of a running station from the command line."""

import argparse
import http.client
import json
import sys
from urllib.parse import quote

from firmware.commands.fields import pairs


def main(args: argparse.Namespace) -> int:
    try:
        body = {key: _value(key, text) for key, text in pairs(args.fields)}
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


def _value(key: str, text: str) -> object:
    """As JSON (2, true, [1, 2]), or else as plain text, as tokens always are."""
    try:
        return text if key == "token" else json.loads(text)
    except json.JSONDecodeError:
        return text
