"""The interlock as a real process: isolated, deaf to signals, open when its lessor falters."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from hal.evse.fake import FakeOptions
from hal.evse.verbs import PlugIn
from hal.fake.link import Link
from hal.interlock import channel
from hal.interlock.channel import LeaseFrame
from hal.interlock.launch import Launched
from hal.ports import EvseReport, EvseSpec

from .conftest import PATIENCE_S, eventually, gone, interlock_pid, record

ROOT = Path(__file__).parents[2]


class Raw:
    """An interlock process and its bare sockets, with a vehicle plugged at EVSE 1."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.running = Launched([EvseSpec(1), EvseSpec(2)], FakeOptions(), state_dir)
        self.link = Link()
        self.link.connect(self.running.bench)
        self.link.ask(PlugIn(1, 1), PATIENCE_S)
        self.sequence = 0

    def lease(
        self,
        limit_a: float = 16.0,
        *,
        for_s: float = 2.0,
        nonce: int | None = None,
        sequence: int | None = None,
    ) -> float:
        """Send one lease; returns when."""
        self.sequence += 1
        now = time.monotonic()
        frame = LeaseFrame(sequence or self.sequence, 1, limit_a, True, now + for_s)
        self.send(channel.encode_lease(frame, self.running.nonce if nonce is None else nonce))
        return now

    def send(self, data: bytes) -> None:
        self.running.leases.send(data)

    def reports(self) -> list[EvseReport]:
        """What is next reported, waiting for it."""
        poll = select.poll()
        poll.register(self.running.leases, select.POLLIN)
        assert poll.poll(1000 * PATIENCE_S), "no report"
        found = channel.received(self.running.leases)
        return [channel.decode_report(data, self.running.nonce) for data in found if data]

    def until_closed(self, closed: bool = True) -> float:
        """Wait for the contact, without leasing; returns when it was reported."""
        while not any(report.evse == 1 and report.closed == closed for report in self.reports()):
            pass
        return time.monotonic()

    def opened_because(self) -> str:
        eventually(lambda: bool(record(self.state_dir, "open")))
        return str(record(self.state_dir, "open")[-1]["reason"])


@pytest.fixture
def raw(tmp_path: Path) -> Generator[Raw]:
    raw = Raw(tmp_path)
    yield raw
    raw.running.end()
    assert gone(raw.running.process.pid)


def test_a_lease_that_is_not_renewed_lapses_within_2100_ms(raw: Raw) -> None:
    leased = raw.lease()
    raw.until_closed()
    assert raw.until_closed(False) - leased <= 2.1
    assert raw.opened_because() == "lease expired"
    (opened,) = record(raw.state_dir, "open")
    assert opened["monotonic"] - leased == pytest.approx(2.05, abs=0.05)


def test_a_lease_too_far_ahead_is_cut_to_two_seconds(raw: Raw) -> None:
    leased = raw.lease(for_s=3600)
    raw.until_closed()
    assert raw.until_closed(False) - leased <= 2.1


def test_a_lease_of_the_past_permits_nothing(raw: Raw) -> None:
    raw.lease(for_s=-1)
    raw.lease(for_s=1)
    raw.until_closed()
    raw.lease(for_s=-1)
    raw.until_closed(False)
    assert raw.opened_because() == "lease expired"


def test_the_newest_lease_counts(raw: Raw) -> None:
    for limit_a in (6.0, 32.0, 10.0):
        raw.lease(limit_a)
    offers: list[float] = []
    while not any(offers):
        offers += [report.offered_a for report in raw.reports()]
    assert set(offers) == {0.0, 10.0}


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (lambda raw: raw.lease(nonce=1), "bad lease: the nonce of another start"),
        (lambda raw: raw.send(b"\x01"), "bad lease: 1 bytes instead of"),
        (lambda raw: raw.lease(sequence=1), "bad lease: an old sequence number"),
    ],
)
def test_a_bad_frame_opens_until_a_good_one_comes(raw: Raw, wrong: object, reason: str) -> None:
    raw.lease()
    raw.until_closed()
    assert callable(wrong)
    wrong(raw)
    raw.until_closed(False)
    assert raw.opened_because().startswith(reason)
    raw.lease()
    raw.until_closed()


