"""SOAP 1.2 envelopes: their shape, their WS-Addressing headers, and faults."""

import re
import threading

import msgspec
from lxml import etree

from ocpp.elements import escape

ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
ENVELOPE_11 = "http://schemas.xmlsoap.org/soap/envelope/"
ADDRESSING = "http://www.w3.org/2005/08/addressing"
ADDRESSING_2004 = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
ANONYMOUS = f"{ADDRESSING}/anonymous"
ANONYMOUS_FORMS = (ANONYMOUS, f"{ADDRESSING_2004}/role/anonymous")

IDENTITY = "identity"
"""Key of the identity header among the headers read, whatever the peer's spelling."""

_FAULT = f"{{{ENVELOPE}}}Fault"
_FAULT_ACTION = f"{ADDRESSING}/soap/fault"
_BLOCKS = {
    f"{{{namespace}}}{name}": name
    for namespace in (ADDRESSING, ADDRESSING_2004)
    for name in ("Action", "FaultTo", "From", "MessageID", "RelatesTo", "ReplyTo", "To")
}
_ENDPOINTS = ("FaultTo", "From", "ReplyTo")
_OUR_ROLES = (None, f"{ENVELOPE}/role/next", f"{ENVELOPE}/role/ultimateReceiver")

# XML 1.0 §2.2, turned round: what no escape can put into a document.
_ILLEGAL = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Fault(Exception):
    """A SOAP fault: to be sent, or received. The subcodes are those of S16 §4.

    `code` is Sender, Receiver, MustUnderstand or VersionMismatch; `relates_to` is the id of the
    request that it answers, if that could be read.
    """

    def __init__(
        self, code: str, subcode: str | None, reason: str, relates_to: str | None = None
    ) -> None:
        super().__init__(code, subcode, reason)
        self.code = code
        self.subcode = subcode
        self.reason = reason
        self.relates_to = relates_to

    def __str__(self) -> str:
        return f"{self.code}{'/' if self.subcode else ''}{self.subcode or ''}: {self.reason}"

    @property
    def http_status(self) -> int:
        """As the SOAP 1.2 HTTP binding has it."""
        return 400 if self.code == "Sender" else 500


def protocol_error(reason: str) -> Fault:
    """For what violates the protocol, the schema included."""
    return Fault("Sender", "ProtocolError", reason)


# --- writing ------------------------------------------------------------------------------------


def write(namespace: str, headers: str, body: str) -> bytes:
    """An envelope; e, a and c are the prefixes of SOAP, WS-Addressing and the service.

    Raises ValueError where a text in it cannot be put into XML.
    """
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<e:Envelope xmlns:e="{ENVELOPE}" xmlns:a="{ADDRESSING}" xmlns:c="{namespace}">'
        f"<e:Header>{headers}</e:Header><e:Body>{body}</e:Body></e:Envelope>"
    )
    return legal(text).encode()


def legal(text: str) -> str:
    """The same text. Raises ValueError where XML cannot carry it."""
    # Printable is the quick answer for nearly every message.
    if not text.isprintable() and (bad := _ILLEGAL.search(text)):
        raise ValueError(f"XML cannot carry the character U+{ord(bad.group()):04X}: leave it out")
    return text


def request_headers(action: str, message_id: str, to: str, sender: str | None) -> str:
    """The WS-Addressing headers of a request (S16 §3.4-3.9). Answers never travel on their own."""
    source = f"<a:From><a:Address>{escape(sender)}</a:Address></a:From>" if sender else ""
    return (
        f"<a:MessageID>{escape(message_id)}</a:MessageID>{source}"
        f'<a:ReplyTo e:mustUnderstand="true"><a:Address>{ANONYMOUS}</a:Address></a:ReplyTo>'
        f'<a:To e:mustUnderstand="true">{escape(to)}</a:To>'
        f'<a:Action e:mustUnderstand="true">{escape(action)}</a:Action>'
    )


def answer_headers(action: str, message_id: str | None) -> str:
    """The WS-Addressing headers of an answer to a request with that id, if it had one."""
    relates = "" if message_id is None else f"<a:RelatesTo>{escape(message_id)}</a:RelatesTo>"
    return f'<a:Action e:mustUnderstand="true">{escape(action)}</a:Action>{relates}'


