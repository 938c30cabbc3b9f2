"""`pilotwire central`: the bench central system alone, and calls to a station through its page."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import msgspec
import pytest

from firmware.__main__ import main
from firmware.commands.call import request
from firmware.demo.player import Player
from firmware.demo.scenario import BUILT_IN, WaitFor, load
from firmware.demo.stage import Ports, Stage, stage
from ocpp.v16 import (
    ChangeConfigurationRequest,
    GetConfigurationRequest,
    RemoteStartTransactionRequest,
    ReserveNowRequest,
)

ROOT = Path(__file__).parents[2]
PATIENCE_S = 20.0


# --- alone ---------------------------------------------------------------------------------------


def launched(*words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "firmware", "central", *words]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_it_runs_until_it_is_told_to_end(tmp_path: Path) -> None:
    words = ["--soap", "127.0.0.1:0", "--page", "127.0.0.1:0", "--state-dir", str(tmp_path)]
    with launched(*words) as central:
        assert central.stdout
        assert central.stderr
        soap, page = central.stdout.readline(), central.stdout.readline()
        assert re.fullmatch(r" +SOAP +http://127\.0\.0\.1:\d+/CentralSystemService\n", soap)
        with socket.create_connection(("127.0.0.1", int(page.rstrip("/\n").rpartition(":")[2]))):
            pass
        central.send_signal(signal.SIGTERM)
        assert central.wait(PATIENCE_S) == 0
        assert central.stderr.read() == ""
    assert (tmp_path / "central.sqlite").exists()


@pytest.mark.parametrize(
    ("words", "status", "problem"),
    [
        (["--soap", "nowhere"], 2, "--soap: expected host:port, as 127.0.0.1:0, got 'nowhere'"),
        (["--page", "0.0.0.0:0", "--soap", "127.0.0.1:0"], 2, "the page is for this machine only"),
        (["--soap", "127.0.0.1:{taken}"], 1, "ddress already in use"),
        (["--soap", "127.0.0.1:0", "--state-dir", "/dev/null/x"], 1, "Not a directory"),
    ],
)
def test_what_it_cannot_do_is_told_in_a_line(words: list[str], status: int, problem: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with launched(*(word.format(taken=port) for word in words)) as central:
            assert central.stderr
            assert central.wait(PATIENCE_S) == status
            said = central.stderr.read()
    assert said.startswith("pilotwire central: ")
    assert problem in said
    assert said.count("\n") == 1


# --- calls ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Generator[Stage]:
    with stage(load(BUILT_IN).scenario, tmp_path_factory.mktemp("scene"), Ports()) as scene:
        Player(scene).act(WaitFor(wait_for="registered"))
        yield scene


def call(scene: Stage, *words: str) -> int:
    return main(["central", "call", *words, "--page", scene.central.page_url])


def test_the_answer_is_shown(scene: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(scene, "cp001", "GetConfiguration", "key=ConnectionTimeOut,Nope") == 0
    out = capsys.readouterr().out
    assert out == (
        "configurationKey: key ConnectionTimeOut, readonly false, value 30\nunknownKey: Nope\n"
    )
    words = ["cp001", "ChangeConfiguration", "key=HeartbeatInterval", "value=60", "--json"]
    assert call(scene, *words) == 0
    assert json.loads(capsys.readouterr().out) == {"answer": {"status": "Accepted"}}


def test_a_call_that_fails(scene: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(scene, "cp002", "ClearCache") == 1
    assert capsys.readouterr() == ("", "cp002 cannot be called: it has never called here.\n")
    assert call(scene, "cp002", "ClearCache", "--json") == 1
    assert json.loads(capsys.readouterr().out)["error"] == "no address"


@pytest.mark.parametrize(
    ("words", "status", "problem"),
    [
        (["cp001", "ClearCash"], 2, "no operation 'ClearCash', did you mean 'ClearCache'?"),
        (["cp001", "Reset", "typ=Soft"], 2, "Reset has no field 'typ', did you mean 'type'?"),
        (["cp001", "Reset", "type=Softly"], 2, "Reset: Invalid enum value 'Softly'"),
        (["cp001", "Reset", "Soft"], 2, "expected key=value, got 'Soft'"),
        (["cp001", "Reset"], 2, "missing required field `type`"),
        (["cp001", "Reset", "type={"], 2, "is no JSON"),
        (["cp001", "ClearCache", "--page", ":"], 2, "--page: expected an address as http://"),
        (["cp001", "ClearCache", "--page", "http://127.0.0.1:1"], 1, "(Connection refused)"),
    ],
)
def test_what_cannot_be_called_is_told_in_a_line(
    words: list[str], status: int, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["central", "call", *words]) == status
    said = capsys.readouterr().err
    assert problem in said
    assert said.count("\n") == 1


def test_fields_are_read_as_their_types_want_it() -> None:
    start = request("RemoteStartTransaction", ["idTag=1234", "connectorId=2"])
    assert start == RemoteStartTransactionRequest(id_tag="1234", connector_id=2)
    assert request("GetConfiguration", ["key=A,B"]) == GetConfigurationRequest(key=("A", "B"))
    assert request("GetConfiguration", ['key=["A,B"]']) == GetConfigurationRequest(key=("A,B",))
    change = request("ChangeConfiguration", ["key=X", "value={1}=2"])
    assert change == ChangeConfigurationRequest(key="X", value="{1}=2")
    words = ["connectorId=1", "expiryDate=2030-01-02T03:04:05Z", "idTag=A", "reservationId=7"]
    reserve = request("ReserveNow", words)
    assert isinstance(reserve, ReserveNowRequest)
    assert msgspec.to_builtins(reserve.expiry_date) == "2030-01-02T03:04:05Z"
