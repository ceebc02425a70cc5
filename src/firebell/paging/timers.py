"""What a page's timer does: enter the next level, demand again, wake up, or alarm (spec 2.3 to 2.5)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from firebell.kit import timers
from firebell.kit.db import Tx
from firebell.kit.events import SYSTEM
from firebell.oncall import actions as oncall
from firebell.paging import delivery_store, escalation, store
from firebell.paging.actions import TIMER, store_changes
from firebell.paging.delivery_store import NewDelivery
from firebell.paging.model import UNANSWERED, Page, PageState, Plan, Target, TargetKind
from firebell.paging.notification_rules import PlannedDelivery, can_wait, plan, reminder, usable
from firebell.people import actions as people
from firebell.people.model import Person, Rule

LogLine = tuple[int, str, str, int | None, str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Recipients:
    """Everything that decides who is reached, read once for a whole batch."""

    on_duty: dict[int, tuple[int, ...]]
    members: dict[int, list[int]]
    catch_all: list[int]
    people: dict[int, Person]
    rules: dict[str, dict[int, Sequence[Rule]]]
    notified: dict[int, dict[int, bool]]
    schedule_names: dict[int, str]
    quiet: dict[int, datetime]
    """Until when quiet hours hold what can wait, for those whose hours run now."""

    def reachable(self, target: Target) -> list[int]:
        """Return the active people behind a target; an unknown id is nobody."""
        match target.kind:
            case TargetKind.PERSON:
                found: Iterable[int] = (target.id,)
            case TargetKind.SCHEDULE:
                found = self.on_duty.get(target.id, ())
            case TargetKind.TEAM:
                found = self.members.get(target.id, ())
        return [i for i in found if i in self.people and self.people[i].active]

    def reach(self, page: Page, level: int) -> list[int]:
        """Return whom a level of the page's plan reaches now: people with a usable contact method."""
        found = (i for t in page.plan.levels[level].targets for i in self.reachable(t))
        return [i for i in dict.fromkeys(found) if self.rules[page.urgency].get(i)]

    def last_resort(self, page: Page) -> list[int]:
        """Return the owning team and the organization's catch-all list (spec 2.5)."""
        team = self.members.get(page.team_id, []) if page.team_id else []
        found = [i for i in dict.fromkeys([*team, *self.catch_all]) if self.rules["high"].get(i)]
        return [i for i in found if self.people[i].active]

    def held(self, page: Page, ids: Sequence[int]) -> datetime | None:
        """Return when the first of these people hears of the page, None for now (spec 2.4)."""
        if not can_wait(page.rank, "page") or not all(i in self.quiet for i in ids):
            return None
        return min(self.quiet[i] for i in ids)

    def names(self, ids: Iterable[int]) -> str:
        """Return people as words."""
        return ", ".join(self.people[i].name for i in ids)

    def targets(self, page: Page, level: int, reached: Collection[int], teams: Mapping[int, str]) -> str:
        """Return the targets of a level that stand for some of the people it reaches, by their own names."""
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

    def why(self, page: Page, level: int) -> str:
        """Return where a level looked for people."""
        words = []
        for target in page.plan.levels[level].targets:
            match target.kind:
                case TargetKind.SCHEDULE:
                    words.append(f"schedule {self.schedule_names.get(target.id, target.id)}")
                case TargetKind.TEAM:
                    words.append("the whole team")
                case TargetKind.PERSON:
                    words.append("named in the policy")
        return ", ".join(words)


def hypothetical_page(plan_: Plan, team_id: int, now: datetime) -> Page:
    """Return an urgent page that exists nowhere, to ask whom a plan would reach."""
    return Page(
        *(0, "group", 0, None, team_id, None, plan_, "", "high", None, PageState.TRIGGERED),
        *(-1, 0, 1, 1, now, now, None, None, None, None, None),
    )


async def load_recipients(tx: Tx, pages: Sequence[Page], now: datetime) -> Recipients:
    """Read the facts for these pages, at this instant."""
    targets = {t for page in pages for level in page.plan.levels for t in level.targets}
    wanted = [t.id for t in targets if t.kind is TargetKind.SCHEDULE]
    schedules = await oncall.schedules_by_id(tx, wanted, since=now)
    on_duty = {i: oncall.users_at(schedule, now) for i, schedule in schedules.items()}
    team_ids = {t.id for t in targets if t.kind is TargetKind.TEAM} | {p.team_id for p in pages if p.team_id}
    members = {i: await people.team_members(tx, i) for i in team_ids}
    catch_all = await people.fallback_responders(tx)
    named = {t.id for t in targets if t.kind is TargetKind.PERSON}
    everyone = list(
        {i for ids in (*on_duty.values(), *members.values()) for i in ids} | named | set(catch_all)
    )
    methods: dict[int, list[Any]] = {i: [] for i in everyone}
    for method in await people.methods_of(tx, everyone):
        methods[method.person_id].append(method)
    rules: dict[str, dict[int, Sequence[Rule]]] = {}
    for urgency in ("high", "low"):
        own = await people.rules_of(tx, everyone, urgency)
        rules[urgency] = {i: usable(own.get(i, []), methods[i]) for i in everyone}
    return Recipients(
        on_duty,
        members,
        catch_all,
        await people.people_by_id(tx, everyone),
        rules,
        await delivery_store.notified(tx, [p.id for p in pages]),
        {i: s.name for i, s in schedules.items()},
        await people.held_until(tx, everyone, now),
    )


