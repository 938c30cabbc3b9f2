"""Bad and hostile envelopes: each gets its fault, none does harm."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocpp import v16
from ocpp.envelope import ADDRESSING, Fault
from ocpp.soap import BadEnvelope
from tests.ocpp.envelopes import (
    ACCEPTED,
    CP,
    CS,
    GOOD,
    HEARTBEAT,
    IDENTITY,
    NS,
    RESET,
    RESET_SOFT,
    XSI,
    envelope,
    refusal,
)


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
