"""What the forms of action items contain; each refuses what it can't read and names the field."""

from datetime import date
from typing import Any

from firebell.action_items import validation
from firebell.action_items.model import PreventionAnswer
from firebell.kit.errors import Invalid
from firebell.kit.references import parse_ref
from firebell.kit.text import to_choice, to_required
from firebell.people.unit_of_work import Visit


def day(text: str) -> date | None:
    """Return the day in a form field, None if it is blank; raise `Invalid` if it is not a day."""
    if not (text := text.strip()):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(
            f"{text[:40]!r} is not a date.", fields={"due": "Enter a day such as 2026-12-14."}
        ) from None


def required_day(text: str) -> date:
    """Return the day in a form field; raise `Invalid` if there is none."""
    if (chosen := day(text)) is None:
        raise Invalid("The due day is missing.", fields={"due": "Enter a day such as 2026-12-14."})
    return chosen


def required_owner(text: str) -> int:
    """Return the owner chosen in a form field; raise `Invalid` if there is none."""
    return to_required(text, "owner")


def answer(text: str) -> PreventionAnswer:
    """Return the answer in a form field; raise `Invalid` for anything else."""
    try:
        return PreventionAnswer(text)
    except ValueError:
        known = ", ".join(PreventionAnswer)
        raise Invalid(
            f"{text[:40]!r} is not a valid answer.", fields={"answer": f"Use one of: {known}."}
        ) from None


def new_item(visit: Visit) -> dict[str, Any]:
    """Return the values of a form that adds an item, without its title."""
    incident = visit.text("incident").strip()
    values: dict[str, Any] = {
        name: value for name in ("kind", "strength", "priority") if (value := visit.text(name))
    }
    if "priority" in values and values["priority"].isascii() and values["priority"].isdecimal():
        values["priority"] = int(values["priority"])
    validation.choice(values)
    return {
        **values,
        "detail": visit.text("detail"),
        "owner_id": to_choice(visit.values.get("owner"), "owner"),
        "team_id": to_choice(visit.values.get("team"), "team"),
        "due": day(visit.text("due")),
        "incident_id": parse_ref("INC", incident) if incident else None,
        "source_quote": visit.text("quote"),
    }


def changes(visit: Visit) -> dict[str, Any]:
    """Return the values of the form that changes an item."""
    names = ("title", "detail", "kind", "strength", "blocked_reason")
    values: dict[str, Any] = {name: visit.text(name) for name in names if name in visit.values}
    if (priority := visit.text("priority")).isascii() and priority.isdecimal():
        values["priority"] = int(priority)
    if "team" in visit.values:
        values["team_id"] = to_choice(visit.values["team"], "team")
    if "evidence" in visit.values:
        values["evidence"] = evidence(visit)
    return values


def evidence(visit: Visit) -> list[dict[str, str]]:
    """Return the links of a form: one a line, all of the chosen kind."""
    kind = visit.text("evidence_kind")
    urls = (line.strip() for line in visit.text("evidence").splitlines())
    return [{"kind": kind, "url": url, "label": ""} for url in urls if url]
