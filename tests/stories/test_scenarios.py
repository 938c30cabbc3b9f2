"""Scenario files: every one that is shipped plays; what cannot be played is told with its line."""

import re
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import get_args, get_type_hints

import msgspec
import pytest

from firmware.demo.player import play
from firmware.demo.scenario import (
    BUILT_IN,
    VERBS,
    Expect,
    Scenario,
    ScenarioError,
    Script,
    WaitFor,
    load,
)
from firmware.demo.stage import Failed, Ports, Stage, stage

ROOT = Path(__file__).parents[2]
SHIPPED = [BUILT_IN, *sorted((ROOT / "docs" / "scenarios").glob("*.toml"))]


PAGE = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")


def played(script: Script, folder: Path) -> list[str]:
    said: list[str] = []
    quick = msgspec.structs.replace(script.scenario, time_scale=300.0)
    with stage(quick, folder, Ports()) as scene:
        play(script, scene, said.append)
    return said


def written(folder: Path, text: str) -> Path:
    (folder / "scenario.toml").write_text(text)
    return folder / "scenario.toml"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_scenario_plays(path: Path, tmp_path: Path) -> None:
    script = load(path)
    said = played(script, tmp_path)
    assert said[0].startswith(f"1/{len(script.steps)} ")
    assert said[-1].startswith(f"{script.scenario.title}: as scripted, ")
    assert not [line for line in said if "04A1B2C3D4E580" in line]


def test_the_example_of_the_page_plays(tmp_path: Path) -> None:
    [example] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    said = played(load(written(tmp_path, example)), tmp_path)
    assert re.fullmatch(r"bill: 0\.\d+ kWh, 0\.\d+ EUR", said[-2])


def test_the_page_tells_of_every_step_and_field() -> None:
    told = set(re.findall(r"`(\w+)", PAGE))
    assert set(VERBS) <= told
    fields = {f.encode_name for kind in VERBS.values() for f in msgspec.structs.fields(kind)}
    assert fields | set(Scenario.__struct_fields__) <= told
    for kind in (WaitFor, Expect):
        verb = kind.__struct_fields__[0]
        own = [word for word in words_of(kind) if word[0].islower()]
        assert own
        for word in own:
            assert f'`{verb} = "{word}"`' in PAGE or f'`"{word}"`' in PAGE


def words_of(kind: type[WaitFor] | type[Expect]) -> list[str]:
    """What may be waited for or expected."""
    hint = get_type_hints(kind)[kind.__struct_fields__[0]]
    return [word for part in get_args(hint) for word in (get_args(part) or [part])]


# --- what cannot be played -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ("{ plugg = 1 }", "unknown step 'plugg', did you mean 'plug'?"),
        ("{ plug = 1, curent_a = 6 }", "unknown field 'curent_a', did you mean 'current_a'?"),
        ("{ plug = 0 }", "plug: expected `int` >= 1"),
        ("{ plug = 1, unplug = 1 }", "one thing at a time, not plug and unplug"),
        ("{}", "unknown step ''"),
        ('{ tap = "" }', "tap: expected `str` of length >= 1"),
        ('{ wait_for = "Chargin" }', "wait_for: invalid enum value 'Chargin'"),
        ('{ fault = "Nonsense" }', "fault: invalid enum value 'Nonsense'"),
        ('{ order = "Reserv" }', "no order 'Reserv', did you mean 'ReserveNow'?"),
        (
            '{ order = "Reset", with = { typ = "Soft" } }',
            "Reset has no field 'typ', did you mean 'type'?",
        ),
        ('{ expect = "message" }', "expect = 'message' and its action come together"),
    ],
)
def test_a_step_that_is_none_is_told_with_its_line(tmp_path: Path, step: str, problem: str) -> None:
    path = written(tmp_path, f'title = "x"\nsteps = [\n  {{ plug = 1 }},\n  {step},\n]\n')
    with pytest.raises(ScenarioError) as error:
        load(path)
    assert str(error.value).startswith(f"{path}:4: step 2: {problem}")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("title = 'x'", "object missing required field `steps`"),
        ("titel = 'x'", "unknown field 'titel', did you mean 'title'?"),
        ("title = 'x'\nsteps = []", "steps: expected `array` of length >= 1"),
        ("title = ", "not TOML: "),
        ("title = 'x'\nsteps = [{plug = 1}]\ncards = {x = 'No'}", "cards[...]: invalid enum"),
    ],
)
def test_a_file_that_is_no_scenario(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ScenarioError, match=re.escape(problem)):
        load(written(tmp_path, text))


def test_a_scenario_may_be_written_as_tables(tmp_path: Path) -> None:
    text = 'title = "x"\n[[steps]]\nplug = 1\n[[steps]]\nplug = 0\n'
    with pytest.raises(ScenarioError, match=r":4: step 2: plug: "):
        load(written(tmp_path, text))


# --- what does not come --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ('{ wait_for = "Charging", within_s = 0.2 }', "not so within 0.2 s"),
        ('{ wait_for = "Available", connector = 2, within_s = 0.2 }', "not so within 0.2 s"),
        ('{ expect = "session", within_s = 0.2 }', "not so within 0.2 s"),
        ('{ draw = "pause" }', "pause: "),
        ('{ order = "CancelReservation", with = { reservationId = 1 } }', "answered Rejected"),
        (
            '{ order = "RemoteStopTransaction", with = { transactionId = "running" } }',
            "no session is running",
        ),
        ('{ order = "Reset", with = { type = "Softly" } }', "Reset: Invalid enum value"),
    ],
)
def test_a_step_that_fails_is_named(scene: Stage, step: str, problem: str, tmp_path: Path) -> None:
    script = load(written(tmp_path, f'title = "x"\nsteps = [\n  {step},\n]\n'))
    with pytest.raises(Failed, match=f"^step 1: .*{problem}"):
        play(script, scene, lambda line: None)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Generator[Stage]:
    folder = tmp_path_factory.mktemp("scene")
    with stage(load(BUILT_IN).scenario, folder, Ports()) as scene:
        yield scene


def demo(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "firmware", "demo", *words]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_from_the_command_line(tmp_path: Path) -> None:
    text = 'title = "Hello"\nsteps = [\n  { expect = "no session" },\n]\n'
    ended = demo(str(written(tmp_path, text)), "--once")
    assert ended.returncode == 0, ended.stderr
    assert re.search(
        r"^[\d:]{8} demo     Hello: as scripted, [\d.]+ s$", ended.stdout, re.MULTILINE
    )
    text = text.replace("no session", "session").replace('" }', '", within_s = 0.1 }')
    ended = demo(str(written(tmp_path, text)), "--once")
    assert ended.returncode == 1
    assert ended.stderr == "demo: step 1: not so within 0.1 s\n"
    ended = demo(str(tmp_path / "none.toml"))
    assert ended.returncode == 2
    assert "none.toml: cannot be read" in ended.stderr
    ended = demo("--state-dir", "/dev/null/x", "--once")
    assert ended.returncode == 1
    assert ended.stderr.startswith("demo: [Errno 20] Not a directory")
