"""A blank runbook, from the handbook's template."""

from datetime import date

from firebell.kit.handbook_files import skill

TEMPLATE = "examples/blank-runbook.md"
_TITLE, _DATE = "Name of the runbook", "YYYY-MM-DD"


def blank_runbook(day: date, title: str = _TITLE) -> str:
    """Return the eight parts with what belongs in each, dated."""
    return skill(TEMPLATE).replace(_TITLE, title, 1).replace(_DATE, day.isoformat())