def write_fault(namespace: str, fault: Fault) -> bytes:
    """The envelope of a fault. Never raises: what XML cannot carry is replaced."""
    subcode = ""
    if fault.subcode:
        subcode = f"<e:Subcode><e:Value>c:{fault.subcode}</e:Value></e:Subcode>"
    return write(
        namespace,
        answer_headers(_FAULT_ACTION, fault.relates_to),
        f"<e:Fault><e:Code><e:Value>e:{fault.code}</e:Value>{subcode}</e:Code><e:Reason>"
        f'<e:Text xml:lang="en">{escape(_ILLEGAL.sub("?", fault.reason))}</e:Text>'
        "</e:Reason></e:Fault>",
    )


# --- reading ------------------------------------------------------------------------------------


class Envelope(msgspec.Struct, frozen=True):
    """What was in an envelope: the headers we know by local name, and the one body element.

    `stranger` is a header that we would have to understand and do not.
    """

    headers: dict[str, str]
    stranger: str | None
    body: etree._Element


class _Parser(threading.local):
    """One per thread: lxml would make threads wait for each other on a shared one."""

    def __init__(self) -> None:
        self.parser = etree.XMLParser(
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
            recover=False,
        )


_threads = _Parser()


def read(data: bytes, identity_tag: str | None) -> Envelope:
    """The envelope in those bytes. Raises Fault where they hold none."""
    root = _parse(data)
    header, body = _shape(root)
    headers: dict[str, str] = {}
    stranger = None
    for block in header:
        name = _block_name(block.tag, identity_tag)
        if name is None:
            stranger = block.tag if _must_understand(block) else stranger
        elif name in headers:
            raise protocol_error(f"header {name} occurs twice")
        else:
            headers[name] = _block_text(block, name)
    return Envelope(headers, stranger, body)


def _parse(data: bytes) -> etree._Element:
    try:
        root = etree.fromstring(data, _threads.parser)
    except etree.XMLSyntaxError as error:
        raise protocol_error(f"not well-formed XML: {error.msg}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise protocol_error("a DOCTYPE is not allowed")
    return root


def _shape(root: etree._Element) -> tuple[etree._Element | tuple[()], etree._Element]:
    """The header, perhaps empty, and the one element in the body."""
    if root.tag != f"{{{ENVELOPE}}}Envelope":
        if root.tag == f"{{{ENVELOPE_11}}}Envelope":
            raise Fault("VersionMismatch", None, "only SOAP 1.2 is spoken here")
        raise protocol_error("this is no SOAP envelope")
    parts = [part.tag for part in root]
    if parts[-1:] != [f"{{{ENVELOPE}}}Body"] or parts[:-1] not in ([], [f"{{{ENVELOPE}}}Header"]):
        raise protocol_error("an envelope has at most one Header, then exactly one Body")
    if len(root[-1]) != 1:
        raise protocol_error("a Body has exactly one element")
    return (root[0] if len(parts) > 1 else ()), root[-1][0]


def _block_name(tag: str, identity_tag: str | None) -> str | None:
    name = _BLOCKS.get(tag)
    # The identity's name is compared without case: both spellings occur (S16 §3.3).
    if name is None and identity_tag is not None and tag.lower() == identity_tag.lower():
        return IDENTITY
    return name


def _block_text(block: etree._Element, name: str) -> str:
    if name in _ENDPOINTS:
        addresses = (part for part in block if part.tag.endswith("}Address"))
        block = next(addresses, block)
    return (block.text or "").strip()


def _must_understand(block: etree._Element) -> bool:
    return (
        block.get(f"{{{ENVELOPE}}}mustUnderstand", "").strip() in ("true", "1")
        and block.get(f"{{{ENVELOPE}}}role") in _OUR_ROLES
    )


def as_fault(body: etree._Element) -> Fault | None:
    """The fault that a body is, or None. Of codes only the local name counts (ES 3.3)."""
    if body.tag != _FAULT:
        return None
    code, subcode, reason = (
        " ".join((body.findtext(path, namespaces={"e": ENVELOPE}) or "").split())
        for path in ("e:Code/e:Value", "e:Code/e:Subcode/e:Value", "e:Reason/e:Text")
    )
    return Fault(code.rpartition(":")[2], subcode.rpartition(":")[2] or None, reason[:500])
