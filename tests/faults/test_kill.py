"""A station that is killed at any moment: the log holds one start and one stop per session."""

import random
import threading
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

from ocpp.central import CentralSystem

from ..stories.conftest import World
from ..stories.station import CARD, Station, eventually, site

KILLS = 30
SEED = 1606
PRESETS = {
    "AllowOfflineTxForUnknownId": "true",
    "MeterValueSampleInterval": "1",
    "TransactionMessageRetryInterval": "1",
}


@pytest.fixture
def bench(tmp_path: Path) -> Generator[CentralSystem]:
    bench = CentralSystem(tmp_path / "bench", soap=("127.0.0.1", 0), page=("127.0.0.1", 0))
    bench.start()
    yield bench
    bench.stop()


def some_of_a_session(station: Station, chance: random.Random) -> None:
    """What a driver gets done before the power fails."""
    pause = threading.Event()
    acts = [station.plug_in, station.card, station.card, station.unplug]
    for act in acts[: chance.choice([1, 2, 2, 2, 3, 3, 4])]:
        act()
        pause.wait(chance.choice([0, 0.02, 0.1, 0.4]))
    pause.wait(chance.uniform(0, 0.3))


def test_killed_again_and_again(world: World, bench: CentralSystem) -> None:
    chance = random.Random(SEED)
    station = world.station()
    station.site.write_text(site(bench.soap_url, configuration=PRESETS, board="time_scale = 500.0"))
    station.start()
    bench.wait_for(lambda s: bool(s.stations and s.stations[0].connectors), 20)
    for kill in range(KILLS):
        if kill % 5 == 4:  # while it starts
            threading.Event().wait(chance.uniform(0.2, 0.8))
        else:
            station.until_running()
            some_of_a_session(station, chance)
        station.kill()
        station.launch()
    station.until_running()
    eventually(lambda: all(row[3] for row in station.history()), "everything settled")

    rows = station.history()
    assert [row[3] for row in rows if row[3] != "delivered"] == []
    kinds = Counter((session, kind) for session, kind, _, _ in rows)
    sessions = sorted({session for session, _ in kinds})
    assert len(sessions) > KILLS / 4, "too few sessions to show anything"
    assert sessions == list(range(1, len(sessions) + 1))
    for session in sessions:
        assert kinds[session, "SessionStarted"] == kinds[session, "SessionStopped"] == 1
    told = sorted(bench.state().sessions, key=lambda s: s.start_time)
    assert len(told) == len(sessions)
    starts = [row[2] for row in rows if row[1] == "SessionStarted"]
    stops = [row[2] for row in rows if row[1] == "SessionStopped"]
    for start, stop, known in zip(starts, stops, told, strict=True):
        assert known.stop_time is not None
        assert known.start_time.timestamp() == pytest.approx(start["at"]["wall"], abs=0.001)
        assert known.stop_time.timestamp() == pytest.approx(stop["at"]["wall"], abs=0.001)
        assert known.energy_wh == stop["wh"] - start["wh"] >= 0
    reasons = Counter(stop["reason"] for stop in stops)
    assert reasons["PowerLoss"] > 3
    assert all(b["wh"] >= a["wh"] for a, b in zip(stops, starts[1:], strict=False))
    assert {start["token"] for start in starts} == {CARD}
