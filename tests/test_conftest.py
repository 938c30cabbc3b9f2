"""The rules that conftest lays on every test: loopback only, no skip on CI."""

import socket
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture
def house(pytester: pytest.Pytester) -> pytest.Pytester:
    """A tests' folder of its own under the same conftest."""
    pytester.makeconftest(Path(__file__).with_name("conftest.py").read_text())
    return pytester


STRAYS = """
    import contextlib, socket, pytest
    HOSTS = [("192.0.2.1", socket.AF_INET), ("2001:db8::1", socket.AF_INET6)]

    @pytest.mark.parametrize(("host", "family"), HOSTS)
    def test_connect(host, family):
        with socket.socket(family) as s, contextlib.suppress(OSError):
            s.connect((host, 9))

    def test_bind():
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("0.0.0.0", 0))

    def test_lookup():
        with contextlib.suppress(OSError):
            socket.getaddrinfo("example.org", 80)
"""


def test_nothing_beyond_loopback(house: pytest.Pytester) -> None:
    house.makepyfile(STRAYS)
    # A swallowed error must not pass: each test's teardown tells.
    house.runpytest_subprocess().assert_outcomes(passed=4, errors=4)


def test_an_invalid_name_is_not_found() -> None:
    with pytest.raises(socket.gaierror):
        socket.create_connection(("central.invalid", 80))


def test_loopback_is_free() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(("127.0.0.1", server.getsockname()[1])),
    ):
        pass


SKIPS = """
    import pytest
    def test_runs(): pass
    def test_skips(): pytest.skip({reason!r})
    @pytest.mark.xfail
    def test_fails(): assert False
"""


@pytest.mark.parametrize(
    ("ci", "reason", "outcome"),
    [
        ("", "no chromium", {"passed": 1, "skipped": 1, "xfailed": 1}),
        ("true", "no chromium", {"passed": 1, "failed": 1, "xfailed": 1}),
        ("true", "allowed: no IPv6 here", {"passed": 1, "skipped": 1, "xfailed": 1}),
    ],
)
def test_a_skip_on_ci(
    house: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    ci: str,
    reason: str,
    outcome: dict[str, int],
) -> None:
    monkeypatch.setenv("CI", ci)
    house.makepyfile(SKIPS.format(reason=reason))
    house.runpytest_subprocess().assert_outcomes(**outcome)


def test_a_skipped_module_on_ci(house: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    house.makepyfile("import pytest; pytest.importorskip('no_such_module')")
    house.runpytest_subprocess().assert_outcomes(errors=1)