async def run(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Run the timers of pages; a timer whose plan is void does nothing, one whose page is held is kept."""
    ids = [int(timer.key) for timer in due_timers]
    pages = {page.id: page for page in await store.lock_free(tx, ids)}
    missing = [i for i in ids if i not in pages]
    held = set(await store.pages_by_id(tx, missing)) if missing else set()
    ready = [
        pages[i]
        for i, timer in zip(ids, due_timers, strict=True)
        if i in pages and timer.epoch == pages[i].epoch and _is_due(pages[i], now)
    ]
    demanding: list[Page] = []
    logs: list[LogLine] = []
    for page in ready:
        if page.state in UNANSWERED:
            demanding.append(page)
        elif isinstance(again := escalation.step(page, escalation.Due(), now), Page):
            demanding.append(again)
            text = "The acknowledgement ran out." if page.snoozed_until is None else "The snooze is over."
            logs.append((page.id, "again", SYSTEM.label, None, text, {}))
    if logs:
        await store.add_log(tx, logs, now)
    if demanding:
        await _demand(tx, demanding, now)
    return [timer for i, timer in zip(ids, due_timers, strict=True) if i in held]


def _is_due(page: Page, now: datetime) -> bool:
    return page.due_at is not None and page.due_at <= now


async def _demand(tx: Tx, pages: Sequence[Page], now: datetime) -> None:
    facts = await load_recipients(tx, pages, now)
    changed: list[Page] = []
    queued: list[NewDelivery] = []
    logs: list[LogLine] = []
    for old in pages:
        tried = facts.notified.get(old.id, {})
        heard = any(tried.values()) or not tried
        outcome = escalation.advance(
            old, partial(facts.reach, old), now, heard=heard, held=partial(facts.held, old)
        )
        page = outcome.page
        changed.append(page)
        logs += [
            (page.id, "nobody", SYSTEM.label, None, f"Level {level + 1} reached nobody.", {"level": level})
            for level in outcome.skipped
        ]
        match outcome:
            case escalation.Entered(_, reached, _):
                planned = _planned(facts, page, reached, page.urgency, now, "page")
                earlier = sorted(tried.keys() - set(reached))
                if page.epoch == old.epoch:
                    planned += _reminders(facts, page, earlier, now)
                logs.append(_entered(facts, page, reached))
            case escalation.Exhausted():
                reached = tuple(facts.last_resort(page))
                planned = _planned(facts, page, reached, "high", now, "alarm")
                logs.append(_exhausted(facts, page, reached))
        rank = min(1, page.rank) if page.state is PageState.EXHAUSTED else page.rank
        queued += [NewDelivery(page.id, page.epoch, page.level, page.round, rank, p) for p in planned]
    await store_changes(tx, changed)
    await delivery_store.queue(tx, queued, now)
    await store.add_log(tx, logs, now)


def _planned(
    facts: Recipients, page: Page, reached: Sequence[int], urgency: str, now: datetime, reason: str
) -> list[PlannedDelivery]:
    return [p for i in reached for p in plan(i, facts.rules[urgency][i], now, reason)]


def _reminders(facts: Recipients, page: Page, earlier: Sequence[int], now: datetime) -> list[PlannedDelivery]:
    rules = facts.rules[page.urgency]
    return [p for i in earlier if rules.get(i) for p in reminder(i, rules[i], now)]


def _entered(facts: Recipients, page: Page, reached: Sequence[int]) -> LogLine:
    text = f"Level {page.level + 1}: {facts.names(reached)} ({facts.why(page, page.level)})."
    if can_wait(page.rank, "page") and (quiet := [i for i in reached if i in facts.quiet]):
        text += f" Quiet hours hold it for {facts.names(quiet)}."
    data = {"level": page.level, "round": page.round, "people": list(reached)}
    return (page.id, "level", SYSTEM.label, None, text, data)


def _exhausted(facts: Recipients, page: Page, reached: Sequence[int]) -> LogLine:
    who = facts.names(reached) or "nobody: the catch-all list has no reachable person"
    text = f"{page.exhausted_reason} Final alarm to {who}."
    return (page.id, "exhausted", SYSTEM.label, None, text, {"people": list(reached)})


HANDLERS: dict[str, timers.Handler] = {TIMER: run}
