"""The listener: orders of the central system, as they come in over SOAP."""

from collections.abc import Iterable
from contextlib import ExitStack
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.wsgi import ClosingIterator

from firmware.dialects import v16
from firmware.shell.desk import Desk, NoAnswer
from firmware.shell.link import Link
from firmware.vendors import Vendors
from ocpp.http import OnExchange, soap_app
from ocpp.message import Message
from ocpp.soap import Call, Fault
from ocpp.v16 import CHARGE_POINT, DataTransferRequest

ANSWER_S = 10.0


class Listener:
    """The WSGI application of the ChargePointService."""

    def __init__(
        self, desk: Desk, link: Link, identity: str, on_exchange: OnExchange | None = None
    ) -> None:
        self._desk = desk
        self._link = link
        self._vendors = Vendors()
        self._app: WSGIApplication = soap_app(
            CHARGE_POINT, self._handle, identity=identity, on_exchange=on_exchange
        )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._link.held:
            start_response("503 Service Unavailable", [("Content-Length", "0")])
            return []
        # What an order causes is told only when its reply has been written (R16-129).
        with ExitStack() as replying:
            replying.enter_context(self._desk.replying())
            body = self._app(environ, start_response)
            return ClosingIterator(body, replying.pop_all().close)

    def _handle(self, call: Call) -> Message:
        """Answer one order, or raise the Fault to answer with."""
        if self._link.registration == "Rejected":  # R16-023
            raise Fault("Sender", "SecurityError", "this station is not registered with you")
        if isinstance(call.message, DataTransferRequest):
            return self._vendors.answer(call.message)
        try:
            outcome = self._desk.ask(v16.order(call.message), ANSWER_S)
        except v16.Unsupported as error:
            raise Fault("Receiver", "NotSupported", f"{error} is not supported") from error
        except NoAnswer as error:
            raise Fault("Receiver", "InternalError", str(error)) from error
        return v16.reply(call.message, outcome)
