"""When the severity of an incident may change (spec 4.1); pure."""

from datetime import datetime, timedelta

from firebell.incidents.model import Incident

LOWER_AFTER_RAISE = timedelta(minutes=15)


def severity_refusal(
    incident: Incident, to: int, reason: str, raised_at: datetime | None, now: datetime
) -> str | None:
    """Return why the severity may not change to `to`, None if it may. Raising is always allowed."""
    if to == incident.severity:
        return f"The severity is already SEV{to}."
    if to < incident.severity:
        return None
    if not reason.strip():
        return "Enter a reason to lower the severity."
    if raised_at and now - raised_at < LOWER_AFTER_RAISE:
        return "The severity was raised less than 15 minutes ago. Wait before you lower it."
    return None
