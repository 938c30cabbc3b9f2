"""Installs Node's `soap` for the foreign peer, from the lock file beside it."""

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.interop.foreign import CACHE, run

HERE = Path(__file__).parent / "node"
FILES = [HERE / name for name in ("package.json", "package-lock.json", "peer.mjs")]
OLDEST = (20, 19)
INSTALL = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")


def skip_without_node() -> None:
    """Skip the test, naming the Debian packages that are missing or too old."""
    missing = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    if missing:
        pytest.skip("the Node peer needs: apt-get install nodejs npm")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    major, minor, *_ = version.stdout.lstrip("v").split(".")
    if (int(major), int(minor)) < OLDEST:
        pytest.skip(f"the Node peer needs nodejs 20.19, as in Debian 13: {version.stdout.strip()}")


def command(wsdls: Sequence[bytes]) -> list[str]:
    """Return what starts the peer for these WSDLs (central system, charge point)."""
    skip_without_node()
    folder = CACHE / f"node-{_digest(*(file.read_bytes() for file in FILES))}"
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as work:
            whole = Path(work) / "peer"
            whole.mkdir()
            for file in FILES:
                shutil.copy(file, whole)
            run(whole, *INSTALL)
            whole.rename(folder)
    return ["node", str(folder / "peer.mjs"), *(str(_kept(folder, wsdl)) for wsdl in wsdls)]


def _kept(folder: Path, wsdl: bytes) -> Path:
    file = folder / f"{_digest(wsdl)}.wsdl"
    file.write_bytes(wsdl)
    return file


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
