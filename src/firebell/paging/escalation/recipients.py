"""Who a page reaches: the facts about people, schedules and teams, read once for a batch of pages."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.notify import actions as notify
from firebell.notify.notification_rules import can_wait
from firebell.oncall.model import Schedule, Shadow
from firebell.oncall.schedules import queries as oncall
from firebell.paging.escalation import round_robin_store
from firebell.paging.escalation.round_robin import after_turn, in_turn, turn_of
from firebell.paging.escalation.state_machine import Pick
from firebell.paging.level_conditions import HIGH, PageKind
from firebell.paging.model import (
    MANUAL_KIND,
    SUBJECT_KIND,
    Page,
    PageState,
    Plan,
    Strategy,
    Target,
    TargetKind,
)
from firebell.people import actions as people
from firebell.people.model import ContactMethod, NotificationRule, Person
from firebell.people.notification_rules.rule_times import usable


def never_tired(_: Sequence[int]) -> Collection[int]:
    """Return no one."""
    return ()


@dataclass(frozen=True, slots=True)
class Recipients:
    """Everything that decides who is reached, at one instant."""

    on_call: dict[int, tuple[int, ...]]
    """The people on call by schedule."""
    members: dict[int, list[int]]
    """The members by team."""
    fallback_responders: list[int]
    people: dict[int, Person]
    rules: dict[str, dict[int, Sequence[NotificationRule]]]
    """The usable notification rules by urgency and person."""
    notified: dict[int, dict[int, bool]]
    """By page and person: True if a message arrived, False if it was only tried."""
    schedule_names: dict[int, str]
    held_until: dict[int, datetime]
    """When quiet hours end, for the people whose quiet hours run now."""
    shadows: dict[int, list[Shadow]]
    """Those who shadow someone on call now, by schedule."""
    schedules: dict[int, Schedule]
    """The schedules of the targets, complete from now on."""
    orders: round_robin_store.Orders
    """By policy, its people by their last turn, earliest first."""
    turns_taken: set[int] = field(default_factory=set)
    """The policies whose order has changed since it was read."""

    def pick(self, page: Page, is_tired: Callable[[Sequence[int]], Collection[int]] = never_tired) -> Pick:
        """Return whose turn it is at the levels of a page.

        Someone tired, or whose quiet hours would hold the page, has their turn only if no one else is left.
        """

        def of_level(level: int, round_: int, people_: Sequence[int]) -> Sequence[int]:
            order = self.orders.get(page.policy_id or 0, ())
            return in_turn(page, level, round_, people_, order, is_tired(people_), self.waiting(page))

        return of_level

    def take_turn(self, before: Page, after: Page) -> None:
        """Remember whose turn it was at the level that a page has entered."""
        if after.policy_id is None or after.plan.levels[after.level].strategy is Strategy.ALL:
            return
        earlier = turn_of(before, after.level, after.round)
        had_turn = [i for i in turn_of(after, after.level, after.round) if i not in earlier]
        if had_turn:
            self.orders[after.policy_id] = after_turn(self.orders.get(after.policy_id, ()), had_turn)
            self.turns_taken.add(after.policy_id)

    def reachable(self, target: Target) -> list[int]:
        """Return the active people behind a target; an unknown id has none."""
        match target.kind:
            case TargetKind.PERSON:
                person_ids: Iterable[int] = (target.id,)
            case TargetKind.SCHEDULE:
                person_ids = self.on_call.get(target.id, ())
            case TargetKind.TEAM:
                person_ids = self.members.get(target.id, ())
        return [i for i in person_ids if i in self.people and self.people[i].active]

    def reach(self, page: Page, level: int) -> list[int]:
        """Return the people with a usable contact method whom a level of the page's plan reaches now."""
        person_ids = (i for target in page.plan.levels[level].targets for i in self.reachable(target))
        return [i for i in dict.fromkeys(person_ids) if self.rules[page.urgency].get(i)]

    def unreachable(self, page: Page, level: int) -> list[int]:
        """Return the active people of a level who have no usable contact method."""
        person_ids = (i for target in page.plan.levels[level].targets for i in self.reachable(target))
        return [i for i in dict.fromkeys(person_ids) if not self.rules[page.urgency].get(i)]

    def shadowing(self, page: Page, level: int, reached: Collection[int]) -> list[int]:
        """Return the active people who get a copy, because they shadow someone whom a schedule of the level reaches."""
        copies = [
            shadow.user
            for target in page.plan.levels[level].targets
            if target.kind is TargetKind.SCHEDULE
            for shadow in self.shadows.get(target.id, ())
            if not {*self.on_call.get(target.id, ())}.isdisjoint(
                reached if shadow.of is None else {shadow.of}
            )
        ]
        return [
            i
            for i in dict.fromkeys(copies)
            if i not in reached and i in self.people and self.people[i].active
        ]

    def last_resort(self, page: Page) -> list[int]:
        """Return the reachable members of the owning team and fallback responders (spec 2.5); of a drill, no one."""
        if page.plan.is_drill:
            return []
        team = self.members.get(page.team_id, []) if page.team_id else []
        person_ids = dict.fromkeys([*team, *self.fallback_responders])
        reached = [i for i in person_ids if self.rules["high"].get(i) and self.people[i].active]
        # of a page that others have to acknowledge too, those who have done so are left out if anyone else is reached
        return [i for i in reached if i not in page.acks] or reached

    def hands_off(self, page: Page, level: int, at: datetime) -> bool:
        """Return True if a schedule of a level has other people on call at a later instant."""
        ids = [t.id for t in page.plan.levels[level].targets if t.kind is TargetKind.SCHEDULE]
        return any(
            oncall.users_at(self.schedules[i], at) != self.on_call[i] for i in ids if i in self.schedules
        )

    def waiting(self, page: Page) -> Collection[int]:
        """Return the people whose quiet hours hold the messages of a page now."""
        return self.held_until.keys() if can_wait(page.rank, "page") else ()

    def held(self, page: Page, person_ids: Sequence[int]) -> datetime | None:
        """Return when the first of these people gets the page, None for now (spec 2.4)."""
        waiting = self.waiting(page)
        if not all(i in waiting for i in person_ids):
            return None
        return min(self.held_until[i] for i in person_ids)

    def names(self, person_ids: Iterable[int]) -> str:
        """Return the names of people, separated by commas."""
        return ", ".join(self.people[i].name for i in person_ids)

    def targets(self, page: Page, level: int, reached: Collection[int], teams: Mapping[int, str]) -> str:
        """Return the names of a level's targets that stand for some of the people it reaches."""
        names = []
        for target in page.plan.levels[level].targets:
            if people_behind := [i for i in self.reachable(target) if i in reached]:
                match target.kind:
                    case TargetKind.SCHEDULE:
                        names.append(self.schedule_names.get(target.id, str(target.id)))
                    case TargetKind.TEAM:
                        names.append(teams.get(target.id, str(target.id)))
                    case TargetKind.PERSON:
                        names.append(self.names(people_behind))
        return ", ".join(names)

    def reason(self, page: Page, level: int) -> str:
        """Return why a level reaches its people: by a schedule, a team, or by name."""
        reasons = []
        for target in page.plan.levels[level].targets:
            match target.kind:
                case TargetKind.SCHEDULE:
                    reasons.append(f"schedule {self.schedule_names.get(target.id, target.id)}")
                case TargetKind.TEAM:
                    reasons.append("the whole team")
                case TargetKind.PERSON:
                    reasons.append(
                        "paged by name" if page.subject_kind == MANUAL_KIND else "named in the policy"
                    )
        return ", ".join(reasons)


