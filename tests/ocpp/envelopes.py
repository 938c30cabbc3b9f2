"""Envelopes for the tests of the codec: right ones, and ones written by hand to be wrong."""

import pytest

from ocpp import v16
from ocpp.envelope import ENVELOPE, Fault
from ocpp.soap import Codec

GOOD = "<c:resetRequest><c:type>Soft</c:type></c:resetRequest>"
IDENTITY = "<c:chargeBoxIdentity>CP1</c:chargeBoxIdentity>"
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
