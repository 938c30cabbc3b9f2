"""`pilotwire central call`: have a running bench central system ask a station for something."""

import argparse
import http.client
import json
import sys
from collections.abc import Iterable
from typing import Any, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

import msgspec

from firmware.commands.fields import pairs
from firmware.nearest import nearest
from ocpp.message import Message, to_plain
from ocpp.v16 import CHARGE_POINT

PATIENCE_S = 40.0
"""Longer than the central system waits for the station."""

OPERATIONS = {operation.name: operation.request for operation in CHARGE_POINT.operations}


def main(args: argparse.Namespace) -> int:
    try:
        message = request(args.operation, args.fields)
        status, answer = _ask(args.page, args.station, args.operation, message)
    except ValueError as error:
        print(f"pilotwire central call: {error}", file=sys.stderr)
        return 2
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "strerror", None) or error
        print(f"no central system answers at {args.page} ({why}): start one", file=sys.stderr)
        return 1
    if args.json:
        print(json.dumps(answer))
    elif status == http.client.OK:
        _show(answer["answer"])
    else:
        print(answer.get("hint") or answer.get("error"), file=sys.stderr)
    return 0 if status == http.client.OK else 1


def request(operation: str, words: Iterable[str]) -> Message:
    """The message that is asked for. Raises ValueError, which says what there is instead."""
    kind = OPERATIONS.get(operation)
    if kind is None:
        raise ValueError(f"no operation {operation!r}{nearest(operation, OPERATIONS)}")
    hints = get_type_hints(kind)
    types = {f.encode_name: hints[f.name] for f in msgspec.structs.fields(kind)}
    values: dict[str, object] = {}
    for name, text in pairs(words):
        if name not in types:
            raise ValueError(f"{operation} has no field {name!r}{nearest(name, types)}")
        values[name] = _value(text, types[name])
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(f"{operation}: {error}") from error


def _value(text: str, kind: Any) -> object:
    """Text is text; else JSON where it is a structure, and of a list also items with commas."""
    listed = get_origin(kind) is tuple
    if kind is str or (str in get_args(kind) and not listed):
        return text
    if text[:1] in ("{", "["):
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"{text!r} is no JSON: {error}") from error
    return text.split(",") if listed else text


def _ask(page: str, station: str, operation: str, message: Message) -> tuple[int, Any]:
    parts = urlsplit(page if "//" in page else f"//{page}")
    if not parts.hostname:
        raise ValueError(f"--page: expected an address as http://127.0.0.1:9001/, got {page!r}")
    order = {"station": station, "operation": operation, "fields": to_plain(message)}
    connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=PATIENCE_S)
    try:
        body = msgspec.json.encode(order)
        connection.request("POST", "/api/call", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    except json.JSONDecodeError as error:
        raise http.client.HTTPException("that is no central system's page") from error
    finally:
        connection.close()


def _show(answer: dict[str, object]) -> None:
    """A line a field, and one an item where it is a list."""
    for name, value in answer.items():
        for item in value if isinstance(value, list) else [value]:
            print(f"{name}: {_words(item)}")


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_words(inner)}" for name, inner in value.items())
    return json.dumps(value) if isinstance(value, bool) else str(value)
