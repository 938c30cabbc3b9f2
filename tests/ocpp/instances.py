"""Instances of messages and of their XML, right ones and wrong ones, from a seeded generator."""

import copy
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from lxml import etree
from msgspec import inspect

from ocpp.elements import Element, elements
from ocpp.message import Message, Service, from_plain

XSI = "http://www.w3.org/2001/XMLSchema-instance"
LETTERS = "abcXYZ019 _-.,äß漢😀&<>\"'"


def messages(service: Service) -> list[type[Message]]:
    """Every message of a service, requests and responses."""
    return [m for o in service.operations for m in (o.request, o.response)]


def minimal(kind: type[Message]) -> Message:
    """With no more than it must have."""
    return from_plain(_plain(kind, random.Random(0), 0.0), kind)


def complete(kind: type[Message]) -> Message:
    """With everything it can have."""
    return from_plain(_plain(kind, random.Random(0), 1.0), kind)


def some(kind: type[Message], rng: random.Random) -> Message:
    """With about half of what it can have."""
    return from_plain(_plain(kind, rng, 0.5), kind)


def _plain(kind: type[msgspec.Struct], rng: random.Random, odds: float) -> dict[str, Any]:
    plain = {}
    for e in elements(kind):
        if not e.minimum and rng.random() >= odds:
            continue
        if e.many:
            plain[e.name] = [_value(e, rng, odds) for _ in range(rng.randint(1, 3))]
        else:
            plain[e.name] = _value(e, rng, odds)
    return plain


def _value(e: Element, rng: random.Random, odds: float) -> Any:  # noqa: PLR0911
    match e.type:
        case inspect.StructType(cls=cls):
            return _plain(cls, rng, odds)
        case inspect.LiteralType(values=values):
            return rng.choice(values)
        case inspect.StrType(max_length=longest):
            # Not empty: zeep cannot tell an empty text from none.
            length = rng.choice([1, longest or 40, rng.randint(1, longest or 40)])
            return "".join(rng.choices(LETTERS, k=length))
        case inspect.IntType():
            return rng.choice([0, 1, -1, 2**31 - 1, -(2**31), rng.randint(0, 10**6)])
        case inspect.BoolType():
            return rng.random() < 0.5
        case inspect.DateTimeType():
            start = datetime(2000, 2, 29, 23, 59, 59, tzinfo=UTC)
            return start + timedelta(
                seconds=rng.randint(0, 10**9), microseconds=rng.choice([0, 0, 1, 123456, 500000])
            )
        case inspect.DecimalType():
            return Decimal(rng.randint(-1000, 1000)).scaleb(-1)
    raise AssertionError(f"no values for {e}")


# Texts on both sides of the border of some simple type.
TEXTS = [
    *("", " ", "x", "Accepted", "accepted", "Accepted ", " Accepted", "Rejected", "A", "L1-N"),
    *("0", "5", " 5 ", "\n5\t", "+5", "-0", "007", "5.0", "5.", ".5", "1e3", "0x1", "1_000", "٣"),
    *("2147483647", "2147483648", "-2147483648", "-2147483649", "9" * 30, "5 5"),
    *("16.1", "16.10", "16.12", "-0.1", "0.10000", "NaN", "INF", "1,5"),
    *("true", "false", "1", " true ", "TRUE", "yes", "null"),
    *("2026-03-01T12:00:00Z", "2026-03-01T12:00:00", " 2026-03-01T12:00:00Z "),
    *("2026-03-01T12:00:00.5Z", "2026-03-01T12:00:00.123456789Z", "2026-03-01T12:00:00."),
    *("2026-03-01T12:00:00+02:00", "2026-03-01T12:00:00+14:00", "2026-03-01T12:00:00+14:01"),
    *("2026-03-01T12:00:00-0200", "2026-03-01T24:00:00Z", "2026-03-01T24:00:01Z"),
    *("2024-02-29T00:00:00Z", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-03-01"),
    *("2026-03-01 12:00:00Z", "2026-03-01T12:00Z", "20260301T120000Z", "2026-03-01T12:00:60Z"),
    *("2026-03-01T25:00:00Z", "26-03-01T12:00:00Z", "2026-3-1T12:00:00Z", "2026-W09-7T12:00:00Z"),
    *("x" * n for n in (20, 21, 25, 26, 50, 51, 255, 256, 500, 501)),
    *("漢" * 20, "😀" * 20, "😀" * 21),
]


def mutate(root: etree._Element, rng: random.Random) -> None:
    """Change one thing, somewhere in the element, for better or worse."""
    node = rng.choice(list(root.iter()))
    rng.choice(_MUTATIONS)(node, rng)


def _set_text(node: etree._Element, rng: random.Random) -> None:
    leaves = [leaf for leaf in node.iter() if not len(leaf)]
    rng.choice(leaves).text = rng.choice(TEXTS)


def _delete(node: etree._Element, rng: random.Random) -> None:
    if len(node):
        node.remove(rng.choice(list(node)))


def _double(node: etree._Element, rng: random.Random) -> None:
    if len(node):
        child = rng.choice(list(node))
        child.addnext(copy.deepcopy(child))


def _shuffle(node: etree._Element, rng: random.Random) -> None:
    children = list(node)
    rng.shuffle(children)
    node[:] = children


def _insert(node: etree._Element, rng: random.Random) -> None:
    namespace = etree.QName(node).namespace
    tag = rng.choice(["status", "info", f"{{{namespace}}}unknown", f"{{{namespace}}}status"])
    child = etree.Element(tag)
    child.text = rng.choice(TEXTS)
    node.insert(rng.randint(0, len(node)), child)


def _rename(node: etree._Element, rng: random.Random) -> None:
    if len(node):
        child, name = rng.choice(list(node)), rng.choice(["status", "timestamp", "unknown"])
        namespace = rng.choice([etree.QName(node).namespace, "urn:other"])
        child.tag = f"{{{namespace}}}{name}"


def _attribute(node: etree._Element, rng: random.Random) -> None:
    name = rng.choice(["id", f"{{{XSI}}}nil", f"{{{XSI}}}type", f"{{{XSI}}}schemaLocation"])
    node.set(name, rng.choice(["true", "false", "string", "urn:x file:///nowhere.xsd"]))


def _space(node: etree._Element, rng: random.Random) -> None:
    if len(node):
        rng.choice(list(node)).tail = rng.choice([" \n", "\t", "text"])
    else:
        node.tail = " "


def _leave(node: etree._Element, rng: random.Random) -> None:
    """Some instances should stay right."""


_MUTATIONS = [
    *([_set_text] * 6),
    *([_space] * 2),
    *([_leave] * 2),
    *(_delete, _double, _shuffle, _insert, _rename, _attribute),
]
