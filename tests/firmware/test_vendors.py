"""Vendors' handlers, whatever they do: an answer in time, and never an error."""

import threading
from collections.abc import Callable, Generator
from importlib.metadata import EntryPoint

import pytest

from firmware.vendors import Vendors
from ocpp.v16 import DataTransferRequest

gate = threading.Event()


def echo(message_id: str | None, data: str | None) -> str | None:
    return data


def hang(message_id: str | None, data: str | None) -> str | None:
    gate.wait(20)
    return "late"


def odd(message_id: str | None, data: str | None) -> object:
    return 7


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> Generator[Vendors]:
    found = {"com.Echo": echo, "hang": hang, "odd": odd}
    loads: dict[str, Callable[..., object]] = {f"x:{name}": what for name, what in found.items()}
    monkeypatch.setattr(EntryPoint, "load", lambda point: loads[point.value])
    points = [EntryPoint(name, f"x:{name}", "pilotwire.vendors") for name in (*found, "missing")]
    gate.clear()
    yield Vendors(lambda: points)
    gate.set()


def status(vendors: Vendors, vendor: str, within_s: float = 20) -> str:
    request = DataTransferRequest(vendor_id=vendor, data="d")
    return vendors.answer(request, within_s).status


def test_a_vendor_is_found_whatever_the_case(handlers: Vendors) -> None:
    answer = handlers.answer(DataTransferRequest(vendor_id="COM.ECHO", data="<&>"))
    assert (answer.status, answer.data) == ("Accepted", "<&>")


def test_nobody_of_that_name(handlers: Vendors) -> None:
    assert status(handlers, "com") == "UnknownVendorId"


def test_what_cannot_be_loaded_and_what_returns_no_text(handlers: Vendors) -> None:
    assert status(handlers, "missing") == "Rejected"
    assert status(handlers, "odd") == "Rejected"


def test_one_that_hangs_is_not_waited_for_and_not_asked_again(handlers: Vendors) -> None:
    assert status(handlers, "hang", 0.05) == "Rejected"
    assert status(handlers, "hang") == "Rejected"
    assert status(handlers, "com.echo") == "Accepted"
    before = threading.active_count()
    gate.set()
    for thread in threading.enumerate():
        if thread.name == "vendor":
            thread.join(20)
    assert threading.active_count() < before
    assert status(handlers, "hang") == "Accepted"
