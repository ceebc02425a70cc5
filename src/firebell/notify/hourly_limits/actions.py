"""Stops messages over the hourly limits, and notifies the admins when codes and tests are stopped."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from firebell.channels.base import Failed
from firebell.kit.db.database import Reads, Tx
from firebell.notify import actions
from firebell.notify.hourly_limits import allowance_store
from firebell.notify.hourly_limits import store as hourly_limit_store
from firebell.notify.hourly_limits.rules import (
    CHARGED,
    HOUR,
    CodeAllowance,
    HourlyLimits,
    LimitScope,
    ReachedLimit,
    is_requested,
    limited_recipient,
    refused,
)
from firebell.notify.model import Delivery, Notice
from firebell.people import actions as people
from firebell.people.permissions import ADMINS

T = TypeVar("T", ReachedLimit, CodeAllowance)


async def over_limit(tx: Tx, claimed: Sequence[Delivery], now: datetime) -> dict[int, Failed]:
    """Return the failure of each message over a limit; reads nothing unless one of them costs money."""
    recipients = {recipient for delivery in claimed if (recipient := limited_recipient(delivery))}
    has_requested = any(is_requested(delivery) for delivery in claimed)
    if not recipients and not has_requested:
        return {}
    ids, since = [delivery.id for delivery in claimed], now - HOUR
    limits = HourlyLimits(
        await hourly_limit_store.page_messages(tx, recipients, CHARGED, ids, since) if recipients else {},
        await hourly_limit_store.requested_messages(tx, CHARGED, ids, since) if has_requested else (),
        await _allowed(tx, now) if has_requested else (),
    )
    failures = refused(limits, claimed)
    if any(is_requested(delivery) and delivery.id in failures for delivery in claimed):
        await _warn(tx, limits.reached_limits(), now)
    return failures


async def reached_limits(tx: Reads, now: datetime) -> list[ReachedLimit]:
    """Return the limits of codes and tests that are reached, except where an admin allowed more."""
    requested = await hourly_limit_store.requested_messages(tx, CHARGED, [], now - HOUR)
    return await with_names(tx, HourlyLimits({}, requested, await _allowed(tx, now)).reached_limits())


async def with_names(tx: Reads, listed: Sequence[T]) -> list[T]:
    """Return limits or allowances with the names of the people whose they are."""
    ids = [int(each.scope.value) for each in listed if each.scope.kind == "person"]
    names = {str(person.id): person.name for person in (await people.people_by_id(tx, ids)).values()}
    return [
        each._replace(person=names.get(each.scope.value, "")) if each.scope.kind == "person" else each
        for each in listed
    ]


async def _allowed(tx: Reads, now: datetime) -> list[LimitScope]:
    return [allowance.scope for allowance in await allowance_store.in_force(tx, now)]


async def _warn(tx: Tx, stopped: Sequence[ReachedLimit], now: datetime) -> None:
    """Notify the admins, once an hour for each scope."""
    admins = await people.people_with_role(tx, ADMINS)
    notices = [
        Notice(
            key=f"pumping:{stop.scope.kind}:{stop.scope.value}:{now:%Y-%m-%dT%H}:{admin.id}",
            person_id=admin.id,
            kind="cost",
            title=f"{stop.text} are stopped",
            note=f"{stop.sent} were sent in the last hour, which may be fraud. They resume when fewer than"
            f" {stop.limit} were sent in the last hour. Pages aren’t affected by this limit."
            " Check the audit log for new contact methods. If they are wanted, an admin can allow them.",
            link="/settings/phone",
        )
        for stop in await with_names(tx, stopped)
        for admin in admins
    ]
    await actions.send_notices(tx, notices, now)
