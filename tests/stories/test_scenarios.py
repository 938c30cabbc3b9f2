"""Scenario files: every one that is shipped plays; what cannot be played is told with its line."""

from pathlib import Path

import msgspec
import pytest

from firmware.demo.player import play
from firmware.demo.scenario import BUILT_IN, load
from firmware.demo.stage import Ports, stage

ROOT = Path(__file__).parents[2]
SHIPPED = [BUILT_IN, *sorted((ROOT / "docs" / "scenarios").glob("*.toml"))]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_scenario_plays(path: Path, tmp_path: Path) -> None:
    script = load(path)
    said: list[str] = []
    quick = msgspec.structs.replace(script.scenario, time_scale=300.0)
    with stage(quick, tmp_path, Ports()) as scene:
        play(script, scene, said.append)
    assert said[0].startswith(f"1/{len(script.steps)} ")
    assert said[-1].startswith(f"{script.scenario.title}: as scripted, ")
    assert not [line for line in said if "04A1B2C3D4E580" in line]
