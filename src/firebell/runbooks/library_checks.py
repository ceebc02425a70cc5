"""Checks of a runbook that need more than its text: its runs, and the alerts of the last 30 days (pure)."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from firebell.kit.findings import FindingLevel
from firebell.runbooks.automation import EXERCISED_WITHIN
from firebell.runbooks.matching import BROAD_SHARE
from firebell.runbooks.model import RunbookFinding


def untested(
    last_exercised: datetime | None, created_at: datetime | None, now: datetime
) -> Iterable[RunbookFinding]:
    """Yield R-UNTESTED if the runbook was not exercised for 180 days; one that is younger has time until then.

    A default runbook has no `created_at`.
    """
    known = [at for at in (last_exercised, created_at) if at is not None]
    if known and now - max(known) <= EXERCISED_WITHIN:
        return
    message = "This runbook was never exercised."
    if last_exercised:
        days = (now - last_exercised).days
        message = f"Last exercised {days} days ago; the limit is {EXERCISED_WITHIN.days} days."
    yield RunbookFinding(
        "R-UNTESTED",
        "R-UNTESTED",
        FindingLevel.WARNING,
        message,
        1,
        advice="Run it in a drill, with most of its steps.",
    )


def broad(shares: Mapping[str, float]) -> Iterable[RunbookFinding]:
    """Yield R-BROAD for each trigger that matches more than 30% of the alerts of 30 days."""
    for trigger, share in shares.items():
        if share > BROAD_SHARE:
            yield RunbookFinding(
                f"R-BROAD:{trigger}",
                "R-BROAD",
                FindingLevel.WARNING,
                f"The trigger {trigger} matches {round(100 * share)}% of the alerts of the last 30 days.",
                1,
                advice="Add a label, so that it is shown only where it helps.",
            )
