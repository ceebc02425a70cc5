"""Loads the facts of all rules as Firebell itself reads them: the score is the same for everyone."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

from firebell.catalog import actions as catalog
from firebell.handbook import actions as handbook
from firebell.incidents import actions as incidents
from firebell.incidents.severity import FACTS
from firebell.kit import private_reader
from firebell.kit.db.database import Tx
from firebell.oncall.model import Schedule
from firebell.oncall.rota import shifts
from firebell.oncall.schedules import queries as oncall
from firebell.paging import actions as paging
from firebell.paging.level_conditions import HIGH
from firebell.paging.model import Level, Policy, Strategy, Target, TargetKind
from firebell.people import actions as people
from firebell.readiness import review_store, rule_parts, store
from firebell.readiness.facts import ReadinessFacts, RotaFacts, RunbookFacts, TeamFacts
from firebell.readiness.quarters import last_closed
from firebell.runbooks import actions as runbook_actions
from firebell.runbooks import queries as runbook_queries
from firebell.runbooks.automation import automation_level
from firebell.runbooks.runs import actions as runbook_runs

PROVISIONAL_AFTER = timedelta(minutes=15)
_EVENTS_SINCE = timedelta(days=190)


async def load_facts(tx: Tx, now: datetime) -> ReadinessFacts:
    """Return the facts of all 16 rules at an instant."""
    with private_reader.as_reader(None):
        return await _load(tx, now)


async def _load(tx: Tx, now: datetime) -> ReadinessFacts:
    rota = await _Rota.load(tx, now)
    lines = incidents.severity_texts(await handbook.all_templates(tx)).values()
    required = [int(severity) for severity, fact in FACTS.items() if fact.postmortem]
    return ReadinessFacts(
        classified=await store.classified(tx, now - rule_parts.YEAR, rule_parts.CLASSIFIED_MIN),
        severity_lines=sum(bool(text) for line in lines for text in (line.meaning, line.response)),
        provisional=await store.provisional(tx, now - PROVISIONAL_AFTER),
        last_event=await store.last_event(tx, now - rule_parts.WEEK),
        last_delivery=await store.last_delivery(tx, now - rule_parts.MONTH),
        rotas=rota.facts(await store.proofs(tx, now - rule_parts.QUARTER)),
        has_chat=await store.has_chat(tx),
        channel=await store.last_channel(tx, now - rule_parts.HALF_YEAR),
        runbooks=await _runbooks(tx, now),
        public_page=await store.public_page(tx),
        public_post=await store.last_public_post(tx, now - rule_parts.HALF_YEAR),
        teams=rota.teams(await store.owning_teams(tx), await store.last_drills(tx, now - rule_parts.YEAR)),
        tabletops=await store.tabletops(tx, now - rule_parts.HALF_YEAR),
        reviewed_postmortem=await store.reviewed_postmortem(tx),
        closed=await store.closed_severe(tx, now - rule_parts.QUARTER, required),
        other_document=await store.last_other_document(tx, now - rule_parts.HALF_YEAR),
        acknowledged_pages=await store.acknowledged_pages(
            tx, now - rule_parts.QUARTER, rule_parts.MEASURED_MIN
        ),
        closed_incidents=await store.closed_incidents(tx, now - rule_parts.QUARTER, rule_parts.MEASURED_MIN),
        metric_views=await review_store.metric_views(tx, now - rule_parts.MONTH, rule_parts.VIEWERS_MIN),
        planning=await store.planning(tx, now - rule_parts.QUARTER),
        active_rules=await store.active_rules(tx),
        declared_by_rule=await store.declared_by_rule(tx, now - rule_parts.HALF_YEAR),
        terminal_run=await store.terminal_run(tx, now - rule_parts.QUARTER),
        drill_months=await store.drill_months(tx, now - _EVENTS_SINCE),
        reviews=await _reviews(tx, now),
    )


async def _reviews(tx: Tx, now: datetime) -> dict[date, dict[str, datetime | None]]:
    """Return when each team signed the last two quarters that ended, by their first days."""
    last = last_closed(now)
    return {
        quarter.first: {review.team: review.signed_at for review in await review_store.reviews(tx, quarter)}
        for quarter in (last, last.previous)
    }


async def _runbooks(tx: Tx, now: datetime) -> list[RunbookFacts]:
    """Return the runbooks of the library that count: changed ones, and shipped ones that were run."""
    runs = await runbook_runs.summaries(tx)
    linked = {service.runbook_url.rstrip("/").rpartition("/")[2] for service in await catalog.services(tx)}
    details = await runbook_queries.details(tx, await runbook_actions.library(tx), "", now)
    return [
        RunbookFacts(
            slug=one.stored.slug,
            title=one.title,
            day=None if one.age_days is None else now.date() - timedelta(days=one.age_days),
            has_errors=one.errors > 0,
            has_team=one.team is not None,
            matches=bool(one.runbook.front.services or one.runbook.front.triggers)
            or one.stored.slug in linked,
            level=int(automation_level(one.runbook, runs.get(one.stored.slug, ()), now)),
        )
        for one in details
        if one.stored.version > 0 or one.stored.slug in runs
    ]


class _Rota:
    """The schedules of the next 28 days with the people in their shifts, and the policies."""

    def __init__(
        self,
        schedules: Sequence[Schedule],
        policies: Sequence[Policy],
        names: Mapping[int, str],
        members: Mapping[int, Sequence[int]],
        now: datetime,
    ) -> None:
        self._schedules, self._names, self._members = schedules, names, members
        # the levels of an urgent page of alerts, at whatever time of the week
        self._paths = [(policy, policy.plan.paths(HIGH)) for policy in policies if policy.levels]
        self._now = now
        self._by_id = {schedule.id: schedule for schedule in schedules}
        self._shifts = {
            schedule.id: shifts.between(schedule, now, now + rule_parts.ROTA_AHEAD) for schedule in schedules
        }

    @classmethod
    async def load(cls, tx: Tx, now: datetime) -> "_Rota":
        """Read them all at once."""
        schedules = await oncall.schedules(tx, since=now, until=now + rule_parts.ROTA_AHEAD)
        policies = await paging.policies(tx)
        active = {person.id: person.name for person in await people.people(tx) if person.active}
        members = await people.members(tx, [team.id for team in await people.teams(tx)])
        ids = {team: [i for i, _ in of_team if i in active] for team, of_team in members.items()}
        return cls(schedules, policies, active, ids, now)

    def _people_in(self, schedule_id: int) -> list[int]:
        ids = (i for shift in self._shifts[schedule_id] for i in shift.users)
        return [i for i in dict.fromkeys(ids) if i in self._names]

    def _reached(self, targets: Sequence[Target]) -> set[int]:
        reached: set[int] = set()
        for target in targets:
            match target.kind:
                case TargetKind.PERSON:
                    reached.add(target.id)
                case TargetKind.SCHEDULE if target.id in self._by_id:
                    reached |= set(oncall.users_at(self._by_id[target.id], self._now))
                case TargetKind.TEAM:
                    reached |= set(self._members.get(target.id, ()))
        return {i for i in reached if i in self._names}

    def _has_second(self, levels: Sequence[Level]) -> bool:
        """Return True if someone else than the first level's first person is reached within five minutes."""
        first = self._reached(levels[0].targets)
        if levels[0].strategy is Strategy.ROUND_ROBIN:
            first = set(sorted(first)[: levels[0].min_acks])
        if len(first) > 1:
            return True
        waited_s = 0
        for level, following in pairwise(levels):
            waited_s += level.ack_within_s
            if waited_s > rule_parts.SECOND_PERSON_WITHIN_S:
                return False
            if self._reached(following.targets) - first:
                return True
        return False

    def facts(self, proofs: Mapping[int, datetime]) -> list[RotaFacts]:
        """Return the facts of the schedules, those that begin a policy first."""
        facts = []
        for schedule in self._schedules:
            own = self._people_in(schedule.id)
            gaps = [shift for shift in self._shifts[schedule.id] if not shift.users]
            target = Target(TargetKind.SCHEDULE, schedule.id)
            begun = {
                policy: own_paths
                for policy, paths in self._paths
                if (own_paths := [path for path in paths if target in path[0].targets])
            }
            best = next((policy for policy in begun if all(map(self._has_second, begun[policy]))), None)
            facts.append(
                RotaFacts(
                    name=schedule.name,
                    slug=schedule.slug,
                    people=len(own),
                    gap_s=sum((gap.end - gap.start).total_seconds() for gap in gaps),
                    policy=(best or next(iter(begun))).name if begun else "",
                    second_person=best is not None,
                    proofs={self._names[i]: proofs.get(i) for i in own},
                )
            )
        return sorted(facts, key=lambda fact: not fact.policy)

    def teams(self, owning: Mapping[int, str], drilled: Mapping[int, datetime]) -> list[TeamFacts]:
        """Return the people in the shifts of each team that owns a service, with their last drill."""
        facts = []
        for team_id, name in owning.items():
            ids = {i for s in self._schedules if s.team_id == team_id for i in self._people_in(s.id)}
            facts.append(TeamFacts(name, {i: drilled.get(i) for i in sorted(ids)}))
        return facts
