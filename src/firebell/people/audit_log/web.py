"""The audit log."""

from fastapi import Response

from firebell.kit.db.database import Reads
from firebell.kit.web import html, routing
from firebell.people import route_access, store
from firebell.people.audit_log import store as audit_store
from firebell.people.audit_log.labels import action_label, subject_label
from firebell.people.permissions import Verb
from firebell.people.teams import store as team_store
from firebell.people.unit_of_work import CurrentVisit

router = routing.html_router()

AUDIT_PAGE_SIZE = 100


@router.get("/settings/audit", dependencies=route_access.needs(Verb.AUDIT_READ))
async def audit(visit: CurrentVisit, before: int | None = None) -> Response:
    entries = await audit_store.audit_entries(visit.tx, before, AUDIT_PAGE_SIZE)
    names = await _subject_names(visit.tx, [entry["subject"] for entry in entries])
    context = {
        "nav": "settings",
        "tab": "audit",
        "rows": [
            (entry, action_label(entry["action"]), subject_label(entry["subject"], names))
            for entry in entries
        ],
        "older": entries[-1]["id"] if len(entries) == AUDIT_PAGE_SIZE else None,
    }
    return await html.render(visit.request, "people/audit.html", context)


async def _subject_names(tx: Reads, subjects: list[str]) -> dict[str, str]:
    """Return the names of the people and teams among subjects such as `person:1`."""
    ids = [int(subject.removeprefix("person:")) for subject in subjects if subject.startswith("person:")]
    people = {f"person:{id_}": person.name for id_, person in (await store.people_by_id(tx, ids)).items()}
    return people | {f"team:{team.id}": team.name for team in await team_store.teams(tx)}
