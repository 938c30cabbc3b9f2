"""Bad input to the station's SOAP address: a fault or a closed connection, and the station goes on.

What the HTTP and SOAP layers make of each kind of it has tests of its own; here it is one station.
"""

import socket
import time
from contextlib import ExitStack, closing
from http.client import HTTPConnection, HTTPException

import pytest

from ocpp.http import Refused
from ocpp.soap import Codec
from ocpp.v16 import (
    CHARGE_POINT,
    AuthorizeRequest,
    GetConfigurationRequest,
    HeartbeatRequest,
    StopTransactionRequest,
    TriggerMessageRequest,
)

from ..stories.central import PATIENCE_S, Central
from ..stories.conftest import World
from ..stories.station import eventually

GOOD = (
    Codec(CHARGE_POINT)
    .request(
        GetConfigurationRequest(), to="http://station/", message_id="urn:uuid:1", identity="cp001"
    )
    .decode()
)
BOMB = '<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
DEEP = "<a>" * 5000 + "</a>" * 5000


def post(url: str, body: bytes, kind: str = "application/soap+xml") -> tuple[int, str]:
    """Status and body of the answer; 0 for a connection that is closed instead."""
    with closing(HTTPConnection(address(url), timeout=PATIENCE_S)) as connection:
        try:
            connection.request("POST", "/", body, {"Content-Type": kind})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, HTTPException):
            return 0, ""


def address(url: str) -> str:
    return url.removeprefix("http://").rstrip("/")


def connect(url: str) -> socket.socket:
    host, _, port = address(url).partition(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE_S)


BAD = {
    "nothing": ("", (400,), "Sender"),
    "no XML": ("hello", (400,), "Sender"),
    "cut off": (GOOD[:-30], (400,), "Sender"),
    "no SOAP": ("<html/>", (400, 500), ""),
    "two bodies": (GOOD.replace("</e:Body>", "</e:Body><e:Body/>"), (400,), "Sender"),
    "DOCTYPE": (BOMB + GOOD[GOOD.index("<e:Env") :], (400,), "Sender"),
    "deep": (GOOD.replace("<e:Body>", f"<e:Body>{DEEP}"), (400, 500), ""),
    "other identity": (GOOD.replace("cp001", "cp002"), (400,), "IdentityMismatch"),
    "other action": (GOOD.replace("/GetConfiguration<", "/Reset<"), (400,), "Sender"),
    "unknown operation": (GOOD.replace("getConfigurationR", "getWealthR"), (500,), "NotSupported"),
    "unknown header": (
        GOOD.replace("<e:Header>", '<e:Header><x:y xmlns:x="x" e:mustUnderstand="true"/>'),
        (500,),
        "MustUnderstand",
    ),
    "too long": (
        GOOD.replace("</e:Body>", f"</e:Body><!--{'x' * 100_000}-->"),
        (413, 0),
        "",
    ),
}


@pytest.fixture
def calm(world: World) -> World:
    """A station with nothing left to say."""
    world.start()
    return world


def goes_on(central: Central) -> None:
    """It answers orders and plays a session."""
    station_answers = central.ask(GetConfigurationRequest(key=("HeartbeatInterval",)))
    assert station_answers


def test_bad_requests(calm: World) -> None:
    central, station = calm.central, calm.stations[0]
    url = central.station_url
    assert post(url, GOOD.encode())[0] == 200
    for name, (body, statuses, said) in BAD.items():
        status, answer = post(url, body.encode())
        assert status in statuses, (name, status, answer)
        assert said in answer, (name, answer)
        goes_on(central)
    assert post(url, GOOD.encode(), "text/html")[0] == 415
    assert post(url, b"\xff\xfe\x00")[0] == 400
    with pytest.raises(Refused) as refused:
        central.ask(GetConfigurationRequest(), identity="cp002")
    assert refused.value.fault is not None
    assert refused.value.fault.subcode == "IdentityMismatch"
    assert "answered Sender/IdentityMismatch" in station.lines
    station.plug_in()
    station.card()
    central.wait_status("Charging")
    station.card()
    central.wait(StopTransactionRequest)


def test_what_is_not_even_http(calm: World) -> None:
    central = calm.central
    for data in (b"\x16\x03\x01\x02\x00\x01\x00", b"\r\n\r\n", b"GET", b"A" * 70_000):
        with closing(connect(central.station_url)) as peer:
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)
            while peer.recv(4096):
                pass
        goes_on(central)


def test_slow_peers_keep_nobody_waiting(calm: World) -> None:
    """Neither orders nor what the station has to say: also not for their replies (R16-129)."""
    central = calm.central
    url = central.station_url
    head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/soap+xml\r\n"
    with ExitStack() as peers:
        for text in [head] * 40 + [f"{head}Content-Length: 5000\r\n\r\n<e:Envelope"] * 10:
            peer = peers.enter_context(closing(connect(url)))
            peer.sendall(text.encode())
        began = time.monotonic()
        for number in range(1, 5):
            trigger = TriggerMessageRequest(requested_message="Heartbeat")
            assert central.status_of(trigger) == "Accepted"
            central.wait(HeartbeatRequest, count=number)
        assert time.monotonic() - began < 3.0


def test_orders_by_the_dozen(calm: World) -> None:
    """More than a station wants to answer at once; afterwards it is as before."""
    central = calm.central
    request = GOOD.encode()
    with ExitStack() as peers:
        open_ = []
        for _ in range(60):
            peer = peers.enter_context(closing(connect(central.station_url)))
            peer.sendall(
                f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(request)}\r\n"
                "Content-Type: application/soap+xml\r\n\r\n".encode()
                + request
            )
            open_.append(peer)
        assert all(peer.recv(12) == b"HTTP/1.1 200" for peer in open_)
    goes_on(central)
    station = calm.stations[0]
    station.card()
    central.wait(AuthorizeRequest)
    eventually(lambda: "Preparing" in station.lines)
