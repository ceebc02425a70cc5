"""Read everything that a document is drafted from, and what its live blocks show."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.action_items import actions as action_items
from firebell.action_items.model import STATE_NAMES, ItemState
from firebell.alerts import actions as alerts
from firebell.catalog import actions as catalog
from firebell.incidents import actions as incidents
from firebell.incidents.measures import measures, people_before
from firebell.incidents.queries import checked
from firebell.kit.db.database import Tx
from firebell.kit.findings import FindingLevel
from firebell.postmortems.drafting import source_store
from firebell.postmortems.drafting.facts import DraftSources, TrackedAction, page_times

CHANGES_BEFORE = timedelta(minutes=60)


async def load_sources(tx: Tx, incident_ids: Sequence[int], now: datetime) -> DraftSources:
    """Return what was recorded about incidents, the main one first; those that may not be read are left out."""
    by_id = await incidents.incidents_by_id(tx, list(incident_ids))
    about = [by_id[each] for each in incident_ids if each in by_id]
    ids = [incident.id for incident in about]
    main = about[0]
    timelines = await incidents.timelines(tx, ids)
    service_ids = sorted({each for listed in (await incidents.services(tx, ids)).values() for each in listed})
    services = await catalog.services_by_id(tx, service_ids)
    log = await source_store.page_log(tx, ids)
    commanders = await source_store.commanders_from(tx, ids)
    began_at = min(main.impact_start or main.detected_at, main.detected_at)
    changes = await alerts.changes(
        tx, service_ids, since=began_at - CHANGES_BEFORE, until=main.impact_end or main.resolved_at or now
    )
    results = await checked(tx, [main], (), now, timelines=timelines)
    standing = [f.message for f in results[main.id].open if f.level is not FindingLevel.INFO]
    page_ids = {each: set(await incidents.page_ids(tx, each)) for each in ids}
    return DraftSources(
        incidents=about,
        timelines={each: timelines[each] for each in ids},
        services=[service.name for service in services.values()],
        page_log=log,
        status_posts=await source_store.status_posts(tx, ids),
        run_steps=await source_store.run_steps(tx, ids),
        changes=sorted(changes, key=lambda change: (change.at, change.id)),
        measures={
            incident.id: measures(
                incident,
                page_times([row for row in log if row.page_id in page_ids[incident.id]]),
                commanders.get(incident.id),
                people_before(
                    incident.mitigated_at,
                    timelines[incident.id],
                    [
                        (row.at, row.actor_id)
                        for row in log
                        if row.kind == "acked" and row.page_id in page_ids[incident.id]
                    ],
                ),
            )
            for incident in about
        },
        findings=standing,
        affected=(await incidents.final_facts(tx, main.id)).affected,
        actions=await _tracked(tx, ids),
    )


async def _tracked(tx: Tx, incident_ids: Sequence[int]) -> list[TrackedAction]:
    """Return the action items of incidents, duplicates left out."""
    by_incident = await action_items.of_incidents(tx, incident_ids)
    items = sorted((item for listed in by_incident.values() for item in listed), key=lambda item: item.id)
    shown = [item for item in items if item.state is not ItemState.DUPLICATE]
    named = await action_items.names(tx, shown) if shown else None
    return [
        TrackedAction(
            item.id, item.title, named.owner(item) if named else "", item.due, STATE_NAMES[item.state]
        )
        for item in shown
    ]
