"""The checks of alert design on one page: A-NORUNBOOK and A-NOGRAPH (pure; spec 11.12)."""

from collections.abc import Sequence

from firebell.alerts.model import Alert, shows_graph
from firebell.kit.findings import Finding, FindingLevel


def findings(ref: str, alerts: Sequence[Alert], *, has_runbook: bool) -> list[Finding]:
    """Return what the alerts of a page lack: a runbook of their own or of the service, and a graph."""
    if not alerts:
        return []
    missing = []
    if not has_runbook:
        missing.append(
            Finding(
                f"A-NORUNBOOK:{ref}",
                "A-NORUNBOOK",
                FindingLevel.WARNING,
                "Its alerts have no runbook.",
                advice="Link one from the rule or the service.",
            )
        )
    if not any(shows_graph(alert.links) for alert in alerts):
        missing.append(
            Finding(
                f"A-NOGRAPH:{ref}",
                "A-NOGRAPH",
                FindingLevel.INFO,
                "Its alerts link to no dashboard.",
                advice="Add the address of a dashboard to the rule.",
            )
        )
    return missing
