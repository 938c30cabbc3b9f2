"""What `pilotwire check` looks at: site file, folder, central system, wiring; a line a finding."""

import contextlib
import fcntl
import socket
import sqlite3
import ssl
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from firmware import config, site_problems, tls
from firmware.config import LOOPBACK, Site, SiteError, Unusable
from hal.board import open_board
from hal.ports import Board, EvseReport, HalError
from ocpp.failure import no_answer
from ocpp.http import Refused, SoapClient, Unreachable
from ocpp.peer import Peer
from ocpp.v16 import CENTRAL_SYSTEM, HeartbeatRequest, HeartbeatResponse

PATIENCE_S = 10.0
REPORT_S = 1.0
"""An interlock tells what it sees at once, and every 500 ms."""
CLOCKS_APART_S = 60.0
EXPIRES_SOON_S = 30 * 86_400
LITTLE_SPACE = 100_000_000


class Finding(msgspec.Struct, frozen=True):
    """One line. Where it is no `ok`, the text says what to do."""

    area: Literal["site file", "folder", "central system", "wiring"]
    level: Literal["ok", "warn", "fail"]
    text: str


def check(path: Path, state_dir: Path | None) -> Iterator[Finding]:
    """Everything, in the order in which it is needed."""
    try:
        site, problems = site_problems.read(path)
    except SiteError as error:
        yield Finding("site file", "fail", str(error))
        return
    for problem in problems:
        yield Finding("site file", "fail", str(problem))
    if site is None:
        return
    yield from _site(path, site)
    if state_dir is not None:
        yield from _folder(state_dir)
    yield from central_system(site, state_dir)
    yield from wiring(site)


# --- site file and folder ------------------------------------------------------------------------


def _site(path: Path, site: Site) -> Iterator[Finding]:
    evses = f"{len(site.evse)} EVSE{'s' if len(site.evse) > 1 else ''}"
    yield Finding(
        "site file", "ok", f"{path}: station {site.station.id}, {evses}, board {site.board.driver}"
    )
    for key in config.settings(site)[1]:
        yield Finding(
            "site file", "warn", f"ocpp.configuration.{key} is no key of this station: ignored"
        )
    for key, listen in (("web.listen", site.web.listen), ("soap.listen", site.soap.listen)):
        if (problem := _bindable(*config.address(listen))) is not None:
            yield Finding(
                "site file", "warn", f"{key} {listen}: {problem}; does a station run already?"
            )


def _bindable(host: str, port: int) -> str | None:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error.strerror
    return None


def _folder(folder: Path) -> Iterator[Finding]:
    """What a station has written: read, never changed."""
    if not folder.exists():
        yield Finding("folder", "ok", f"{folder} will be made by the first start")
        return
    journal = folder / "journal.sqlite"
    if journal.exists():
        health = quick_check(journal)
        text = f"{journal}: {health}"
        if health != "ok":
            text += "; the next start keeps it aside and begins anew"
        yield Finding("folder", "ok" if health == "ok" else "fail", text)
    with contextlib.suppress(OSError), (folder / "interlock.lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            yield Finding("folder", "ok", f"a station runs in {folder}")


def quick_check(path: Path) -> str:
    """`ok`, or what is wrong with a database. It is opened for reading only."""
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        ) as db:
            return str(db.execute("PRAGMA quick_check").fetchone()[0])
    except sqlite3.Error as error:
        return str(error)


# --- central system ------------------------------------------------------------------------------


def central_system(site: Site, state_dir: Path | None) -> Iterator[Finding]:
    """From the name to what its SOAP service makes of us; what fails ends it."""
    if not site.csms:
        yield Finding("central system", "ok", "none: the station's own list of cards decides")
        return
    try:
        context = tls.context(site)
    except Unusable as error:
        yield Finding("central system", "fail", str(error))
        return
    peer = Peer(site.csms[0].url, context)
    try:
        where = socket.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM)
        addresses = ", ".join(dict.fromkeys(str(found[4][0]) for found in where))
        yield Finding("central system", "ok", f"{peer.host} is {addresses}")
        with socket.create_connection((peer.host, peer.port), PATIENCE_S) as sock:
            yield Finding("central system", "ok", f"port {peer.port} is open")
            if context is not None:
                yield _certificate(sock, context, peer)
    except OSError as error:
        yield Finding("central system", "fail", no_answer(error, peer).hint)
        return
    yield _soap(site, context, _sender(site, state_dir))
    if peer.host not in LOOPBACK and not site.soap.callback_url:
        yield from _callback(site)


def _certificate(sock: socket.socket, context: ssl.SSLContext, peer: Peer) -> Finding:
    with context.wrap_socket(sock, server_hostname=peer.host) as secured:
        until = ssl.cert_time_to_seconds(str((secured.getpeercert() or {})["notAfter"]))
        day = datetime.fromtimestamp(until, UTC).date()
        soon = until - time.time() < EXPIRES_SOON_S
        text = f"{secured.version()}, its certificate is trusted and valid until {day}"
        return Finding("central system", "warn" if soon else "ok", text)


