"""docs/conformance.md: what the stories of a run have shown, rule by rule and key by key.

As a pytest plugin (`-p tests.conformance`) it writes the page at the end of the run.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.rules import IMPOSSIBLE, KEYS, REASONS, RULES, TABLE, cited

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "conformance.md"

HEAD = """\
# What of OCPP 1.6 is shown

What a 1.6 charge point must do in the profiles Core, Reservation and RemoteTrigger, as numbered
rules, and the stories that show each: a station of this program in a process of its own, over the
wire, judged by what its central system received. `make conformance` writes this page from a run of
the stories.
"""

Stories = Mapping[str, Mapping[str, bool]]
"""By what is cited: the stories, and whether each passed."""


def page(stories: Stories) -> str:
    return "\n".join([HEAD, *_counts(stories), *_sections(stories), *_keys(stories), ""])


def _counts(stories: Stories) -> Iterator[str]:
    shown = [id for id in RULES if _passed(stories, id)]
    open_ones = [id for id in RULES if id not in shown and id not in IMPOSSIBLE]
    keys = [key for key in KEYS if _passed(stories, key)]
    yield "| | |"
    yield "|---|---|"
    yield f"| rules | {len(RULES)} |"
    yield f"| of these SOAP cannot carry | {len(IMPOSSIBLE)} |"
    yield f"| shown by a story | {len(shown)} |"
    yield f"| without a story | {len(open_ones)} |"
    yield f"| stories that show them | {len({s for id in RULES for s in stories.get(id, ())})} |"
    yield f"| configuration keys | {len(KEYS)} |"
    yield f"| of these read, and written or refused, by a story | {len(keys)} |"
    yield from ("", "## Rules without a story", "", "| Rule | | Why |", "|---|---|---|")
    for id in open_ones:
        yield f"| {id} | {RULES[id]} | {REASONS.get(id, 'not written yet')} |"


def _passed(stories: Stories, id: str) -> bool:
    found = stories.get(id, {})
    return bool(found) and all(found.values())


def _sections(stories: Stories) -> Iterator[str]:
    for section, rules in TABLE.items():
        yield from ("", f"## {section}", "", "| Rule | | Shown by |", "|---|---|---|")
        for id, title in rules.items():
            yield f"| {id} | {title} | {_shown_by(stories, id)} |"


def _shown_by(stories: Stories, id: str) -> str:
    if id in IMPOSSIBLE:
        return f"SOAP cannot carry it: {IMPOSSIBLE[id]}"
    found = sorted(stories.get(id, {}).items())
    return "<br>".join(f"`{name}` {'passed' if ok else '**failed**'}" for name, ok in found) or "—"


def _keys(stories: Stories) -> Iterator[str]:
    yield from ("", "## Configuration keys", "", "| Key | Access | Shown by |", "|---|---|---|")
    for key, access in KEYS.items():
        yield f"| {key} | {access} | {_shown_by(stories, key)} |"


def name(item: pytest.Item) -> str:
    """File and function, without the parameters."""
    return f"{item.path.stem}::{item.name.partition('[')[0]}"


# --- the plugin ----------------------------------------------------------------------------------

_passed_items: dict[str, bool] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    good = report.passed and not hasattr(report, "wasxfail")
    _passed_items[report.nodeid] = _passed_items.get(report.nodeid, True) and good


def pytest_sessionfinish(session: pytest.Session) -> None:
    stories: dict[str, dict[str, bool]] = defaultdict(dict)
    for item in session.items:
        for id in cited(item):
            good = _passed_items.get(item.nodeid, False)
            stories[id][name(item)] = stories[id].get(name(item), True) and good
    PAGE.write_text(page(stories), encoding="utf-8")
