"""What the incident page shows of action items, and their process checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from firebell.action_items import process_checks, queries, store
from firebell.action_items.model import ActionItem, ItemKind, Priority
from firebell.action_items.queries import AskedQuestion, Names
from firebell.action_items.settings import actions as settings
from firebell.action_items.trackers import queries as trackers
from firebell.action_items.working_days import WorkingDays, default_due
from firebell.incidents.model import Incident, TimelineEntry
from firebell.kit.db.database import Tx
from firebell.kit.findings import ProcessFinding, severest_first
from firebell.kit.slice import IncidentPart


@dataclass(frozen=True, slots=True)
class IncidentItems:
    """The action items of an incident, and the questions about overdue ones of earlier incidents."""

    items: Sequence[ActionItem]
    names: Names
    asked: Sequence[AskedQuestion]
    today: date
    default_due: date
    working: WorkingDays
    kinds: Sequence[ItemKind] = tuple(ItemKind)
    priorities: Sequence[Priority] = tuple(Priority)

    def __bool__(self) -> bool:
        """Return True: the incident page shows its action items, also if there are none yet."""
        return True


async def load(tx: Tx, incident: Incident, now: datetime) -> IncidentItems:
    """Return the action items of an incident."""
    items = (await store.of_incidents(tx, [incident.id])).get(incident.id, [])
    working = await settings.load(tx)
    return IncidentItems(
        items,
        await queries.names(tx, items),
        await queries.questions_about(tx, incident.id),
        now.date(),
        default_due(working, Priority.P2, now.date()),
        working,
    )


async def load_findings(
    tx: Tx, incidents: Sequence[Incident], _: Mapping[int, Sequence[TimelineEntry]], now: datetime
) -> Mapping[int, Sequence[ProcessFinding]]:
    """Return the findings of the action items of each incident."""
    by_incident = await store.of_incidents(tx, [incident.id for incident in incidents])
    if not by_incident:
        return {}
    working = await settings.load(tx)
    with_items = [incident for incident in incidents if incident.id in by_incident]
    synced = await trackers.findings_of(tx, {i.ref: by_incident[i.id] for i in with_items}, now)
    return {
        incident.id: severest_first(
            [
                *process_checks.findings(incident.ref, by_incident[incident.id], working, now.date()),
                *synced.get(incident.ref, ()),
            ]
        )
        for incident in with_items
    }


PART = IncidentPart(load, "action_items/incident_part.html", "rest")
