"""Envelopes: what is written, what is read, and what is refused with which fault."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ocpp import v16
from ocpp.envelope import ADDRESSING, ENVELOPE, Fault
from ocpp.soap import BadEnvelope, Call, Codec
from tests.ocpp.instances import complete

CS = Codec(v16.CENTRAL_SYSTEM)
CP = Codec(v16.CHARGE_POINT)
NS = "urn://Ocpp/Cp/2015/10/"
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
RESET = next(o for o in v16.CHARGE_POINT.operations if o.name == "Reset")
ACCEPTED = v16.ResetResponse(status="Accepted")

HEARTBEAT = CS.request(
    v16.HeartbeatRequest(),
    to="http://cs/",
    message_id="urn:uuid:1",
    identity="CP1",
    sender="http://cp/",
)
RESET_SOFT = CP.request(
    v16.ResetRequest(type="Soft"), to="http://cp/", message_id="urn:uuid:2", identity="CP1"
)


def envelope(
    body: str = '<ResetRequest xmlns="%s"/>',
    header: str = "",
    around: str = "%s",
    ns: str = ENVELOPE,
) -> bytes:
    """An envelope written by hand, to be wrong in one place."""
    header = header or f'<c:chargeBoxIdentity xmlns:c="{NS}">CP1</c:chargeBoxIdentity>'
    text = f"<e:Header>{header}</e:Header><e:Body>{body}</e:Body>"
    return f'<e:Envelope xmlns:e="{ns}" xmlns:c="{NS}">{around % text}</e:Envelope>'.encode()


def refusal(data: bytes, codec: Codec = CP, identity: str | None = "CP1") -> Fault:
    with pytest.raises(Fault) as caught:
        codec.read_request(data, identity=identity)
    assert isinstance(caught.value, Fault)
    return caught.value


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
        RESET_SOFT.replace(b"'", b'"'),
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


# --- refusing requests --------------------------------------------------------------------------

GOOD = "<c:resetRequest><c:type>Soft</c:type></c:resetRequest>"
IDENTITY = "<c:chargeBoxIdentity>CP1</c:chargeBoxIdentity>"


def addressed(name: str, content: str) -> bytes:
    return envelope(GOOD, f'{IDENTITY}<a:{name} xmlns:a="{ADDRESSING}">{content}</a:{name}>')


@pytest.mark.parametrize(
    ("data", "code", "subcode"),
    [
        (b"", "Sender", "ProtocolError"),
        (b"hello", "Sender", "ProtocolError"),
        (RESET_SOFT[:-1], "Sender", "ProtocolError"),
        (RESET_SOFT + b"<more/>", "Sender", "ProtocolError"),
        (RESET_SOFT.replace(b"UTF-8", b"EBCDIC-X"), "Sender", "ProtocolError"),
        (RESET_SOFT.replace(b"Soft", b"\xff"), "Sender", "ProtocolError"),
        (RESET_SOFT.replace(b"Soft", b"&who;"), "Sender", "ProtocolError"),
        (b"<!DOCTYPE x><x/>", "Sender", "ProtocolError"),
        (b"<html/>", "Sender", "ProtocolError"),
        (envelope(GOOD, ns="http://schemas.xmlsoap.org/soap/envelope/"), "VersionMismatch", None),
        (envelope(GOOD, ns="urn:other"), "Sender", "ProtocolError"),
        (envelope(""), "Sender", "ProtocolError"),
        (envelope(GOOD * 2), "Sender", "ProtocolError"),
        (envelope(GOOD, around="%s<e:Body/>"), "Sender", "ProtocolError"),
        (envelope(GOOD, around=f"<e:Body>{GOOD}</e:Body>%s"), "Sender", "ProtocolError"),
        (envelope(GOOD, around="%s<x/>"), "Sender", "ProtocolError"),
        (envelope(GOOD, "<x/>"), "Sender", "ProtocolError"),
        (envelope(GOOD, IDENTITY * 2), "Sender", "ProtocolError"),
        (envelope(GOOD, IDENTITY.replace("CP1", "CP2")), "Sender", "IdentityMismatch"),
        (envelope(GOOD, IDENTITY.replace("CP1", "cp1")), "Sender", "IdentityMismatch"),
        (envelope(GOOD, IDENTITY + '<x e:mustUnderstand="true"/>'), "MustUnderstand", None),
        (envelope(GOOD, IDENTITY + '<x e:mustUnderstand="1"/>'), "MustUnderstand", None),
        (envelope("<c:explodeRequest/>"), "Receiver", "NotSupported"),
        (envelope("<resetRequest/>"), "Receiver", "NotSupported"),
        (
            envelope('<o:resetRequest xmlns:o="urn://Ocpp/Cp/2012/06/"/>'),
            "Receiver",
            "NotSupported",
        ),
        (envelope("<c:resetResponse/>"), "Receiver", "NotSupported"),
        (envelope("<c:resetRequest/>"), "Sender", "ProtocolError"),
        (envelope(GOOD.replace("Soft", "soft")), "Sender", "ProtocolError"),
        (envelope(GOOD.replace("Soft", "<c:type>Soft</c:type>")), "Sender", "ProtocolError"),
        (addressed("Action", "/Heartbeat"), "Sender", "ProtocolError"),
        (addressed("ReplyTo", "<a:Address>http://evil/</a:Address>"), "Sender", "ProtocolError"),
        (addressed("FaultTo", "<a:Address>http://evil/</a:Address>"), "Sender", "ProtocolError"),
        (addressed("ReplyTo", ""), "Sender", "ProtocolError"),
    ],
)
def test_a_bad_request_gets_its_fault(data: bytes, code: str, subcode: str | None) -> None:
    fault = refusal(data)
    assert (fault.code, fault.subcode) == (code, subcode)
    assert fault.http_status == (400 if code == "Sender" else 500)


def test_a_header_for_somebody_else_need_not_be_understood() -> None:
    block = '<x e:mustUnderstand="true" e:role="urn:a-relay"/><y e:mustUnderstand="false"/>'
    CP.read_request(envelope(GOOD, IDENTITY + block), identity="CP1")


def test_the_action_of_http_must_fit_too() -> None:
    with pytest.raises(Fault, match="action /Heartbeat does not fit Reset"):
        CP.read_request(RESET_SOFT, action="/Heartbeat")


def test_without_an_identity_of_ours_any_passes_but_none_does_not() -> None:
    assert CP.read_request(RESET_SOFT).identity == "CP1"
    assert refusal(envelope(GOOD, "<x/>"), identity=None).subcode == "ProtocolError"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Soft", "Warm"),
        ("CP1", "CP2"),
        ("resetRequest", "explodeRequest"),
        ("/Reset", "/Heartbeat"),
        ("<e:Header>", '<e:Header><x e:mustUnderstand="true"/>'),
    ],
)
def test_a_fault_tells_which_request_it_answers(old: str, new: str) -> None:
    assert refusal(RESET_SOFT.decode().replace(old, new).encode()).relates_to == "urn:uuid:2"


# --- hostile requests ---------------------------------------------------------------------------


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Nothing that a message names may be connected to: at the end nobody has been here."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize(
    ("doctype", "text"),
    [
        ("e:Envelope", "Soft"),
        ('e:Envelope SYSTEM "http://127.0.0.1:%d/x.dtd"', "Soft"),
        ('e:Envelope PUBLIC "x" "http://127.0.0.1:%d/x.dtd"', "Soft"),
        ('e [<!ENTITY x "Soft">]', "&x;"),
        ('e [<!ENTITY x SYSTEM "file:///etc/passwd">]', "&x;"),
        ('e [<!ENTITY x SYSTEM "http://127.0.0.1:%d/x">]', "&x;"),
        ('e [<!ENTITY %% p SYSTEM "http://127.0.0.1:%d/p.dtd">%%p;]', "Soft"),
        ('e [<!ATTLIST c:type id CDATA "1">]', "Soft"),
    ],
)
def test_no_document_type_passes(listener: socket.socket, doctype: str, text: str) -> None:
    port = listener.getsockname()[1]
    doctype = doctype % port if "%" in doctype else doctype
    data = RESET_SOFT.decode().replace("?>", f"?><!DOCTYPE {doctype}>", 1)
    assert (
        refusal(data.replace(">Soft<", f">{text}<").encode()).reason == "a DOCTYPE is not allowed"
    )


def test_entities_do_not_grow() -> None:
    nested = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    doctype = (
        f'<!DOCTYPE e [<!ENTITY e0 "aaaaaaaaaa">{nested}<!ATTLIST e:Envelope x CDATA "&e11;">]>'
    )
    data = RESET_SOFT.decode().replace("?>", f"?>{doctype}", 1)
    began = time.process_time()
    assert refusal(data.encode()).subcode == "ProtocolError"
    assert time.process_time() - began < 1


def test_deep_nesting_is_refused() -> None:
    assert refusal(envelope("<c:a>" * 5000 + "</c:a>" * 5000)).subcode == "ProtocolError"


@pytest.mark.parametrize(
    ("attribute", "text"),
    [
        ('xsi:type="c:ResetStatus"', "Accepted"),
        ('xsi:type="c:CiString20Type"', "Warm"),
        ('xsi:nil="true"', ""),
        ('id="1"', "Soft"),
    ],
)
def test_attributes_do_not_change_what_is_expected(attribute: str, text: str) -> None:
    body = f"<c:resetRequest {XSI}><c:type {attribute}>{text}</c:type></c:resetRequest>"
    assert refusal(envelope(body)).subcode == "ProtocolError"


def test_a_schema_that_a_message_names_is_not_asked_for(listener: socket.socket) -> None:
    place = f"http://127.0.0.1:{listener.getsockname()[1]}/x.xsd"
    hints = f'xsi:schemaLocation="{NS} {place}" xsi:noNamespaceSchemaLocation="{place}"'
    body = f"<c:resetRequest {XSI} {hints}><c:type>Soft</c:type></c:resetRequest>"
    assert CP.read_request(envelope(body)).message == v16.ResetRequest(type="Soft")


@settings(max_examples=1500, deadline=None, database=None)
@given(
    data=st.sampled_from(
        [RESET_SOFT, HEARTBEAT, CP.response(ACCEPTED, CP.read_request(RESET_SOFT))]
    ),
    edits=st.lists(
        st.tuples(
            st.integers(0, 800),
            st.integers(0, 40),
            st.binary(max_size=8)
            | st.sampled_from([b"<", b"&", b"</", b"<c:type/>", b'"', b"]]>"]),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_whatever_comes_is_read_or_refused(
    data: bytes, edits: list[tuple[int, int, bytes]]
) -> None:
    for start, length, new in edits:
        data = data[:start] + new + data[start + length :]
    for codec in (CP, CS):
        try:
            codec.read_request(data)
        except Fault as fault:
            codec.fault(fault)
    with suppress(Fault, BadEnvelope):
        CP.read_response(data, RESET, "urn:uuid:2")


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


def test_one_codec_serves_many_threads() -> None:
    faults: list[str] = []

    def refuse(n: int) -> None:
        wrong = envelope(GOOD.replace("Soft", f"Warm{n}"))
        for _ in range(50):
            try:
                CP.read_request(wrong)
            except Fault as fault:
                if f"Warm{n}'" not in fault.reason:
                    faults.append(fault.reason)
            CP.read_request(RESET_SOFT)

    threads = [threading.Thread(target=refuse, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not faults
