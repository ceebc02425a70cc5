"""The message about the clocks of an incident, from their state when it is sent."""

from collections.abc import Sequence
from datetime import datetime

from firebell.channels.base import Item, Message
from firebell.incidents import actions as incidents
from firebell.kit.context import Context
from firebell.kit.countdown import stopwatch
from firebell.kit.db.database import Tx
from firebell.kit.localtime import format_local
from firebell.kit.text import plural
from firebell.notify.model import Outgoing
from firebell.regulatory import queries
from firebell.regulatory.model import Clock, State
from firebell.regulatory.queries import IncidentClocks

COUNSEL = "Confirm with counsel. Firebell informs; it doesn't decide."


async def compose(tx: Tx, ctx: Context, outgoing: Sequence[Outgoing], now: datetime) -> list[Message]:
    """Return the message of each delivery about the clocks of an incident, in the recipient's time zone."""
    ids = list({one.delivery.subject_id for one in outgoing})
    listed = await incidents.incidents_by_id(tx, ids)
    clocks = {one.incident.id: one for one in await queries.clocks_of(tx, list(listed.values()), now)}
    return [
        _message(clocks[delivery.subject_id], ctx.public_url, recipient.tz, delivery.rank, now)
        for delivery, recipient in outgoing
    ]


async def incidents_of(tx: Tx, incident_ids: Sequence[int]) -> dict[int, int]:
    """Return the incident of each subject, which is itself."""
    return {incident_id: incident_id for incident_id in incident_ids}


def _message(one: IncidentClocks, public_url: str, tz: str, rank: int, now: datetime) -> Message:
    incident, owed = one.incident, one.owed
    undecided = one.in_states(State.UNDECIDED)
    lines = [f"{_name(clock)} to {clock.recipient}: {_due(clock, tz, now)}." for clock in owed]
    if undecided:
        lines.append(f"Not decided: {plural(len(undecided), 'clock')}. Record the facts that decide them.")
    if not owed and not undecided:
        lines.append("No regulatory clock is running anymore.")
    return Message(
        event="regulatory",
        title=_title(incident.ref, owed, undecided, now),
        urgency="high" if rank == 1 else "low",
        composed_at=now,
        ref=incident.ref,
        url=f"{public_url}/incidents/{incident.ref}/clocks",
        lines=(*lines, COUNSEL),
        items=tuple(Item(_name(clock), data=_data(clock)) for clock in owed),
    )


def _name(clock: Clock) -> str:
    return f"{clock.applied.regime.name}, {clock.obligation.title}"


def _due(clock: Clock, tz: str, now: datetime) -> str:
    if clock.due_at is None:
        return "no due time"
    left = clock.due_at - now
    remaining = f"overdue {stopwatch(left)}" if clock.state is State.OVERDUE else f"{stopwatch(left)} left"
    return f"due {format_local(clock.due_at, tz)} ({clock.due_at:%Y-%m-%d %H:%M} UTC), {remaining}"


def _title(ref: str, owed: Sequence[Clock], undecided: Sequence[Clock], now: datetime) -> str:
    if owed and owed[0].due_at:
        first = owed[0]
        left = stopwatch(owed[0].due_at - now)
        when = f"overdue {left}" if first.state is State.OVERDUE else f"due in {left}"
        return f"{ref}: {_name(first)} {when}"
    if undecided:
        return f"{ref}: {plural(len(undecided), 'regulatory clock')} not decided"
    return f"{ref}: no regulatory clock is running"


def _data(clock: Clock) -> dict[str, object]:
    return {
        "obligation": clock.id,
        "state": str(clock.state),
        "due_at": clock.due_at.isoformat() if clock.due_at else None,
    }
