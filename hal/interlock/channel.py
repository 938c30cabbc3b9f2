"""The frames between firmware and interlock, of fixed size, on an AF_UNIX SOCK_SEQPACKET pair.

Down goes a lease for one EVSE, up goes what the interlock sees there. The nonce is drawn anew for
every start of the interlock, so a frame meant for another one permits nothing.
"""

import math
import socket
import struct
from typing import Any, get_args

import msgspec

from hal.ports import EvseReport, Fault, PilotState

VERSION = 1
_BATCH = 500
_LONGEST = 65536
_FAULTS: tuple[Fault, ...] = get_args(Fault)
_PILOTS: tuple[PilotState, ...] = get_args(PilotState)
# version, nonce, sequence, EVSE; then limit, lock, expiry / pilot, contact, lock, offer, faults
_DOWN = struct.Struct("=BQQHd?d")
_UP = struct.Struct("=BQQHB??dI")


class BadFrame(Exception):
    """A frame of another size, version or nonce, or with a value that is none."""


class LeaseFrame(msgspec.Struct, frozen=True):
    """The firmware's permission for one EVSE."""

    sequence: int
    evse: int
    limit_a: float
    lock: bool
    expires: float
    """Absolute monotonic time, s."""


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected ends; neither blocks, and message borders are kept."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setblocking(False)
    return ends


def encode_lease(frame: LeaseFrame, nonce: int) -> bytes:
    return _DOWN.pack(
        VERSION, nonce, frame.sequence, frame.evse, frame.limit_a, frame.lock, frame.expires
    )


def decode_lease(data: bytes, nonce: int) -> LeaseFrame:
    """Raises BadFrame, also for a limit or an expiry that is no finite number."""
    sequence, evse, limit_a, lock, expires = _checked(_DOWN, data, nonce)
    if not (math.isfinite(limit_a) and math.isfinite(expires)):
        raise BadFrame("a limit or an expiry that is no number")
    return LeaseFrame(sequence, evse, limit_a, lock, expires)


def encode_report(report: EvseReport, sequence: int, nonce: int) -> bytes:
    faults = sum(1 << _FAULTS.index(fault) for fault in report.faults)
    pilot = _PILOTS.index(report.pilot)
    seen = (report.evse, pilot, report.closed, report.locked, report.offered_a, faults)
    return _UP.pack(VERSION, nonce, sequence, *seen)


def decode_report(data: bytes, nonce: int) -> EvseReport:
    """Raises BadFrame."""
    _, evse, pilot, closed, locked, offered_a, bits = _checked(_UP, data, nonce)
    if pilot >= len(_PILOTS) or bits >> len(_FAULTS):
        raise BadFrame("a pilot state or a fault that does not exist")
    faults = frozenset(fault for bit, fault in enumerate(_FAULTS) if bits >> bit & 1)
    return EvseReport(evse, _PILOTS[pilot], closed, locked, offered_a, faults)


def _checked(layout: struct.Struct, data: bytes, nonce: int) -> tuple[Any, ...]:
    if len(data) != layout.size:
        raise BadFrame(f"{len(data)} bytes instead of {layout.size}")
    version, theirs, *rest = layout.unpack(data)
    if version != VERSION:
        raise BadFrame(f"version {version} instead of {VERSION}")
    if theirs != nonce:
        raise BadFrame("the nonce of another start")
    return tuple(rest)


def received(end: socket.socket) -> list[bytes | None]:
    """What waits at this end, oldest first, None last if the peer is gone. Bounded, so that a peer
    that never stops sending cannot hold the reader."""
    found: list[bytes | None] = []
    while len(found) < _BATCH:
        try:
            found.append(end.recv(_LONGEST) or None)
        except BlockingIOError:
            break
        except OSError:  # a peer that died with unread frames resets the connection
            found.append(None)
        if found[-1] is None:
            break
    return found
