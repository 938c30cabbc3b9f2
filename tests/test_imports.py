"""Arrows point one way and the core is pure: read from the source, so nothing has to run."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("firmware", "hal", "ocpp")

# The core gets time, ids and chance handed in and tells what it wants in facts.
IMPURE = {
    *("asyncio", "concurrent", "ctypes", "io", "logging", "multiprocessing", "os", "pathlib"),
    *("queue", "random", "secrets", "select", "shutil", "signal", "socket", "sqlite3", "ssl"),
    *("subprocess", "sys", "tempfile", "threading", "time", "uuid", "urllib", "http"),
}
# What it reads and what it says: values only, held to the same rule below.
VOCABULARY = ("firmware.events", "firmware.facts", "firmware.orders", "hal.ports")
CORE_MAY = ("msgspec", "firmware.core", *VOCABULARY)

CORE_CALLS_NEVER = {"open", "print", "input", "exec", "eval", "__import__"}
CLOCKS = {"now", "today", "utcnow"}


def sources(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    """`firmware/core/state.py` is firmware.core.state; a package's name is its folder's."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """Every module that a file names, wherever it does (in a function, under TYPE_CHECKING)."""
    package = path.parent.relative_to(ROOT).parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            # `from firmware import app` names firmware.app as well as firmware.
            yield from (f"{base}.{alias.name}" for alias in node.names)


def is_within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def strangers(path: Path, *forbidden: str) -> list[str]:
    return [module for module in imports(path) if is_within(module, *forbidden)]


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [("hal", ("firmware", "ocpp")), ("ocpp", ("firmware", "hal"))],
)
def test_hal_and_ocpp_know_neither_the_firmware_nor_each_other(
    package: str, forbidden: tuple[str, ...]
) -> None:
    found = {name_of(path): strangers(path, *forbidden) for path in sources(package)}
    assert found, f"no source in {package}"
    assert {name: modules for name, modules in found.items() if modules} == {}


def core_strangers(path: Path) -> list[str]:
    def is_pure(module: str) -> bool:
        top = module.partition(".")[0]
        return is_within(module, *CORE_MAY) or (top in sys.stdlib_module_names - IMPURE)

    return [module for module in imports(path) if not is_pure(module)]


def core_deeds(path: Path) -> list[str]:
    """Calls that read or change the world without any import: open(), datetime.now()."""
    calls = [n.func for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
    return [
        ast.unparse(call)
        for call in calls
        if (isinstance(call, ast.Name) and call.id in CORE_CALLS_NEVER)
        or (isinstance(call, ast.Attribute) and call.attr in CLOCKS)
    ]


def test_the_core_imports_nothing_that_acts() -> None:
    found = {name_of(path): core_strangers(path) for path in sources("firmware/core")}
    assert found, "no source in firmware/core"
    assert {name: modules for name, modules in found.items() if modules} == {}


def test_the_core_asks_no_clock_and_touches_no_file() -> None:
    found = {name_of(path): core_deeds(path) for path in sources("firmware/core")}
    assert {name: deeds for name, deeds in found.items() if deeds} == {}


@pytest.mark.parametrize("module", VOCABULARY)
def test_what_the_core_may_import_is_as_pure(module: str) -> None:
    assert core_strangers(ROOT / f"{module.replace('.', '/')}.py") == []


def test_every_file_says_first_what_it_is() -> None:
    silent = [
        name_of(path)
        for path in sources(*PACKAGES, "tests")
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_every_package_has_its_init() -> None:
    """Without one a folder is left out of the installed product."""
    folders = {path.parent for path in sources(*PACKAGES)}
    assert [str(f.relative_to(ROOT)) for f in folders if not (f / "__init__.py").exists()] == []
