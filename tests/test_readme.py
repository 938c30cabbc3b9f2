"""What README tells people to use is there: the site file loads, targets and linked files exist."""

import re
from pathlib import Path

import pytest

from firmware import config

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def test_the_example_of_a_site_file_is_one(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", text(ROOT / "README.md"), re.DOTALL)
    assert example
    (tmp_path / "site.toml").write_text(example[1])
    assert config.load(tmp_path / "site.toml").station.id == "cp001"


def test_every_make_command_is_a_target() -> None:
    told = set(re.findall(r"\bmake ([a-z]+)\b", text(ROOT / "README.md")))
    targets = set(re.findall(r"^([a-z-]+):", text(ROOT / "Makefile"), re.MULTILINE))
    assert {"run", "test", "check"} <= told & targets
    assert told <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", text(page))
    missing = [to for to in links if "://" not in to and not (page.parent / to).exists()]
    assert missing == []
