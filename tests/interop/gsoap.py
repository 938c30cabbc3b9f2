"""Builds the foreign peer with gSOAP from a pair of WSDLs."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.interop.foreign import CACHE, run

HERE = Path(__file__).parent
SOURCES = (HERE / "peer.cpp", HERE / "wire.hpp")
SHARE = Path("/usr/share/gsoap")
TOOLS = {"wsdl2h": "gsoap", "soapcpp2": "gsoap", "pkg-config": "pkg-config", "g++": "g++"}
GENERATED = (
    "soapC",
    "soapCentralSystemServiceSoapProxy",
    "soapCentralSystemServiceSoapService",
    "soapChargePointServiceSoapProxy",
    "soapChargePointServiceSoapService",
)


def skip_without_tools() -> None:
    """Skip the test, naming the Debian packages that are missing."""
    missing = {package for tool, package in TOOLS.items() if shutil.which(tool) is None}
    if not Path("/usr/include/stdsoap2.h").exists():
        missing.add("libgsoap-dev")
    if missing:
        pytest.skip(f"the gSOAP peer needs: apt-get install {' '.join(sorted(missing))}")


def command(wsdls: Sequence[bytes]) -> list[str]:
    """Return what starts the peer for these WSDLs (central system, charge point); built once, kept.

    What gSOAP generates is GPL: it stays in the cache and is neither committed nor shipped.
    """
    skip_without_tools()
    version = subprocess.run(["soapcpp2", "-V"], capture_output=True, check=True)
    sources = [source.read_bytes() for source in (Path(__file__), *SOURCES)]
    parts = [version.stdout, version.stderr, *sources, *wsdls]
    digest = hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
    binary = CACHE / digest
    if not binary.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as work:
            _compile(Path(work), wsdls)
            (Path(work) / "peer").rename(binary)
    return [str(binary)]


def _compile(work: Path, wsdls: Sequence[bytes]) -> None:
    names = [f"{number}.wsdl" for number in range(len(wsdls))]
    for name, wsdl in zip(names, wsdls, strict=True):
        (work / name).write_bytes(wsdl)
    # One call for both services: ns1 is the central system's namespace, ns2 the charge point's.
    run(work, "wsdl2h", "-t", f"{SHARE}/WS/typemap.dat", "-o", "ocpp.h", *names)
    run(work, "soapcpp2", "-2", "-j", "-x", f"-I{SHARE}/import:{SHARE}", "ocpp.h")
    flags = run(work, "pkg-config", "--cflags", "gsoap++").split()
    flags += [f"-I{path}" for path in (".", HERE, SHARE / "plugin", SHARE)]
    # Operations that the peer does not override answer with a fault instead of not linking.
    flags += ["-w", "-DWITH_DEFAULT_VIRTUAL"]
    units = [work / f"{name}.cpp" for name in GENERATED]
    units += [SHARE / "plugin" / "wsaapi.c", HERE / "peer.cpp"]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(lambda unit: _compile_unit(work, unit, flags), units))
    libraries = run(work, "pkg-config", "--libs", "gsoap++").split()
    run(work, "g++", "-o", "peer", *objects, *libraries, "-lpthread")


def _compile_unit(work: Path, unit: Path, flags: list[str]) -> str:
    target = f"{unit.stem}.o"
    run(work, "g++", *flags, "-x", "c++", "-c", str(unit), "-o", target)
    return target
