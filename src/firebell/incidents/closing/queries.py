"""Gathers what the closing conditions of an incident depend on."""

from datetime import datetime

from firebell.alerts import actions as alerts
from firebell.incidents import store
from firebell.incidents.closing import condition_sources
from firebell.incidents.closing import rules as closing_rules
from firebell.incidents.closing import store as closing_store
from firebell.incidents.closing.rules import ClosingCondition, ClosingFacts, LinkedAlert
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.paging import actions as paging
from firebell.paging.model import PageState

ALERTS_PER_PAGE = 100
"""Number of alerts of each linked page that are looked at, firing ones first."""
_BLOCKING = (PageState.TRIGGERED, PageState.EXHAUSTED, PageState.ACKED)


async def facts(tx: Tx, incident: Incident) -> ClosingFacts:
    """Return the alerts and open pages, the confirmed baseline and the customer reports of an incident."""
    pages = await paging.pages_by_id(tx, await store.page_ids(tx, incident.id))
    groups = {page.subject_id: page.ref for page in pages.values() if page.subject_kind == "group"}
    alerts_by_group = await alerts.alerts_of_groups(tx, list(groups), ALERTS_PER_PAGE)
    return ClosingFacts(
        alerts=[
            LinkedAlert(
                alert.title,
                groups[group],
                alert.starts_at,
                None if alert.status == "firing" else alert.ends_at or alert.last_seen,
                alert.ended_by,
            )
            for group, listed in alerts_by_group.items()
            for alert in listed
        ],
        open_pages=[page.ref for page in pages.values() if page.state in _BLOCKING],
        baseline=await closing_store.baseline(tx, incident.id),
        reports=await closing_store.reports(tx, incident.id),
    )


async def conditions(tx: Tx, incident: Incident, now: datetime) -> list[ClosingCondition]:
    """Return every condition for closing, met or not: the incident's own, then those of slices above."""
    own = closing_rules.conditions(incident, await facts(tx, incident), now)
    return [*own, *(await condition_sources.conditions(tx, incident, now))]
