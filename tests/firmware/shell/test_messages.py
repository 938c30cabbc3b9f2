"""The message log: what it shows of an exchange, what it never shows, and that it stays small."""

import time

import pytest

from firmware.shell import messages as module
from firmware.shell.messages import Messages, clean
from ocpp.http import Exchanged
from ocpp.soap import Codec, Fault
from ocpp.v16 import CENTRAL_SYSTEM, AuthorizeRequest, AuthorizeResponse, IdTagInfo

CARD = "04A1B2C3D4E580"
CODEC = Codec(CENTRAL_SYSTEM)
REQUEST = CODEC.request(
    AuthorizeRequest(id_tag=CARD), to="http://x/", message_id="urn:uuid:1", identity="CP1"
)
CALL = CODEC.read_request(REQUEST)
RESPONSE = CODEC.response(
    AuthorizeResponse(id_tag_info=IdTagInfo(status="Accepted", parent_id_tag="FLEETFLEET7")), CALL
)


def exchanged(**other: object) -> Exchanged:
    given = {"operation": "Authorize", "request": REQUEST, "response": RESPONSE, "status": 200}
    return Exchanged(**given | {"seconds": 0.0123} | other)  # type: ignore[arg-type]


def test_request_and_answer_are_one_entry() -> None:
    log = Messages()
    log.sent(exchanged())
    (entry,) = log.select()
    assert (entry.number, entry.direction, entry.action) == (1, "out", "Authorize")
    assert (entry.outcome, entry.ok, entry.ms) == ("answered", True, 12.3)
    assert "urn:uuid:1" in entry.request
    assert ">Accepted<" in entry.response


def test_cards_are_masked_in_both() -> None:
    log = Messages()
    log.received(exchanged())
    (entry,) = log.select()
    assert ">04…80<" in entry.request
    assert ">FL…T7<" in entry.response
    assert CARD not in str(entry)
    assert "FLEETFLEET7" not in str(entry)


def test_a_fault_that_quotes_the_card_does_not_tell_it() -> None:
    fault = Fault("Sender", "ConstraintViolation", f"nothing is known of {CARD.lower()}")
    log = Messages()
    log.sent(exchanged(response=CODEC.fault(fault, CALL), status=400))
    (entry,) = log.select()
    assert (entry.ok, entry.outcome) == (False, "ConstraintViolation, HTTP 400")
    assert CARD.lower() not in entry.response


@pytest.mark.parametrize(
    "body",
    [
        "<a:idTag xmlns:a='x' >CANARY1</a:idTag>",
        "<idTag><![CDATA[CANARY1]]></idTag>",
        "<idTag>CAN<!-- - -->ARY1</idTag>",
        "<idTag>CANARY1",
        "<parentIdTag>\n CANARY1 \n</parentIdTag>",
        "<authorizationKey>CANARY1</authorizationKey>",
        "<x:Password>CANARY1</x:Password>",
        "<!-- of <idTag> --><idTag>CANARY1</idTag>",
        "<key>AuthorizationKey</key><value>CANARY1</value>",
        "<c:key>AuthorizationKey</c:key> <c:readonly>false</c:readonly><c:value>CANARY1</c:value>",
        "<key>My.Password.2</key>\n<value a='b'>CANARY1</value>",
    ],
)
def test_no_spelling_shows_a_secret(body: str) -> None:
    for text in clean(f"<b>{body}".encode(), f"{body}</b>".encode()):
        assert "CANARY1" not in text
        assert "ARY1" not in text


def test_values_that_are_no_secret_are_left() -> None:
    body = b"<key>HeartbeatInterval</key><value>300</value>"
    assert clean(body, b"")[0] == body.decode()


def test_what_is_no_text_is_not_shown() -> None:
    assert clean("<idTag>Ü</idTag>".encode("utf-16"), b"\xff<a/>")[0].endswith("not shown]")


def test_what_had_no_answer_says_so() -> None:
    log = Messages()
    log.sent(exchanged(response=b"", status=0))
    log.received(exchanged(operation=None, status=415, response=b""))
    assert [(e.action, e.outcome) for e in log.select()] == [
        ("Authorize", "no answer"),
        ("unreadable", "HTTP 415"),
    ]


def test_a_filter_lets_pass_what_matches_all_of_it() -> None:
    log = Messages()
    log.sent(exchanged())
    log.received(exchanged(operation="Reset"))
    assert [e.number for e in log.select(direction="in")] == [2]
    assert [e.number for e in log.select(action="authorize")] == [1]
    assert [e.number for e in log.select(text="ACCEPTED")] == [1, 2]
    assert log.select("in", "Authorize") == []
    assert log.counts == {("out", "Authorize", True): 1, ("in", "Reset", True): 1}


def test_only_the_last_ones_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Messages()
    for _ in range(module.KEPT + 5):
        log.sent(exchanged(request=b"<x/>"))
    assert [e.number for e in log.select()] == list(range(6, module.KEPT + 6))
    monkeypatch.setattr(module, "KEPT_CHARACTERS", 10 * len(RESPONSE))
    log.sent(exchanged())
    assert 5 < len(log.select()) < 11
    log.sent(exchanged(request=b"x" * 100 * len(RESPONSE)))
    assert len(log.select()) == 1


@pytest.mark.parametrize("piece", ["<idTag>", "<key>password", "<password", "password", "<key>x"])
def test_a_hostile_message_costs_no_seconds(piece: str) -> None:
    began = time.process_time()
    clean((piece * (65_536 // len(piece))).encode(), f"<key>{'password' * 8000}".encode())
    assert time.process_time() - began < 1.0
