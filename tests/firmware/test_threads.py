"""docs/threads.md: its tables list the threads of a running station, and its walk the code."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import pytest

from ..stories.conftest import World, world
from ..stories.station import Station

__all__ = ["world"]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threads.md").read_text()
PASSING = {"name-look-up", "vendor"}
"""Threads that are there for a moment only."""

PROBE = """
import json, os, threading

def tell():
    while True:
        with open(os.environ["PROBE"]) as asked:
            asked.read()
        names = [thread.name for thread in threading.enumerate()]
        with open(os.environ["PROBE"] + ".told", "w") as told:
            json.dump(names, told)

if "PROBE" in os.environ:
    threading.Thread(target=tell, name="probe", daemon=True).start()
"""


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def listed(title: str) -> set[str]:
    """The names in the first column of a section's table."""
    return set(re.findall(r"^\| `(.+?)` \|", section(title), re.MULTILINE))


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Asks the station started next for the names of its threads: Python tells the system none.

    What asks is a thread too, begun by `sitecustomize`, and two pipes that it waits on."""
    folder = tmp_path / "probe"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(PROBE)
    pipe, told = folder / "pipe", folder / "pipe.told"
    os.mkfifo(pipe)
    os.mkfifo(told)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("PROBE", str(pipe))

    def ask() -> list[str]:
        pipe.write_text("?")
        names: list[str] = json.loads(told.read_text())
        names.remove("probe")
        return names

    return ask


def visits_every_server(station: Station) -> None:
    """Workers begin with the first request."""
    station.snapshot()
    station.state()
    port = (station.state_dir / "soap-port").read_text()
    with urlopen(f"http://127.0.0.1:{port}/?wsdl") as answer:
        assert answer.status == 200


def tasks(pid: int) -> int:
    """How many threads the system counts, those of libraries in C included."""
    return len(os.listdir(f"/proc/{pid}/task"))


def test_the_tables_list_the_threads_of_a_running_station_and_no_others(
    world: World, probe: Callable[[], list[str]]
) -> None:
    station = world.start()
    visits_every_server(station)
    names = probe()
    running = {re.sub(r"-\d+", "-N", name) for name in names} - PASSING
    assert running == listed("The charge point") - PASSING
    assert tasks(station.pid) == len([*names, "probe"]), "none that Python does not know of"
    assert tasks(station.interlock_pid) == len(listed("The interlock"))


def test_every_thread_of_our_own_has_a_pulse_on_the_page(world: World) -> None:
    shown = {thread["name"] for thread in world.start().snapshot()["threads"]}
    assert shown <= listed("The charge point")
    assert {"station", "journal", "evse", "meter", "rfid", "heartbeat", "link"} == shown


def test_what_passes_is_in_the_code() -> None:
    paths = [path for name in ("ocpp", "firmware") for path in (ROOT / name).rglob("*.py")]
    sources = "".join(path.read_text() for path in paths)
    assert all(f'name="{name}"' in sources for name in PASSING)


def test_the_interlocks_threads_are_in_the_code() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "hal" / "interlock").glob("*.py"))
    assert listed("The interlock") == {"MainThread", "record"}
    assert 'name="record"' in sources


FILES = re.findall(r"`((?:firmware|hal|ocpp|tests)/[\w/]+\.py)`", PAGE)
NAMED = re.findall(r"`((?:firmware|hal|ocpp)/[\w/]+\.py)`\s+\(`([\w.]+)`\)", PAGE)


def test_the_walk_names_files_and_functions() -> None:
    """Else the tests below would hold for nothing."""
    assert len(FILES) > 20
    assert len(NAMED) > 12


@pytest.mark.parametrize("path", sorted(set(FILES)))
def test_every_file_named_exists(path: str) -> None:
    assert (ROOT / path).is_file()


@pytest.mark.parametrize(("path", "name"), sorted(set(NAMED)))
def test_every_function_named_is_in_its_file(path: str, name: str) -> None:
    source = (ROOT / path).read_text()
    for part in name.split("."):
        assert re.search(rf"^\s*(class|def) {part}\b", source, re.MULTILINE), part
