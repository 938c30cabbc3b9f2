"""ReserveNow handled: our server and gSOAP's, each in a process of its own, called by our client.

As a program it is our server: it prints its address and serves until its stdin ends.
"""

import sys
from contextlib import ExitStack
from datetime import UTC, datetime

from ocpp.http import SoapClient, soap_app
from ocpp.server import HttpServer
from ocpp.v16 import CHARGE_POINT, ReserveNowRequest, ReserveNowResponse
from tests.figures import gsoap
from tests.figures.exchanges import IDENTITY, SENDER
from tests.figures.process import Process
from tests.figures.roundtrip import WARM_UP, timed
from tests.figures.row import Row, against

WHAT = "ReserveNow handled"
MOST = 2.5
REQUEST = ReserveNowRequest(
    connector_id=1,
    expiry_date=datetime(2030, 1, 1, tzinfo=UTC),
    id_tag="04A1B2C3D4E580",
    reservation_id=7,
)


def inbound(batches: int = 15, count: int = 100) -> list[Row]:
    """Each value is one call; the servers take turns, a batch each."""
    servers: dict[str, list[object]] = {"ours": [sys.executable, "-m", "tests.figures.inbound"]}
    missing = ""
    try:
        servers["gSOAP"] = [gsoap.binary(), "point"]
    except gsoap.Missing as missed:
        missing = str(missed)
    found: dict[str, list[float]] = {of: [] for of in servers}
    with ExitStack() as stack:
        clients = {}
        for of, command in servers.items():
            url = stack.enter_context(Process(*command)).line()
            clients[of] = SoapClient(CHARGE_POINT, url, identity=IDENTITY, sender=SENDER)
            stack.callback(clients[of].close)
            timed(clients[of], REQUEST, WARM_UP)
        for _ in range(batches):
            for of, client in clients.items():
                found[of] += timed(client, REQUEST, count)
    rows = against(WHAT, "µs", found, "gSOAP", MOST)
    return [*rows, Row(WHAT, "gSOAP", "µs", note=missing)] if missing else rows


def main() -> None:
    accepted = ReserveNowResponse(status="Accepted")
    app = soap_app(CHARGE_POINT, lambda call: accepted, identity=IDENTITY)
    server = HttpServer("127.0.0.1", 0, app, name="soap")
    server.start()
    print(f"{server.url}/", flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
