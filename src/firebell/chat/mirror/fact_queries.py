"""What a chat needs to know of incidents and pages, and what the settings page shows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from firebell.chat import store
from firebell.chat.facts import EntryFact, IncidentFacts, PageFacts, RequestedPost, Someone
from firebell.chat.mirror import subject_store
from firebell.chat.model import Account, OncallGroup, Room
from firebell.incidents import actions as incidents
from firebell.incidents.model import POSTMORTEM_WITHIN, Incident, Phase
from firebell.incidents.queries import IncidentSummary, summaries
from firebell.kit.db.database import Tx
from firebell.kit.errors import NotFound
from firebell.kit.localtime import to_local
from firebell.oncall.schedules import queries as oncall
from firebell.paging import actions as paging
from firebell.paging.level_conditions import PageKind
from firebell.paging.model import TargetKind
from firebell.paging.queries import page_details
from firebell.people import actions as people
from firebell.postmortems import actions as postmortems
from firebell.response import actions as response

UNSENT_ENTRIES = 400
"""Number of entries of one incident that one comparison looks at; the rest follow."""
LATEST_ENTRIES = 100
"""Number of entries whose corrections still reach the room."""
ANNOUNCED_UPDATES = 50
STRUCK = "struck"
"""The kind under which a struck entry is shown."""
_ALERTS_EACH = 3


async def incident_facts(
    tx: Tx, incident_id: int, account: Account, public_url: str, now: datetime
) -> IncidentFacts:
    """Return what a chat shows of an incident; raise `NotFound`."""
    incident = await incidents.incident(tx, incident_id)
    (summary,) = await summaries(tx, [incident])
    private = await subject_store.is_private(tx, incident_id)
    invited = await _invited(tx, incident, summary, now, private=private)
    leads = await people.people_by_id(
        tx, [i for pair in (summary.commander, summary.comms) if pair for i in pair[1:]]
    )
    someone = {p.id: Someone(p.id, p.name, p.email) for p in leads.values()}
    texts = {entry.id: entry.text for entry in await incidents.timeline(tx, incident_id)}
    updates = _in_force(await subject_store.updates(tx, incident_id, ANNOUNCED_UPDATES), texts)
    entries = await subject_store.entries(tx, account.id, incident_id, UNSENT_ENTRIES, LATEST_ENTRIES)
    room = await store.room(tx, account.id, incident_id)
    tz = account.settings.tz
    times = await subject_store.timeline_times(tx, incident_id)
    # as of the last change: a text that changes with the clock would be edited forever
    as_of = times.changed_at or incident.declared_at
    text = await incidents.next_update_text(tx, incident, public_url, tz, as_of)
    published_at = None
    try:
        postmortem = await postmortems.of_incident(tx, incident_id)
        published_at = postmortem.published_at if postmortem.state == "published" else None
    except NotFound:
        pass
    required = [role for role in summary.roles(now) if role.missing]
    owes = incidents.postmortem_required(incident) and incident.closed_at is not None
    return IncidentFacts(
        id=incident.id,
        title=incident.title,
        severity=incident.severity,
        provisional=incident.provisional,
        meaning=await incidents.severity_meaning(tx, incident.severity),
        phase=Phase(incident.phase),
        phase_since=times.phase_at or incident.declared_at,
        drill=incident.drill,
        private=private,
        declared_at=incident.declared_at,
        declared_on=to_local(incident.declared_at, tz).date(),
        closed_at=incident.closed_at,
        update_due_at=incident.update_due_at,
        update_from=incident.update_from,
        stable_since=incident.stable_since,
        impact=incident.conditions or incident.summary,
        commander=someone.get(summary.commander[1]) if summary.commander else None,
        comms=someone.get(summary.comms[1]) if summary.comms else None,
        services=tuple(s.name for s in summary.services),
        service_ids=frozenset(s.id for s in summary.services),
        team_ids=frozenset(s.team_id for s in summary.services),
        runbooks=tuple((f"Runbook: {s.name}", s.runbook_url) for s in summary.services if s.runbook_url),
        template=text,
        last_update=next((update.text for update in reversed(updates) if update.kind != STRUCK), ""),
        url=f"{public_url}/incidents/{incident.ref}",
        base_url=public_url,
        tz=tz,
        invited=invited,
        barred_ids=await _barred_ids(tx, incident, room),
        entries=_in_force(entries, texts),
        updates=updates,
        postmortem_due_at=(incident.closed_at + POSTMORTEM_WITHIN if owes and incident.closed_at else None),
        postmortem_published=published_at is not None,
        reviewed_at=published_at,
        missing_roles=tuple(role.name for role in required),
        late_roles=tuple(role.name for role in required if role.state == "late"),
        is_requested=room is not None,
        posts=tuple(
            RequestedPost(post.id, post.channel, post.reason)
            for post in await response.posts(tx, incident_id, account.id)
        ),
        began_at=times.began_at,
    )


def _in_force(entries: Sequence[EntryFact], texts: Mapping[int, str]) -> tuple[EntryFact, ...]:
    """Return the entries with their latest texts; one that was struck says only that."""
    return tuple(
        replace(entry, text=texts[entry.id])
        if entry.id in texts
        else replace(entry, kind=STRUCK, text="This entry was struck.")
        for entry in entries
    )


async def _invited(
    tx: Tx, incident: Incident, summary: IncidentSummary, now: datetime, *, private: bool
) -> tuple[Someone, ...]:
    """Return the people to invite: the declarer, everyone with a role, everyone who acknowledged or is on call.

    A private incident's room is only for its readers; others may have acknowledged one of its pages.
    """
    ids = [person_id for _, person_id in summary.people]
    ids += [incident.declared_by] if incident.declared_by else []
    owners = await paging.owners(tx, summary.page_ids, ever=True)
    ids += [person_id for page_owners in owners.values() for person_id in page_owners]
    if not private:
        policy_ids = [s.policy_id for s in summary.services if s.policy_id]
        ids += await _on_call(tx, policy_ids, PageKind.of_severity(incident.severity), now)
    by_id = await people.people_by_id(tx, list(dict.fromkeys(ids)))
    readers = await incidents.readers_among(tx, [incident], list(by_id.values()))
    return tuple(Someone(p.id, p.name, p.email) for p in readers if p.active)


async def _barred_ids(tx: Tx, incident: Incident, room: Room | None) -> frozenset[int]:
    """Return the people Firebell invited to the private room of an incident who may not read it.

    Who may read the incident into which it was merged stays: a merge ends the roles of the old one.
    """
    if room is None or not room.private:
        return frozenset()
    invited_ids = {int(person_id) for person_id in room.invited}
    by_id = await people.people_by_id(tx, list(invited_ids))
    known = list(by_id.values())
    readers = await incidents.readers_among(tx, [incident], known)
    last = await incidents.survivor(tx, incident)
    if last.id != incident.id:
        readers += await incidents.readers_among(tx, [last], known)
    return frozenset(invited_ids - {person.id for person in readers if person.active})


async def _on_call(tx: Tx, policy_ids: Sequence[int], kind: PageKind, now: datetime) -> list[int]:
    """Return who is on call on the first level of policies whose conditions such a page meets."""
    policies = (await paging.policies_by_id(tx, list(policy_ids))).values()
    first_levels = [p.levels[i] for p in policies for i in p.plan.levels_for(kind, now)[:1]]
    targets = [target for level in first_levels for target in level.targets]
    ids = [t.id for t in targets if t.kind is TargetKind.PERSON]
    schedules = await oncall.schedules_by_id(tx, [t.id for t in targets if t.kind is TargetKind.SCHEDULE])
    for schedule in schedules.values():
        ids += oncall.users_at(schedule, now)
    return ids


async def page_facts(
    tx: Tx, page_ids: Sequence[int], account: Account, public_url: str, now: datetime
) -> list[PageFacts]:
    """Return what a chat shows of pages, in ascending order of their ids."""
    pages = sorted((await paging.pages_by_id(tx, list(page_ids))).values(), key=lambda page: page.id)
    private = await subject_store.private_pages(tx, [page.id for page in pages])
    facts = []
    for details in await page_details(tx, pages, now, alerts_each=_ALERTS_EACH):
        page, service = details.page, details.service
        facts.append(
            PageFacts(
                id=page.id,
                version=page.version,
                title=page.title,
                severity=page.severity,
                urgency=page.urgency,
                state=str(page.state),
                service=service.name if service else "",
                service_ids=frozenset([page.service_id] if page.service_id else []),
                team_ids=frozenset([page.team_id] if page.team_id else []),
                triggered_at=page.triggered_at,
                acked_at=page.acked_at,
                resolved_at=page.resolved_at,
                owners=tuple(details.owners),
                on_call=(details.now_names,) if details.now_names else (),
                level=page.level,
                levels=len(page.plan.levels),
                next_level_at=page.due_at if page.state == "triggered" else None,
                alerts=tuple(
                    f"{alert.title} (flapping)" if alert.is_flapping else alert.title
                    for alert in details.alerts
                ),
                runbook_url=service.runbook_url if service else "",
                url=f"{public_url}/pages/{page.ref}",
                base_url=public_url,
                tz=account.settings.tz,
                incident_ref=details.incidents[-1] if details.incidents else "",
                is_private=page.id in private,
                acks=len(page.acks),
                acks_required=page.acks_required,
            )
        )
    return facts


async def group_people(
    tx: Tx, groups: Sequence[OncallGroup], now: datetime
) -> dict[OncallGroup, tuple[Someone, ...]]:
    """Return who is on call for the schedules of each user group."""
    schedules = await oncall.schedules_by_id(tx, [i for group in groups for i in group.schedule_ids])
    on_call = {
        group: [
            person_id
            for schedule_id in group.schedule_ids
            if schedule_id in schedules
            for person_id in oncall.users_at(schedules[schedule_id], now)
        ]
        for group in groups
    }
    by_id = await people.people_by_id(tx, list({i for ids in on_call.values() for i in ids}))
    return {
        group: tuple(
            Someone(by_id[i].id, by_id[i].name, by_id[i].email)
            for i in dict.fromkeys(ids)
            if i in by_id and by_id[i].active
        )
        for group, ids in on_call.items()
    }
