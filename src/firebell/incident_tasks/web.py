"""The forms of tasks on the incident page."""

from typing import Any

from fastapi import Response

from firebell.incident_tasks import actions
from firebell.incident_tasks.model import TaskState
from firebell.kit.errors import Invalid, NotFound
from firebell.kit.references import parse_ref
from firebell.kit.text import to_choice, to_id
from firebell.kit.web import flash, html, routing
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

_STATES = {
    "done": (TaskState.DONE, "Task done."),
    "reopen": (TaskState.OPEN, "Task reopened."),
    "move": (TaskState.FOLLOW_UP, "Task moved to the follow-ups."),
}


def _values(visit: Visit) -> dict[str, Any]:
    """Return owner and due time of a form."""
    return {
        "owner_id": to_choice(visit.values.get("owner"), "owner"),
        "due_at": visit.instant("due_at"),
    }


def _back(visit: Visit, incident_id: int, text: str) -> Response:
    url = html.local(visit.values, f"/incidents/INC-{incident_id}")
    return flash.redirect(visit.request, url, text)


@router.post("/incidents/{ref}/tasks", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
async def add(visit: CurrentVisit, ref: str) -> Response:
    incident_id, fields = parse_ref("INC", ref), visit.values
    await actions.add_task(
        visit.tx,
        visit.actor,
        incident_id,
        fields.get("text", ""),
        visit.now,
        is_required="optional" not in fields,
        entry_id=to_id(fields.get("entry", "")),
        **_values(visit),
    )
    return _back(visit, incident_id, "Task added.")


@router.post("/incidents/{ref}/tasks/{task_id}/{what}", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
async def change(visit: CurrentVisit, ref: str, task_id: str, what: str) -> Response:
    incident_id, number = parse_ref("INC", ref), to_id(task_id)
    if number is None:
        raise NotFound(f"There is no task {task_id[:40]}.")
    task = (visit.tx, visit.actor, incident_id, number)
    if what in _STATES:
        state, text = _STATES[what]
        await actions.set_task_state(*task, state, visit.now)
        return _back(visit, incident_id, text)
    if what == "action-item":
        item = await actions.make_action_item(*task, visit.now)
        return _back(visit, incident_id, f"Task moved to {item.ref}.")
    match what:
        case "take":
            await actions.change_task(*task, {"owner_id": visit.person.id}, visit.now)
        case "assign":
            email = visit.text("owner").strip().lower()
            if not email:
                raise Invalid("The owner is missing.", fields={"owner": "Enter an email address."})
            owner = await people.person_by_email(visit.tx, email)
            if owner is None:
                raise NotFound(f"No one has the email address {email[:80]}.")
            await actions.change_task(*task, {"owner_id": owner.id}, visit.now)
        case "edit":
            values = {
                "text": visit.text("text"),
                "is_required": "optional" not in visit.values,
                **_values(visit),
            }
            await actions.change_task(*task, values, visit.now)
        case _:
            raise NotFound(f"Unknown action: {what}.")
    return _back(visit, incident_id, "Task saved.")
