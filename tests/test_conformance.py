"""docs/conformance.md is what the stories show, and its table is sound."""

import pytest

from tests.conformance import PAGE, ROOT, name, page
from tests.rules import IMPOSSIBLE, REASONS, RULES, cited, rule

STORIES = ROOT / "tests" / "stories"


def test_the_page_says_what_the_stories_show(request: pytest.FixtureRequest) -> None:
    """Of stories that pass; of one that fails the page says so, and is not to be committed."""
    items = [item for item in request.session.items if item.path.parent == STORIES]
    told = {id: {name(item): True for item in items if id in cited(item)} for id in _ids(items)}
    if {item.path for item in items} != set(STORIES.glob("test_*.py")) or _chosen(request):
        return  # only some of the stories were collected
    assert PAGE.read_text(encoding="utf-8") == page(told), "stale: run `make conformance`"


def _ids(items: list[pytest.Item]) -> set[str]:
    return {id for item in items for id in cited(item)}


def _chosen(request: pytest.FixtureRequest) -> bool:
    """Single tests were asked for, by name or by what they are."""
    option = request.config.option
    return bool(option.keyword or option.markexpr) or any("::" in a for a in request.config.args)


def test_reasons_are_for_rules_of_the_table() -> None:
    assert IMPOSSIBLE.keys() | REASONS.keys() <= RULES.keys()


@pytest.mark.parametrize("ids", [(), ("R16-999",), ("R16-001",), ("R16-010",) * 4])
def test_what_may_be_cited(ids: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"tests/rules\.toml"):
        rule(*ids)
