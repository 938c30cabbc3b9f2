"""The command line: what it prints, what it asks of a station, and its exit status."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from firmware.__main__ import main
from ocpp import v16
from ocpp.wsdl import wsdl

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30.0


# --- wsdl ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "service"), [("central", v16.CENTRAL_SYSTEM), ("chargepoint", v16.CHARGE_POINT)]
)
def test_the_wsdl_of_one_service(
    name: str, service: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["wsdl", name, "--address", "http://10.0.0.7:8080/ocpp"]) == 0
    printed = capsys.readouterr().out
    assert printed == wsdl(service, "http://10.0.0.7:8080/ocpp")
    root = etree.fromstring(printed.encode())
    assert root.get("targetNamespace") == service.namespace
    [address] = root.iter("{http://schemas.xmlsoap.org/wsdl/soap12/}address")
    assert address.get("location") == "http://10.0.0.7:8080/ocpp"


def test_without_a_name_it_is_both(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wsdl"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("<?xml ") == 2
    for service in (v16.CENTRAL_SYSTEM, v16.CHARGE_POINT):
        assert f'targetNamespace="{service.namespace}"' in printed


# --- what argparse does --------------------------------------------------------------------------


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"pilotwire {version('pilotwire')}\n"


def test_a_little_question_loads_next_to_nothing() -> None:
    program = (
        "import sys; from firmware.__main__ import main\n"
        "try: main(['--version'])\n"
        "finally: print(*sorted({'msgspec', 'lxml', 'werkzeug', 'sqlite3'} & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.stdout == f"pilotwire {version('pilotwire')}\n\n"


@pytest.mark.parametrize(
    "command", ["run", "demo", "central", "central call", "check", "dump", "wsdl", "bench"]
)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert f"usage: pilotwire {command} " in said


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["run"],
        ["run", "--state-dir", "x", "--control-port", "any"],
        ["bench", "state"],
        ["wsdl", "everything"],
    ],
)
def test_a_call_that_cannot_be_understood_says_how_to_call(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: pilotwire" in capsys.readouterr().err


# --- bench ---------------------------------------------------------------------------------------


class Station:
    """A bench control that notes what it is asked and answers as told."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.status, self.body = 200, "{}"
        station = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(None)

            def do_POST(self) -> None:
                assert self.headers["Content-Type"] == "application/json"
                self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def _answer(self, body: Any) -> None:
                station.asked.append((self.command, self.path, body))
                self.send_response(station.status)
                self.end_headers()
                self.wfile.write(station.body.encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()

    def plays(self, *words: str) -> int:
        return main(["bench", "--control-port", str(self.port), *words])


@pytest.fixture
def station() -> Generator[Station]:
    station = Station()
    yield station
    station.close()


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["state"], ("GET", "/v1/state", None)),
        (
            ["plug-in", "evse=1", "connector=1", "current_a=16.5", "unplug_after_s=null"],
            (
                *("POST", "/v1/ev/plug-in"),
                {"evse": 1, "connector": 1, "current_a": 16.5, "unplug_after_s": None},
            ),
        ),
        (["unplug", "evse=1"], ("POST", "/v1/ev/unplug", {"evse": 1})),
        (["pause", "evse=1"], ("POST", "/v1/ev/pause", {"evse": 1})),
        (["resume", "evse=1"], ("POST", "/v1/ev/resume", {"evse": 1})),
        (
            ["rfid", "token=04A1", "evses=[1, 2]"],
            ("POST", "/v1/rfid", {"token": "04A1", "evses": [1, 2]}),
        ),
        (["link", "up=false"], ("POST", "/v1/link", {"up": False})),
        (
            ["faults", "error=GroundFailure", "active=true", "after=charging"],
            (
                *("POST", "/v1/faults"),
                {"error": "GroundFailure", "active": True, "after": "charging"},
            ),
        ),
        (["no such", "a=b=c"], ("POST", "/v1/no%20such", {"a": "b=c"})),
    ],
)
def test_a_verb_is_asked_of_the_station(station: Station, words: list[str], asked: Any) -> None:
    assert station.plays(*words) == 0
    assert station.asked == [asked]


@pytest.mark.parametrize("token", ["1234", "2024-01-01", "true", "1e5", "null", '"x"', "ä b"])
def test_a_card_may_be_any_text(station: Station, token: str) -> None:
    assert station.plays("rfid", f"token={token}") == 0
    assert station.asked[0][2] == {"token": token}


def test_the_stations_answer_is_printed(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    station.body = '{"phase": "running"}'
    assert station.plays("state") == 0
    assert capsys.readouterr() == ('{"phase": "running"}\n', "")


def test_a_refusal_is_an_error(station: Station, capsys: pytest.CaptureFixture[str]) -> None:
    station.status, station.body = 409, '{"error": "nothing is plugged"}'
    assert station.plays("pause", "evse=1") == 1
    assert capsys.readouterr() == ("", '{"error": "nothing is plugged"}\n')


@pytest.mark.parametrize("field", ["evse", "=1", ""])
def test_a_field_without_a_name_or_value_is_no_call(
    station: Station, field: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert station.plays("unplug", field) == 2
    assert "expected key=value" in capsys.readouterr().err
    assert station.asked == []


@pytest.mark.parametrize("port", [70_000, 1])
def test_without_a_station_it_says_so(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--control-port", str(port), "state"]) == 1
    assert f"no station answers on port {port}: " in capsys.readouterr().err


# --- another package called ocpp -----------------------------------------------------------------


def run_beside(shadow: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`pilotwire` where this folder comes first on the module search path."""
    return subprocess.run(
        [sys.executable, "-c", "import sys; from firmware.__main__ import main; sys.exit(main())"]
        + list(words),
        cwd=shadow,
        env={**os.environ, "PYTHONPATH": f"{shadow}:{ROOT}", "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@pytest.mark.parametrize("words", [["--version"], ["wsdl"], ["run", "--state-dir", "state"]])
def test_another_package_called_ocpp_is_named_and_nothing_begun(
    tmp_path: Path, words: list[str]
) -> None:
    (tmp_path / "ocpp").mkdir()
    (tmp_path / "ocpp" / "__init__.py").write_text("raise SystemExit('it was imported')\n")
    ended = run_beside(tmp_path, *words)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr == (
        f"pilotwire: another package called 'ocpp' is in the way: {tmp_path / 'ocpp'}\n"
    )
    assert not (tmp_path / "state").exists()


def test_a_module_called_ocpp_is_in_the_way_too(tmp_path: Path) -> None:
    (tmp_path / "ocpp.py").write_text("")
    ended = run_beside(tmp_path, "--version")
    assert ended.returncode == 2
    assert "in the way" in ended.stderr


def test_a_folder_that_is_no_package_is_not(tmp_path: Path) -> None:
    (tmp_path / "ocpp").mkdir()
    assert run_beside(tmp_path, "--version").returncode == 0
