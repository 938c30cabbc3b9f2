"""Ours against the published interface files: same elements, same verdicts, both services."""

import copy
import random
import zlib
from typing import Any
from xml.etree.ElementTree import canonicalize

import pytest
import zeep
from lxml import etree

from ocpp import envelope, wsdl
from ocpp.elements import element_name, reader, writer
from ocpp.message import Message, Service, from_plain, to_plain
from ocpp.soap import Codec, Fault
from tests.ocpp import published
from tests.ocpp.instances import complete, messages, minimal, mutate, some

CASES = [
    pytest.param(service, kind, id=f"{service.name}-{kind.__name__}")
    for service in published.SERVICES
    for kind in messages(service)
]
INSTANCES = 300  # per message, of which at least so many are of each kind:
AT_LEAST = 30

CODECS = {service.name: Codec(service) for service in published.SERVICES}
SCHEMAS = {service.name: wsdl.schema(service) for service in published.SERVICES}


def seeded(kind: type[Message]) -> random.Random:
    return random.Random(zlib.crc32(kind.__name__.encode()))


def examples(kind: type[Message]) -> list[Message]:
    rng = seeded(kind)
    return [minimal(kind), complete(kind), *(some(kind, rng) for _ in range(20))]


def ours(service: Service, message: Message) -> etree._Element:
    """The body element as our codec writes it, out of its envelope."""
    body = writer(type(message), "c")(message)
    return etree.fromstring(envelope.write(service.namespace, "", body))[-1][0]


def zeeps(service: Service, message: Message) -> etree._Element:
    """The body element as zeep renders it from the published WSDL."""
    element = zeep_element(service, type(message))
    parent = etree.Element("Body")
    element.render(parent, element(**with_lists(to_plain(message))))
    return parent[0]


def zeep_element(service: Service, kind: type[Message]) -> Any:
    name = f"{{{service.namespace}}}{element_name(kind)}"
    return published.document(service).types.get_element(name)


def canonical(element: etree._Element) -> str:
    return canonicalize(etree.tostring(element, with_tail=False), rewrite_prefixes=True)


def with_lists(value: Any) -> Any:
    """zeep takes lists, not tuples."""
    if isinstance(value, dict):
        return {k: with_lists(v) for k, v in value.items()}
    return [with_lists(item) for item in value] if isinstance(value, tuple) else value


def without_absent(value: Any) -> Any:
    """zeep's values as ours: no None, no empty list."""
    if isinstance(value, dict):
        present = {k: v for k, v in value.items() if v is not None and v != []}
        return {k: without_absent(v) for k, v in present.items()}
    if isinstance(value, list):
        return [without_absent(item) for item in value]
    return value


@pytest.mark.parametrize(("service", "kind"), CASES)
def test_the_body_element_is_the_one_zeep_renders(service: Service, kind: type[Message]) -> None:
    for message in examples(kind):
        assert canonical(ours(service, message)) == canonical(zeeps(service, message))


@pytest.mark.parametrize(("service", "kind"), CASES)
def test_each_reads_what_the_other_writes(service: Service, kind: type[Message]) -> None:
    read = reader(kind, service.namespace)
    element = zeep_element(service, kind)
    for message in examples(kind):
        assert read(zeeps(service, message)) == message
        values = element.parse(ours(service, message), published.document(service).types)
        plain = without_absent(zeep.helpers.serialize_object(values, dict)) or {}
        assert from_plain(plain, kind) == message


def test_the_published_service_has_these_operations_and_others() -> None:
    for service in published.SERVICES:
        (binding,) = published.document(service).bindings.values()
        for operation in service.operations:
            there = binding.get(operation.name)
            assert there.input.body.qname.localname == element_name(operation.request)
            assert there.output.body.qname.localname == element_name(operation.response)
            assert there.soapaction == operation.action


@pytest.mark.parametrize("service", published.SERVICES, ids=lambda s: s.name)
def test_published_operations_not_built_are_not_supported(service: Service) -> None:
    (binding,) = published.document(service).bindings.values()
    missing = set(binding.all()) - {o.name for o in service.operations}
    assert missing
    for name in missing:
        body = f"<c:{binding.get(name).input.body.qname.localname}/>"
        headers = '<c:chargeBoxIdentity e:mustUnderstand="true">CP1</c:chargeBoxIdentity>'
        with pytest.raises(Fault) as caught:
            CODECS[service.name].read_request(envelope.write(service.namespace, headers, body))
        assert (caught.value.code, caught.value.subcode) == ("Receiver", "NotSupported")


@pytest.mark.parametrize(("service", "kind"), CASES)
def test_verdicts_agree(service: Service, kind: type[Message]) -> None:
    theirs, mine = published.schema(service), SCHEMAS[service.name]
    rng = seeded(kind)
    verdicts = []
    for _ in range(INSTANCES):
        element = copy.deepcopy(ours(service, some(kind, rng)))
        for _ in range(rng.randint(0, 2)):
            mutate(element, rng)
        text = etree.tostring(element, with_tail=False)
        element = etree.fromstring(text)
        verdict = theirs.validate(element)
        assert mine.validate(element) == verdict, text.decode()
        if verdict:
            reader(kind, service.namespace)(element)  # what the schema passes can be read
        verdicts.append(verdict)
    assert verdicts.count(True) >= AT_LEAST
    assert verdicts.count(False) >= AT_LEAST
    assert len(verdicts) >= 200
