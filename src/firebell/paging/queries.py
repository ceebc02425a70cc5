"""Read models of pages for the inbox, one page, home and the API."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from firebell.alerts import actions as alerts
from firebell.alerts.model import Alert, Group
from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.kit.db.database import Tx
from firebell.kit.errors import Invalid
from firebell.paging import offline_checks, store
from firebell.paging.actions import NO_POLICY
from firebell.paging.escalation import state_machine as escalation
from firebell.paging.escalation.recipients import Recipients, hypothetical_page, load_recipients
from firebell.paging.manual_pages import store as manual_store
from firebell.paging.model import (
    MANUAL_KIND,
    OPEN,
    ManualPage,
    OpenPages,
    Page,
    PageFilter,
    PageState,
    Policy,
)
from firebell.paging.page_list import pagination as list_pagination
from firebell.paging.page_list import service_pages_store
from firebell.paging.page_list import store as list_store
from firebell.paging.policies.dry_run import PlannedLevel, dry_run_of, page_kind
from firebell.paging.reach_queries import at_first_level
from firebell.people import actions as people

STATE_GLYPHS = {
    PageState.TRIGGERED: "firing",
    PageState.EXHAUSTED: "firing",
    PageState.ACKED: "acked",
    PageState.SNOOZED: "snoozed",
    PageState.RESOLVED: "resolved",
}
STATE_LABELS = {
    PageState.TRIGGERED: "Triggered (unacknowledged)",
    PageState.EXHAUSTED: "Unanswered: escalation exhausted",
    PageState.ACKED: "Acknowledged",
    PageState.SNOOZED: "Snoozed",
    PageState.RESOLVED: "Resolved",
}


@dataclass(frozen=True, slots=True)
class PageDetails:
    """A page with the names of its people; `next_names` are the people whom its timer would reach now.

    `next_target` names them briefly: one person, else the schedule or team that they stand for.
    """

    page: Page
    group: Group | None
    alerts: list[Alert]
    service: Service | None
    team: str
    owners: list[str]
    owner_ids: list[int]
    acked_names: str
    """The people who have acknowledged a page that needs more acknowledgments."""
    now_names: str
    next_names: str
    next_target: str
    incidents: list[str]
    """References of the incidents that the page belongs to, oldest first."""
    manual: ManualPage | None
    """Who started the manual page, and why; None for a page of alerts or of an incident."""

    @property
    def glyph(self) -> str:
        """The glyph of its state."""
        return STATE_GLYPHS[self.page.state]

    @property
    def word(self) -> str:
        """The label of its state."""
        return STATE_LABELS[self.page.state]

    @property
    def position(self) -> str:
        """The position in its plan, for an action that may arrive late."""
        return offline_checks.position(self.page)

    @property
    def alert_count(self) -> int:
        """The number of its alerts."""
        return self.group.alerts if self.group else 0


async def page_details(
    tx: Tx,
    pages: Sequence[Page],
    now: datetime,
    *,
    alerts_each: int = 0,
    recipients: Recipients | None = None,
) -> list[PageDetails]:
    """Return the pages with their details, in a fixed number of statements.

    `recipients` are the facts about who they reach, if the caller has read them.
    """
    if recipients is None:
        recipients = await load_recipients(tx, pages, now)
    services = await catalog.services_by_id(tx, [p.service_id for p in pages if p.service_id])
    group_ids = [p.subject_id for p in pages if p.subject_kind == "group"]
    groups = await alerts.groups_by_id(tx, group_ids)
    alerts_by_group = await alerts.alerts_of_groups(tx, group_ids, alerts_each) if alerts_each else {}
    teams = {t.id: t.name for t in await people.teams(tx)}
    owners = await store.owners(tx, [p.id for p in pages])
    names = await people.people_by_id(tx, [i for ids in owners.values() for i in ids])
    incidents = await alerts.incidents_of_pages(tx, [p.id for p in pages])
    manual_pages = await manual_store.of_pages(tx, [p.id for p in pages if p.subject_kind == MANUAL_KIND])
    return [
        PageDetails(
            page=page,
            group=groups.get(page.subject_id) if page.subject_kind == "group" else None,
            alerts=alerts_by_group.get(page.subject_id, []) if page.subject_kind == "group" else [],
            service=services.get(page.service_id or 0),
            team=teams.get(page.team_id or 0, ""),
            owners=[names[i].name for i in owners[page.id]],
            owner_ids=owners[page.id],
            acked_names=", ".join(names[i].name for i in page.acks if i in names),
            now_names=recipients.names(
                sorted((recipients.notified.get(page.id, {}).keys() & set(recipients.people)) - {*page.acks})
            ),
            next_names=next_names,
            next_target=next_target,
            incidents=[f"INC-{i}" for i in incidents.get(page.id, [])],
            manual=manual_pages.get(page.id),
        )
        for page in pages
        for next_names, next_target in [_next(recipients, page, teams, now)]
    ]


def _next(recipients: Recipients, page: Page, teams: Mapping[int, str], now: datetime) -> tuple[str, str]:
    """Return the people whom the timer of a triggered page would reach now: by name, and in brief."""
    if page.state is not PageState.TRIGGERED or page.due_at is None:
        return "", ""
    outcome = escalation.advance(page, partial(recipients.reach, page), now, pick=recipients.pick(page))
    match outcome:
        case escalation.Entered(entered, reached):
            names = recipients.names(reached)
            if len(reached) == 1:
                return names, names
            return names, recipients.targets(page, entered.level, reached, teams)
        case escalation.Answered():
            return "", ""
        case escalation.Exhausted():
            last = "no one" if page.plan.is_drill else "everyone"
            return last, last


async def list_pages(
    tx: Tx,
    *,
    states: Sequence[str],
    wanted: PageFilter = list_store.EVERY,
    place: list_pagination.ListPosition | None = None,
    newer: bool = False,
    limit: int = 100,
    now: datetime,
) -> list_pagination.Listing:
    """Return part of the list of pages after `place` (before it when `newer`), from the start without a place.

    Raise `Invalid` if the page of the place does not exist.
    """
    if place is not None and not await list_store.page_exists(tx, place.id):
        raise Invalid(
            f"There is no page PG-{place.id}.", fields={"before": "Use the cursor from the Link header."}
        )
    sections = list_pagination.parts(states, place, newer=newer)
    rows = await list_store.walk(tx, sections, wanted, limit=limit + 1, newer=newer)
    since = place.since if place else now - list_pagination.COMMIT_SLACK
    return list_pagination.listing(rows, place, limit, since, newer=newer)


@dataclass(frozen=True, slots=True)
class ServicePages:
    """The newest open and resolved pages of a service, and the steps of a page that begins now."""

    open: list[PageDetails]
    resolved: list[PageDetails]
    steps: list[PlannedLevel]


async def of_service(
    tx: Tx, service: Service, policy: Policy | None, limit: int, now: datetime
) -> ServicePages:
    """Return the pages of a service, newest first, at most `limit` of each, and the steps of a new one.

    The facts about all of them are read once.
    """
    open_pages = await service_pages_store.pages(tx, service.id, list(OPEN), limit)
    resolved = await service_pages_store.pages(tx, service.id, [PageState.RESOLVED], limit)
    new = _new_page(policy, service.team_id, now)
    recipients = await load_recipients(tx, [*open_pages, *resolved, new], now)
    details = await page_details(tx, [*open_pages, *resolved], now, recipients=recipients)
    return ServicePages(
        details[: len(open_pages)], details[len(open_pages) :], await dry_run_of(tx, new, recipients)
    )


async def open_pages_by_service(tx: Tx, service_ids: Collection[int] | None) -> list[OpenPages]:
    """Return the open pages of these services by state, without those of drills; None means all services."""
    return await service_pages_store.open_pages(tx, service_ids)


async def first_reached(
    tx: Tx, policies: Collection[Policy], now: datetime
) -> dict[int, list[tuple[int, str]]]:
    """Return who an urgent page of alerts would reach first now, by policy id.

    The facts are read once for all policies.
    """
    pages = {policy.id: hypothetical_page(policy.plan, policy.team_id, now) for policy in policies}
    recipients = await load_recipients(tx, list(pages.values()), now)
    return {
        key: [(i, recipients.people[i].name) for i in at_first_level(recipients, page, now)]
        for key, page in pages.items()
    }


async def last_resolved_at(tx: Tx, service_id: int) -> datetime | None:
    """Return when the last page of a service was resolved, None if none was."""
    return await service_pages_store.last_resolved_at(tx, service_id)


async def steps(
    tx: Tx,
    policy: Policy | None,
    team_id: int,
    now: datetime,
    *,
    urgency: str = "high",
    is_drill: bool = False,
) -> list[PlannedLevel]:
    """Return whom each level would notify if a page of a team's service began now, the final alarm last.

    The final alarm of a drill notifies no one.
    """
    page = _new_page(policy, team_id, now, urgency=urgency, is_drill=is_drill)
    return await dry_run_of(tx, page, await load_recipients(tx, [page], now))


def _new_page(
    policy: Policy | None, team_id: int, now: datetime, *, urgency: str = "high", is_drill: bool = False
) -> Page:
    """Return a page of a team's service that begins now and is not stored."""
    plan = replace(policy.plan if policy else NO_POLICY, is_drill=is_drill)
    return hypothetical_page(plan, team_id, now, page_kind(urgency), policy.id if policy else None)
