"""What setup.cfg requires is explained, locked with hashes, and all that the packages import."""

import ast
import configparser
import json
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("firmware", "hal", "ocpp")
CONFIG = configparser.ConfigParser()
CONFIG.read(ROOT / "setup.cfg")


def normal(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def required(section: str, key: str) -> set[str]:
    lines = CONFIG.get(section, key).split("\n")
    return {normal(re.match(r"[\w.-]+", line)[0]) for line in map(str.strip, lines) if line}


RUNTIME = required("options", "install_requires")
EXTRAS = {key: required("options.extras_require", key) for key in ("build", "dev", "pi")}


def locked(name: str) -> dict[str, str]:
    """Each distribution in a lock file with its entry: version, marker, hashes."""
    entries = re.split(r"\n(?=[a-z0-9])", (ROOT / name).read_text())
    return {normal(entry.partition("==")[0]): entry for entry in entries if "==" in entry}


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_has_exact_versions_with_hashes_and_names_no_index(lock: str) -> None:
    entries = locked(lock)
    assert entries
    assert [name for name, entry in entries.items() if "--hash=sha256:" not in entry] == []
    assert not re.search(r"://|--(index|extra|find|trusted)", (ROOT / lock).read_text())


def test_the_lock_of_the_node_peer_has_hashes_too_and_names_no_host() -> None:
    text = (ROOT / "tests/interop/node/package-lock.json").read_text()
    packages = json.loads(text)["packages"]
    unhashed = [name for name, entry in packages.items() if "integrity" not in entry]
    assert unhashed == [""]  # the peer itself
    assert "://" not in text


def test_what_is_required_is_locked() -> None:
    assert locked("requirements.lock").keys() >= RUNTIME | EXTRAS["build"]
    assert locked("requirements-dev.lock").keys() >= EXTRAS["dev"]


def test_the_tools_lock_only_adds_to_the_products() -> None:
    product, tools = locked("requirements.lock"), locked("requirements-dev.lock")
    assert {name: tools.get(name, "").strip() for name in product} == {
        name: entry.strip() for name, entry in product.items()
    }


def test_the_pi_packages_stay_outside_the_locks() -> None:
    """One is GPL-3, others exist only as source or from apt; a laptop needs none of them."""
    assert locked("requirements-dev.lock").keys() & EXTRAS["pi"] == set()


def test_every_dependency_is_explained() -> None:
    """One line in docs/dependencies.md begins with each name."""
    rows = re.findall(r"^\| `([\w.-]+)`", (ROOT / "docs/dependencies.md").read_text(), re.M)
    assert set(map(normal, rows)) == RUNTIME.union(*EXTRAS.values())


def third_party(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    modules = [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    modules += [
        n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and not n.level
    ]
    return {m.partition(".")[0] for m in modules} - sys.stdlib_module_names - set(PACKAGES)


def imported(*folders: str) -> set[str]:
    """The distributions whose modules a folder's sources import."""
    sources = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    modules = set().union(*map(third_party, sources)) - {
        "tests",
        "_typeshed",
    }  # mypy knows the last
    homes = packages_distributions()
    return {normal(homes.get(module, [module])[0]) for module in modules}


def test_the_product_imports_what_is_required_and_requires_what_it_imports() -> None:
    assert imported(*PACKAGES) - EXTRAS["pi"] == RUNTIME


def test_the_tests_import_only_what_is_declared() -> None:
    assert imported("tests") <= RUNTIME | EXTRAS["dev"]
