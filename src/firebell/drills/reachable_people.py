"""Whom a drill may reach: volunteers who accepted it, are not away, and are not asleep (pure, spec 11.15)."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from firebell.drills.model import Participant
from firebell.kit.localtime import to_local

NIGHT_FROM_HOUR = 22
NIGHT_UNTIL_HOUR = 7


def is_night(now: datetime, tz: str) -> bool:
    """Return True between 22:00 and 7:00 in a time zone."""
    hour = to_local(now, tz).hour
    return hour >= NIGHT_FROM_HOUR or hour < NIGHT_UNTIL_HOUR


def accepted(participants: Iterable[Participant]) -> set[int]:
    """Return the people who accepted the drill."""
    return {each.person_id for each in participants if each.state == "accepted"}


def reachable(participants: Iterable[Participant], zones: Mapping[int, str], now: datetime) -> set[int]:
    """Return the people whom a page of the drill may reach now; `zones` has the time zones of active people."""
    return {
        each.person_id
        for each in participants
        if each.state == "accepted"
        and not each.is_away
        and each.person_id in zones
        and (each.night_ok or not is_night(now, zones[each.person_id]))
    }
