"""Never silent: one line a change, and words to act on where there is no connection."""

import re
from collections.abc import Callable

import pytest

from ocpp.v16 import BootNotificationRequest

from .central import Central, Close, Http, boot
from .conftest import World
from .station import CARD, eventually


def test_one_line_a_change(world: World) -> None:
    station, central = world.start(), world.central
    station.plug_in()
    central.wait_status("Preparing")
    station.card()
    central.wait_status("Charging")
    station.charging()
    station.card()
    central.wait_status("Finishing")
    station.unplug()
    central.wait_status("Available")
    eventually(lambda: "Available" in station.lines.splitlines()[-1])
    said = [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in station.lines.splitlines()]
    ready = next(n for n, line in enumerate(said, 1) if line.startswith("bench control http://"))
    assert [re.sub(r"\d+ Wh", "N Wh", line) for line in said[ready:]] == [
        "station: Available",
        "EVSE 1: Available",
        "central system: accepted, heartbeat every 3600 s",
        "EVSE 1: Preparing",
        "EVSE 1: session 1 starts, card 04…80, meter N Wh",
        "EVSE 1: Charging",
        "EVSE 1: Finishing",
        "EVSE 1: session 1 stops (Local), meter N Wh",
        "EVSE 1: Available",
    ]
    assert CARD not in station.lines
    assert said[0].startswith("station cp001: page http://127.0.0.1:")


def answering(script: object) -> Callable[[Central], None]:
    return lambda central: central.always(BootNotificationRequest, script)


WORDS = {
    "refused": (Central.down, "refused", "Nothing listens at 127.0.0.1 port"),
    "404": (answering(Http(404)), "wrong path", "correct the path in http://127.0.0.1"),
    "401": (answering(Http(401)), "unauthorized", "wants credentials (HTTP 401)"),
    "503": (answering(Http(503)), "HTTP 503", "see its log"),
    "closed": (answering(Close()), "closed", "closed the connection instead of answering"),
    "nonsense": (answering(Http(200, b"<html/>")), "not SOAP", "check that the path is"),
    "pending": (answering(boot("Pending", 900)), "pending", "asks again in 900 s"),
    "rejected": (answering(boot("Rejected", 900)), "rejected", "accept the station at the central"),
}


@pytest.mark.parametrize("case", WORDS)
def test_no_connection_in_words(world: World, case: str) -> None:
    prepare, reason, hint = WORDS[case]
    prepare(world.central)
    station = world.station()
    station.start()
    eventually(lambda: f"{reason}" in station.lines and hint in station.lines, station.lines)
    problem = station.snapshot()["station"]["problem"]
    assert problem["reason"] == reason
    assert hint in problem["hint"]
    if case not in ("pending", "rejected"):
        # The same trouble again is no change: it is said once.
        eventually(lambda: len(world.central.received) > 1 or case == "refused")
        assert station.lines.count(hint) == 1


def test_a_name_that_is_not_found(world: World) -> None:
    station = world.station()
    text = station.site.read_text().replace("127.0.0.1:", "nonexistent.invalid:")
    station.site.write_text(text)
    station.start()
    eventually(
        lambda: "name not found: The name nonexistent.invalid was not found" in station.lines
    )
    assert station.snapshot()["station"]["problem"]["reason"] == "name not found"


def test_a_problem_that_is_over(world: World) -> None:
    world.central.down()
    station = world.station()
    station.start()
    eventually(lambda: station.snapshot()["station"]["problem"])
    world.central.up()
    world.central.wait_status("Available")
    about = station.snapshot()["station"]
    assert (about["problem"], about["link"], about["registration"]) == (None, "up", "Accepted")
    world.central.down()
    station.plug_in()
    eventually(lambda: station.snapshot()["station"]["link"] == "down")
    world.central.up()
    eventually(lambda: "central system: answers again" in station.lines)


def test_every_thread_has_a_name_and_a_pulse(world: World) -> None:
    station = world.start()
    threads = {t["name"]: t for t in station.snapshot()["threads"]}
    assert set(threads) == {"station", "journal", "evse", "meter", "heartbeat", "link", "rfid"}
    assert all(t["alive"] for t in threads.values())
    eventually(lambda: not any(t["busy_s"] for t in station.snapshot()["threads"]))
    before = threads["meter"]["turns"]
    eventually(lambda: named(station.snapshot(), "meter")["turns"] > before)


def named(snapshot: dict[str, list[dict[str, int]]], name: str) -> dict[str, int]:
    return next(t for t in snapshot["threads"] if t["name"] == name)
