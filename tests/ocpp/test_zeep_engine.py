"""The engine zeep: its envelopes say what ours do, and what zeep gets wrong goes no further."""

import pytest
import zeep
from lxml import etree

from ocpp import v16
from ocpp.envelope import ENVELOPE
from ocpp.message import Message, Operation, Service
from ocpp.soap import BadEnvelope, Codec
from ocpp.zeep_engine import ZeepCodec
from tests.ocpp.envelopes import CS, HEARTBEAT
from tests.ocpp.instances import complete

ZEEP = ZeepCodec(v16.CENTRAL_SYSTEM)
HEART = next(o for o in v16.CENTRAL_SYSTEM.operations if o.name == "Heartbeat")


class AskRequest(Message, frozen=True, kw_only=True):
    service: str


class AskResponse(Message, frozen=True, kw_only=True):
    operation_name: str


def written(codec: Codec, message: Message, sender: str | None = "http://cp/") -> etree._Element:
    return etree.fromstring(
        codec.request(
            message, to="http://cs/", message_id="urn:uuid:1", identity="CP<1>", sender=sender
        )
    )


def headers(envelope: etree._Element) -> set[tuple[str, str, str | None]]:
    """Name, text and mustUnderstand of each header."""
    must = f"{{{ENVELOPE}}}mustUnderstand"
    return {(block.tag, "".join(block.itertext()), block.get(must)) for block in envelope[0]}


@pytest.mark.parametrize("sender", ["http://cp/?a&b", None])
def test_the_headers_are_those_of_the_other_engine(sender: str | None) -> None:
    message = complete(v16.BootNotificationRequest)
    ours, theirs = (headers(written(codec, message, sender)) for codec in (CS, ZEEP))
    assert ours == theirs


@pytest.mark.parametrize(
    ("kind", "text"), [("Integer", "1e3"), ("DateTime", "today"), ("String", "x" * 21)]
)
def test_what_zeep_writes_wrong_is_not_sent(
    monkeypatch: pytest.MonkeyPatch, kind: str, text: str
) -> None:
    monkeypatch.setattr(getattr(zeep.xsd.types.builtins, kind), "xmlvalue", lambda *_: text)
    with pytest.raises(ValueError, match="zeep wrote what the schema forbids"):
        written(ZEEP, complete(v16.StartTransactionRequest))


def test_what_zeep_cannot_read_is_no_answer_and_no_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The schema knows midnight at the end of a day; zeep's dateTime does not."""
    call = CS.read_request(HEARTBEAT)
    answer = CS.response(complete(v16.HeartbeatResponse), call)
    head, _, rest = answer.partition(b"<c:currentTime>")
    late = head + b"<c:currentTime>2026-03-01T24:00:00Z" + rest[rest.index(b"</c:currentTime>") :]
    CS.read_response(late, HEART, "urn:uuid:1")
    with pytest.raises(BadEnvelope, match="currentTime"):
        ZEEP.read_response(late, HEART, "urn:uuid:1")
    assert caplog.text == ""


def test_another_service_needs_no_identity_and_may_use_any_name() -> None:
    asking = Service("Asking", "urn:ask", (Operation("Ask", AskRequest, AskResponse),))
    codec = ZeepCodec(asking)
    sent = codec.request(AskRequest(service="a"), to="http://x/", message_id="urn:uuid:1")
    call = Codec(asking).read_request(sent)
    assert call.message == AskRequest(service="a")
    answer = Codec(asking).response(AskResponse(operation_name="b"), call)
    read = codec.read_response(answer, call.operation, "urn:uuid:1")
    assert read == AskResponse(operation_name="b")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/b.xsd", "/etc/hostname"])
def test_nothing_is_loaded(url: str) -> None:
    with pytest.raises(PermissionError, match="not to be loaded"):
        ZEEP._zeep.transport.load(url)
