"""What would happen if a page began now and nobody answered: shown beside a policy, pages nobody."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.kit.db import Tx
from firebell.paging import escalation, timers
from firebell.paging.model import Policy
from firebell.paging.notification_rules import plan


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `at` counts from the page's beginning, `after` from the entry of its level."""

    at: timedelta
    after: timedelta
    person_id: int
    person: str
    channel: str


@dataclass(frozen=True, slots=True)
class Step:
    """One level of the first round, or the final alarm (`level` None); no people: skipped at once."""

    at: timedelta
    level: int | None
    people: tuple[tuple[int, str], ...]
    messages: tuple[Message, ...]

    @property
    def names(self) -> str:
        """The people as words."""
        return ", ".join(name for _, name in self.people)


async def dry_run(tx: Tx, policy: Policy, now: datetime) -> list[Step]:
    """Return what an urgent page of this policy would do from `now` on, by today's schedules and rules."""
    probe = timers.hypothetical_page(policy.plan, policy.team_id, now)
    facts = await timers.load_recipients(tx, [probe], now)

    def step(at: datetime, level: int | None, reached: tuple[int, ...]) -> Step:
        reason = "alarm" if level is None else "page"
        messages = tuple(
            Message(m.send_at - now, m.send_at - at, i, facts.people[i].name, m.method.kind)
            for i in reached
            for m in plan(i, facts.rules["high"][i], at, reason)
        )
        return Step(at - now, level, tuple((i, facts.people[i].name) for i in reached), messages)

    return [
        step(at, level, tuple(facts.last_resort(probe)) if level is None else reached)
        for at, level, reached in escalation.dry_run(
            policy.plan, lambda level: facts.reach(probe, level), now
        )
    ]
