"""The dry run of a plan: who would be notified if a page began at an instant. Notifies no one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.kit.db.database import Tx
from firebell.kit.errors import Invalid
from firebell.notify.notification_rules import can_wait, plan
from firebell.paging.escalation.recipients import Recipients, hypothetical_page, load_recipients
from firebell.paging.escalation.round_robin import successive
from firebell.paging.level_conditions import HIGH, PAGE_KINDS, PageKind
from firebell.paging.model import Page, Plan
from firebell.paging.policies import dry_steps

KINDS = {kind.urgency if kind.severity is None else f"sev{kind.severity}": kind for kind in PAGE_KINDS}
"""The kinds of pages that a dry run offers, by their names in addresses."""
KIND_LABELS = {
    name: f"{kind.urgency.capitalize()} urgency" if kind.severity is None else f"SEV{kind.severity}"
    for name, kind in KINDS.items()
}
MAX_DISTANCE = timedelta(days=400)
"""How far from now a dry run can begin; schedules are checked as far ahead."""


@dataclass(frozen=True, slots=True)
class PlannedMessage:
    """A message; `at` counts from the start of the page, `after` from the entry of its level.

    `held` is True if quiet hours hold it until then.
    """

    at: timedelta
    after: timedelta
    person_id: int
    person: str
    channel: str
    held: bool = False


@dataclass(frozen=True, slots=True)
class PlannedLevel:
    """A level of the first round, or the final alarm if `level` is None; without people it is skipped.

    `unreachable` are the names of its people who have no usable contact method. `is_excluded` is True if the page
    does not meet the conditions of the level then.
    """

    at: timedelta
    level: int | None
    people: tuple[tuple[int, str], ...]
    messages: tuple[PlannedMessage, ...]
    unreachable: tuple[str, ...] = ()
    is_excluded: bool = False

    @property
    def names(self) -> str:
        """The names of the people, separated by commas."""
        return ", ".join(name for _, name in self.people)


def offset(elapsed: timedelta) -> str:
    """Return a duration as minutes and seconds, such as 5:00."""
    minutes, seconds = divmod(int(elapsed.total_seconds()), 60)
    return f"{minutes}:{seconds:02}"


def page_kind(name: str) -> PageKind:
    """Return the kind of page of this name, one of high urgency for any other name."""
    return KINDS.get(name, HIGH)


def checked_start(at: datetime, now: datetime) -> datetime:
    """Return the start of a dry run; raise `Invalid` for the field `at` if it is too far away."""
    if abs(at - now) > MAX_DISTANCE:
        raise Invalid("The dry run is too far away.", fields={"at": "Choose a time within 400 days of now."})
    return at


def summary(steps: Sequence[PlannedLevel]) -> str:
    """Return whom a page reaches when, such as "Ana at 0:00, 5 people at 5:00"; empty if no level reaches anyone."""
    reached = [step for step in steps if step.level is not None and step.people]
    return ", ".join(f"{_who(step)} at {offset(step.at)}" for step in reached)


def _who(step: PlannedLevel) -> str:
    return (
        " and ".join(name for _, name in step.people)
        if len(step.people) < 3
        else f"{len(step.people)} people"
    )


@dataclass(frozen=True, slots=True)
class ComparedMessage:
    """A message of a draft: `is_new` if the saved policy does not send it, `was` if it sends it at another time."""

    message: PlannedMessage
    is_new: bool = False
    was: timedelta | None = None


def compare(before: Sequence[PlannedLevel], after: Sequence[PlannedLevel]) -> list[ComparedMessage]:
    """Return the messages of `after` in their order, each beside the same one of `before`.

    The nth message to a person through a channel is the same in both.
    """
    earlier: dict[tuple[int, str], list[timedelta]] = {}
    for message in messages(before):
        earlier.setdefault((message.person_id, message.channel), []).append(message.at)
    compared = []
    for message in messages(after):
        times = earlier.get((message.person_id, message.channel))
        was = times.pop(0) if times else None
        compared.append(ComparedMessage(message, was is None, None if was == message.at else was))
    return compared


@dataclass(frozen=True, slots=True)
class DryRow:
    """A row of a dry run: a message, or a level that is skipped or does not reach everyone."""

    at: timedelta
    message: ComparedMessage | None = None
    level: PlannedLevel | None = None


def rows(before: Sequence[PlannedLevel], after: Sequence[PlannedLevel]) -> list[DryRow]:
    """Return what happens in `after` until the final alarm, in order; its messages as `compare` returns them."""
    levels = [
        DryRow(step.at, level=step)
        for step in after
        if step.level is not None and (step.unreachable or not step.people)
    ]
    # a level stands before the messages of the same instant
    return sorted(
        [*levels, *(DryRow(c.message.at, c) for c in compare(before, after))], key=lambda row: row.at
    )


def messages(steps: Sequence[PlannedLevel]) -> list[PlannedMessage]:
    """Return the messages of all levels, not of the final alarm, in the order in which they are sent."""
    sent = (m for step in steps if step.level is not None for m in step.messages)
    return sorted(sent, key=lambda m: m.at)


async def dry_run(
    tx: Tx,
    tried: Plan,
    team_id: int,
    at: datetime,
    kind: PageKind = HIGH,
    policy_id: int | None = None,
) -> list[PlannedLevel]:
    """Return the steps of a page that begins at `at` and is never acknowledged.

    Each level reaches who is on call when it is entered, as the schedules are now. Turns are those of the policy now.
    """
    page = hypothetical_page(tried, team_id, at, kind, policy_id)
    return await dry_run_of(tx, page, await load_recipients(tx, [page], at))


async def dry_run_of(tx: Tx, page: Page, first: Recipients) -> list[PlannedLevel]:
    """Return the steps of a page that begins now; `first` has the facts about it, and perhaps about others."""
    at = page.triggered_at
    order = first.orders.get(page.policy_id or 0, ())

    def reach_now(_: datetime, level: int) -> list[int]:
        return first.reach(page, level)

    by_level = {
        step.level: await load_recipients(tx, [page], step.at)
        if first.hands_off(page, step.level, step.at)
        else first
        for step in dry_steps.dry_run(page, reach_now, successive(page, order, first.waiting(page)))
        if step.level is not None
    }

    def reach_then(_: datetime, level: int) -> list[int]:
        return by_level.get(level, first).reach(page, level)

    return [
        _step(page, first, by_level, step, at)
        for step in dry_steps.dry_run(page, reach_then, successive(page, order, first.waiting(page)))
    ]


def _step(
    page: Page,
    first: Recipients,
    by_level: Mapping[int, Recipients],
    step: dry_steps.DryStep,
    start: datetime,
) -> PlannedLevel:
    at, level, reached = step.at, step.level, step.people
    recipients = first if level is None else by_level.get(level, first)
    if level is None:
        reached, reason, urgency = tuple(recipients.last_resort(page)), "alarm", "high"
    else:
        reason, urgency = "page", page.urgency
    waits = level is not None and can_wait(page.rank, reason)
    messages_ = []
    for person_id in reached:
        held = recipients.held_until.get(person_id) if waits else None
        for planned in plan(person_id, recipients.rules[urgency][person_id], at, reason):
            send_at = max(planned.send_at, held or planned.send_at)
            message = PlannedMessage(
                at=send_at - start,
                after=send_at - at,
                person_id=person_id,
                person=recipients.people[person_id].name,
                channel=planned.method.kind,
                held=send_at != planned.send_at,
            )
            messages_.append(message)
    unreachable: Sequence[int] = ()
    if level is not None and not step.is_excluded:
        unreachable = recipients.unreachable(page, level)
    return PlannedLevel(
        at=at - start,
        level=level,
        people=tuple((i, recipients.people[i].name) for i in reached),
        messages=tuple(messages_),
        unreachable=tuple(recipients.people[i].name for i in unreachable),
        is_excluded=step.is_excluded,
    )
