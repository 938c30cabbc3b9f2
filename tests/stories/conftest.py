"""The world of a story: a central system that does as it is told, and a real station."""

from collections.abc import Generator, Mapping
from pathlib import Path

import pytest

from .central import Central
from .station import Station, site


class World:
    """Everything a story plays with. `start` begins with a station that is accepted and free."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.central = Central()
        self.stations: list[Station] = []
        self.expects_trouble = False
        """This story makes the station log a traceback."""

    def station(self, configuration: Mapping[str, str] | None = None, **more: object) -> Station:
        """A station that is not started yet; see `site` for what more there may be."""
        folder = self.folder / f"station-{len(self.stations) + 1}"
        folder.mkdir()
        text = site(self.central.url, configuration=configuration, **more)
        self.stations.append(Station(folder, text))
        return self.stations[-1]

    def start(self, configuration: Mapping[str, str] | None = None, **more: object) -> Station:
        station = self.station(configuration, **more)
        station.start()
        self.central.wait_status("Available")
        return station

    def clean_up(self) -> None:
        for station in self.stations:
            station.clean_up()
        self.central.down()
        for station in self.stations:
            text = station.log.read_text() if station.log.exists() else ""
            assert self.expects_trouble or "Traceback" not in text, text


@pytest.fixture
def world(tmp_path: Path) -> Generator[World]:
    world = World(tmp_path)
    yield world
    world.clean_up()
