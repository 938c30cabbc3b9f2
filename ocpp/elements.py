"""Messages as XML elements: what each class says about its elements, and writing and reading them.

Everything about a class is looked up once, into tables; per message only the tables are used.
Writing goes message -> plain values (checked) -> text, reading goes the same way back.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
from lxml import etree
from msgspec import inspect

from ocpp.message import M, Message, from_plain, to_plain


class Element(msgspec.Struct, frozen=True):
    """A child element as a field defines it."""

    name: str
    type: inspect.Type
    title: str | None
    fraction_digits: int | None
    minimum: int
    many: bool


@cache
def elements(kind: type[msgspec.Struct]) -> tuple[Element, ...]:
    """The child elements of a message, in the order of the wire."""
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)
    return tuple(_element(field) for field in described.fields)


def element_name(kind: type[Message]) -> str:
    """The name of the element that carries a message: its class in lower camel case."""
    return kind.__name__[0].lower() + kind.__name__[1:]


def _element(field: inspect.Field) -> Element:
    if not field.required and field.default not in (None, ()):
        raise TypeError(
            f"{field.name}: only None and () may be defaults, as XML knows only absence"
        )
    kind = field.type
    if isinstance(kind, inspect.UnionType):
        (kind,) = (option for option in kind.types if not isinstance(option, inspect.NoneType))
    many = isinstance(kind, inspect.VarTupleType)
    minimum = int(field.required)
    if isinstance(kind, inspect.VarTupleType):
        minimum = kind.min_length or 0
        kind = kind.item_type
    title, digits = None, None
    if isinstance(kind, inspect.Metadata):
        title = (kind.extra_json_schema or {}).get("title")
        digits = (kind.extra or {}).get("fraction_digits")
        kind = kind.type
    return Element(field.encode_name, kind, title, digits, minimum, many)


# --- leaves: the text of simple types -----------------------------------------------------------

_SPACE = " \t\n\r"  # what XML Schema collapses; str.strip() alone would take more
_INT = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
_DATE_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T)([0-9]{2})(:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?)"
    r"(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_BOOLEAN = {"true": True, "1": True, "false": False, "0": False}


def _read_int(text: str) -> int:
    if not _INT.fullmatch(text := text.strip(_SPACE)):
        raise ValueError(f"Expected an integer, got {text[:40]!r}")
    return int(text)


def _read_decimal(text: str) -> Decimal:
    if not _DECIMAL.fullmatch(text := text.strip(_SPACE)):
        raise ValueError(f"Expected a decimal number, got {text[:40]!r}")
    return Decimal(text)


def _read_boolean(text: str) -> bool:
    try:
        return _BOOLEAN[text.strip(_SPACE)]
    except KeyError:
        raise ValueError(f"Expected a boolean, got {text[:40]!r}") from None


def _read_date_time(text: str) -> datetime:
    """In UTC. A time without zone is taken to be UTC; 24:00:00 is the next day's midnight."""
    match = _DATE_TIME.fullmatch(text.strip(_SPACE))
    if match is None:
        raise ValueError(f"Expected a dateTime, got {text[:40]!r}")
    day, hour, rest, zone = match.groups()
    midnight = hour == "24"
    read = datetime.fromisoformat(f"{day}{'00' if midnight else hour}{rest}{zone or 'Z'}")
    try:
        return (read + timedelta(days=midnight)).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"Expected a dateTime before the year 10000, got {text[:40]!r}") from error


