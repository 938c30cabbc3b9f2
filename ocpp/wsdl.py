"""The XML Schema and the WSDL of a service, derived from its messages."""

from collections.abc import Iterator

import msgspec
from lxml import etree
from msgspec import inspect

from ocpp.elements import Element, element_name, elements
from ocpp.message import Operation, Service

XSD = "http://www.w3.org/2001/XMLSchema"
WSDL = "http://schemas.xmlsoap.org/wsdl/"
SOAP12 = "http://schemas.xmlsoap.org/wsdl/soap12/"
WSAW = "http://www.w3.org/2006/05/addressing/wsdl"
HTTP = "http://schemas.xmlsoap.org/soap/http"

_PREFIXES = {"wsdl": WSDL, "xs": XSD, "soap12": SOAP12, "wsaw": WSAW}

# What needs no type of its own, and what the others restrict.
_BUILT_IN = {
    "string": inspect.StrType(),
    "boolean": inspect.BoolType(),
    "dateTime": inspect.DateTimeType(tz=True),
    "decimal": inspect.DecimalType(),
    "int": inspect.IntType(ge=-(2**31), le=2**31 - 1),
}


def schema(service: Service) -> etree.XMLSchema:
    """The service's schema, compiled, to check the element in the body of an envelope."""
    return etree.XMLSchema(_schema(service))


def wsdl(service: Service, address: str) -> str:
    """The service's WSDL 1.1: SOAP 1.2, document/literal, WS-Addressing required."""
    root = etree.Element(
        f"{{{WSDL}}}definitions",
        {"name": service.name, "targetNamespace": service.namespace},
        nsmap={**_PREFIXES, "tns": service.namespace},
    )
    root.append(_node("wsdl:types", _schema(service)))
    root.extend(_messages(service))
    root.append(
        _node("wsdl:portType", *map(_port_operation, service.operations), name=service.name)
    )
    root.append(_binding(service))
    root.append(_service(service, address))
    etree.cleanup_namespaces(root, keep_ns_prefixes=["tns", "xs"])
    text = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return text.decode()


def _node(tag: str, /, *children: etree._Element, **attributes: str) -> etree._Element:
    """An element by its prefixed name."""
    prefix, _, local = tag.partition(":")
    node = etree.Element(f"{{{_PREFIXES[prefix]}}}{local}", attributes)
    node.extend(children)
    return node


# --- schema -------------------------------------------------------------------------------------


def _schema(service: Service) -> etree._Element:
    messages = [m for o in service.operations for m in (o.request, o.response)]
    structs = list(dict.fromkeys(s for m in messages for s in _structs(m)))
    simple = {e.title: _simple(e) for s in structs for e in elements(s) if e.title}
    root = etree.Element(
        f"{{{XSD}}}schema",
        {"elementFormDefault": "qualified", "targetNamespace": service.namespace},
        nsmap={"xs": XSD, "tns": service.namespace},
    )
    root.extend(simple.values())
    root.extend(_complex(struct) for struct in structs)
    if service.identity_header:
        root.append(_node("xs:element", name=service.identity_header, type="xs:string"))
    for message in messages:
        name = element_name(message)
        root.append(_node("xs:element", name=name, type=f"tns:{message.__name__}"))
    return root


def _structs(kind: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    """The parts of a message, deepest first, and itself."""
    for element in elements(kind):
        if isinstance(element.type, inspect.StructType):
            yield from _structs(element.type.cls)
    yield kind


def _complex(kind: type[msgspec.Struct]) -> etree._Element:
    children = [
        _node(
            "xs:element",
            name=e.name,
            type=_type_name(e),
            minOccurs=str(e.minimum),
            maxOccurs="unbounded" if e.many else "1",
        )
        for e in elements(kind)
    ]
    return _node("xs:complexType", _node("xs:sequence", *children), name=kind.__name__)


def _type_name(element: Element) -> str:
    if isinstance(element.type, inspect.StructType):
        return f"tns:{element.type.cls.__name__}"
    if element.title:
        return f"tns:{element.title}"
    for name, built_in in _BUILT_IN.items():
        if built_in == element.type:
            return f"xs:{name}"
    raise TypeError(
        f"{element.name}: the schema names what is constrained, so give it a Meta(title=...); "
        "a whole number is an Int, a time a DateTime"
    )


def _simple(element: Element) -> etree._Element:
    facets = [("enumeration", value) for value in getattr(element.type, "values", ())]
    facets.append(("maxLength", getattr(element.type, "max_length", None)))
    facets.append(("fractionDigits", element.fraction_digits))
    nodes = [_node(f"xs:{name}", value=str(value)) for name, value in facets if value is not None]
    restriction = _node("xs:restriction", *nodes, base=f"xs:{_base(element.type)}")
    return _node("xs:simpleType", restriction, name=str(element.title))


def _base(kind: inspect.Type) -> str:
    return next((n for n, built_in in _BUILT_IN.items() if type(built_in) is type(kind)), "string")


# --- the rest of the WSDL -----------------------------------------------------------------------


def _messages(service: Service) -> Iterator[etree._Element]:
    if service.identity_header:
        yield _message("Header", header_part(service.identity_header), service.identity_header)
    for operation in service.operations:
        yield _message(f"{operation.name}Input", "parameters", element_name(operation.request))
        yield _message(f"{operation.name}Output", "parameters", element_name(operation.response))


def _message(name: str, part: str, element: str) -> etree._Element:
    return _node("wsdl:message", _node("wsdl:part", name=part, element=f"tns:{element}"), name=name)


def header_part(element: str) -> str:
    """The published files write the part of the header in upper camel case."""
    return element[0].upper() + element[1:]


def _port_operation(operation: Operation) -> etree._Element:
    ends = []
    for end, suffix in (("input", ""), ("output", "Response")):
        node = _node(f"wsdl:{end}", message=f"tns:{operation.name}{end.capitalize()}")
        node.set(f"{{{WSAW}}}Action", operation.action + suffix)
        ends.append(node)
    return _node("wsdl:operation", *ends, name=operation.name)


def _binding(service: Service) -> etree._Element:
    # Without this wsdl2h would not bring in its WS-Addressing plugin.
    addressing = _node("wsaw:UsingAddressing")
    addressing.set(f"{{{WSDL}}}required", "true")
    return _node(
        "wsdl:binding",
        _node("soap12:binding", style="document", transport=HTTP),
        addressing,
        *(_bound(operation, service.identity_header) for operation in service.operations),
        name=f"{service.name}Soap",
        type=f"tns:{service.name}",
    )


def _bound(operation: Operation, header: str | None) -> etree._Element:
    body = [_node("soap12:body", use="literal")]
    if header:
        part = header_part(header)
        body.insert(0, _node("soap12:header", use="literal", message="tns:Header", part=part))
    return _node(
        "wsdl:operation",
        _node("soap12:operation", soapAction=operation.action, style="document"),
        _node("wsdl:input", *body),
        _node("wsdl:output", _node("soap12:body", use="literal")),
        name=operation.name,
    )


def _service(service: Service, address: str) -> etree._Element:
    port = _node(
        "wsdl:port",
        _node("soap12:address", location=address),
        name=f"{service.name}Soap12",
        binding=f"tns:{service.name}Soap",
    )
    return _node("wsdl:service", port, name=service.name)
