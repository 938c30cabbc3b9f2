"""Measures the SOAP codec: CPU per exchange as a client has it, by `python tests/figures/codec.py`.

An exchange is one request written and its response read; no network. Prints microseconds, the
best of several repeats, as other work on the machine only ever adds.
"""

import sys
import timeit
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from ocpp import v16
from ocpp.message import Message
from ocpp.soap import Call, Codec

CODEC = Codec(v16.CENTRAL_SYSTEM)
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ID = "urn:uuid:5b1c1c1e-6d0f-4c62-9e3a-000000000001"
SAMPLE = v16.SampledValue(
    value="1234.5",
    context="Sample.Periodic",
    format="Raw",
    measurand="Energy.Active.Import.Register",
    location="Outlet",
    unit="Wh",
)
EXCHANGES: dict[str, tuple[Message, Message]] = {
    "Heartbeat": (v16.HeartbeatRequest(), v16.HeartbeatResponse(current_time=NOW)),
    "BootNotification": (
        v16.BootNotificationRequest(
            charge_point_vendor="Pilotwire",
            charge_point_model="Bench",
            charge_point_serial_number="SN-0001",
            firmware_version="0.1.0",
            meter_type="SDM120",
        ),
        v16.BootNotificationResponse(status="Accepted", current_time=NOW, interval=300),
    ),
    "MeterValues x10": (
        v16.MeterValuesRequest(
            connector_id=1,
            transaction_id=4711,
            meter_value=(v16.MeterValue(timestamp=NOW, sampled_value=(SAMPLE,) * 10),),
        ),
        v16.MeterValuesResponse(),
    ),
}


def request(message: Message) -> bytes:
    return CODEC.request(
        message, to="http://cs/", message_id=ID, identity="CP-0001", sender="http://cp/"
    )


def best(statement: object, repeats: int = 15, number: int = 1000) -> float:
    """Microseconds."""
    return min(timeit.repeat(statement, repeat=repeats, number=number)) / number * 1e6  # type: ignore[arg-type]


def main() -> None:
    print(f"{'':16} {'write':>7} {'read':>7} {'client':>7} {'server':>7}   µs")
    for name, (message, answer) in EXCHANGES.items():
        envelope = request(message)
        call = CODEC.read_request(envelope, identity="CP-0001")
        assert isinstance(call, Call)
        response = CODEC.response(answer, call)
        operation = call.operation
        write = best(lambda m=message: request(m))
        read = best(lambda r=response, o=operation: CODEC.read_response(r, o, ID))
        served = best(lambda e=envelope: CODEC.read_request(e, identity="CP-0001"))
        written = best(lambda a=answer, c=call: CODEC.response(a, c))
        print(f"{name:16} {write:7.1f} {read:7.1f} {write + read:7.1f} {served + written:7.1f}")


if __name__ == "__main__":
    main()
