"""What a group of alerts is named by: the most severe alert that fires, the earliest of equals (pure)."""

SEVERITIES = ("critical", "error", "", "warning", "info")
"""The most severe first; no severity stands with those that page urgently, anything else comes last."""


def rank(severity: str | None) -> int:
    """Return the place of a severity: 0 for the most severe."""
    known = severity or ""
    return SEVERITIES.index(known) if known in SEVERITIES else len(SEVERITIES)


def title(lead_title: str, *, is_storm: bool) -> str:
    """Return what a group, its page and every message about it are called."""
    return f"Alert storm: {lead_title} and others" if is_storm else lead_title
