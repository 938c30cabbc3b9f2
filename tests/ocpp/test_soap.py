"""Envelopes: what is written, and what is read from them."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from lxml import etree

from ocpp import v16
from ocpp.envelope import ADDRESSING, Fault
from ocpp.soap import BadEnvelope, Call
from tests.ocpp.envelopes import ACCEPTED, CP, CS, HEARTBEAT, RESET, RESET_SOFT, envelope, refusal
from tests.ocpp.instances import complete

# --- writing ------------------------------------------------------------------------------------


def test_a_request_is_written_as_the_standard_asks() -> None:
    assert HEARTBEAT.decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"'
        ' xmlns:a="http://www.w3.org/2005/08/addressing" xmlns:c="urn://Ocpp/Cs/2015/10/">'
        "<e:Header>"
        '<c:chargeBoxIdentity e:mustUnderstand="true">CP1</c:chargeBoxIdentity>'
        "<a:MessageID>urn:uuid:1</a:MessageID>"
        "<a:From><a:Address>http://cp/</a:Address></a:From>"
        '<a:ReplyTo e:mustUnderstand="true"><a:Address>'
        "http://www.w3.org/2005/08/addressing/anonymous</a:Address></a:ReplyTo>"
        '<a:To e:mustUnderstand="true">http://cs/</a:To>'
        '<a:Action e:mustUnderstand="true">/Heartbeat</a:Action>'
        "</e:Header><e:Body><c:heartbeatRequest></c:heartbeatRequest></e:Body></e:Envelope>"
    )


def test_a_response_is_written_as_the_standard_asks() -> None:
    call = CP.read_request(RESET_SOFT)
    assert CP.response(ACCEPTED, call).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"'
        ' xmlns:a="http://www.w3.org/2005/08/addressing" xmlns:c="urn://Ocpp/Cp/2015/10/">'
        '<e:Header><a:Action e:mustUnderstand="true">/ResetResponse</a:Action>'
        "<a:RelatesTo>urn:uuid:2</a:RelatesTo></e:Header>"
        "<e:Body><c:resetResponse><c:status>Accepted</c:status></c:resetResponse></e:Body>"
        "</e:Envelope>"
    )


def test_a_fault_is_written_as_the_standard_asks() -> None:
    fault = Fault("Sender", "IdentityMismatch", "not <me>", relates_to="urn:uuid:2")
    assert CP.fault(fault).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"'
        ' xmlns:a="http://www.w3.org/2005/08/addressing" xmlns:c="urn://Ocpp/Cp/2015/10/">'
        '<e:Header><a:Action e:mustUnderstand="true">'
        "http://www.w3.org/2005/08/addressing/soap/fault</a:Action>"
        "<a:RelatesTo>urn:uuid:2</a:RelatesTo></e:Header><e:Body><e:Fault>"
        "<e:Code><e:Value>e:Sender</e:Value>"
        "<e:Subcode><e:Value>c:IdentityMismatch</e:Value></e:Subcode></e:Code>"
        '<e:Reason><e:Text xml:lang="en">not &lt;me&gt;</e:Text></e:Reason>'
        "</e:Fault></e:Body></e:Envelope>"
    )


def test_a_fault_relates_to_its_call() -> None:
    call = CP.read_request(RESET_SOFT)
    written = CP.fault(Fault("Receiver", "InternalError", "out of order"), call)
    assert b"<a:RelatesTo>urn:uuid:2</a:RelatesTo>" in written
    assert b"RelatesTo" not in CP.fault(Fault("Receiver", "InternalError", "out of order"))


def test_a_fault_about_any_text_can_be_written() -> None:
    written = CP.fault(Fault("Sender", "ProtocolError", "bad \x00 \ud800 \uffff"))
    with pytest.raises(Fault, match="bad"):
        CP.read_response(written, RESET, "urn:uuid:2")


@pytest.mark.parametrize("text", ["\x00", "a\x0bb", "\ufffe", "\ud800"])
def test_what_xml_cannot_carry_is_not_sent(text: str) -> None:
    with pytest.raises(ValueError, match="U\\+"):
        CS.request(v16.AuthorizeRequest(id_tag=text), to="x", message_id="1", identity="CP1")
    with pytest.raises(ValueError, match="U\\+"):
        CS.request(v16.HeartbeatRequest(), to=text, message_id="1", identity="CP1")


def test_nothing_invalid_is_sent() -> None:
    wrong = v16.AuthorizeRequest(id_tag="x" * 21)
    with pytest.raises(msgspec.ValidationError, match="idTag"):
        CS.request(wrong, to="http://cs/", message_id="1", identity="CP1")
    with pytest.raises(ValueError, match="identity"):
        CS.request(v16.HeartbeatRequest(), to="http://cs/", message_id="1")
    with pytest.raises(TypeError, match="no request of CentralSystemService"):
        CS.request(ACCEPTED, to="http://cs/", message_id="1", identity="CP1")
    with pytest.raises(TypeError, match="does not answer Reset"):
        CP.response(
            v16.HeartbeatResponse(current_time=datetime.now(UTC)), CP.read_request(RESET_SOFT)
        )


# --- reading requests ---------------------------------------------------------------------------


def test_a_request_is_read_as_it_was_written() -> None:
    call = CS.read_request(HEARTBEAT, identity="CP1", action="/Heartbeat")
    heartbeat = next(o for o in v16.CENTRAL_SYSTEM.operations if o.name == "Heartbeat")
    assert call == Call(heartbeat, v16.HeartbeatRequest(), "urn:uuid:1", "CP1", "http://cp/")


@pytest.mark.parametrize(
    "data",
    [
        RESET_SOFT.replace(b"c:", b"x:").replace(b":c=", b":x="),
        RESET_SOFT.replace(b"chargeBox", b"ChargeBox"),
        RESET_SOFT.replace(b'"', b"'"),
        RESET_SOFT.replace(b">", b">\n ")
        .replace(b"Soft>\n ", b"Soft>")
        .replace(b"\n Soft", b"Soft"),
        RESET_SOFT.replace(b"Soft", b"So<!-- really? -->f<?really yes?>t"),
        RESET_SOFT.replace(b"Soft", b"<![CDATA[Soft]]>"),
        RESET_SOFT.replace(b"Soft", b"&#83;oft"),
        RESET_SOFT.decode().replace("UTF-8", "UTF-16").encode("utf-16"),
        RESET_SOFT.replace(
            ADDRESSING.encode(), b"http://schemas.xmlsoap.org/ws/2004/08/addressing"
        ).replace(b"addressing/anonymous", b"addressing/role/anonymous"),
        envelope("<c:resetRequest><c:type>Soft</c:type></c:resetRequest>"),
    ],
    ids=[
        *("prefix", "case", "quotes", "white space", "comments", "CDATA", "reference", "UTF-16"),
        *("addressing of 2004", "no addressing"),
    ],
)
def test_reading_is_tolerant(data: bytes) -> None:
    assert CP.read_request(data, identity="CP1").message == v16.ResetRequest(type="Soft")


def test_children_may_come_in_any_order() -> None:
    message = complete(v16.RemoteStartTransactionRequest)
    sent = CP.request(message, to="http://cp/", message_id="1", identity="CP1")
    root = etree.fromstring(sent)
    for parent in list(root[1].iter()):
        parent[:] = reversed(parent)
    data = etree.tostring(root)
    read = CP.read_request(data).message
    assert isinstance(read, v16.RemoteStartTransactionRequest)
    assert isinstance(message, v16.RemoteStartTransactionRequest)
    # A list is reversed with its siblings; all else is as it was.
    assert read.charging_profile
    assert message.charging_profile
    there = read.charging_profile.charging_schedule.charging_schedule_period
    assert there[::-1] == message.charging_profile.charging_schedule.charging_schedule_period
    assert read.id_tag == message.id_tag


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-01T12:00:00", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        (" 2026-03-01T12:00:00Z\n", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T12:00:00.5Z", datetime(2026, 3, 1, 12, 0, 0, 500000, tzinfo=UTC)),
        ("2026-03-01T12:00:00.123456789Z", datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)),
        ("2026-03-01T12:00:00+02:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-02-28T24:00:00Z", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T12:00:00-14:00", datetime(2026, 3, 2, 2, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_utc(text: str, instant: datetime) -> None:
    request = (
        "<c:reserveNowRequest><c:connectorId> +1 </c:connectorId>"
        f"<c:expiryDate>{text}</c:expiryDate>"
        "<c:idTag> A </c:idTag><c:reservationId>007</c:reservationId></c:reserveNowRequest>"
    )
    assert CP.read_request(envelope(request)).message == v16.ReserveNowRequest(
        connector_id=1, expiry_date=instant, id_tag=" A ", reservation_id=7
    )


@pytest.mark.parametrize(
    "text", ["9999-12-31T23:59:59-01:00", "9999-12-31T24:00:00Z", "12026-01-01T00:00:00Z"]
)
def test_a_time_beyond_ours_is_a_protocol_error(text: str) -> None:
    request = (
        f"<c:reserveNowRequest><c:connectorId>1</c:connectorId><c:expiryDate>{text}</c:expiryDate>"
        "<c:idTag>A</c:idTag><c:reservationId>7</c:reservationId></c:reserveNowRequest>"
    )
    assert refusal(envelope(request)).subcode == "ProtocolError"


def test_a_limit_is_read_exactly() -> None:
    message = v16.ChargingSchedulePeriod(start_period=0, limit=Decimal("6.3"))
    profile = v16.ChargingProfile(
        charging_profile_id=1,
        stack_level=0,
        charging_profile_purpose="TxProfile",
        charging_profile_kind="Relative",
        charging_schedule=v16.ChargingSchedule(
            charging_rate_unit="A", charging_schedule_period=(message,)
        ),
    )
    request = v16.RemoteStartTransactionRequest(id_tag="A", charging_profile=profile)
    sent = CP.request(request, to="http://cp/", message_id="1", identity="CP1")
    assert CP.read_request(sent).message == request


# --- reading answers ----------------------------------------------------------------------------

RESPONSE = CP.response(ACCEPTED, CP.read_request(RESET_SOFT))


def test_an_answer_is_read() -> None:
    assert CP.read_response(RESPONSE, RESET, "urn:uuid:2") == ACCEPTED


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<a:RelatesTo>urn:uuid:2</a:RelatesTo>", b""),
        (b"<e:Header>", b"<e:Header><c:ChargeBoxIdentity>CP1</c:ChargeBoxIdentity>"),
        (b'<a:Action e:mustUnderstand="true">/ResetResponse</a:Action>', b""),
    ],
)
def test_an_answer_may_lack_or_add_headers(old: bytes, new: bytes) -> None:
    assert CP.read_response(RESPONSE.replace(old, new), RESET, "urn:uuid:2") == ACCEPTED


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"urn:uuid:2", b"urn:uuid:3", "another request"),
        (b"resetResponse", b"clearCacheResponse", "not resetResponse"),
        (b"Accepted", b"Scheduled", "status"),
        (b"<c:status>Accepted</c:status>", b"", "status"),
        (b"</e:Envelope>", b"", "not well-formed"),
        (b"<e:Header>", b'<e:Header><x e:mustUnderstand="true"/>', "not understood"),
        (b"2003/05/soap-envelope", b"2003/05/soap", "no SOAP envelope"),
    ],
)
def test_what_is_no_answer_says_why(old: bytes, new: bytes, why: str) -> None:
    assert old in RESPONSE
    with pytest.raises(BadEnvelope, match=why):
        CP.read_response(RESPONSE.replace(old, new), RESET, "urn:uuid:2")


@pytest.mark.parametrize(
    ("code", "subcode", "reason"),
    [
        ("Sender", "SecurityError", "who are you?"),
        ("Receiver", "InternalError", "later"),
        ("Receiver", None, ""),
        ("DataEncodingUnknown", None, "?"),
    ],
)
def test_the_peers_fault_is_raised(code: str, subcode: str | None, reason: str) -> None:
    data = CP.fault(Fault(code, subcode, reason, "urn:uuid:2"))
    with pytest.raises(Fault) as caught:
        CP.read_response(data, RESET, "urn:uuid:2")
    assert isinstance(caught.value, Fault)
    assert (caught.value.code, caught.value.subcode, caught.value.reason) == (code, subcode, reason)
