"""What a reader needs to know of a page, gathered for the inbox, the page itself, home and the API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from firebell.alerts import actions as alerts
from firebell.alerts.model import Alert, Group
from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.kit.db import Tx
from firebell.kit.errors import Invalid
from firebell.paging import delayed, escalation, list_store, page_list, service_store, store, timers
from firebell.paging.actions import NO_POLICY
from firebell.paging.dry_run import Step, dry_run
from firebell.paging.model import Page, PageFilter, PageState, Policy
from firebell.people import actions as people

STATE_GLYPHS = {
    PageState.TRIGGERED: "firing",
    PageState.EXHAUSTED: "firing",
    PageState.ACKED: "acked",
    PageState.SNOOZED: "snoozed",
    PageState.RESOLVED: "resolved",
}
STATE_LABELS = {
    PageState.TRIGGERED: "Waiting for a human",
    PageState.EXHAUSTED: "Nobody has taken it",
    PageState.ACKED: "Acknowledged",
    PageState.SNOOZED: "Snoozed",
    PageState.RESOLVED: "Resolved",
}


@dataclass(frozen=True, slots=True)
class PageDetails:
    """A page with the names around it; `next_names` is whom its timer would reach now.

    `next_target` names these people briefly: one person, else the schedule or team that they stand for.
    """

    page: Page
    group: Group | None
    alerts: list[Alert]
    service: Service | None
    team: str
    owners: list[str]
    owner_ids: list[int]
    now_names: str
    next_names: str
    next_target: str
    incidents: list[str]
    """References of the incidents that the page belongs to, oldest first."""

    @property
    def glyph(self) -> str:
        """The shape of its state."""
        return STATE_GLYPHS[self.page.state]

    @property
    def word(self) -> str:
        """Its state in words."""
        return STATE_LABELS[self.page.state]

    @property
    def position(self) -> str:
        """Where it stands in its plan, for an action that may arrive late."""
        return delayed.position(self.page)

    @property
    def alert_count(self) -> int:
        """How many alerts it holds."""
        return self.group.alerts if self.group else 0


async def page_details(
    tx: Tx, pages: Sequence[Page], now: datetime, *, alerts_each: int = 0
) -> list[PageDetails]:
    """Return the pages with everything around them, read in a handful of statements."""
    facts = await timers.load_recipients(tx, pages, now)
    services = await catalog.services_by_id(tx, [p.service_id for p in pages if p.service_id])
    group_ids = [p.subject_id for p in pages if p.subject_kind == "group"]
    groups = await alerts.groups_by_id(tx, group_ids)
    found = await alerts.alerts_of_groups(tx, group_ids, alerts_each) if alerts_each else {}
    teams = {t.id: t.name for t in await people.teams(tx)}
    owners = await store.owners(tx, [p.id for p in pages])
    names = await people.people_by_id(tx, [i for ids in owners.values() for i in ids])
    incidents = await alerts.incidents_of_pages(tx, [p.id for p in pages])
    return [
        PageDetails(
            page,
            groups.get(page.subject_id) if page.subject_kind == "group" else None,
            found.get(page.subject_id, []) if page.subject_kind == "group" else [],
            services.get(page.service_id or 0),
            teams.get(page.team_id or 0, ""),
            [names[i].name for i in owners[page.id]],
            owners[page.id],
            facts.names(sorted(facts.notified.get(page.id, {}).keys() & set(facts.people))),
            *_next(facts, page, teams, now),
            [f"INC-{i}" for i in incidents.get(page.id, [])],
        )
        for page in pages
    ]


def _next(facts: timers.Recipients, page: Page, teams: Mapping[int, str], now: datetime) -> tuple[str, str]:
    """Return whom the timer of a waiting page would reach if it ran now: by name, and in brief."""
    if page.state is not PageState.TRIGGERED or page.due_at is None:
        return "", ""
    outcome = escalation.advance(page, lambda level: facts.reach(page, level), now)
    match outcome:
        case escalation.Entered(entered, reached, _):
            names = facts.names(reached)
            return names, names if len(reached) == 1 else facts.targets(page, entered.level, reached, teams)
        case escalation.Exhausted():
            return "everybody", "everyone"


async def list_pages(
    tx: Tx,
    *,
    states: Sequence[str],
    wanted: PageFilter = list_store.EVERY,
    place: page_list.Place | None = None,
    newer: bool = False,
    limit: int = 100,
    now: datetime,
) -> page_list.Listing:
    """Return a stretch of the list of pages behind `place` (before it when `newer`), from its start without one.

    Raise `Invalid` when the place is that of a page that does not exist.
    """
    if place is not None and not await list_store.page_exists(tx, place.id):
        raise Invalid(
            f"There is no page PG-{place.id}.", fields={"before": "Take the cursor from the Link header."}
        )
    sections = page_list.parts(states, place, newer=newer)
    rows = await list_store.walk(tx, sections, wanted, limit=limit + 1, newer=newer)
    since = place.since if place else now - page_list.COMMIT_SLACK
    return page_list.listing(rows, place, limit, since, newer=newer)


async def of_service(
    tx: Tx, service_id: int, states: Sequence[str], limit: int, now: datetime
) -> list[PageDetails]:
    """Return the newest pages of a service in these states, newest first."""
    return await page_details(tx, await service_store.pages(tx, service_id, states, limit), now)


async def last_resolved_at(tx: Tx, service_id: int) -> datetime | None:
    """Return when the last page of a service was resolved, None if none was."""
    return await service_store.last_resolved_at(tx, service_id)


async def steps(tx: Tx, policy: Policy | None, team_id: int, now: datetime) -> list[Step]:
    """Return whom each level would notify if a page of a team's service began now, the last resort at the end."""
    if policy is None:
        plan = NO_POLICY
        policy = Policy(0, plan.name, "", team_id, 0, plan.levels, plan.repeat, plan.ack_timeout_s)
    return await dry_run(tx, replace(policy, team_id=team_id), now)
