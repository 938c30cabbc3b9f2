"""What messages are built from: the base class, the simple types, and the services they make.

A message is one class. Its field order is the order on the wire, `rename` gives the wire names,
`Meta` carries length, range, multiplicity and the name of a simple type. JSON, SOAP, the schema
and the WSDL are all derived from it. Only two defaults exist, as in the standard: `None` for an
element that may be absent, `()` for a list that may be empty.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta


class Message(
    msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True
):
    """A message, or a part of one. Give each class `kw_only=True`: msgspec does not inherit it."""


Int = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
"""An integer as XML Schema's `int` has it: 32 bits, signed."""

DateTime = Annotated[datetime, Meta(tz=True)]
"""An instant. Naive times are refused; what is read is in UTC (16 §3.15)."""

DecimalOne = Annotated[Decimal, Meta(title="DecimalOne", extra={"fraction_digits": 1})]
"""A number with at most one decimal. msgspec cannot check that: see `check_one_decimal`."""


def check_one_decimal(value: Decimal | None) -> None:
    """For `__post_init__` of classes with a `DecimalOne`. Raises ValueError (R16 §1.4)."""
    if value is not None and (not value.is_finite() or value * 10 % 1):
        raise ValueError(f"Expected a number with at most one decimal, got {value}")


class Operation(msgspec.Struct, frozen=True):
    """A request and its response. The WS-Addressing action is the name after a slash."""

    name: str
    request: type[Message]
    response: type[Message]

    @property
    def action(self) -> str:
        return f"/{self.name}"


class Service(msgspec.Struct, frozen=True):
    """Operations offered under one XML namespace; need not be OCPP."""

    name: str
    namespace: str
    operations: tuple[Operation, ...]
    identity_header: str | None = None
    """The element that carries the identity of the charge point in each request (S16 §3.3)."""


M = TypeVar("M", bound=Message)

# Kept as they are between a message and its wire form; each wire writes them its own way.
_KEPT = (datetime, Decimal)


def to_plain(message: Message) -> dict[str, Any]:
    """The message as plain values under wire names, absent elements left out.

    Raises msgspec.ValidationError where the message breaks its own definition: encoding alone
    would not notice.
    """
    plain: dict[str, Any] = msgspec.to_builtins(message, builtin_types=_KEPT)
    msgspec.convert(plain, type(message), builtin_types=_KEPT)
    return plain


def from_plain(plain: Mapping[str, Any], kind: type[M]) -> M:
    """The message from plain values under wire names. Raises msgspec.ValidationError."""
    return msgspec.convert(plain, kind, builtin_types=_KEPT)
