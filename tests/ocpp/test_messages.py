"""The messages themselves: what they accept, and that XML carries them there and back unchanged."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from msgspec import inspect

from ocpp import v16
from ocpp.elements import Element, elements, reader
from ocpp.message import DateTime, Int, Message, from_plain, to_plain
from ocpp.soap import Call, Codec
from tests.ocpp.instances import complete, messages, minimal

SERVICES = (v16.CENTRAL_SYSTEM, v16.CHARGE_POINT)
CODECS = {service.name: Codec(service) for service in SERVICES}
OPERATIONS = [
    pytest.param(CODECS[service.name], operation, id=f"{service.name}-{operation.name}")
    for service in SERVICES
    for operation in service.operations
]
MESSAGES = sorted({m for service in SERVICES for m in messages(service)}, key=lambda m: m.__name__)

# What XML 1.0 can carry.
TEXT = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff") | (
    st.sampled_from("\t\n\r &<>\"'")
)


def values(e: Element) -> st.SearchStrategy[Any]:  # noqa: PLR0911
    match e.type:
        case inspect.StructType(cls=cls):
            return plains(cls)
        case inspect.LiteralType(values=allowed):
            return st.sampled_from(allowed)
        case inspect.StrType(max_length=longest):
            return st.text(TEXT, max_size=longest)
        case inspect.IntType(ge=least, le=most):
            return st.integers(least, most)
        case inspect.BoolType():
            return st.booleans()
        case inspect.DateTimeType():
            return st.datetimes(timezones=st.just(UTC))
    return st.decimals(-(10**6), 10**6, places=1)


def plains(kind: type[msgspec.Struct]) -> st.SearchStrategy[dict[str, Any]]:
    """A message's content under wire names."""
    each = {
        e.name: st.lists(values(e), min_size=max(1, e.minimum), max_size=3) if e.many else values(e)
        for e in elements(kind)
    }
    required = {e.name for e in elements(kind) if e.minimum}
    return st.fixed_dictionaries(
        {name: s for name, s in each.items() if name in required},
        optional={name: s for name, s in each.items() if name not in required},
    )


@pytest.mark.parametrize(("codec", "operation"), OPERATIONS)
@settings(max_examples=30, deadline=None, database=None)
@given(data=st.data())
def test_every_message_comes_back_as_it_was_sent(codec: Codec, operation: Any, data: Any) -> None:
    request = from_plain(data.draw(plains(operation.request)), operation.request)
    sent = codec.request(request, to="http://x/", message_id="urn:1", identity="CP1")
    call = codec.read_request(sent, identity="CP1")
    assert call == Call(operation, request, "urn:1", "CP1", None)

    answer = from_plain(data.draw(plains(operation.response)), operation.response)
    assert codec.read_response(codec.response(answer, call), operation, "urn:1") == answer


@pytest.mark.parametrize("kind", MESSAGES)
def test_what_is_required_is_missed(kind: type[Message]) -> None:
    for e in elements(kind):
        plain = to_plain(complete(kind))
        del plain[e.name]
        if e.minimum:
            with pytest.raises(msgspec.ValidationError, match=e.name):
                from_plain(plain, kind)
        else:
            from_plain(plain, kind)


@pytest.mark.parametrize("kind", MESSAGES)
def test_what_is_absent_is_left_out(kind: type[Message]) -> None:
    assert set(to_plain(minimal(kind))) == {e.name for e in elements(kind) if e.minimum}


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (v16.AuthorizeRequest(id_tag="x" * 21), "length <= 20"),
        (v16.ResetRequest(type="Warm"), "Invalid enum value 'Warm'"),  # type: ignore[arg-type]
        (v16.UnlockConnectorRequest(connector_id=2**31), "<= 2147483647"),
        (v16.UnlockConnectorRequest(connector_id=True), "Expected `int`, got `bool`"),
        (v16.HeartbeatResponse(current_time=datetime(2026, 3, 1)), "timezone"),
        (v16.MeterValue(timestamp=datetime.now(UTC), sampled_value=()), "length >= 1"),
        (v16.HeartbeatResponse(current_time="now"), "Expected `datetime`"),  # type: ignore[arg-type]
    ],
)
def test_nothing_wrong_is_sent(wrong: Message, why: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=why):
        to_plain(wrong)


@pytest.mark.parametrize("limit", ["16.25", "NaN", "Infinity", "-0.01", "1E-2"])
def test_a_limit_has_at_most_one_decimal(limit: str) -> None:
    with pytest.raises(ValueError, match="at most one decimal"):
        v16.ChargingSchedulePeriod(start_period=0, limit=Decimal(limit))
    with pytest.raises(msgspec.ValidationError, match="at most one decimal"):
        from_plain({"startPeriod": 0, "limit": Decimal(limit)}, v16.ChargingSchedulePeriod)


@pytest.mark.parametrize("limit", ["16", "16.0", "16.10", "6.3", "-0.1", "1E+2"])
def test_a_limit_may_have_one_decimal(limit: str) -> None:
    v16.ChargingSchedulePeriod(start_period=0, limit=Decimal(limit))


def test_a_time_of_any_zone_is_sent_in_utc() -> None:
    codec = CODECS["CentralSystemService"]
    operation = next(o for o in v16.CENTRAL_SYSTEM.operations if o.name == "Heartbeat")
    here = datetime(2026, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    sent = codec.response(
        v16.HeartbeatResponse(current_time=here), Call(operation, v16.HeartbeatRequest())
    )
    assert b">2026-02-28T23:30:00Z<" in sent


class Leaves(Message, frozen=True, kw_only=True):
    number: Int | None = None
    decimal: Decimal | None = None
    flag: bool | None = None
    time: DateTime | None = None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("number", text) for text in ("", "5.0", "1e3", "1_000", "0x1", "٣", "5 5", "\xa05")),
        *(("decimal", text) for text in ("", "1e3", "NaN", "1,5", "1_0.0", ".")),
        *(("flag", text) for text in ("", "TRUE", "yes", "2", "null")),
        *(("time", text) for text in ("", "12345", "2026-03-01", "20260301T120000Z")),
        *(("time", text) for text in ("2026-W09-7T12:00:00Z", "2026-13-01T12:00:00Z")),
        *(("time", text) for text in ("2026-03-01 12:00:00Z", "2026-03-01T12:00:60Z")),
    ],
)
def test_a_text_is_converted_exactly_or_not_at_all(name: str, text: str) -> None:
    """Even where no schema has passed it first."""
    element = etree.fromstring(f"<l:leaves xmlns:l='urn:l'><l:{name}>{text}</l:{name}></l:leaves>")
    with pytest.raises(ValueError, match=r"Expected|month|second"):
        reader(Leaves, "urn:l")(element)


def test_only_absence_may_be_a_default() -> None:
    class Defaulted(Message, frozen=True, kw_only=True):
        retries: int = 3

    with pytest.raises(TypeError, match="retries"):
        elements(Defaulted)
