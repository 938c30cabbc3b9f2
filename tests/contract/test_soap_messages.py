"""What is expected of a SOAP client's messages, whichever engine writes and reads them."""

import queue
import random
import socket
import subprocess
import sys
from collections.abc import Callable, Generator
from datetime import UTC, datetime

import pytest

from ocpp.http import Engine, Refused, SoapClient, soap_app
from ocpp.message import Message, Operation, Service
from ocpp.server import HttpServer
from ocpp.soap import Call, Codec
from ocpp.v16 import (
    CENTRAL_SYSTEM,
    CHARGE_POINT,
    AuthorizeRequest,
    BootNotificationRequest,
    BootNotificationResponse,
    DataTransferRequest,
    DataTransferResponse,
    GetConfigurationRequest,
    GetConfigurationResponse,
    HeartbeatResponse,
    IdTagInfo,
    KeyValue,
    StartTransactionRequest,
    StartTransactionResponse,
    StatusNotificationRequest,
)
from tests.contract.conftest import Dial, Serve
from tests.ocpp.instances import complete, minimal, some
from tests.ocpp.wires import read_request, respond

SERVICES = {service.name: service for service in (CENTRAL_SYSTEM, CHARGE_POINT)}
OPERATIONS = [
    pytest.param(service, operation, id=f"{service.name}.{operation.name}")
    for service in SERVICES.values()
    for operation in service.operations
]
CODEC = Codec(CENTRAL_SYSTEM)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BOOT = BootNotificationRequest(charge_point_vendor="Pilotwire", charge_point_model="Bench")
BOOTED = BootNotificationResponse(status="Accepted", current_time=NOON, interval=300)
START = StartTransactionRequest(connector_id=1, id_tag="ANNA", timestamp=NOON, meter_start=0)
STARTED = StartTransactionResponse(transaction_id=1, id_tag_info=IdTagInfo(status="Accepted"))


