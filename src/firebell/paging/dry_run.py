"""The dry run of a policy: who would be notified if a page began now. Notifies no one."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.kit.db.database import Tx
from firebell.notify.notification_rules import plan
from firebell.paging import escalation
from firebell.paging.model import Policy
from firebell.paging.recipients import hypothetical_page, load_recipients


@dataclass(frozen=True, slots=True)
class PlannedMessage:
    """A message; `at` counts from the start of the page, `after` from the entry of its level."""

    at: timedelta
    after: timedelta
    person_id: int
    person: str
    channel: str


@dataclass(frozen=True, slots=True)
class PlannedLevel:
    """A level of the first round, or the final alarm if `level` is None; without people it is skipped."""

    at: timedelta
    level: int | None
    people: tuple[tuple[int, str], ...]
    messages: tuple[PlannedMessage, ...]

    @property
    def names(self) -> str:
        """The names of the people, separated by commas."""
        return ", ".join(name for _, name in self.people)


def offset(elapsed: timedelta) -> str:
    """Return a duration as minutes and seconds, such as 5:00."""
    minutes, seconds = divmod(int(elapsed.total_seconds()), 60)
    return f"{minutes}:{seconds:02}"


async def dry_run(tx: Tx, policy: Policy, now: datetime) -> list[PlannedLevel]:
    """Return the steps of an urgent page that begins at `now`, by the schedules and rules as of `now`."""
    page = hypothetical_page(policy.plan, policy.team_id, now)
    recipients = await load_recipients(tx, [page], now)

    def step(at: datetime, level: int | None, reached: tuple[int, ...]) -> PlannedLevel:
        reason = "alarm" if level is None else "page"
        messages = tuple(
            PlannedMessage(
                at=planned.send_at - now,
                after=planned.send_at - at,
                person_id=person_id,
                person=recipients.people[person_id].name,
                channel=planned.method.kind,
            )
            for person_id in reached
            for planned in plan(person_id, recipients.rules["high"][person_id], at, reason)
        )
        return PlannedLevel(at - now, level, tuple((i, recipients.people[i].name) for i in reached), messages)

    return [
        step(at, level, tuple(recipients.last_resort(page)) if level is None else reached)
        for at, level, reached in escalation.dry_run(
            policy.plan, lambda level: recipients.reach(page, level), now
        )
    ]
