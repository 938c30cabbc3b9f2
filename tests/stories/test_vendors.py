"""Vendors' messages: the handler of docs/vendors.md, installed beside a station."""

import re
from pathlib import Path

import pytest

from ocpp.v16 import DataTransferRequest, DataTransferResponse
from tests.rules import rule

from .conftest import World

PAGE = Path(__file__).parents[2] / "docs" / "vendors.md"


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example of the page, as installed."""
    packages = tmp_path / "packages"
    (packages / "acme_charging-1.0.dist-info").mkdir(parents=True)
    text = PAGE.read_text()
    [module] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (packages / "acme_charging.py").write_text(module)
    [(vendor, target)] = re.findall(r'^"([\w.]+)" = "(.*)"$', text, re.MULTILINE)
    points = f"[pilotwire.vendors]\n{vendor} = {target}\n"
    (packages / "acme_charging-1.0.dist-info" / "entry_points.txt").write_text(points)
    (packages / "acme_charging-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: acme-charging\nVersion: 1.0\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(packages))


@rule("R16-290", "R16-291", "R16-011")
@pytest.mark.usefixtures("acme")
def test_the_vendors_of_a_station(world: World) -> None:
    station = world.start()

    def transfer(vendor: str, message: str | None, data: str | None) -> DataTransferResponse:
        request = DataTransferRequest(vendor_id=vendor, message_id=message, data=data)
        answer = world.central.ask(request)
        assert isinstance(answer, DataTransferResponse)
        return answer

    greeted = transfer("com.acme", "Greet", '{"name": "Ada"}')
    assert (greeted.status, greeted.data) == ("Accepted", '{"greeting": "Hello Ada"}')
    assert transfer("COM.Acme", "Greet", '{"name": "Ada"}').status == "Accepted"
    assert transfer("com.acme", "Shout", None).status == "UnknownMessageId"
    assert transfer("com.acme", None, None).status == "UnknownMessageId"
    unknown = transfer("com.other", "Greet", None)
    assert (unknown.status, unknown.data) == ("UnknownVendorId", None)
    world.expects_trouble = True
    assert transfer("com.acme", "Greet", "no JSON").status == "Rejected"
    assert "vendor com.acme: its handler failed" in station.lines
