"""The second SOAP engine: zeep writes the requests and parses the answers; all checks are ours.

zeep knows no facets, lengths or ranges, and makes None of what it cannot read. So what it wrote and
what it is to read is held to our schema, and envelopes to the codec's rules. It sends nothing: one
deadline for a whole call, and an end to it from another thread, its transports do not offer.
"""

import io
import logging
from datetime import UTC, datetime
from typing import Any, NoReturn

import zeep
from lxml import etree
from zeep.helpers import serialize_object

from ocpp.elements import elements
from ocpp.envelope import ADDRESSING, ANONYMOUS, ENVELOPE, Fault, legal
from ocpp.message import Message, Operation, Service, from_plain, to_plain
from ocpp.soap import Codec
from ocpp.wsdl import header_part, wsdl

# Of a value that it cannot read zeep prints a traceback; we report it in a line.
logging.getLogger("zeep.xsd.types.simple").setLevel(logging.CRITICAL)


class ZeepCodec(Codec):
    """A client's codec on zeep, from the service's WSDL. For one thread: zeep promises no more."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._zeep = zeep.Client(
            io.BytesIO(wsdl(service, "http://localhost/").encode()),
            transport=_Nowhere(),
            settings=zeep.Settings(forbid_dtd=True, forbid_entities=True, forbid_external=True),
        )

    def _request(
        self,
        operation: Operation,
        message: Message,
        to: str,
        message_id: str,
        identity: str | None,
        sender: str | None,
    ) -> bytes:
        part = self.service.identity_header and header_part(self.service.identity_header)
        plain = _settled(to_plain(message))
        root = self._zeep.create_message(
            self._zeep.service,
            operation.name,
            *(plain.get(element.name) for element in elements(type(message))),
            _soapheaders={part: identity} if part else None,
        )
        header, body = root
        _address(header, to, message_id, sender)
        try:
            self._check_schema(body[0], type(message))
        except Fault as fault:
            raise ValueError(f"zeep wrote what the schema forbids: {fault.reason}") from fault
        return etree.tostring(root, encoding="UTF-8", xml_declaration=True)

    def _parse(self, element: etree._Element, kind: type[Message]) -> Message:
        for node in element.iter():
            node.text = node.text or ""  # or zeep would take an empty text for none
        try:
            values = self._zeep.get_element(element.tag).parse(element, self._zeep.wsdl.types)
            return from_plain(_settled(serialize_object(values, dict) or {}), kind)
        except (zeep.exceptions.Error, OverflowError) as error:
            raise ValueError(str(error)) from error


class _Nowhere:
    """zeep's transport: our WSDL is whole, so nothing is loaded."""

    def load(self, url: str) -> NoReturn:
        raise PermissionError(f"{url} is not to be loaded")


def _address(header: etree._Element, to: str, message_id: str, sender: str | None) -> None:
    """zeep's WS-Addressing headers as ours, with those that it leaves out (S16 §3.3-3.9)."""
    for name, address in (("From", sender), ("ReplyTo", ANONYMOUS)):
        if address:
            endpoint = etree.SubElement(header, f"{{{ADDRESSING}}}{name}")
            etree.SubElement(endpoint, f"{{{ADDRESSING}}}Address").text = address
    texts = {"To": to, "MessageID": message_id}
    for block in header:
        name = etree.QName(block).localname
        block.text = texts.get(name, block.text)
        if name not in ("From", "MessageID"):
            block.set(f"{{{ENVELOPE}}}mustUnderstand", "true")


def _settled(value: Any) -> Any:
    """Plain values as zeep takes them, and its values as we do.

    That is lists for tuples, nothing for what is absent, times in UTC, which a time without a zone
    is taken to be. Raises ValueError for a text that XML cannot carry.
    """
    match value:
        case dict():
            return {k: _settled(v) for k, v in value.items() if v is not None and v != []}
        case list() | tuple():
            return [_settled(item) for item in value]
        case str():
            return legal(value)
        case datetime():
            return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
    return value
