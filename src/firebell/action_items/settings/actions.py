"""The settings of action items: working days, and after how many days an item is due."""

from collections.abc import Sequence
from datetime import datetime

from firebell.action_items.model import Priority
from firebell.action_items.working_days import DEFAULT_DUE_DAYS, WorkingDays
from firebell.kit.db import org_settings
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid
from firebell.kit.public_holidays import of_year
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

SETTING = "action_items"
MAX_DUE_DAYS = 730


async def load(tx: Tx) -> WorkingDays:
    """Return the working days and default due days of the organization."""
    stored = await org_settings.get(tx, SETTING) or {}
    due_days = {int(name): days for name, days in stored.get("due_days", {}).items()}
    return WorkingDays(
        tuple(stored.get("weekdays", WorkingDays().weekdays)),
        stored.get("country", ""),
        stored.get("subdivision", ""),
        {priority: due_days.get(priority, DEFAULT_DUE_DAYS[priority]) for priority in Priority},
    )


@permits(Verb.INCIDENT_SETTINGS_WRITE)
async def save_settings(
    tx: Tx,
    actor: Actor,
    weekdays: Sequence[int],
    country: str,
    subdivision: str,
    due_days: Sequence[int],
    now: datetime,
) -> WorkingDays:
    """Save which days are working days, and after how many days items of each priority are due."""
    days = tuple(sorted(set(weekdays)))
    if not days or any(day not in range(7) for day in days):
        raise Invalid(
            "Choose at least one working day.", fields={"weekdays": "Choose at least one working day."}
        )
    if len(due_days) != len(Priority) or any(d not in range(1, MAX_DUE_DAYS + 1) for d in due_days):
        text = f"Enter a whole number of days from 1 to {MAX_DUE_DAYS} for each priority."
        raise Invalid(text, fields={"due_days": text})
    country, subdivision = country.strip().upper(), subdivision.strip().upper()
    if country:
        of_year(country, subdivision, now.year)
    elif subdivision:
        raise Invalid("The country is missing.", fields={"country": "Enter the country of the subdivision."})
    by_priority = dict(zip(Priority, due_days, strict=True))
    stored = {
        "weekdays": list(days),
        "country": country,
        "subdivision": subdivision,
        "due_days": {str(int(priority)): number for priority, number in by_priority.items()},
    }
    await org_settings.put(tx, SETTING, stored)
    await tx.audit(actor, "action_item.settings", "settings:action_items", now, **stored)
    return WorkingDays(days, country, subdivision, by_priority)
