"""A blank runbook, from the handbook's template."""

from datetime import date

from firebell.kit.handbook_files import skill
from firebell.kit.text import slugify

TEMPLATE = "examples/blank-runbook.md"
_TITLE, _DATE = "Name of the runbook", "YYYY-MM-DD"


def blank_runbook(day: date, title: str = _TITLE, service: str = "") -> str:
    """Return the eight parts with what belongs in each, dated; `service` is the slug of a service that it is for."""
    front = f"---\nservices: [{service}]\n---\n\n" if service and service == slugify(service) else ""
    return front + skill(TEMPLATE).replace(_TITLE, title, 1).replace(_DATE, day.isoformat())
