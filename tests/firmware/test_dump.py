"""The dump of a folder that has everything in it, whole and broken."""

import io
import json
import sqlite3
import tarfile
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firmware.__main__ import main
from firmware.core.cache import Entry
from firmware.core.cards import Card
from firmware.core.reservation import Reservation
from firmware.core.state import Durable
from firmware.dump import pack
from firmware.facts import Instant, SessionStarted
from firmware.shell.schema import MIGRATIONS

SITE = """\
[station]
id = "cp001"                            # do not tell: comment-canary
imsi = "imsi-canary"
free_id_tag = "free-canary"

[security]
private_key_password = "key-canary"

[[csms]]
version = "1.6-soap"
url = "http://127.0.0.1:9/path?token=url-canary"
password = "pass\\\\canary"

[ocpp.configuration]
AuthorizationKey = "preset-canary"
HeartbeatInterval = "77"

[[ocpp.variable]]
component = "SecurityCtrlr"
variable = "BasicAuthPassword"
value = "variable-canary"
"""
AT = Instant(mono=1.0, wall=1e9, boot=1, trusted=True)
DURABLE = Durable(
    reservations=(Reservation(1, 1, "reserved-canary", "group-canary", 2e9),),
    changed=(("AuthorizationKey", "changed-canary"), ("ConnectionTimeOut", "99")),
    cache=(Entry("cached-canary", "Accepted", "group-canary"),),
    cards=(Card("listed-canary", "name-canary"),),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "site.toml").write_text(SITE)
    state = tmp_path / "state"
    state.mkdir()
    db = sqlite3.connect(state / "journal.sqlite", isolation_level=None)
    for script in MIGRATIONS:
        db.executescript(script)
    db.execute("INSERT INTO state VALUES (1, ?)", (msgspec.json.encode(DURABLE),))
    fact = SessionStarted(1, 1, AT, token="session-canary", wh=5)
    row = (1, "SessionStarted", msgspec.json.encode(fact), "delivered")
    db.execute("INSERT INTO history (session, kind, body, outcome) VALUES (?, ?, ?, ?)", row)
    db.close()
    (state / "interlock.jsonl").write_text('{"event": "open"}\n')
    log = "card SESSION-canary, then group-canary, with pass\\canary and changed-canary\n"
    (state / "station.log").write_text(log)
    return tmp_path


def unpacked(body: bytes) -> dict[str, str]:
    found = {}
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        for member in archive:
            file = archive.extractfile(member)
            assert file
            found[member.name.removeprefix("pilotwire-dump/")] = file.read().decode()
    return found


def test_nothing_secret_is_left_and_what_helps_is_there(folder: Path) -> None:
    files = unpacked(pack(folder / "site.toml", folder / "state"))
    told = "\n".join(files.values())
    assert "canary" not in told.lower().replace("…canary", "")
    read: dict[str, Any] = {
        name: json.loads(text) for name, text in files.items() if name.endswith(".json")
    }
    assert {"pilotwire", "python", "lxml"} <= set(read["versions.json"])
    assert read["site.json"]["csms"][0]["password"] == "***"
    assert read["site.json"]["csms"][0]["url"] == "http://127.0.0.1:9/path?***"
    assert read["site.json"]["station"]["id"] == "cp001"
    assert read["settings.json"]["settings"]["HeartbeatInterval"] == "77"
    assert read["settings.json"]["settings"]["ConnectionTimeOut"] == "99"
    assert read["state.json"]["cache"][0]["token"] == "ca…ry"
    [row] = read["history.json"]
    assert (row["kind"], row["outcome"], row["fact"]["token"]) == (
        *("SessionStarted", "delivered"),
        "se…ry",
    )
    assert read["health.json"]["databases"] == {"journal.sqlite": "ok"}
    assert read["health.json"]["free bytes"] > 0
    assert files["interlock.jsonl"] == '{"event": "open"}\n'
    assert files["station.log"] == "card se…ry, then gr…ry, with *** and ***\n"
    assert "look through" in files["README.txt"]


def test_what_is_broken_is_told(folder: Path) -> None:
    (folder / "site.toml").write_text('[[csms]]\npassword = "open-canary\n')
    (folder / "state" / "journal.sqlite").write_bytes(b"x" * 5000)
    (folder / "state" / "interlock.jsonl").unlink()
    files = unpacked(pack(folder / "site.toml", folder / "state"))
    assert "open-canary" not in "".join(files.values())
    assert "error" in json.loads(files["site.json"])
    assert "error" in json.loads(files["settings.json"])
    assert json.loads(files["state.json"]) == {}
    health = json.loads(files["health.json"])
    assert health["databases"] == {"journal.sqlite": "file is not a database"}
    assert "No such file" in files["interlock.jsonl"]


def test_from_the_command_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["dump", "--config", str(folder / "site.toml"), "--state-dir", str(folder / "state")]
    output = folder / "report.tar.gz"
    assert main([*words, "--output", str(output)]) == 0
    assert capsys.readouterr().out == f"{output}: look through it before you send it\n"
    assert output.stat().st_mode & 0o777 == 0o600
    assert "state.json" in unpacked(output.read_bytes())
    assert main([*words, "--output", str(folder / "none" / "x")]) == 1
    assert "cannot be written: No such file" in capsys.readouterr().err
    assert main(["dump", "--state-dir", str(folder / "none")]) == 2
    assert "there is no folder" in capsys.readouterr().err
