"""The frames between firmware and interlock: what fits comes back the same, all else is refused."""

import socket
from collections.abc import Generator

import pytest

from hal.interlock import channel
from hal.interlock.channel import BadFrame, LeaseFrame
from hal.ports import EvseReport

NONCE = 0xFEDC_BA98_7654_3210
LEASE = LeaseFrame(sequence=7, evse=2, limit_a=13.5, lock=True, expires=12345.678)
REPORT = EvseReport(2, "C", True, True, 13.5, frozenset({"UnderVoltage", "InterlockLost", "Other"}))


@pytest.fixture
def ends() -> Generator[tuple[socket.socket, socket.socket]]:
    one, other = channel.pair()
    with one, other:
        yield one, other


def test_a_lease_comes_back_as_it_went() -> None:
    assert channel.decode_lease(channel.encode_lease(LEASE, NONCE), NONCE) == LEASE


@pytest.mark.parametrize("report", [REPORT, EvseReport(1, "A", False, False, 0.0)])
def test_a_report_comes_back_as_it_went(report: EvseReport) -> None:
    assert channel.decode_report(channel.encode_report(report, 1, NONCE), NONCE) == report


def test_frames_have_one_size() -> None:
    small = channel.encode_report(EvseReport(1, "A", False, False, 0.0), 0, 0)
    assert len(small) == len(channel.encode_report(REPORT, 2**64 - 1, NONCE))


def test_another_nonce_is_refused() -> None:
    with pytest.raises(BadFrame, match="nonce"):
        channel.decode_lease(channel.encode_lease(LEASE, NONCE), NONCE + 1)


def test_another_version_is_refused() -> None:
    data = channel.encode_lease(LEASE, NONCE)
    with pytest.raises(BadFrame, match="version 9"):
        channel.decode_lease(b"\x09" + data[1:], NONCE)


@pytest.mark.parametrize("data", [b"", b"\x01", bytes(1000)])
def test_another_size_is_refused(data: bytes) -> None:
    with pytest.raises(BadFrame, match="bytes"):
        channel.decode_lease(data, NONCE)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_limit_or_expiry_that_is_no_number_is_refused(number: float) -> None:
    for frame in (LeaseFrame(1, 1, number, True, 1.0), LeaseFrame(1, 1, 16.0, True, number)):
        with pytest.raises(BadFrame, match="no number"):
            channel.decode_lease(channel.encode_lease(frame, NONCE), NONCE)


def test_a_pilot_or_fault_that_does_not_exist_is_refused() -> None:
    data = channel.encode_report(REPORT, 0, NONCE)
    with pytest.raises(BadFrame, match="does not exist"):
        channel.decode_report(data[:-4] + b"\xff\xff\xff\xff", NONCE)


def test_all_that_waits_is_received_in_order(ends: tuple[socket.socket, socket.socket]) -> None:
    one, other = ends
    for text in (b"a", b"b", b"c"):
        one.send(text)
    assert channel.received(other) == [b"a", b"b", b"c"]
    assert channel.received(other) == []


def test_the_end_comes_last(ends: tuple[socket.socket, socket.socket]) -> None:
    one, other = ends
    one.send(b"a")
    one.close()
    assert channel.received(other) == [b"a", None]


def test_a_peer_that_died_with_unread_frames_is_the_end_too(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    one, other = ends
    other.send(b"unread")
    one.close()
    assert channel.received(other) == [None]