class Peer:
    """A service that notes each call and answers with what it was given for it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.calls: list[Call] = []
        self.answers: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self.server = HttpServer(
            "127.0.0.1", 0, soap_app(service, self._answer, identity="CP1"), name="peer"
        )
        self.server.start()

    def _answer(self, call: Call) -> Message:
        self.calls.append(call)
        return self.answers.get_nowait()


@pytest.fixture
def peer(service: Service) -> Generator[Peer]:
    peer = Peer(service)
    yield peer
    peer.server.stop()


def examples(kind: type[Message]) -> list[Message]:
    rng = random.Random(kind.__name__)
    return [minimal(kind), complete(kind), *(some(kind, rng) for _ in range(10))]


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_every_message_arrives_whole_there_and_back(
    service: Service, operation: Operation, peer: Peer, dial: Dial
) -> None:
    client = dial(peer.server.port, "/", service=service, sender="http://192.0.2.1:8080/")
    exchanges = zip(examples(operation.request), examples(operation.response), strict=True)
    for number, (request, response) in enumerate(exchanges):
        peer.answers.put(response)
        assert client.call(request, message_id=f"urn:uuid:{number}") == response
        call = peer.calls[-1]
        assert (call.operation, call.message, call.identity) == (operation, request, "CP1")
        assert (call.message_id, call.sender) == (f"urn:uuid:{number}", "http://192.0.2.1:8080/")


@pytest.mark.parametrize(
    ("service", "request_", "response"),
    [
        (
            CENTRAL_SYSTEM,
            DataTransferRequest(vendor_id="", message_id="", data=""),
            DataTransferResponse(status="Accepted", data=""),
        ),
        (
            CHARGE_POINT,
            GetConfigurationRequest(key=("", " ", "a")),
            GetConfigurationResponse(
                configuration_key=(KeyValue(key="", readonly=False, value=""),),
                unknown_key=("", " "),
            ),
        ),
    ],
    ids=["DataTransfer", "GetConfiguration"],
)
def test_an_empty_text_is_not_an_absent_one(
    service: Service, request_: Message, response: Message, peer: Peer, dial: Dial
) -> None:
    peer.answers.put(response)
    assert dial(peer.server.port, "/", service=service).call(request_) == response
    assert peer.calls[0].message == request_


class TestNotSent:
    @pytest.mark.parametrize(
        ("character", "named"),
        [("\x00", "0000"), ("\x1f", "001F"), ("\ufffe", "FFFE"), ("\ud800", "D800")],
    )
    def test_a_character_that_xml_cannot_carry(
        self, serve: Serve, dial: Dial, character: str, named: str
    ) -> None:
        server = serve()
        with pytest.raises(ValueError, match=f"U\\+{named}: leave it out"):
            dial(server.port).call(AuthorizeRequest(id_tag=f"a{character}b"))
        assert server.connections == 0

    @pytest.mark.parametrize(
        "message",
        [
            AuthorizeRequest(id_tag="x" * 21),
            AuthorizeRequest(id_tag=4711),
            StartTransactionRequest(
                connector_id=1, id_tag="ANNA", timestamp=NOON.replace(tzinfo=None), meter_start=0
            ),
            StartTransactionRequest(
                connector_id=2**31, id_tag="ANNA", timestamp=NOON, meter_start=0
            ),
            StatusNotificationRequest(connector_id=1, status="Asleep", error_code="NoError"),
        ],
        ids=[
            *("too long", "no text", "time without zone", "too large", "no such status"),
        ],
    )
    def test_what_breaks_the_schema(self, serve: Serve, dial: Dial, message: Message) -> None:
        server = serve()
        with pytest.raises(ValueError, match=r".") as raised:
            dial(server.port).call(message)
        assert "ANNA" not in str(raised.value)
        assert server.connections == 0

    def test_a_message_that_is_no_request(self, dial: Dial) -> None:
        with pytest.raises(TypeError, match="HeartbeatResponse is no request"):
            dial(9).call(HeartbeatResponse(current_time=NOON))

    def test_an_identity_that_is_none(self, engine: Engine) -> None:
        client = SoapClient(CENTRAL_SYSTEM, "http://127.0.0.1:9/", engine=engine)
        with pytest.raises(ValueError, match="identity"):
            client.call(BOOT)

    def test_an_address_that_xml_cannot_carry(self, dial: Dial) -> None:
        with pytest.raises(ValueError, match="XML"):
            dial(9, sender="http://\x01/").call(BOOT)


Edit = tuple[str, str]


def edited(response: Message, *edits: Edit) -> Callable[[socket.socket], None]:
    """Answers with this response, certain texts of its envelope replaced by others."""

    def script(sock: socket.socket) -> None:
        call = CODEC.read_request(read_request(sock).partition(b"\r\n\r\n")[2])
        text = CODEC.response(response, call).decode()
        for old, new in edits:
            assert old in text
            text = text.replace(old, new)
        sock.sendall(respond(text.encode()))

    return script


INTERVAL = "<c:interval>300</c:interval>"
STATUS = "<c:status>Accepted</c:status>"
TIME = "<c:currentTime>2026-03-01T12:00:00Z</c:currentTime>"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
ELSEWHERE = f'xmlns:i="{XSI}" i:schemaLocation="urn:b http://127.0.0.1:9/b.xsd"'


class TestUnderstood:
    """Peers differ in what the schema leaves open, and some are a little wrong."""

    @pytest.mark.parametrize(
        "edits",
        [
            [(INTERVAL, "<c:interval> 300\n</c:interval>")],
            [(INTERVAL, "<c:interval>+0300</c:interval>")],
            [(INTERVAL, "<c:interval>3<!-- not 4 -->00</c:interval>")],
            [(STATUS, "<c:status>Accep<?x?>ted</c:status>")],
            [(TIME + INTERVAL, INTERVAL + "\n" + TIME)],
            [(TIME, TIME.replace("Z", ""))],
            [(TIME, TIME.replace("Z", ".000Z"))],
            [(TIME, TIME.replace("12:00:00Z", "14:00:00+02:00"))],
            [(TIME, TIME.replace(">2026", ">\n 2026"))],
            [("c:", "ns7:"), ("xmlns:c=", "xmlns:ns7=")],
            [("c:", ""), ("xmlns:c=", "xmlns=")],
            [("http://www.w3.org/2005/08/", "http://schemas.xmlsoap.org/ws/2004/08/")],
            [("<a:RelatesTo>urn:uuid:1</a:RelatesTo>", "")],
            [("</e:Header>", '<b:trace xmlns:b="urn:b"/></e:Header>')],
            [("<c:bootNotificationResponse", f"<c:bootNotificationResponse {ELSEWHERE}")],
        ],
        ids=lambda edits: edits[0][1],
    )
    def test_boot(self, serve: Serve, dial: Dial, edits: list[Edit]) -> None:
        client = dial(serve(edited(BOOTED, *edits)).port)
        assert client.call(BOOT, message_id="urn:uuid:1") == BOOTED


class TestRefused:
    """An answer that is wrong is none, and the connection serves the next call."""

    @pytest.mark.parametrize(
        "edit",
        [
            (INTERVAL, ""),
            (INTERVAL, INTERVAL * 2),
            (INTERVAL, "<c:interval>3e2</c:interval>"),
            (INTERVAL, "<c:interval></c:interval>"),
            (INTERVAL, "<c:interval>2147483648</c:interval>"),
            (INTERVAL, "<c:interval><c:status>300</c:status></c:interval>"),
            (INTERVAL, "<interval>300</interval>"),
            (INTERVAL, f"{INTERVAL}<c:more>1</c:more>"),
            (INTERVAL, f"{INTERVAL}text"),
            (INTERVAL, f'<c:interval xmlns:i="{XSI}" i:nil="true"/>'),
            (INTERVAL, f'<c:interval xmlns:i="{XSI}" i:type="c:KeyValue">300</c:interval>'),
            (STATUS, "<c:status>accepted</c:status>"),
            (STATUS, "<c:status>Asleep</c:status>"),
            (STATUS, "<c:status/>"),
            (TIME, "<c:currentTime>yesterday</c:currentTime>"),
            (TIME, "<c:currentTime>2026-02-29T12:00:00Z</c:currentTime>"),
            (TIME, "<c:currentTime>9999-12-31T23:59:59-02:00</c:currentTime>"),
            ("<e:Envelope", "<!DOCTYPE e:Envelope><e:Envelope"),
            ("<e:Envelope", "<!DOCTYPE e:Envelope [<!ENTITY x 'y'>]><e:Envelope"),
            ("<e:Envelope", "<!DOCTYPE e:Envelope SYSTEM 'http://127.0.0.1:9/x.dtd'><e:Envelope"),
            ("<e:Body>", "<e:Body><c:x/>"),
            ("<e:Body>", "<e:Body/><e:Body>"),
            (
                "http://www.w3.org/2003/05/soap-envelope",
                "http://schemas.xmlsoap.org/soap/envelope/",
            ),
            ("</e:Header>", '<b:x xmlns:b="urn:b" e:mustUnderstand="1"/></e:Header>'),
            ("bootNotificationResponse", "heartbeatResponse"),
            ("bootNotificationResponse", "bootNotificationRequest"),
            ("</e:Envelope>", ""),
        ],
        ids=lambda edit: edit[1],
    )
    def test_boot(self, serve: Serve, dial: Dial, edit: Edit) -> None:
        server = serve(edited(BOOTED, edit), edited(BOOTED))
        client = dial(server.port)
        with pytest.raises(Refused) as raised:
            client.call(BOOT)
        assert raised.value.reason == "wrong answer"
        assert client.call(BOOT) == BOOTED

    def test_what_lies_deep(self, serve: Serve, dial: Dial) -> None:
        edit = (STATUS, f"<c:parentIdTag>{'x' * 21}</c:parentIdTag>{STATUS}")
        with pytest.raises(Refused, match="parentIdTag"):
            dial(serve(edited(STARTED, edit)).port).call(START)


def test_zeep_is_imported_by_who_chooses_it_only() -> None:
    program = (
        "import sys, firmware.app, ocpp.central\n"
        "from ocpp.http import SoapClient\n"
        "from ocpp.v16 import CHARGE_POINT\n"
        "SoapClient(CHARGE_POINT, 'http://x/')\n"
        "assert 'zeep' not in sys.modules\n"
        "SoapClient(CHARGE_POINT, 'http://x/', engine='zeep')\n"
        "assert 'zeep' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
