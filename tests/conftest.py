"""What holds for every test: nothing beyond loopback, none left out on CI for want of a tool.

A test that cannot run calls `pytest.skip`. With `CI` in the environment such a skip is a failure,
unless its reason begins with `allowed: `, which is for what no installation can mend (a kernel
feature, a peer's known defect).
"""

import ipaddress
import os
import socket
import sys
from collections.abc import Generator

import pytest

ALLOWED = "allowed: "

_CONNECTING = {"socket.connect", "socket.sendto", "socket.bind"}
_RESOLVING = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}
_strayed: list[str] = []


def _is_local(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(name)).is_loopback
    except ValueError:
        return False


def _keep_to_loopback(event: str, arguments: tuple[object, ...]) -> None:
    if event in _CONNECTING:
        address = arguments[1]
        host = (
            address[0] if isinstance(address, tuple) else "localhost"
        )  # else a Unix socket's path
    elif event in _RESOLVING:
        host = arguments[0]
    else:
        return
    if str(host).endswith(".invalid"):  # RFC 6761: never to be found, so nobody needs asking
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    if not _is_local(host):
        _strayed.append(f"{event} {host}")
        raise PermissionError(f"a test may not leave loopback: {event} {host}")


def pytest_configure() -> None:
    # An audit hook sees every socket, whoever made it, and can't be removed, which suits here.
    sys.addaudithook(_keep_to_loopback)


@pytest.fixture(autouse=True)
def _loopback_only() -> Generator[None]:
    """Fail the test that strayed, even if the code under test took it for a dead network."""
    _strayed.clear()
    yield
    assert not _strayed, f"beyond loopback: {', '.join(_strayed)}"


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not (os.environ.get("CI") and report.skipped) or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    if not reason.startswith(ALLOWED):
        report.outcome = "failed"
        report.longrepr = f"a skip is a failure on CI: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse_skip(report)
    return report
