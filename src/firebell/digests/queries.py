"""Read models of digests: the facts of a week as their reader may see them, and what someone gets."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from firebell.action_items import queries as action_items
from firebell.action_items.model import ActionItem, ItemFilter
from firebell.catalog import actions as catalog
from firebell.digests import store
from firebell.digests.facts import (
    DigestFacts,
    DocumentFact,
    IncidentFact,
    ItemFact,
    MetricFact,
    RuleFact,
    RunbookFact,
)
from firebell.digests.model import Digest, DigestScope, Week
from firebell.digests.writing import write
from firebell.incidents import actions as incidents
from firebell.incidents.model import UNDECLARED, Incident, IncidentFilter, Phase
from firebell.kit.db.database import Tx
from firebell.kit.localtime import to_local
from firebell.metrics import queries as metrics
from firebell.people import actions as people
from firebell.people.model import Team
from firebell.postmortems import queries as postmortems
from firebell.readiness import queries as readiness
from firebell.runbooks import queries as runbooks

READ_AT_MOST = 200
"""Maximum number of rows that a digest reads of each list; for incidents, the batch size."""
ORGANIZATION = "The organization"
COUNTED = tuple(phase for phase in Phase if phase not in (*UNDECLARED, Phase.DISMISSED, Phase.MERGED))
"""The phases of incidents that metrics count too: declared, and neither dismissed nor merged."""


async def digest(tx: Tx, week: Week, team: Team | None, now: datetime) -> Digest:
    """Return the digest of a week, of a team or the organization, as the present reader may see it."""
    return write(await load_facts(tx, week, team, now))


async def load_facts(tx: Tx, week: Week, team: Team | None, now: datetime) -> DigestFacts:
    """Return what a digest is written from: the week, and what is due in the seven days after it."""
    team_id = team.id if team else None
    today = to_local(now, week.zone).date()
    period = await postmortems.postmortem_period(
        tx, week.start, week.end, now + timedelta(days=7), team_id, READ_AT_MOST
    )
    report = await metrics.period_report(tx, week.monday, week.sunday, week.zone, team_id, now)
    wanted = ItemFilter(team_ids=(team.id,) if team else ())
    overdue = await action_items.overdue(tx, wanted, today, READ_AT_MOST)
    due = await action_items.due_this_week(tx, wanted, today, READ_AT_MOST)
    named = await action_items.names(tx, [*overdue, *due])
    return DigestFacts(
        week,
        now,
        today,
        scope=team.name if team else "",
        team_slug=team.slug if team else "",
        incidents=[_incident(one) for one in await _incidents(tx, week, team_id)],
        pages=report.pages,
        night_pages=report.night_pages,
        nights=report.nights,
        most_in_a_night=report.most_in_a_night,
        rules=[RuleFact(one.rule, one.pages, one.nights, one.noise) for one in report.rules],
        postmortems_due=[_document(one, one.due_at) for one in period.due],
        postmortems_published=[
            _document(one, one.published_at) for one in period.published if one.published_at
        ],
        items_due=_items(due, named),
        items_overdue=_items(overdue, named),
        metrics=[MetricFact(*finding) for finding in report.findings],
        near_misses=[_document(one, one.happened_at) for one in period.near_misses],
        # runbooks and readiness belong to no team
        runbooks=[] if team else [RunbookFact(*one) for one in await runbooks.unexercised(tx, now)],
        lost_items=[] if team else await _lost_items(tx, week, now),
    )


async def _incidents(tx: Tx, week: Week, team_id: int | None) -> list[Incident]:
    """Return the incidents that were declared in a week, most severe first; of a team those of its services."""
    wanted = IncidentFilter(phases=COUNTED, drill=False, since=week.start, until=week.end)
    listed: list[Incident] = []
    has_more = True
    while has_more:
        place = listed[-1].id if listed else None
        following = await incidents.matching(tx, wanted, limit=READ_AT_MOST, place=place)
        listed += following
        has_more = len(following) == READ_AT_MOST
    if team_id is not None:
        affected = await incidents.services(tx, [one.id for one in listed])
        owned = {one.id for one in await catalog.services(tx, with_deleted=True) if one.team_id == team_id}
        listed = [one for one in listed if owned & set(affected[one.id])]
    return sorted(listed, key=lambda one: (one.severity, one.id))


def _incident(one: Incident) -> IncidentFact:
    lasted_s = int((one.closed_at - one.declared_at).total_seconds()) if one.closed_at else None
    return IncidentFact(one.id, one.title, one.severity, lasted_s)


def _document(one: postmortems.ListedDocument, at: datetime) -> DocumentFact:
    return DocumentFact(one.ref, one.href, one.title, one.severity, at, one.incident_id)


def _items(items: Sequence[ActionItem], named: action_items.Names) -> list[ItemFact]:
    return [ItemFact(one.ref, one.title, named.owner(one), one.due, one.incident_id) for one in items]


async def _lost_items(tx: Tx, week: Week, now: datetime) -> list[str]:
    """Return what was lost from one recorded day of a week to the next."""
    days = [
        day
        for day in await readiness.history(tx, now)
        if week.monday - timedelta(days=1) <= day.day <= week.sunday
    ]
    return [
        finding.message
        for place in range(2, len(days) + 1)
        for finding in readiness.lost_findings(days[:place])
    ]


async def scopes(tx: Tx, person_id: int) -> list[DigestScope]:
    """Return the digests that someone can get: the organization's, those of their teams, then those of others."""
    chosen: Mapping[int | None, bool] = {
        one.team_id: one.is_on for one in await store.choices_of(tx, person_id)
    }
    own, on = set(await people.team_ids_of(tx, person_id)), set(await store.team_ids(tx))
    teams = sorted(await people.teams(tx), key=lambda team: (team.id not in own, team.name, team.id))
    return [
        DigestScope(None, "", ORGANIZATION, chosen.get(None, False), is_member=False, is_team_on=False),
        *(
            DigestScope(
                team.id,
                team.slug,
                team.name,
                chosen.get(team.id, team.id in own and team.id in on),
                is_member=team.id in own,
                is_team_on=team.id in on,
            )
            for team in teams
        ),
    ]
