"""When the next post to an audience is due, and the clocks of emails to customers (spec 7.13); pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.audiences.model import AudienceDefinition, Cadence, Moment, Occasion

OCCASION_WITHIN = timedelta(minutes=15)
"""How long after a decision, a change of severity or the end the post about it is due."""
CUSTOMER_MAIL_WITHIN = timedelta(minutes=60)
CUSTOMER_MAIL_AFTER_RAISE = timedelta(minutes=30)
POST_RESOLUTION_WITHIN = timedelta(hours=4)
POST_RESOLUTION_MISSED = timedelta(hours=24)
CUSTOMER_SEVERITY = 1
"""The least severe incident whose customers get an email within the hour."""
REMINDER_SHARES = (80, 100)
"""The percentages of the time at which the comms lead and the commander are reminded."""


@dataclass(frozen=True, slots=True)
class SeverityStep:
    """The severity changed at an instant."""

    at: datetime
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class AudienceFacts:
    """What the clocks of an incident follow from; instants are in order.

    `closed_at` is None while it is open. `resolved_at` is when the impact last ended.
    """

    declared_at: datetime
    severity: int
    changes: tuple[SeverityStep, ...] = ()
    occasions: tuple[tuple[datetime, Occasion], ...] = ()
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    customers_impacted: bool | None = None

    @property
    def first_severity(self) -> int:
        """The severity that it was declared with."""
        return self.changes[0].before if self.changes else self.severity


@dataclass(frozen=True, slots=True)
class Due:
    """A post that is due: when, which one, and from when the time counts.

    `occasion` is what happened if that made it due; None for the interval.
    """

    at: datetime
    moment: Moment
    since: datetime
    occasion: Occasion | None = None

    @property
    def period(self) -> timedelta:
        """The time that there is for it."""
        return self.at - self.since


def first_due(cadence: Sequence[Cadence], facts: AudienceFacts) -> datetime | None:
    """Return when the first post is due, None for never.

    A raise makes it due earlier, at the earliest after half of the new time from then. After a lowering the
    time of the new severity counts, unless the old time had passed.
    """
    due_at = _after(facts.declared_at, cadence[facts.first_severity].first)
    for step in facts.changes:
        new = _after(facts.declared_at, cadence[step.after].first)
        if step.after < step.before:
            if new is not None:
                half = timedelta(minutes=cadence[step.after].first or 0) / 2
                new = max(new, step.at + half)
                due_at = new if due_at is None else min(due_at, new)
        elif due_at is None or due_at > step.at:
            due_at = new
    return due_at


def _after(at: datetime, minutes: int | None) -> datetime | None:
    return None if minutes is None else at + timedelta(minutes=minutes)


def severity_at(facts: AudienceFacts, at: datetime) -> int:
    """Return the severity at an instant."""
    severity = facts.first_severity
    for step in facts.changes:
        if step.at <= at:
            severity = step.after
    return severity


def next_due(audience: AudienceDefinition, facts: AudienceFacts, posts: Sequence[datetime]) -> Due | None:
    """Return the next post that an audience is to get, None for none; `posts` are those sent, in order.

    Nothing but the end is due after the incident is closed.
    """
    if audience.is_external and facts.customers_impacted is False:
        return None
    first_at = first_due(audience.cadence, facts)
    if facts.closed_at is not None:
        return _end_due(audience, facts, posts, first_at)
    if not posts:
        return None if first_at is None else Due(first_at, Moment.FIRST, facts.declared_at)
    last = posts[-1]
    every_at = _after(last, audience.cadence[facts.severity].every)
    regular = None if every_at is None else Due(every_at, Moment.UPDATE, last)
    for at, occasion in facts.occasions:
        if at > last and occasion in audience.occasions:
            early = Due(at + OCCASION_WITHIN, Moment.UPDATE, at, occasion)
            return early if regular is None or early.at < regular.at else regular
    return regular


def _end_due(
    audience: AudienceDefinition, facts: AudienceFacts, posts: Sequence[datetime], first_at: datetime | None
) -> Due | None:
    closed_at = facts.closed_at
    assert closed_at is not None
    was_due = bool(posts) or (first_at is not None and (audience.is_external or first_at <= closed_at))
    ended_at = facts.resolved_at or closed_at
    if not audience.has_end or not was_due or any(at >= ended_at for at in posts):
        return None
    within = POST_RESOLUTION_WITHIN if audience.is_external else OCCASION_WITHIN
    return Due(closed_at + within, Moment.END, closed_at)


@dataclass(frozen=True, slots=True)
class LatePost:
    """A post that came late, or has not come: `number` counts the posts before it."""

    number: int
    due_at: datetime
    sent_at: datetime | None


def late_posts(
    audience: AudienceDefinition, facts: AudienceFacts, posts: Sequence[datetime], now: datetime
) -> list[LatePost]:
    """Return the posts that came or come later than their time and a quarter, oldest first."""
    late = []
    for number, sent_at in enumerate([*posts, None]):
        before, until = posts[:number], sent_at or now
        if sent_at is None:
            due = next_due(audience, facts, posts)
        elif facts.closed_at is not None and sent_at > facts.closed_at:
            continue
        elif not before:
            first_at = first_due(audience.cadence, facts)
            due = Due(first_at, Moment.FIRST, facts.declared_at) if first_at else None
        else:
            every_at = _after(before[-1], audience.cadence[severity_at(facts, sent_at)].every)
            due = Due(every_at, Moment.UPDATE, before[-1]) if every_at else None
        if due and until > due.at + due.period / 4:
            late.append(LatePost(number, due.at, sent_at))
    return late


def customer_mail_due(facts: AudienceFacts) -> datetime | None:
    """Return when customers must have had an email, None for never: a SEV0 or SEV1 that may impact customers.

    A raise into SEV0 or SEV1 makes it due an hour after the declaration, or half an hour after the raise.
    """
    if facts.customers_impacted is False:
        return None
    due_at = facts.declared_at + CUSTOMER_MAIL_WITHIN if facts.first_severity <= CUSTOMER_SEVERITY else None
    for step in facts.changes:
        if step.after <= CUSTOMER_SEVERITY:
            new = max(facts.declared_at + CUSTOMER_MAIL_WITHIN, step.at + CUSTOMER_MAIL_AFTER_RAISE)
            due_at = new if due_at is None else min(due_at, new)
        elif due_at is not None and due_at > step.at:
            due_at = None
    return due_at


def post_resolution_due(facts: AudienceFacts) -> datetime | None:
    """Return when customers must know that it is over, None unless they had to have an email and it is closed."""
    if facts.closed_at is None or facts.customers_impacted is False:
        return None
    worst = min([facts.first_severity, *(step.after for step in facts.changes)])
    return facts.closed_at + POST_RESOLUTION_WITHIN if worst <= CUSTOMER_SEVERITY else None


def post_resolution_sent(facts: AudienceFacts, mails: Sequence[datetime]) -> datetime | None:
    """Return when customers were told that it is over: the first email since the impact ended."""
    ended_at = facts.resolved_at or facts.closed_at
    return next((at for at in mails if ended_at is not None and at >= ended_at), None)


def reminder_times(due: Due) -> list[tuple[int, datetime]]:
    """Return the percentages of the time at which someone is reminded, each with its instant."""
    return [(share, due.since + due.period * share / 100) for share in REMINDER_SHARES]