def hypothetical_page(
    plan: Plan,
    team_id: int,
    now: datetime,
    kind: PageKind = HIGH,
    policy_id: int | None = None,
) -> Page:
    """Return a page that is not stored, to ask who a plan would reach."""
    return Page(
        id=0,
        subject_kind="group",
        subject_id=0,
        service_id=None,
        team_id=team_id,
        policy_id=policy_id,
        plan=plan,
        title="",
        urgency=kind.urgency,
        severity=kind.severity,
        state=PageState.TRIGGERED,
        level=-1,
        round=0,
        epoch=1,
        version=1,
        due_at=now,
        triggered_at=now,
    )


async def load_recipients(
    tx: Tx, pages: Sequence[Page], now: datetime, *, takes_turns: bool = False
) -> Recipients:
    """Read the facts for these pages as of `now`.

    If it `takes_turns`, the turns of their policies are locked until the transaction ends.
    """
    targets = {t for page in pages for level in page.plan.levels for t in level.targets}
    schedule_ids = [t.id for t in targets if t.kind is TargetKind.SCHEDULE]
    schedules = await oncall.schedules_by_id(tx, schedule_ids, since=now)
    on_call = {i: oncall.users_at(schedule, now) for i, schedule in schedules.items()}
    shadows = {i: oncall.shadows_at(schedule, now) for i, schedule in schedules.items()}
    team_ids = {t.id for t in targets if t.kind is TargetKind.TEAM} | {p.team_id for p in pages if p.team_id}
    members_with_role = await people.members(tx, list(team_ids)) if team_ids else {}
    members = {team_id: [i for i, _ in listed] for team_id, listed in members_with_role.items()}
    fallback_responders = await people.fallback_responders(tx)
    named = {t.id for t in targets if t.kind is TargetKind.PERSON}
    in_groups = {i for ids in (*on_call.values(), *members.values()) for i in ids}
    in_groups |= {shadow.user for of_schedule in shadows.values() for shadow in of_schedule}
    person_ids = list(in_groups | named | set(fallback_responders))
    methods: dict[int, list[ContactMethod]] = {i: [] for i in person_ids}
    for method in await people.methods_of(tx, person_ids):
        methods[method.person_id].append(method)
    rules: dict[str, dict[int, Sequence[NotificationRule]]] = {
        urgency: {i: usable(own[i], people.paged(methods[i])) for i in person_ids}
        for urgency, own in (await people.rules_by_urgency(tx, person_ids)).items()
    }
    return Recipients(
        on_call=on_call,
        members=members,
        fallback_responders=fallback_responders,
        people=await people.people_by_id(tx, person_ids),
        rules=rules,
        notified=await notify.notified(tx, SUBJECT_KIND, [p.id for p in pages]),
        schedule_names={i: schedule.name for i, schedule in schedules.items()},
        held_until=await notify.held_until(tx, person_ids, now),
        shadows=shadows,
        schedules=schedules,
        orders=await _orders(tx, pages, takes_turns),
    )


async def _orders(tx: Tx, pages: Sequence[Page], takes_turns: bool) -> round_robin_store.Orders:
    policy_ids = {
        page.policy_id
        for page in pages
        if page.policy_id is not None
        and any(level.strategy is Strategy.ROUND_ROBIN for level in page.plan.levels)
    }
    if not policy_ids:
        return {}
    read = round_robin_store.lock_orders if takes_turns else round_robin_store.orders
    return await read(tx, list(policy_ids))
