"""What happens, in lines for the people at the terminal: one a change."""

from firmware.facts import SessionFact, SessionMetered, SessionStarted, StatusChanged


def describe(fact: SessionFact | StatusChanged) -> str:
    """One line; cards are never shown in full."""
    match fact:
        case StatusChanged(evse=0):
            return f"station: {fact.status}"
        case StatusChanged():
            why = f" ({fact.info})" if fact.info else ""
            return f"EVSE {fact.evse}: {fact.status}{why}"
        case SessionStarted():
            head = f"EVSE {fact.evse}: session {fact.session} starts"
            return f"{head}, card {masked(fact.token)}, meter {fact.wh} Wh"
        case SessionMetered():
            kw = fact.sample.watts / 1000
            return f"EVSE {fact.evse}: session {fact.session} at {fact.sample.wh} Wh, {kw:.1f} kW"
        case _:
            head = f"EVSE {fact.evse}: session {fact.session} stops"
            return f"{head} ({fact.reason}), meter {fact.wh} Wh"


def masked(token: str) -> str:
    """Enough of a card to tell it from the next one, not enough to copy it."""
    shown = 2 if len(token) > 6 else 1  # noqa: PLR2004
    return f"{token[:shown]}…{token[-shown:]}"
