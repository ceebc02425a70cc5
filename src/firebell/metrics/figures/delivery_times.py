"""How fast messages about urgent pages are delivered, by channel (pure; spec 5)."""

from collections.abc import Sequence
from dataclasses import dataclass

from firebell.metrics.presentation.summaries import Share
from firebell.metrics.presentation.tables import Cell, Column, Table, Unit
from firebell.metrics.statistics import kaplan_meier
from firebell.metrics.statistics.kaplan_meier import Step

TARGET_S = 30
P99_LEAST_MESSAGES = 100
"""Fewer messages have no 99% quantile."""


@dataclass(frozen=True, slots=True)
class DeliveryTime:
    """How many messages of a channel took as many whole seconds; None for those that failed."""

    channel: str
    seconds: int | None
    messages: int


def share(times: Sequence[DeliveryTime]) -> Share:
    """Return how many messages were accepted within the target, and how many there were."""
    in_time = sum(one.messages for one in times if one.seconds is not None and one.seconds <= TARGET_S)
    return Share(in_time, sum(one.messages for one in times))


def p99(times: Sequence[DeliveryTime]) -> float | None:
    """Return within how many seconds 99% of messages were accepted, None if they were not, or are too few."""
    if sum(one.messages for one in times) < P99_LEAST_MESSAGES:
        return None
    accepted = sorted((one.seconds, one.messages) for one in times if one.seconds is not None)
    failed = sum(one.messages for one in times if one.seconds is None)
    last = accepted[-1][0] if accepted else 0
    steps = [Step(seconds, messages, 0) for seconds, messages in accepted]
    return kaplan_meier.quantile([*steps, Step(last, 0, failed)], 0.99)


def by_channel(times: Sequence[DeliveryTime]) -> Table:
    """Return a row for each channel, that with the most messages first."""
    channels: dict[str, list[DeliveryTime]] = {}
    for one in times:
        channels.setdefault(one.channel, []).append(one)
    rows: list[tuple[Cell, ...]] = []
    for channel, own in channels.items():
        counted = share(own)
        failed = sum(one.messages for one in own if one.seconds is None)
        rows.append((channel, counted.n, counted.hits, counted.value, p99(own), failed))
    rows.sort(key=lambda row: (-int(row[1] or 0), row[0]))
    columns = (
        Column("channel", "Channel", Unit.TEXT),
        Column("messages", "Messages"),
        Column("within_30_s", "Within 30 s"),
        Column("share", "Share", Unit.SHARE),
        Column("p99_s", "99% within", Unit.SECONDS),
        Column("failed", "Failed"),
    )
    return Table("Messages by channel", columns, rows)
