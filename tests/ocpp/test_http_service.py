"""A service as a WSGI application: what it takes, what it refuses, and that it always answers."""

import gzip
import io
import logging
import zlib
from collections.abc import Callable, Generator
from contextlib import ExitStack
from typing import Any

import msgspec
import pytest
from lxml import etree

from ocpp.http import Exchanged, Refused, SoapClient, soap_app
from ocpp.message import Message
from ocpp.server import HttpServer
from ocpp.soap import Call, Codec, Fault
from ocpp.v16 import CHARGE_POINT, ClearCacheRequest, ClearCacheResponse
from tests.ocpp.wires import ask

CODEC = Codec(CHARGE_POINT)
ACCEPTED = ClearCacheResponse(status="Accepted")
REQUEST = CODEC.request(
    ClearCacheRequest(), to="http://x/", message_id="urn:uuid:1", identity="CP1"
)
OPERATION = next(o for o in CHARGE_POINT.operations if o.request is ClearCacheRequest)
SOAP = "application/soap+xml; charset=utf-8"

Post = Callable[..., tuple[int, dict[str, str], bytes]]


def accept(call: Call) -> Message:
    return ACCEPTED


def post(app: Any, body: bytes = REQUEST, **environ: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body that the application answers with."""
    said: list[Any] = []
    whole = {
        "REQUEST_METHOD": "POST",
        "QUERY_STRING": "",
        "CONTENT_TYPE": SOAP,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "wsgi.url_scheme": "http",
        "HTTP_HOST": "cp.example:8080",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/cp",
        **environ,
    }
    answer = b"".join(app(whole, lambda status, headers: said.extend((status, headers))))
    status, headers = said
    return int(status[:3]), dict(headers), answer


def fault_of(answer: tuple[int, dict[str, str], bytes]) -> tuple[int, str, str | None]:
    with pytest.raises(Fault) as raised:
        CODEC.read_response(answer[2], OPERATION, "urn:uuid:1")
    return answer[0], raised.value.code, raised.value.subcode


class TestCall:
    def test_reaches_its_handler_and_is_answered(self) -> None:
        calls = []

        def handle(call: Call) -> Message:
            calls.append(call)
            return ACCEPTED

        status, headers, body = post(soap_app(CHARGE_POINT, handle, identity="CP1"))
        assert (status, headers["Content-Type"]) == (200, SOAP)
        assert CODEC.read_response(body, OPERATION, "urn:uuid:1") == ACCEPTED
        assert [(call.operation.name, call.identity) for call in calls] == [("ClearCache", "CP1")]

    @pytest.mark.parametrize(
        "environ",
        [
            {"CONTENT_TYPE": "text/xml"},
            {"CONTENT_TYPE": "Application/SOAP+XML"},
            {"CONTENT_TYPE": f'{SOAP}; action="/ClearCache"'},
            {"CONTENT_TYPE": f"{SOAP};action=/ClearCache"},
            {"HTTP_SOAPACTION": '"/ClearCache"'},
            {"HTTP_SOAPACTION": '""'},
        ],
    )
    def test_may_name_its_type_and_action_in_many_ways(self, environ: dict[str, str]) -> None:
        assert post(soap_app(CHARGE_POINT, accept, identity="CP1"), **environ)[0] == 200

    @pytest.mark.parametrize(
        ("encoding", "body"),
        [
            ("gzip", gzip.compress(REQUEST)),
            ("GZIP", gzip.compress(REQUEST)),
            ("deflate", zlib.compress(REQUEST)),
            ("deflate", zlib.compress(REQUEST, wbits=-15)),
            ("identity", REQUEST),
        ],
    )
    def test_may_be_compressed(self, encoding: str, body: bytes) -> None:
        app = soap_app(CHARGE_POINT, accept, identity="CP1")
        assert post(app, body, HTTP_CONTENT_ENCODING=encoding)[0] == 200

    def test_is_told_of_with_what_was_said(self) -> None:
        told: list[Exchanged] = []
        app = soap_app(CHARGE_POINT, accept, identity="CP1", on_exchange=told.append)
        good, bad = post(app), post(app, b"<nonsense/>")
        assert [msgspec.structs.astuple(one)[:4] for one in told] == [
            ("ClearCache", REQUEST, good[2], 200),
            (None, b"<nonsense/>", bad[2], 400),
        ]
        assert all(0 <= one.seconds < 60 for one in told)


class TestFault:
    @pytest.mark.parametrize(
        ("body", "environ", "expected"),
        [
            (b"<nonsense", {}, (400, "Sender", "ProtocolError")),
            (b"", {}, (400, "Sender", "ProtocolError")),
            (REQUEST.replace(b"CP1", b"CP2"), {}, (400, "Sender", "IdentityMismatch")),
            (REQUEST, {"HTTP_SOAPACTION": "/Reset"}, (400, "Sender", "ProtocolError")),
            (
                REQUEST.replace(b"clearCacheRequest", b"explodeRequest"),
                {},
                (500, "Receiver", "NotSupported"),
            ),
        ],
    )
    def test_of_the_request_is_answered(
        self, body: bytes, environ: dict[str, str], expected: tuple[int, str, str]
    ) -> None:
        app = soap_app(CHARGE_POINT, accept, identity="CP1")
        assert fault_of(post(app, body, **environ)) == expected

    def test_of_the_handler_is_answered_and_its_reason_not_in_the_log(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        def refuse(call: Call) -> Message:
            raise Fault("Sender", "SecurityError", "card 04A1B2C3 is not welcome")

        with caplog.at_level(logging.INFO, "pilotwire.http"):
            answer = post(soap_app(CHARGE_POINT, refuse, identity="CP1"))
        assert fault_of(answer) == (400, "Sender", "SecurityError")
        assert b"urn:uuid:1" in answer[2]
        assert "SecurityError" in caplog.text
        assert "04A1B2C3" not in caplog.text

    @pytest.mark.parametrize("answer", [RuntimeError("broken"), ClearCacheRequest()])
    def test_unforeseen_is_answered_and_logged(
        self, caplog: pytest.LogCaptureFixture, answer: Any
    ) -> None:
        def fail(call: Call) -> Message:
            if isinstance(answer, Exception):
                raise answer
            return answer

        said = post(soap_app(CHARGE_POINT, fail, identity="CP1"))
        assert fault_of(said) == (500, "Receiver", "InternalError")
        assert b"broken" not in said[2]
        assert "ClearCache could not be answered" in caplog.text


class TestRejection:
    @pytest.mark.parametrize(
        ("environ", "status"),
        [
            ({"REQUEST_METHOD": "GET"}, 405),
            ({"REQUEST_METHOD": "PUT"}, 405),
            ({"CONTENT_TYPE": ""}, 415),
            ({"CONTENT_TYPE": "application/json"}, 415),
            ({"CONTENT_TYPE": 'multipart/related; type="application/soap+xml"'}, 415),
            ({"HTTP_CONTENT_ENCODING": "br"}, 415),
            ({"HTTP_CONTENT_ENCODING": "gzip"}, 415),
        ],
    )
    def test_is_no_soap(
        self, environ: dict[str, str], status: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO, "pilotwire.http"):
            answer = post(soap_app(CHARGE_POINT, accept, identity="CP1"), **environ)
        assert (answer[0], answer[2]) == (status, b"")
        assert ("Allow" in answer[1]) == (status == 405)
        assert str(status) in caplog.text

    @pytest.mark.parametrize(
        ("body", "encoding"),
        [
            (REQUEST + b" " * 4096, ""),
            (gzip.compress(REQUEST + b" " * 10**7), "gzip"),
            (zlib.compress(REQUEST + b" " * 10**7), "deflate"),
        ],
    )
    def test_of_what_is_too_large(self, body: bytes, encoding: str) -> None:
        app = soap_app(CHARGE_POINT, accept, identity="CP1", max_body=4096)
        assert post(app, body, HTTP_CONTENT_ENCODING=encoding)[0] == 413

    def test_of_a_length_that_lies_costs_no_more_than_the_limit(self) -> None:
        app = soap_app(CHARGE_POINT, accept, identity="CP1", max_body=4096)
        assert post(app, b"x" * 5000, CONTENT_LENGTH="999999999999")[0] == 413


def test_wsdl_names_the_address_that_was_asked() -> None:
    app = soap_app(CHARGE_POINT, accept, identity="CP1")
    status, headers, body = post(app, b"", REQUEST_METHOD="GET", QUERY_STRING="wsdl")
    assert (status, headers["Content-Type"]) == (200, "text/xml; charset=utf-8")
    addresses = etree.fromstring(body).xpath("//@location")
    assert addresses == ["http://cp.example:8080/cp"]


class TestOverTheWire:
    @pytest.fixture
    def serve(self) -> Generator[Callable[..., HttpServer]]:
        with ExitStack() as stack:

            def serve(handle: Callable[[Call], Message]) -> HttpServer:
                app = soap_app(CHARGE_POINT, handle, identity="CP1")
                server = HttpServer("127.0.0.1", 0, app, name="service")
                stack.callback(server.stop)
                server.start()
                return server

            yield serve

    def test_our_client_gets_responses_and_faults(self, serve: Callable[..., HttpServer]) -> None:
        answers = iter([ACCEPTED, Fault("Receiver", "NotSupported", "not yet"), ACCEPTED])

        def handle(call: Call) -> Message:
            answer = next(answers)
            if isinstance(answer, Fault):
                raise answer
            return answer

        client = SoapClient(CHARGE_POINT, serve(handle).url, identity="CP1")
        assert client.call(ClearCacheRequest()) == ACCEPTED
        with pytest.raises(Refused) as raised:
            client.call(ClearCacheRequest())
        assert raised.value.fault is not None
        assert raised.value.fault.subcode == "NotSupported"
        assert client.call(ClearCacheRequest()) == ACCEPTED
        client.close()

    def test_chunked_requests_are_taken(self, serve: Callable[..., HttpServer]) -> None:
        server = serve(accept)
        head = (
            "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            f"Content-Type: {SOAP}\r\nTransfer-Encoding: chunked\r\n\r\n{len(REQUEST):x}\r\n"
        )
        heard = ask((server.host, server.port), head.encode() + REQUEST + b"\r\n0\r\n\r\n")
        assert heard.startswith(b"HTTP/1.1 200")
        assert b"clearCacheResponse" in heard
