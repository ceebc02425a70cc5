"""When a run that is not heard of is lost (pure)."""

from datetime import datetime, timedelta

from firebell.runbooks.runs.model import RunKind

TIMER = "runbooks.run"
"""The kind of the timer of an open run; its key is the id."""
_SILENCE = {RunKind.CLI: timedelta(minutes=15), RunKind.WEB: timedelta(hours=24)}
"""How long a run may be silent: a terminal sends a heartbeat each minute, a person in the browser does not."""


def lost_at(kind: RunKind, heartbeat_at: datetime) -> datetime:
    """Return the instant at which a run is lost if nothing more is heard of it."""
    return heartbeat_at + _SILENCE[kind]
