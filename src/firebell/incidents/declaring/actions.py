"""Declare an incident."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from firebell.catalog import actions as catalog
from firebell.incidents import linked_pages, lookup, store, timeline_writer, type_and_visibility
from firebell.incidents.custom_fields import actions as field_actions
from firebell.incidents.model import (
    OPEN,
    Incident,
    IncidentDeclared,
    IncidentRole,
    IncidentType,
    Phase,
    Visibility,
)
from firebell.incidents.phases import actions as phase_actions
from firebell.incidents.roles import actions as role_actions
from firebell.incidents.severity import FACTS, Severity, classify, suggest
from firebell.incidents.severity_changes import actions as severity_actions
from firebell.incidents.text_limits import SUMMARY_MAX_CHARS, TITLE_MAX_CHARS
from firebell.incidents.update_deadlines import actions as update_actions
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid, NotFound
from firebell.kit.text import clean_name, clean_text
from firebell.paging import actions as paging
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

_TWIN_WITHIN = timedelta(seconds=10)


@permits(Verb.INCIDENT_DECLARE)
async def declare(
    tx: Tx,
    actor: Actor,
    *,
    title: str,
    severity: int | None = None,
    answers: Mapping[str, bool | None] | None = None,
    service_ids: Sequence[int] = (),
    page_id: int | None = None,
    summary: str = "",
    commander_id: int | None = None,
    drill: bool = False,
    page_in_drill: bool = False,
    cap_unknown: bool = False,
    incident_type: IncidentType = IncidentType.OPERATIONAL,
    fields: Mapping[str, str] | None = None,
    private: bool = False,
    now: datetime,
) -> Incident:
    """Declare an incident; SEV0 and SEV1 page in the same transaction. A security incident is private.

    The severity is `severity`, else what the answers say; with `cap_unknown`, which forms set, an unknown
    answer counts as SEV2 at most. The page of a drill declares a drill. Repeating a declaration within ten seconds
    returns one incident with the worse severity, private if either is; for a rule, only with the same services.
    """
    title = clean_name(title, "title", limit=TITLE_MAX_CHARS)
    verdict = (suggest(answers or {}) if cap_unknown else None) or classify(answers or {})
    if severity is None and not answers:
        raise Invalid(
            "The severity is missing.", fields={"severity": "Answer the questions or select a severity."}
        )
    chosen = verdict.severity if severity is None else Severity(severity)
    page = await paging.page(tx, page_id) if page_id is not None else None
    drill = drill or (page is not None and page.plan.is_drill)
    affected_ids = list(
        dict.fromkeys([*service_ids, *([page.service_id] if page and page.service_id else [])])
    )
    # a rule declares for each service, and alerts of several services can share a title
    same_services = affected_ids if actor.person_id is None else []
    twin = await store.twin(tx, actor.person_id, title, now - _TWIN_WITHIN, same_services, drill=drill)
    if twin is not None:
        visibility = type_and_visibility.visibility_of(incident_type, private=private)
        if visibility is Visibility.PRIVATE and not twin.is_private:
            # first, because it locks the incident together with what was merged into it, in the order of their ids
            await type_and_visibility.set_type(tx, actor, twin.id, incident_type, now, private=True)
        if chosen < twin.severity and twin.phase in OPEN:
            await severity_actions.set_severity(tx, actor, twin.id, chosen, "", now)
        return await lookup.incident(tx, twin.id)
    services_by_id = await catalog.services_by_id(tx, affected_ids)
    if missing := [i for i in affected_ids if i not in services_by_id]:
        raise NotFound(f"There is no service {missing[0]}.")
    incident = await store.insert(
        tx,
        title=title,
        summary=clean_text(summary, SUMMARY_MAX_CHARS, "summary"),
        severity=chosen,
        answers=dict(answers or {}),
        provisional=verdict.provisional if severity is None else False,
        drill=drill,
        detected_at=min(page.triggered_at, now) if page else now,
        declared_by=actor.person_id,
        now=now,
        type=incident_type,
        visibility=type_and_visibility.visibility_of(incident_type, private=private),
    )
    await store.set_services(tx, incident.id, affected_ids)
    origin = f" from {page.ref}" if page else ""
    text = f"declared SEV{chosen}{origin}: {title}"
    await timeline_writer.add_timeline_entry(
        tx, actor, incident.id, "declared", text, now, severity=int(chosen), path=list(verdict.path)
    )
    await phase_actions.add_transition(tx, actor, incident.id, None, Phase.DECLARED, now)
    await tx.audit(actor, "incident.declared", incident.ref, now, severity=int(chosen))
    event = IncidentDeclared(incident.id, int(chosen), incident.provisional, drill, str(incident.visibility))
    await tx.emit(event, now)
    if commander_id is not None:
        # lock the account before the page, as a deactivation does
        await role_actions.account_held(tx, commander_id)
    if page:
        await linked_pages.lock_pages(tx, [], affected_ids, linking=[page.id])
        await linked_pages.attach_page(tx, incident, page.id, now)
    if fields:
        await field_actions.set_values(tx, actor, incident.id, fields, now)
    if commander_id is not None:
        await role_actions.take_role(tx, actor, incident.id, IncidentRole.COMMANDER, commander_id, now)
    if FACTS[chosen].page and (page_in_drill or not drill):
        await linked_pages.page_for(tx, actor, incident, affected_ids, now)
    return await update_actions.schedule_next_update(tx, incident)
