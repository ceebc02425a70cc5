"""How often an update of an incident is due (spec 4.1); pure."""

from datetime import datetime, timedelta

from firebell.incidents.model import ACTIVE, Incident, Phase
from firebell.incidents.severity import FACTS, Severity
from firebell.kit.drill_clock import drill_time, real_time


def update_interval(severity: int) -> timedelta | None:
    """Return how often an internal update is due, None for never."""
    minutes = FACTS[Severity(severity)].update_every
    return timedelta(minutes=minutes) if minutes else None


def next_update(incident: Incident) -> datetime | None:
    """Return when the next update is due, None for never; the interval doubles in monitoring.

    In a drill, the interval is drill time, and nothing is due while its clock is stopped.
    """
    interval = update_interval(incident.severity)
    if interval is None or incident.phase not in (*ACTIVE, Phase.MONITORING):
        return None
    if incident.phase is Phase.MONITORING:
        interval *= 2
    clock = incident.drill_clock
    return real_time(clock, drill_time(clock, incident.update_from) + interval)
