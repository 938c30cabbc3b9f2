"""The published OCPP 1.6 interface files, for comparison; they are no part of the project."""

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import zeep
from lxml import etree

from ocpp import v16
from ocpp.message import Service

SERVICES = (v16.CENTRAL_SYSTEM, v16.CHARGE_POINT)


def wsdl_file(service: Service) -> Path:
    folder = os.environ.get("OCPP_INTERFACES")
    if not folder:
        pytest.skip("OCPP_INTERFACES does not name the folder of the published interface files")
    return Path(folder) / f"v16/wsdl/OCPP_{service.name}_1.6.wsdl"


@cache
def document(service: Service) -> Any:
    """The published WSDL, as zeep reads it."""
    return zeep.wsdl.Document(str(wsdl_file(service)), zeep.Transport(), settings=zeep.Settings())


@cache
def schema(service: Service) -> etree.XMLSchema:
    tree = etree.parse(str(wsdl_file(service)))
    (node,) = tree.iter("{http://www.w3.org/2001/XMLSchema}schema")
    # Written out and read again, so that it has the prefixes declared around it.
    return etree.XMLSchema(etree.fromstring(etree.tostring(node)))
