"""The WSDL and schema we derive: what they say, and that foreign tools can use them."""

import io
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
import zeep
from lxml import etree
from msgspec import Meta

from ocpp import v16
from ocpp.message import DateTime, Int, Message, Operation, Service, to_plain
from ocpp.soap import Codec
from ocpp.wsdl import wsdl
from tests.ocpp.instances import minimal

SERVICES = (v16.CENTRAL_SYSTEM, v16.CHARGE_POINT)
ADDRESS = "http://127.0.0.1:1/service"
NAMESPACES = {
    "wsdl": "http://schemas.xmlsoap.org/wsdl/",
    "soap": "http://schemas.xmlsoap.org/wsdl/soap12/",
    "wsaw": "http://www.w3.org/2006/05/addressing/wsdl",
    "xs": "http://www.w3.org/2001/XMLSchema",
}


def find(service: Service, path: str) -> list[str]:
    root = etree.fromstring(wsdl(service, ADDRESS).encode())
    return [str(found) for found in root.xpath(path, namespaces=NAMESPACES)]


@pytest.mark.parametrize("service", SERVICES, ids=lambda s: s.name)
def test_it_says_what_the_published_one_says(service: Service) -> None:
    names = [o.name for o in service.operations]
    assert find(service, "//wsdl:portType/wsdl:operation/@name") == names
    assert find(service, "//soap:operation/@soapAction") == [f"/{n}" for n in names]
    assert find(service, "//wsdl:input/@wsaw:Action") == [f"/{n}" for n in names]
    assert find(service, "//wsdl:output/@wsaw:Action") == [f"/{n}Response" for n in names]
    assert find(service, "//wsdl:input/soap:header/@part") == ["ChargeBoxIdentity"] * len(names)
    assert find(service, "//wsdl:output/soap:header/@part") == []
    assert find(service, "//soap:address/@location") == [ADDRESS]
    assert len(find(service, "//wsdl:binding/wsaw:UsingAddressing")) == 1
    assert "IdToken" in find(service, "//xs:simpleType/@name")


def test_a_service_without_an_identity_has_no_header() -> None:
    class ClockRequest(Message, frozen=True, kw_only=True):
        zone: str | None = None

    class ClockResponse(Message, frozen=True, kw_only=True):
        time: DateTime
        seconds: tuple[Int, ...] = ()

    clock = Service("Clock", "urn:clock", (Operation("Clock", ClockRequest, ClockResponse),))
    assert find(clock, "//soap:header/@part") == []
    assert find(clock, "//xs:complexType[@name='ClockResponse']//@type") == [
        "xs:dateTime",
        "xs:int",
    ]
    assert find(clock, "//xs:complexType[@name='ClockResponse']//@maxOccurs") == ["1", "unbounded"]
    assert find(clock, "//xs:complexType[@name='ClockRequest']//@minOccurs") == ["0"]


@pytest.mark.parametrize(
    "kind", [int, datetime, Annotated[str, Meta(max_length=20)], Literal["Hard", "Soft"], float]
)
def test_a_type_without_a_name_in_xml_is_refused(kind: Any) -> None:
    wrong = msgspec.defstruct("Wrong", [("field", kind)], bases=(Message,), frozen=True)
    with pytest.raises(TypeError, match=r"field: .* Meta\(title="):
        wsdl(Service("Wrong", "urn:wrong", (Operation("Wrong", wrong, wrong),)), ADDRESS)


@pytest.mark.parametrize("service", SERVICES, ids=lambda s: s.name)
def test_zeep_loads_it(service: Service) -> None:
    client = zeep.Client(io.BytesIO(wsdl(service, ADDRESS).encode()))
    (port,) = client.wsdl.services[service.name].ports.values()
    assert port.binding_options["address"] == ADDRESS
    assert list(port.binding.all()) == [o.name for o in service.operations]


@pytest.mark.parametrize("service", SERVICES, ids=lambda s: s.name)
def test_what_zeep_sends_is_read(service: Service) -> None:
    client = zeep.Client(io.BytesIO(wsdl(service, ADDRESS).encode()))
    for operation in service.operations:
        plain = to_plain(minimal(operation.request))
        sent = client.create_message(
            client.service, operation.name, _soapheaders={"ChargeBoxIdentity": "CP1"}, **plain
        )
        call = Codec(service).read_request(etree.tostring(sent), identity="CP1")
        assert call.message == minimal(operation.request)
        assert call.message_id


def test_gsoap_makes_code_of_both_at_once(tmp_path: Path) -> None:
    tools = {name: shutil.which(name) for name in ("wsdl2h", "soapcpp2")}
    for name, path in tools.items():
        if path is None:
            pytest.skip(f"{name} is not installed: apt install gsoap")
    files = [tmp_path / f"{service.name}.wsdl" for service in SERVICES]
    for service, file in zip(SERVICES, files, strict=True):
        file.write_text(wsdl(service, ADDRESS))
    share = Path("/usr/share/gsoap")
    run(tmp_path, "wsdl2h", "-t", share / "WS/typemap.dat", "-o", "ocpp.h", *files)
    assert '#import "wsa5.h"' in (tmp_path / "ocpp.h").read_text()
    run(tmp_path, "soapcpp2", "-2", "-j", "-x", f"-I{share}/import:{share}", "ocpp.h")
    assert (tmp_path / "soapCentralSystemServiceSoapProxy.h").exists()
    assert (tmp_path / "soapChargePointServiceSoapService.h").exists()


def run(folder: Path, *command: str | Path) -> None:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr.lower(), done.stderr
