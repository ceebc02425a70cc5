"""What would happen if a page began now and nobody answered: shown beside a policy, pages nobody."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.kit.db import Tx
from firebell.paging import due
from firebell.paging.model import Policy
from firebell.paging.personal import plan


@dataclass(frozen=True, slots=True)
class Message:
    """One message: `at` after the page began, `after` its level was entered; levels count from 1."""

    level: int
    at: timedelta
    after: timedelta
    person_id: int
    person: str
    channel: str


@dataclass(frozen=True, slots=True)
class DryRun:
    """The first round, the levels that reach nobody now, when it starts over, and the final alarm."""

    messages: tuple[Message, ...]
    empty_levels: tuple[int, ...]
    again_at: timedelta
    final_at: timedelta
    final: tuple[str, ...]


async def dry_run(tx: Tx, policy: Policy, now: datetime) -> DryRun:
    """Return what an urgent page of this policy would do from `now` on, by today's schedules and rules."""
    probe = due.probe(policy.plan, policy.team_id, now)
    facts = await due.gather(tx, [probe], now)
    messages: list[Message] = []
    empty: list[int] = []
    entered = timedelta()
    for number, level in enumerate(policy.levels, 1):
        reached = facts.reach(probe, number - 1)
        for person_id in reached:
            for planned in plan(person_id, facts.rules["high"][person_id], now, "page"):
                after = planned.send_at - now
                name = facts.people[person_id].name
                messages.append(Message(number, entered + after, after, person_id, name, planned.method.kind))
        if reached:
            entered += timedelta(seconds=level.ack_within_s)
        else:
            empty.append(number)
    final = tuple(facts.people[i].name for i in facts.last_resort(probe))
    ordered = tuple(sorted(messages, key=lambda m: m.at))
    return DryRun(ordered, tuple(empty), entered, entered * (policy.repeat + 1), final)