def escape(text: str) -> str:
    """Text as an element may hold it. A bare carriage return would be read as a line feed."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("\r", "&#13;")


def _write_boolean(value: bool) -> str:
    return "true" if value else "false"


def _write_date_time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat()[:-6] + "Z"


def _write_decimal(value: Decimal) -> str:
    return format(value, "f")


_LEAVES: dict[type[inspect.Type], tuple[Callable[[Any], str], Callable[[str], Any]]] = {
    inspect.StrType: (escape, str),
    inspect.LiteralType: (escape, str),
    inspect.IntType: (str, _read_int),
    inspect.BoolType: (_write_boolean, _read_boolean),
    inspect.DateTimeType: (_write_date_time, _read_date_time),
    inspect.DecimalType: (_write_decimal, _read_decimal),
}

# --- elements -----------------------------------------------------------------------------------

Write = Callable[[Any, list[str]], None]
Read = Callable[[etree._Element], Any]


def writer(kind: type[M], prefix: str) -> Callable[[M], str]:
    """A function that turns a message into the text of its element, names under `prefix`.

    That function raises msgspec.ValidationError where the message breaks its definition.
    """
    name = f"{prefix}:{element_name(kind)}"
    write_content = _content_writer(kind, prefix)

    def write(message: M) -> str:
        out = [f"<{name}>"]
        write_content(to_plain(message), out)
        out.append(f"</{name}>")
        return "".join(out)

    return write


def _content_writer(kind: type[msgspec.Struct], prefix: str) -> Write:
    table = {e.name: (_element_writer(e, prefix), e.many) for e in elements(kind)}

    def write(plain: dict[str, Any], out: list[str]) -> None:
        for name, value in plain.items():
            write_one, many = table[name]
            if many:
                for item in value:
                    write_one(item, out)
            else:
                write_one(value, out)

    return write


def _element_writer(element: Element, prefix: str) -> Write:
    start, end = f"<{prefix}:{element.name}>", f"</{prefix}:{element.name}>"
    if isinstance(element.type, inspect.StructType):
        write_content = _content_writer(element.type.cls, prefix)

        def write_parent(value: Any, out: list[str]) -> None:
            out.append(start)
            write_content(value, out)
            out.append(end)

        return write_parent
    to_text = _LEAVES[type(element.type)][0]

    def write_leaf(value: Any, out: list[str]) -> None:
        out.append(f"{start}{to_text(value)}{end}")

    return write_leaf


def reader(kind: type[M], namespace: str) -> Callable[[etree._Element], M]:
    """A function that turns an element that fits the schema into its message.

    That function raises ValueError, which msgspec.ValidationError is, where it does not fit.
    """
    read_content = _content_reader(kind, namespace)

    def read(element: etree._Element) -> M:
        return from_plain(read_content(element), kind)

    return read


def _content_reader(kind: type[msgspec.Struct], namespace: str) -> Read:
    table = {
        f"{{{namespace}}}{e.name}": (e.name, _element_reader(e, namespace), e.many)
        for e in elements(kind)
    }

    def read(element: etree._Element) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for child in element:
            name, read_one, many = table[child.tag]
            if many:
                plain.setdefault(name, []).append(read_one(child))
            else:
                plain[name] = read_one(child)
        return plain

    return read


def _element_reader(element: Element, namespace: str) -> Read:
    if isinstance(element.type, inspect.StructType):
        return _content_reader(element.type.cls, namespace)
    from_text = _LEAVES[type(element.type)][1]

    def read_leaf(child: etree._Element) -> Any:
        return from_text(child.text or "")

    return read_leaf


def canonicalizer(kind: type[msgspec.Struct], namespace: str) -> Callable[[etree._Element], None]:
    """A function that puts an element into the form the schema checks, at every depth.

    That is children in their order, repeated ones as they came, strangers last for the schema to
    refuse; and no space around anything but strings, which libxml2 minds in a dateTime.
    """
    table = {
        f"{{{namespace}}}{e.name}": (rank, _content_canonicalizer(e, namespace))
        for rank, e in enumerate(elements(kind))
    }
    stranger = len(table), _leave

    def canonicalize(element: etree._Element) -> None:
        element[:] = sorted(element, key=lambda child: table.get(child.tag, stranger)[0])
        for child in element:
            table.get(child.tag, stranger)[1](child)

    return canonicalize


def _content_canonicalizer(element: Element, namespace: str) -> Callable[[etree._Element], None]:
    if isinstance(element.type, inspect.StructType):
        return canonicalizer(element.type.cls, namespace)
    return _leave if isinstance(element.type, _KEPT_AS_THEY_ARE) else _collapse


_KEPT_AS_THEY_ARE = (inspect.StrType, inspect.LiteralType)


def _leave(_: etree._Element) -> None:
    pass


def _collapse(leaf: etree._Element) -> None:
    leaf.text = (leaf.text or "").strip(_SPACE)
