"""Every figure can be measured; what it says is for a quiet machine and `make bench`."""

import pytest

from tests.figures.bench import FIGURES, REASONS, missed
from tests.figures.row import HEAD, Goal, Row, against, quantile, table


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_measured(name: str) -> None:
    figure = FIGURES[name]
    rows = figure.measure(figure.least)
    assert rows
    for row in rows:
        assert row.values or "apt-get install" in row.note
        assert len(row.cells()) == len(HEAD)


def test_a_quantile_is_one_of_the_values() -> None:
    values = [float(n) for n in range(1, 101)]
    assert [quantile(values, share) for share in (0.0, 0.05, 0.5, 0.95, 0.999)] == [
        *(1.0, 5.0, 50.0, 95.0, 100.0)
    ]


def test_ours_is_held_against_the_peer() -> None:
    ours, peer = against("it", "µs", {"ours": [3.0], "gSOAP": [2.0]}, "gSOAP", 1.2)
    assert (ours.ratio, peer.ratio) == (1.5, 1.0)
    assert ours.goals == (Goal("ratio", 1.5, 1.2),)
    assert "**missed**" in ours.cells()[-1]
    assert peer.goals == ()


def test_without_the_peer_there_is_no_ratio() -> None:
    [ours] = against("it", "µs", {"ours": [3.0]}, "gSOAP", 1.2)
    assert (ours.ratio, ours.goals) == (None, ())


def test_a_table_says_why_a_figure_is_missing() -> None:
    text = table([Row("it", "gSOAP", "µs", note="apt-get install gsoap")])
    assert "| it   | gSOAP |   0 |" in text
    assert "apt-get install gsoap" in text


@pytest.mark.parametrize("what", ["CPU of Heartbeat", "start to BootNotification"])
def test_what_is_short_is_told_with_its_reason(what: str) -> None:
    row = Row(what, "ours", "µs", (3.0,), goals=(Goal("median", 3.0, 2.0),))
    [reason] = [why for name, why in REASONS.items() if what.startswith(name)]
    assert reason in missed([row])


def test_what_reaches_its_goal_needs_no_reason() -> None:
    assert missed([Row("start", "ours", "µs", (1.0,), goals=(Goal("median", 1.0, 2.0),))]) == ""
