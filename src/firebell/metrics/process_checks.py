"""The process check P-REPEAT: the same problem again while what should have prevented it is open (pure; spec 4.4)."""

from collections.abc import Sequence
from datetime import timedelta

from firebell.action_items.model import ActionItem
from firebell.incidents.model import Incident
from firebell.kit.findings import FindingLevel, FixButton, ProcessFinding
from firebell.kit.text import plural

CODE = "P-REPEAT"
WITHIN = timedelta(days=30)


def findings(incident: Incident, earlier: Incident, items: Sequence[ActionItem]) -> list[ProcessFinding]:
    """Return the finding about an incident that repeats an earlier one, of which these are the action items."""
    is_soon = incident.declared_at - earlier.declared_at <= WITHIN
    unfinished = [item for item in items if item.is_unfinished]
    if not (is_soon and unfinished):
        return []
    days = plural((incident.declared_at - earlier.declared_at).days, "day")
    are_open = "is open" if len(unfinished) == 1 else "are open"
    return [
        ProcessFinding(
            f"{incident.ref}:{CODE}:{earlier.id}",
            CODE,
            FindingLevel.ERROR,
            f"It repeats {earlier.ref} after {days}; {len(unfinished)} of its action items {are_open}",
            subject=incident.ref,
            advice="Finish them first: they were meant to prevent this.",
            fix=FixButton("Open action item", page=f"/actions/{unfinished[0].ref}"),
        )
    ]
