"""`pilotwire check`: every problem of a site file, and what a central system may be like."""

import json
import socket
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firmware.__main__ import main
from firmware.checks import quick_check
from ocpp.http import soap_app
from ocpp.message import Message
from ocpp.server import HttpServer
from ocpp.soap import Call, Fault
from ocpp.v16 import CENTRAL_SYSTEM, HeartbeatRequest, HeartbeatResponse

BAD = """\
[station]
vendor = ""
fuse_limit_a = 900
vendr = "red"

[[evse]]
id = 3
phases = "three"

[web]
listen = "nowhere"

[[csms]]
version = "1.6-soap"
url = "ws://x"
password = 7

[ocpp.configuration]
HeartbeatInterval = 300
MeterValueSampleInterval = "soon"
LocalPreAuthorize = "perhaps"
"""

SITE = """\
[station]
id = "cp001"

[[csms]]
version = "1.6-soap"
url = "{url}"
"""


class Central:
    """A heartbeat is answered as told."""

    def __init__(self) -> None:
        self.answer: Message | Fault = HeartbeatResponse(current_time=datetime.now(UTC))
        self.calls: list[Call] = []
        app = soap_app(CENTRAL_SYSTEM, self._handle, identity=None)
        self.server = HttpServer("127.0.0.1", 0, app, name="central")
        self.server.start()

    def _handle(self, call: Call) -> Message:
        self.calls.append(call)
        if isinstance(self.answer, Fault):
            raise self.answer
        return self.answer


@pytest.fixture
def central() -> Generator[Central]:
    central = Central()
    yield central
    central.server.stop()


def findings(
    folder: Path, text: str, capsys: pytest.CaptureFixture[str], *more: str
) -> tuple[int, list[tuple[str, str, str]]]:
    (folder / "site.toml").write_text(text)
    status = main(["check", "--json", "--config", str(folder / "site.toml"), *more])
    said: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return status, [(f["area"], f["level"], f["text"]) for f in said]


def test_every_problem_of_a_site_file_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, found = findings(tmp_path, BAD, capsys)
    assert status == 1
    assert {(area, level) for area, level, _ in found} == {("site file", "fail")}
    where = [text.removeprefix(f"{tmp_path / 'site.toml'}:").split(": ")[:2] for *_, text in found]
    assert sorted(where, key=lambda pair: int(pair[0])) == [
        ["1", "station"],
        ["2", "station.vendor"],
        ["3", "station.fuse_limit_a"],
        ["4", "station.vendr"],
        ["7", "evse.id"],
        ["8", "evse.phases"],
        ["11", "web.listen"],
        ["15", "csms.url"],
        ["16", "csms.password"],
        ["19", "ocpp.configuration.HeartbeatInterval"],
        ["20", "ocpp.configuration.MeterValueSampleInterval"],
        ["21", "ocpp.configuration.LocalPreAuthorize"],
    ]
    assert any("did you mean 'vendor'" in text for *_, text in found)
    assert any("id is missing" in text for *_, text in found)


@pytest.mark.parametrize(
    "text",
    ["station = 5", "evse = []", "[station\n", "csms = [7]", "[station]\nid = ''\n[ocpp]\nx = 1"],
)
def test_the_oddest_files_end_too(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, found = findings(tmp_path, text, capsys)
    assert status == 1
    assert found


def test_no_site_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--config", str(tmp_path / "none.toml")]) == 1
    assert "none.toml: cannot be read" in capsys.readouterr().out


def test_all_is_well(tmp_path: Path, central: Central, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "soap-port").write_text("4711")
    site = SITE.format(url=central.server.url)
    status, found = findings(tmp_path, site, capsys, "--state-dir", str(tmp_path))
    assert status == 0
    assert {level for _, level, _ in found} == {"ok"}
    texts = [text for *_, text in found]
    assert "it answers SOAP, and accepts cp001" in texts
    assert "EVSE 1: contact open, pilot in state A" in texts
    assert "meter of EVSE 1 answers: 0 Wh" in texts
    [call] = central.calls
    assert isinstance(call.message, HeartbeatRequest)
    assert (call.identity, call.sender) == ("cp001", "http://127.0.0.1:4711/")


@pytest.mark.parametrize(
    ("answer", "level", "words"),
    [
        (Fault("Sender", "SecurityError", "who?"), "warn", "does not accept cp001 (who?)"),
        (Fault("Receiver", "InternalError", "ouch"), "warn", "Receiver/InternalError: ouch"),
        (
            HeartbeatResponse(current_time=datetime.now(UTC) - timedelta(hours=1)),
            *("warn", "its clock and ours are"),
        ),
    ],
)
def test_what_a_central_system_makes_of_us(
    tmp_path: Path,
    central: Central,
    capsys: pytest.CaptureFixture[str],
    answer: Message | Fault,
    level: str,
    words: str,
) -> None:
    central.answer = answer
    status, found = findings(tmp_path, SITE.format(url=central.server.url), capsys)
    assert status == 0
    assert [(got, words in text) for area, got, text in found if got != "ok"] == [(level, True)]


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"http://127.0.0.1:{closed_port()}/", "Nothing listens at 127.0.0.1 port"),
        ("http://central.invalid/", "The name central.invalid was not found"),
    ],
)
def test_no_central_system(
    tmp_path: Path, url: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, found = findings(tmp_path, SITE.format(url=url), capsys)
    assert status == 1
    [(area, _, text)] = [finding for finding in found if finding[1] == "fail"]
    assert (area, words in text) == ("central system", True)
    assert found[-1][0] == "wiring"


def test_plain_http_where_tls_is_expected(
    tmp_path: Path, central: Central, capsys: pytest.CaptureFixture[str]
) -> None:
    url = central.server.url.replace("http:", "https:")
    status, found = findings(tmp_path, SITE.format(url=url), capsys)
    assert status == 1
    assert any("TLS with" in text for _, level, text in found if level == "fail")
    site = SITE.format(url=url) + '[security]\ncsms_ca_bundle = "/nowhere.pem"\n'
    status, found = findings(tmp_path, site, capsys)
    assert status == 1
    assert any("/nowhere.pem holds no certificates" in text for *_, text in found)


def test_warnings_of_a_site_file(
    tmp_path: Path, central: Central, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        site = SITE.format(url=central.server.url)
        site += f'[web]\nlisten = "127.0.0.1:{port}"\n[ocpp.configuration]\nNope = "1"\n'
        status, found = findings(tmp_path, site, capsys)
    assert status == 0
    warnings = [text for _, level, text in found if level == "warn"]
    assert len(warnings) == 2
    assert "ocpp.configuration.Nope is no key" in warnings[0]
    assert "Address already in use; does a station run already?" in warnings[1]


def test_without_a_central_system(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = findings(tmp_path, '[station]\nid = "cp001"\n', capsys)
    assert status == 0
    assert ("central system", "ok") in [(area, level) for area, level, _ in found]


def test_the_health_of_a_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "journal.sqlite").write_bytes(b"no database at all, however long it may be" * 9)
    assert quick_check(tmp_path / "journal.sqlite") == "file is not a database"
    site = '[station]\nid = "cp001"\n'
    status, found = findings(tmp_path, site, capsys, "--state-dir", str(tmp_path))
    assert status == 1
    assert any("keeps it aside and begins anew" in text for *_, text in found)


def test_as_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "site.toml").write_text('[station]\nid = "cp001"\n')
    assert main(["check", "--config", str(tmp_path / "site.toml")]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first == f"ok    site file       {tmp_path}/site.toml: station cp001, 1 EVSE, board fake"
