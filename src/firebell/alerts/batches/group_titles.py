"""Titles of alert groups: that of the most severe firing alert, the earliest of equals (pure)."""

SEVERITIES = ("critical", "error", "", "warning", "info")
"""Most severe first; alerts without a severity page urgently, and unknown ones come last."""


def rank(severity: str | None) -> int:
    """Return the rank of a severity; 0 is the most severe."""
    name = severity or ""
    return SEVERITIES.index(name) if name in SEVERITIES else len(SEVERITIES)


FLAPPING_PREFIX = "Flapping: "
"""What the title of a group begins with whose lead flaps."""


def title(lead_title: str, *, is_storm: bool, is_flapping: bool = False) -> str:
    """Return the title of a group, its page and its messages."""
    if is_storm:
        return f"Alert storm: {lead_title} and others"
    return f"{FLAPPING_PREFIX}{lead_title}" if is_flapping else lead_title