def _soap(site: Site, context: ssl.SSLContext | None, sender: str | None) -> Finding:
    """A Heartbeat changes nothing, and its answer tells how we stand."""
    client = SoapClient(
        CENTRAL_SYSTEM,
        site.csms[0].url,
        identity=site.station.id,
        sender=sender,
        timeout_s=PATIENCE_S,
        tls=context,
        engine=site.soap.engine,
    )
    with contextlib.closing(client):
        try:
            answer = client.call(HeartbeatRequest())
        except Refused as refused:
            return _refused(site.station.id, refused)
        except Unreachable as error:
            return Finding("central system", "fail", error.hint)
    assert isinstance(answer, HeartbeatResponse)
    apart_s = abs((answer.current_time - datetime.now(UTC)).total_seconds())
    if apart_s > CLOCKS_APART_S:
        text = f"it accepts {site.station.id}, but its clock and ours are {apart_s:.0f} s apart"
        return Finding("central system", "warn", text)
    return Finding("central system", "ok", f"it answers SOAP, and accepts {site.station.id}")


def _refused(identity: str, refused: Refused) -> Finding:
    """A fault is an answer of the right service: until the first boot some give one to anything."""
    if refused.fault is None:
        return Finding("central system", "fail", refused.hint)
    if refused.fault.subcode == "SecurityError":
        text = (
            f"it answers SOAP, but does not accept {identity} ({refused.fault.reason}):"
            f" register this id there; if it is, the first start will tell"
        )
    else:
        text = f"it answers SOAP, but refused a Heartbeat: {refused.fault}: see its log"
    return Finding("central system", "warn", text)


def _sender(site: Site, state_dir: Path | None) -> str | None:
    """Where the station is called, as far as that is known: it must not seem to have moved."""
    host, port = config.address(site.soap.listen)
    with contextlib.suppress(OSError, ValueError):
        if port == 0 and state_dir is not None:
            port = int((state_dir / "soap-port").read_text())
    host = f"[{host}]" if ":" in host else host
    return site.soap.callback_url or (f"http://{host}:{port}/" if port else None)


def _callback(site: Site) -> Iterator[Finding]:
    host, _ = config.address(site.soap.listen)
    if host in (*LOOPBACK, "0.0.0.0", "::"):
        text = (
            f"it cannot call back: soap.listen is {host}, which means nothing to it;"
            " listen at an address that it can reach, or name one in soap.callback_url"
        )
        yield Finding("central system", "warn", text)


# --- wiring --------------------------------------------------------------------------------------


def wiring(site: Site) -> Iterator[Finding]:
    """Everything is opened as the station would, and closed again; nothing is permitted."""
    if site.board.driver == "fake":
        yield Finding("wiring", "ok", "a fake board: there is nothing to wire")
    with tempfile.TemporaryDirectory(prefix="pilotwire-") as folder:
        began = time.monotonic()
        try:
            board = open_board(site.board.driver, site.board.options, site.specs, Path(folder))
        except HalError as error:
            yield Finding("wiring", "fail", str(error))
            return
        try:
            yield from _interlock(board, time.monotonic() - began)
            yield from _instruments(board)
        finally:
            board.close()


def _interlock(board: Board, start_s: float) -> Iterator[Finding]:
    seen: dict[int, EvseReport] = {}
    began = time.monotonic()
    try:
        while len(seen) < len(board.interlock.evses) and time.monotonic() - began < REPORT_S:
            seen.update({report.evse: report for report in board.interlock.reports(REPORT_S)})
    except HalError as error:
        yield Finding("wiring", "fail", f"interlock: {error}")
        return
    yield Finding("wiring", "ok", f"the interlock started within {start_s:.1f} s")
    for evse in board.interlock.evses:
        yield _seen(evse, seen.get(evse))


def _seen(evse: int, report: EvseReport | None) -> Finding:
    if report is None:
        text = f"EVSE {evse}: the interlock tells nothing within {REPORT_S:g} s"
        return Finding("wiring", "fail", text)
    if report.closed:
        text = f"EVSE {evse}: the contact is closed, and nobody permits it: is it welded?"
        return Finding("wiring", "fail", text)
    if report.faults:
        text = f"EVSE {evse}: {', '.join(sorted(report.faults))}: look there first"
        return Finding("wiring", "fail", text)
    return Finding("wiring", "ok", f"EVSE {evse}: contact open, pilot in state {report.pilot}")


def _instruments(board: Board) -> Iterator[Finding]:
    for reader in board.readers:
        try:
            reader.read(0.0)
            yield Finding("wiring", "ok", f"card reader {reader.name} answers")
        except HalError as error:
            yield Finding("wiring", "fail", f"card reader {reader.name}: {error}")
    for evse, meter in board.meters.items():
        try:
            yield Finding("wiring", "ok", f"meter of EVSE {evse} answers: {meter.read().wh} Wh")
        except HalError as error:
            yield Finding("wiring", "fail", f"meter of EVSE {evse}: {error}")
