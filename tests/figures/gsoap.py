"""gSOAP's side of the figures: one program, built from our WSDLs as its users build theirs."""

import hashlib
import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ocpp import v16
from ocpp.wsdl import wsdl
from tests.interop.foreign import CACHE, run
from tests.interop.gsoap import GENERATED, HERE, SHARE, TOOLS

SOURCE = Path(__file__).parent / "measure.cpp"
HEADER = Path("/usr/include/stdsoap2.h")


class Missing(Exception):
    """gSOAP is not on this machine; the text says what to install."""


def version() -> str:
    """As Debian ships it."""
    return run(Path(), "dpkg-query", "-W", "-f", "${Version}", "libgsoap-dev")


def binary() -> Path:
    """The measuring program; built once (20 s), kept outside the tree. Raises Missing."""
    missing = {package for tool, package in TOOLS.items() if shutil.which(tool) is None}
    if not HEADER.exists():
        missing.add("libgsoap-dev")
    if missing:
        raise Missing(f"apt-get install {' '.join(sorted(missing))}")
    services = (v16.CENTRAL_SYSTEM, v16.CHARGE_POINT)
    wsdls = [wsdl(service, "http://localhost/").encode() for service in services]
    parts = [version().encode(), *(p.read_bytes() for p in (Path(__file__), SOURCE)), *wsdls]
    built = CACHE / f"measure-{hashlib.sha256(b''.join(parts)).hexdigest()[:16]}"
    if not built.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as work:
            _compile(Path(work), wsdls)
            (Path(work) / "measure").rename(built)
    return built


def _compile(work: Path, wsdls: list[bytes]) -> None:
    names = [f"{number}.wsdl" for number in range(len(wsdls))]
    for name, text in zip(names, wsdls, strict=True):
        (work / name).write_bytes(text)
    run(work, "wsdl2h", "-t", f"{SHARE}/WS/typemap.dat", "-o", "ocpp.h", *names)
    run(work, "soapcpp2", "-2", "-j", "-x", f"-I{SHARE}/import:{SHARE}", "ocpp.h")
    flags = ["-O2", "-w", "-DWITH_DEFAULT_VIRTUAL"]
    flags += run(work, "pkg-config", "--cflags", "gsoap++").split()
    flags += [f"-I{path}" for path in (".", HERE, SHARE / "plugin", SHARE)]
    units = [work / f"{name}.cpp" for name in GENERATED] + [SHARE / "plugin" / "wsaapi.c", SOURCE]

    def compiled(unit: Path) -> str:
        run(work, "g++", *flags, "-x", "c++", "-c", str(unit), "-o", f"{unit.stem}.o")
        return f"{unit.stem}.o"

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compiled, units))
    libraries = run(work, "pkg-config", "--libs", "gsoap++").split()
    run(work, "g++", "-o", "measure", *objects, *libraries, "-lpthread")
