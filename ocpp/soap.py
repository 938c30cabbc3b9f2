"""OCPP-S on the wire, without any I/O: messages to SOAP envelopes and back.

Writes strictly and reads tolerantly: children in any order, any prefix, the identity header in
any case, WS-Addressing of 2004 too. What was read is then held to the service's schema. An
address in a message is information, never a place that anything is sent to.
"""

import threading

import msgspec
from lxml import etree

from ocpp import envelope
from ocpp.elements import canonicalizer, element_name, escape, reader, writer
from ocpp.envelope import IDENTITY, Fault, protocol_error
from ocpp.message import Message, Operation, Service
from ocpp.wsdl import schema

__all__ = ["BadEnvelope", "Call", "Codec", "Fault", "Operation", "Service"]


class BadEnvelope(Exception):
    """What came back is no answer to what was asked. The text says why."""


class Call(msgspec.Struct, frozen=True):
    """A request as read. `sender` is what the peer says its address is: information only."""

    operation: Operation
    message: Message
    message_id: str | None = None
    identity: str | None = None
    sender: str | None = None


class _Schema(threading.local):
    """One per thread: of a shared one, the error log may be another thread's."""

    def __init__(self, service: Service) -> None:
        self.compiled = schema(service)


class Codec:
    """The envelopes of one service, in both directions. Compiled once; any thread may use it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._schema = _Schema(service)
        namespace = service.namespace
        messages = [m for o in service.operations for m in (o.request, o.response)]
        self._identity_tag = service.identity_header and self._tag(service.identity_header)
        self._by_class = {o.request: o for o in service.operations}
        self._by_tag = {self._tag(element_name(o.request)): o for o in service.operations}
        self._write = {m: writer(m, "c") for m in messages}
        self._read = {m: reader(m, namespace) for m in messages}
        self._canonicalize = {m: canonicalizer(m, namespace) for m in messages}

    def request(
        self,
        message: Message,
        *,
        to: str,
        message_id: str,
        identity: str | None = None,
        sender: str | None = None,
    ) -> bytes:
        """The envelope of a request. `sender` is the address where the sender's own server listens.

        Raises msgspec.ValidationError where the message breaks its definition, ValueError where a
        text cannot be put into XML or the identity is missing, TypeError where the service has no
        such request.
        """
        operation = self._by_class.get(type(message))
        if operation is None:
            raise TypeError(f"{type(message).__name__} is no request of {self.service.name}")
        if self.service.identity_header and identity is None:
            raise ValueError(f"a request to {self.service.name} needs an identity")
        return self._request(operation, message, to, message_id, identity, sender)

    def read_request(
        self, body: bytes, *, identity: str | None = None, action: str | None = None
    ) -> Call:
        """The call in an envelope. Raises Fault: what to answer (S16 §4).

        `identity` is ours, if only requests to it shall pass; `action` is what HTTP said it is.
        """
        read = envelope.read(body, self._identity_tag)
        message_id = read.headers.get("MessageID")
        try:
            self._check_headers(read, identity)
            operation = self._operation(read.body, read.headers.get("Action"), action)
            message = self._message(read.body, operation.request)
        except Fault as fault:
            fault.relates_to = message_id
            raise
        claimed, sender = read.headers.get(IDENTITY), read.headers.get("From")
        return Call(operation, message, message_id, claimed, sender)

    def response(self, message: Message, call: Call) -> bytes:
        """The envelope that answers a call. Raises as `request` does."""
        if type(message) is not call.operation.response:
            raise TypeError(f"{type(message).__name__} does not answer {call.operation.name}")
        headers = envelope.answer_headers(f"{call.operation.action}Response", call.message_id)
        return envelope.write(self.service.namespace, headers, self._write[type(message)](message))

    def fault(self, fault: Fault, call: Call | None = None) -> bytes:
        """The envelope of a fault, in answer to a call if it got that far. Never raises."""
        message_id = call.message_id if call else fault.relates_to
        answer = Fault(fault.code, fault.subcode, fault.reason, message_id)
        return envelope.write_fault(self.service.namespace, answer)

    def read_response(self, body: bytes, operation: Operation, message_id: str) -> Message:
        """The answer in an envelope. Raises Fault (the peer's) or BadEnvelope (it is no answer)."""
        try:
            read = envelope.read(body, self._identity_tag)
            self._check_answer(read, message_id)
            fault = envelope.as_fault(read.body)
            if fault is None:
                self._check_name(read.body, operation.response)
                return self._message(read.body, operation.response)
        except Fault as bad:
            raise BadEnvelope(bad.reason) from bad
        raise fault

    # --- what another engine does in its own way --------------------------------------------------

    def _request(
        self,
        operation: Operation,
        message: Message,
        to: str,
        message_id: str,
        identity: str | None,
        sender: str | None,
    ) -> bytes:
        headers = envelope.request_headers(operation.action, message_id, to, sender)
        if name := self.service.identity_header:
            value = escape(identity or "")
            headers = f'<c:{name} e:mustUnderstand="true">{value}</c:{name}>{headers}'
        return envelope.write(self.service.namespace, headers, self._write[type(message)](message))

    def _parse(self, element: etree._Element, kind: type[Message]) -> Message:
        """Of an element that fits the schema. Raises ValueError where it breaks the definition."""
        return self._read[kind](element)

    # --- checks -----------------------------------------------------------------------------------

    def _check_headers(self, read: envelope.Envelope, ours: str | None) -> None:
        if read.stranger:
            raise Fault("MustUnderstand", None, f"header {read.stranger} is not understood")
        for name in ("ReplyTo", "FaultTo"):
            # The answer travels in the same exchange and nowhere else (S16 §3.2, §3.8).
            if read.headers.get(name, envelope.ANONYMOUS) not in envelope.ANONYMOUS_FORMS:
                raise protocol_error(f"{name} must be {envelope.ANONYMOUS}")
        claimed = read.headers.get(IDENTITY)
        if self.service.identity_header and claimed is None:
            raise protocol_error(f"header {self.service.identity_header} is missing")
        if self.service.identity_header and ours not in (None, claimed):
            raise Fault("Sender", "IdentityMismatch", "this is another charge point")

    def _operation(self, element: etree._Element, *actions: str | None) -> Operation:
        operation = self._by_tag.get(element.tag)
        if operation is None:
            name = etree.QName(element).localname
            raise Fault("Receiver", "NotSupported", f"{name} is not supported")
        for action in actions:
            if action not in (None, operation.action):
                raise protocol_error(f"action {action} does not fit {operation.name}")
        return operation

    def _check_answer(self, read: envelope.Envelope, message_id: str) -> None:
        if read.stranger:
            raise BadEnvelope(f"header {read.stranger} is not understood")
        if read.headers.get("RelatesTo", message_id) != message_id:
            raise BadEnvelope("it relates to another request")

    def _check_name(self, element: etree._Element, kind: type[Message]) -> None:
        if element.tag != self._tag(element_name(kind)):
            raise BadEnvelope(f"it holds {element.tag}, not {element_name(kind)}")

    def _message(self, element: etree._Element, kind: type[Message]) -> Message:
        """Raises Fault where the element breaks the schema or the message its definition."""
        self._check_schema(element, kind)
        try:
            return self._parse(element, kind)
        except ValueError as error:
            raise protocol_error(str(error)) from error

    def _check_schema(self, element: etree._Element, kind: type[Message]) -> None:
        check = self._schema.compiled
        if check.validate(element):
            return
        # Children may have come in any order; what counts is their canonical form.
        self._canonicalize[kind](element)
        try:
            check.assertValid(element)
        except etree.DocumentInvalid as error:
            raise protocol_error(str(error).replace(self._tag(""), "")) from error

    # --- names ------------------------------------------------------------------------------------

    def _tag(self, name: str) -> str:
        return f"{{{self.service.namespace}}}{name}"