def test_letting_go_opens_records_and_ends_the_process(raw: Raw) -> None:
    raw.lease()
    raw.until_closed()
    raw.running.leases.close()
    assert raw.running.process.wait(PATIENCE_S) == 0
    assert [line["event"] for line in record(raw.state_dir)] == ["close", "open"]
    opened = record(raw.state_dir)[-1]
    assert opened["reason"] == "lease channel closed"
    assert opened["evse"] == 1
    assert opened["boot"] == f"{raw.running.nonce:016x}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_to_everybody_do_not_end_it(raw: Raw, number: signal.Signals) -> None:
    raw.lease()
    raw.until_closed()
    os.kill(raw.running.process.pid, number)
    raw.reports()
    assert raw.running.process.poll() is None


def test_the_bench_end_may_go_first(raw: Raw) -> None:
    raw.running.bench.close()
    raw.lease()
    raw.until_closed()


def test_it_reports_every_evse_twice_a_second(raw: Raw) -> None:
    raw.reports()
    began, seen = time.monotonic(), []
    while len(seen) < 12:
        seen += [report.evse for report in raw.reports()]
    assert {1, 2} == set(seen)
    assert 2.0 < time.monotonic() - began < 5.0


def test_it_is_isolated_in_a_session_of_its_own(raw: Raw) -> None:
    pid = raw.running.process.pid
    assert os.getsid(pid) == pid
    sockets = [
        target
        for descriptor in os.listdir(f"/proc/{pid}/fd")
        if (target := os.readlink(f"/proc/{pid}/fd/{descriptor}")).startswith("socket:")
    ]
    assert len(sockets) == 2


def test_it_stays_light() -> None:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
    code += "import hal.interlock.process; print(*sys.modules)"
    command = [sys.executable, "-I", "-c", code]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    heavy = {"firmware", "ocpp", "lxml", "http", "logging", "asyncio", "subprocess", "ssl"}
    assert not heavy & set(loaded)


def test_another_one_in_the_same_folder_waits_for_the_first(raw: Raw) -> None:
    pid = interlock_pid(raw.state_dir)
    second = Launched([EvseSpec(1)], FakeOptions(), raw.state_dir)
    link = Link()
    link.connect(second.bench)
    raw.running.leases.close()
    link.ask(PlugIn(1, 1), PATIENCE_S)
    assert gone(pid)
    assert interlock_pid(raw.state_dir) == second.process.pid
    second.end()


LESSOR = """
import sys
from pathlib import Path
from hal.board import open_board
from hal.ports import EvseSpec
board = open_board("fake", {"time_scale": 100.0}, [EvseSpec(1)], Path(sys.argv[1]))
board.bench.command("plug-in", {"evse": 1, "connector": 1})
told = False
while True:
    board.interlock.lease(1, 16.0, True)
    for report in board.interlock.reports(0.3):
        if report.closed and not told:
            told = True
            print("closed", flush=True)
"""


@pytest.fixture
def lessor(tmp_path: Path) -> Generator[subprocess.Popen[str]]:
    """Another process that leases, with the contactor closed; its interlock is its own child."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", LESSOR, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "closed\n"
        eventually(lambda: bool(record(tmp_path, "close")))
        yield child
        child.kill()
    assert gone(interlock_pid(tmp_path))


def test_a_stopped_lessor_opens_the_contactor(
    lessor: subprocess.Popen[str], tmp_path: Path
) -> None:
    stopped = time.monotonic()
    lessor.send_signal(signal.SIGSTOP)
    eventually(lambda: bool(record(tmp_path, "open")))
    (opened,) = record(tmp_path, "open")
    assert opened["reason"] == "lease expired"
    assert opened["monotonic"] - stopped <= 2.1


def test_a_killed_lessor_opens_the_contactor_and_ends_the_interlock(
    lessor: subprocess.Popen[str], tmp_path: Path
) -> None:
    pid = interlock_pid(tmp_path)
    killed = time.monotonic()
    lessor.kill()
    assert gone(pid)
    (opened,) = record(tmp_path, "open")
    assert opened["reason"] == "lease channel closed"
    assert opened["monotonic"] - killed <= 2.1
