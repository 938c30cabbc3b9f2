"""docs/soap.md is true: every block of code on it is run, as it stands."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs/soap.md"
SERVICE, OUR_CLIENT, ZEEP = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
(CPP,) = re.findall(r"```cpp\n(.*?)```", PAGE.read_text(), re.DOTALL)
(SHELL,) = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
TOOLS = {"wsdl2h": "gsoap", "soapcpp2": "gsoap", "pkg-config": "pkg-config", "g++": "g++"}


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The names of the page's service, which is running; its files go to a folder of their own."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(SERVICE, names)
    yield names
    names["server"].stop()


def is_now(time: datetime) -> bool:
    return abs((datetime.now(UTC) - time).total_seconds()) < 60


def test_a_service_takes_some_twenty_lines() -> None:
    assert len([line for line in SERVICE.splitlines() if line]) <= 25


def test_our_client_calls_it(clock: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    exec(OUR_CLIENT, clock)
    assert is_now(datetime.fromisoformat(capsys.readouterr().out.strip()))


def test_zeep_calls_it(clock: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    exec(ZEEP, clock)
    assert is_now(datetime.fromisoformat(capsys.readouterr().out.strip()))


@pytest.mark.usefixtures("clock")
def test_gsoap_calls_it() -> None:
    for tool, package in TOOLS.items():
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed: apt install {package}")
    Path("clock.cpp").write_text(CPP)
    done = subprocess.run(
        ["sh", "-ec", SHELL], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    seconds = done.stdout.splitlines()[-1]
    assert is_now(datetime.fromtimestamp(int(seconds), UTC))
