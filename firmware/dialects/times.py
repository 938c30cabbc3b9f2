"""Moments on the wire: UTC with milliseconds, to and from seconds since 1970."""

from datetime import UTC, datetime


def to_utc(wall: float) -> datetime:
    """To the millisecond: some central systems read no more digits."""
    return datetime.fromtimestamp(round(wall, 3), UTC)


def from_utc(moment: datetime) -> float:
    return moment.timestamp()
