"""The fake board as a whole: opening it, every bench verb, its state, meter and reader."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hal.board import open_board
from hal.ports import BenchError, Card, EvseSpec, HalError

from .conftest import Played, eventually, gone, interlock_pid, record

Play = Callable[..., Played]
IDLE = {
    "plugged": False,
    "cp_state": "A",
    "locked": False,
    "relay_closed": False,
    "faults": [],
    "energy_wh": 0,
    "power_w": 0.0,
    "current_a": 0.0,
    "soc": None,
}


def refused(played: Played, verb: str, body: dict[str, object]) -> tuple[int, str]:
    with pytest.raises(BenchError) as error:
        played.bench.command(verb, body)
    return error.value.status, str(error.value)


# --- opening ----------------------------------------------------------------------------------


def test_an_unknown_driver_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(HalError, match=r"'fak'.*fake"):
        open_board("fak", {}, [EvseSpec(1)], tmp_path)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"time_scal": 2.0}, "time_scal"),
        ({"time_scale": "2"}, "time_scale"),
        ({"time_scale": 0}, "time_scale"),
    ],
)
def test_a_wrong_option_is_named(tmp_path: Path, options: dict[str, object], named: str) -> None:
    with pytest.raises(HalError, match=named):
        open_board("fake", options, [EvseSpec(1)], tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_state_folder_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "state"
    board = open_board("fake", {}, [EvseSpec(1)], folder)
    board.close()
    assert gone(interlock_pid(folder))


def test_a_second_board_on_the_same_folder_is_refused(play: Play, tmp_path: Path) -> None:
    play()
    with pytest.raises(HalError, match="did not start"):
        open_board("fake", {}, [EvseSpec(1)], tmp_path)


# --- vehicle ----------------------------------------------------------------------------------


def test_a_fresh_board_is_idle(play: Play) -> None:
    assert play([EvseSpec(1), EvseSpec(2)]).bench.state() == {1: IDLE, 2: IDLE}


def test_a_charge_from_plug_to_unplug(play: Play) -> None:
    played = play(time_scale=1000.0)
    played.command("plug-in", current_a=10, phases=1, soc_start=50)
    assert played.bench.state()[1] == {**IDLE, "plugged": True, "cp_state": "B", "soc": 50}
    played.permits[1] = (16.0, True)
    played.until(lambda report: report.closed)
    state = played.bench.state()[1]
    assert (state["cp_state"], state["locked"], state["relay_closed"]) == ("C", True, True)
    assert (state["power_w"], state["current_a"]) == (2300.0, 10.0)
    eventually(lambda: played.board.meters[1].read().wh > 0)
    played.command("unplug")
    report = played.until(lambda report: not report.closed)
    assert (report.pilot, report.offered_a) == ("A", 0.0)
    assert played.bench.state()[1]["soc"] is None


def test_the_contactor_closes_within_a_second_of_permitted_and_ready(play: Play) -> None:
    played = play()
    played.command("plug-in")
    played.until(lambda report: report.pilot == "B")
    began = time.monotonic()
    played.permits[1] = (16.0, True)
    played.until(lambda report: report.closed)
    assert time.monotonic() - began < 1.0


def test_pause_and_resume(play: Play) -> None:
    played = play()
    played.charges()
    played.command("pause")
    played.command("pause")
    assert played.until(lambda report: not report.closed).pilot == "B"
    played.command("resume", current_a=8, phases=2)
    played.until(lambda report: report.closed)
    assert played.board.meters[1].read().amps == (8.0, 8.0)


def test_a_fault_opens_and_clearing_it_restores(play: Play) -> None:
    played = play()
    played.charges()
    played.command("faults", error="GroundFailure", active=True)
    played.command("faults", error="DiodeFault", active=True)
    report = played.until(lambda report: len(report.faults) == 2 and not report.closed)
    assert report.faults == {"GroundFailure", "DiodeFault"}
    assert played.bench.state()[1]["faults"] == ["DiodeFault", "GroundFailure"]
    for error in ("GroundFailure", "DiodeFault"):
        played.command("faults", error=error, active=False)
    assert not played.until(lambda report: report.closed).faults


def test_a_jammed_lock_is_a_fault_until_freed(play: Play) -> None:
    played = play()
    played.command("lock", jammed=True)
    played.command("plug-in")
    played.permits[1] = (16.0, True)
    report = played.until(lambda report: bool(report.faults))
    assert report.faults == {"ConnectorLockFailure"}
    assert (report.locked, report.closed, report.offered_a) == (False, False, 0.0)
    played.command("lock", jammed=False)
    played.until(lambda report: report.closed)


def test_an_attached_cable_charges_unlocked(play: Play) -> None:
    played = play([EvseSpec(1, lock=False)])
    played.charges()
    assert not played.bench.state()[1]["locked"]


def test_two_evses_do_not_disturb_each_other(play: Play) -> None:
    played = play([EvseSpec(1), EvseSpec(2)])
    played.charges()
    played.command("faults", evse=2, error="Other", active=True)
    assert not played.until(lambda report: bool(report.faults), evse=2).closed
    assert played.bench.state()[1]["relay_closed"]


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "body", "status", "named"),
    [
        ("plug-out", {}, 404, "plug-out"),
        ("link", {"up": True}, 404, "link"),
        ("unplug", {"evse": 9, "connector": 1}, 404, "EVSE 9"),
        ("unplug", {"evse": 1, "connector": 2}, 404, "connector 1"),
        ("meter", {"evse": 9, "clear": True}, 404, "EVSE 9"),
        ("rfid", {"token": "A", "evses": [9]}, 404, "EVSE 9"),
        ("unplug", {"evse": 1}, 400, "connector"),
        ("unplug", {"evse": "1", "connector": 1}, 400, "evse"),
        ("unplug", {"evse": 1, "connector": 1, "colour": "red"}, 400, "colour"),
        ("plug-in", {"evse": 1, "connector": 1, "delay_s": -1}, 400, "delay_s"),
        ("plug-in", {"evse": 1, "connector": 1, "phases": 4}, 400, "phases"),
        ("plug-in", {"evse": 1, "connector": 1, "soc_start": 101}, 400, "soc_start"),
        ("plug-in", {"evse": 1, "connector": 1, "battery_wh": 0}, 400, "battery_wh"),
        ("faults", {"evse": 1, "connector": 1, "error": "Fire", "active": True}, 400, "error"),
        ("faults", {"evse": 1, "connector": 1, "error": "Other"}, 400, "active"),
        ("lock", {"evse": 1, "connector": 1, "jammed": 1}, 400, "jammed"),
        ("meter", {"evse": 1, "power_w": float("nan")}, 400, "power_w"),
        ("rfid", {"token": ""}, 400, "token"),
        ("pause", {"evse": 1, "connector": 1}, 409, "no vehicle"),
        ("resume", {"evse": 1, "connector": 1}, 409, "no vehicle"),
    ],
)
def test_refusals(play: Play, verb: str, body: dict[str, object], status: int, named: str) -> None:
    found, text = refused(play(), verb, body)
    assert found == status
    assert named in text


def test_another_vehicle_on_a_plugged_connector_is_refused(play: Play) -> None:
    played = play()
    played.command("plug-in", current_a=10)
    played.command("plug-in", current_a=10.0)
    status, _ = refused(played, "plug-in", {"evse": 1, "connector": 1})
    assert status == 409


def test_a_goal_already_met_is_fine(play: Play) -> None:
    played = play()
    played.command("unplug")
    played.command("faults", error="Other", active=False)
    played.command("lock", jammed=False)
    played.bench.command("meter", {"evse": 1, "clear": True})


def test_verbs_are_answered_within_100_ms(play: Play) -> None:
    played = play()
    played.charges()
    for verb in ("pause", "resume", "unplug", "plug-in"):
        began = time.monotonic()
        played.command(verb)
        assert time.monotonic() - began < 0.1


def test_without_an_interlock_verbs_are_impossible_and_the_meter_is_dead(
    play: Play, tmp_path: Path
) -> None:
    played = play()
    os.kill(interlock_pid(tmp_path), signal.SIGKILL)
    assert gone(interlock_pid(tmp_path))
    assert refused(played, "unplug", {"evse": 1, "connector": 1})[0] == 409
    with pytest.raises(HalError, match="gone"):
        played.board.meters[1].read()


# --- meter ------------------------------------------------------------------------------------


def test_the_register_carries_on_in_the_next_run(play: Play, tmp_path: Path) -> None:
    played = play(time_scale=1000.0)
    played.charges()
    eventually(lambda: played.board.meters[1].read().wh > 0)
    shown = played.board.meters[1].read().wh
    played.close()
    assert play().board.meters[1].read().wh >= shown


def test_the_register_survives_killing_everything(play: Play, tmp_path: Path) -> None:
    played = play(time_scale=1000.0)
    played.charges()
    meter = played.board.meters[1]
    began = time.monotonic()
    shown = meter.read().wh
    while time.monotonic() - began < 1.0:
        played.lease()
        played.interlock.reports(0.1)
    os.kill(interlock_pid(tmp_path), signal.SIGKILL)
    played.close()
    assert shown > 0
    assert play().board.meters[1].read().wh >= shown


def test_a_meter_that_resets_shows_zero_at_start_and_at_every_plug(
    play: Play, tmp_path: Path
) -> None:
    (tmp_path / "fake-registers.json").write_text('{"1": 500.0}')
    played = play(meter_resets_on_plug_in=True, time_scale=1000.0)
    meter = played.board.meters[1]
    assert meter.read().wh == 0
    played.charges()
    eventually(lambda: meter.read().wh > 0)
    played.command("unplug")
    assert meter.read().wh > 0
    played.command("plug-in")
    assert meter.read().wh == 0


def test_overridden_readings_show_in_meter_and_state(play: Play) -> None:
    played = play()
    played.bench.command("meter", {"evse": 1, "energy_wh": 4711, "power_w": 1000})
    reading = played.board.meters[1].read()
    assert (reading.wh, reading.watts) == (4711, 1000)
    assert played.bench.state()[1]["energy_wh"] == 4711
    played.bench.command("meter", {"evse": 1, "clear": True})
    assert played.board.meters[1].read().wh == 0


def test_meters_and_bench_may_ask_at_the_same_time(play: Play) -> None:
    played = play([EvseSpec(1), EvseSpec(2)])
    problems: list[Exception] = []

    def ask(evse: int) -> None:
        try:
            for _ in range(100):
                assert played.board.meters[evse].read().soc is None
                assert len(played.bench.state()) == 2
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=ask, args=(evse,)) for evse in (1, 2, 1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems


# --- reader -----------------------------------------------------------------------------------


def test_a_card_is_presented_to_the_reader(play: Play) -> None:
    played = play([EvseSpec(1), EvseSpec(2)])
    (reader,) = played.board.readers
    assert reader.read(0.0) is None
    played.bench.command("rfid", {"token": "Hällo 04 ab"})
    played.bench.command("rfid", {"token": "04AB", "type": "Central", "evses": [2]})
    assert reader.read(5.0) == Card("Hällo 04 ab")
    assert reader.read(5.0) == Card("04AB", "Central", (2,))


# --- the record -------------------------------------------------------------------------------


def test_every_opening_and_closing_is_recorded(play: Play, tmp_path: Path) -> None:
    played = play()
    played.charges()
    played.command("faults", error="Other", active=True)
    played.until(lambda report: not report.closed)
    played.close()
    kinds = [(line["event"], line["reason"]) for line in record(tmp_path)]
    assert kinds == [("close", "vehicle ready, 16 A offered"), ("open", "fault Other")]
