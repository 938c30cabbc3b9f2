"""How fast a station tells what it could not tell for long: a journal filled beforehand, then the
whole firmware against a central system that answers at once.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from firmware.core.state import Durable
from firmware.facts import (
    Instant,
    Sample,
    SessionFact,
    SessionMetered,
    SessionStarted,
    SessionStopped,
)
from firmware.shell.journal import Batch, Journal
from firmware.shell.supervisor import Pulse
from tests.figures.central import Central
from tests.figures.process import disk_folder
from tests.figures.row import Row
from tests.figures.station import CARD, running

SAMPLES = 8
OF_A_SESSION = SAMPLES + 2
WALL = 1_780_000_000.0
SLOWEST_S = 0.05
"""No message takes longer on any machine worth measuring."""


def drain(messages: int = 10_000) -> list[Row]:
    """Each value is the rate over a tenth of all messages."""
    sessions = messages // OF_A_SESSION
    with disk_folder() as folder, Central() as central:
        _fill(Path(folder), sessions)
        patience_s = 20 + messages * SLOWEST_S
        with running(central, Path(folder)):
            stops = central.arrived("StopTransaction", sessions, patience_s)
        starts = central.arrived("StartTransaction", sessions)
    step = max(sessions // 10, 1)
    spans = [(starts[n], stops[n + step - 1]) for n in range(0, sessions - step + 1, step)]
    rates = tuple(step * OF_A_SESSION / (end - began) for began, end in spans)
    whole = sessions * OF_A_SESSION / (stops[-1] - starts[0])
    note = f"{sessions * OF_A_SESSION} messages: {whole:.0f}/s over all"
    return [Row("drain of the queue", "ours", "msg/s", rates, note=note)]


def _fill(folder: Path, sessions: int) -> None:
    with closing(Journal(folder)) as journal:
        for number in range(1, sessions + 1):
            told = tuple(_session(number, journal.boot))
            state = Durable(next_session=number + 1, accepted_once=True)
            journal.hand_over(Batch(number, state, told))
        journal.finish()
        journal.run(Pulse("journal"))


def _session(number: int, boot: int) -> Iterator[SessionFact]:
    began, wh = number * 1000.0, number * 1000
    at = [Instant(began + n, WALL + began + n, boot, True) for n in range(OF_A_SESSION)]
    yield SessionStarted(number, 1, at[0], CARD, wh)
    for n in range(1, SAMPLES + 1):
        sample = Sample(wh + n, measurands=("Energy.Active.Import.Register",))
        yield SessionMetered(number, 1, at[n], sample)
    yield SessionStopped(number, 1, at[-1], wh + OF_A_SESSION, "Local", CARD)
