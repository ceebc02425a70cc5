"""Keeps facts up to date: from the logs of pages and incidents, all over again, and compared every night."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.incidents import actions as incidents
from firebell.incidents.model import UNDECLARED
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.metrics.facts import source_store
from firebell.metrics.facts import store as fact_store
from firebell.metrics.facts.rules import IncidentSource, incident_fact, page_fact, presence_minutes
from firebell.metrics.model import Progress
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.postmortems import actions as postmortems

LOG_ROWS_PER_BATCH = 2_000
SETTLED_AFTER = timedelta(minutes=10)
"""How long an entry may have been written before it was committed: entries of this time are read again."""
COMPARED_DAYS = 35
FACTS_PER_BATCH = 1_000
"""Number of facts that are computed between two statements: in a storm, the process also accepts alerts."""


async def project_incidents(tx: Tx, ids: Sequence[int]) -> int:
    """Compute the facts of incidents and store them; return how many changed."""
    by_id = await incidents.incidents_by_id(tx, ids)
    declared = [one for one in by_id.values() if one.phase not in UNDECLARED]
    if not declared:
        return 0
    known = [one.id for one in declared]
    timelines = await incidents.timelines(tx, known)
    roles = await source_store.roles(tx, known)
    customers = await incidents.customers_of(tx, known)
    documents = await source_store.postmortems(tx, known)
    facts, minutes = [], []
    for one in declared:
        document = documents.get(one.id, source_store.PostmortemSource())
        has_factors = document.body and not document.is_withdrawn
        source = IncidentSource(
            one,
            timelines[one.id],
            roles[one.id],
            postmortems.factors(document.body) if has_factors else (),
            document.published_at,
            customers.get(one.id),
            document.is_withdrawn,
        )
        facts.append(incident_fact(source))
        minutes += [(one.id, person_id, spent) for person_id, spent in presence_minutes(source).items()]
    changed = set(await fact_store.save_incidents(tx, facts))
    changed |= set(await fact_store.save_services(tx, known, await source_store.services(tx, known)))
    repeats = await fact_store.link_repeats(tx, list(changed)) if changed else 0
    changed |= set(await fact_store.save_people(tx, known, minutes))
    return max(len(changed), repeats)


async def project_pages(tx: Tx, ids: Sequence[int]) -> int:
    """Compute the facts of pages and store them, a batch at a time; return how many changed."""
    changed = 0
    for start in range(0, len(ids), FACTS_PER_BATCH):
        sources = await source_store.pages(tx, ids[start : start + FACTS_PER_BATCH])
        if sources:
            changed += await fact_store.save_pages(tx, [page_fact(source) for source in sources])
    return changed


async def catch_up(tx: Tx, now: datetime) -> bool:
    """Bring a batch of facts up to date; return True if more is left. The caller has locked the progress."""
    progress = await fact_store.progress(tx)
    settled = now - SETTLED_AFTER
    since = min(progress.refreshed_at or settled, now) - SETTLED_AFTER
    entries, entry_id, more_entries = await source_store.changed_incidents(
        tx, progress.entry_id, settled, LOG_ROWS_PER_BATCH
    )
    logged, page_log_id, more_pages = await source_store.changed_pages(
        tx, progress.page_log_id, settled, LOG_ROWS_PER_BATCH
    )
    published = await source_store.published_postmortems(tx, since)
    incident_ids = sorted({*entries, *published})
    changed = await project_incidents(tx, incident_ids) if incident_ids else 0
    linked = await source_store.pages_of_incidents(tx, incident_ids) if incident_ids else []
    called = await source_store.called_pages(tx, since)
    page_ids = sorted({*logged, *linked, *called, *await source_store.voted_pages(tx, since)})
    changed += await project_pages(tx, page_ids)
    has_more = more_entries or more_pages
    refreshed_at = progress.refreshed_at if has_more else now
    await fact_store.save_progress(tx, page_log_id, entry_id, refreshed_at, has_changed=changed > 0)
    return has_more


@permits(Verb.METRICS_REBUILD)
async def rebuild(tx: Tx, actor: Actor, now: datetime) -> Progress:
    """Compute all facts again, in the background; those of deleted pages stay."""
    await fact_store.restart(tx)
    await tx.audit(actor, "metrics.rebuild", "metrics", now)
    return await fact_store.progress(tx)


async def compare_pages(tx: Tx, after_id: int, now: datetime) -> tuple[int, int | None]:
    """Compute the facts of a batch of the last pages again; return how many differed, and the last id or None."""
    since, settled = now - timedelta(days=COMPARED_DAYS), now - SETTLED_AFTER
    ids, last = await source_store.pages_since(tx, since, settled, after_id, FACTS_PER_BATCH)
    return await project_pages(tx, ids), last


async def compare_incidents(tx: Tx, after_id: int, now: datetime) -> tuple[int, int | None]:
    """Compute the facts of a batch of the last incidents again, as `compare_pages` does."""
    since, settled = now - timedelta(days=COMPARED_DAYS), now - SETTLED_AFTER
    ids, last = await source_store.incidents_since(tx, since, settled, after_id, FACTS_PER_BATCH)
    return (await project_incidents(tx, ids) if ids else 0), last
