"""Sign-in attempts: charged before the password check, refunded if it was right, audited in bursts."""

from dataclasses import dataclass
from datetime import datetime
from math import ceil

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import TooMany
from firebell.people.sign_in import limit_store as sign_in_limit_store
from firebell.people.sign_in import limits as sign_in_limits
from firebell.people.sign_in.limits import BURST_ENDS_AFTER, Counter, Scope


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that was allowed; `failures` is its number in the burst if it fails."""

    counters: tuple[Counter, ...]
    failures: int
    address: str


async def _spend(tx: Tx, counter: Counter, now: datetime) -> int | None:
    return await sign_in_limit_store.spend(
        tx,
        counter.scope,
        counter.subject,
        counter.budget.refill,
        counter.budget.refill_time,
        counter.budget.refill_time + BURST_ENDS_AFTER,
        now,
    )


async def begin(
    tx: Tx, account: str, address: str, device: str, person_id: int | None, now: datetime
) -> Attempt | TooMany:
    """Charge an attempt against its budgets, or return why it is refused; concurrent attempts all count.

    The caller commits before it raises: a refusal is counted too.
    """
    counters = sign_in_limits.counters(account, address, device)
    failures = 0
    for index, counter in enumerate(counters):
        number = await _spend(tx, counter, now)
        if number is None:
            for charged in counters[:index]:
                await sign_in_limit_store.give_back(tx, charged.scope, charged.subject, charged.budget.refill)
            return await _refuse(tx, counter, address, person_id, now)
        failures = number
    return Attempt(counters, failures, address)


async def _refuse(tx: Tx, counter: Counter, address: str, person_id: int | None, now: datetime) -> TooMany:
    keep = counter.budget.refill_time + BURST_ENDS_AFTER
    spent_until, refusals = await sign_in_limit_store.refuse(tx, counter.scope, counter.subject, keep, now)
    by_address = counter.scope is Scope.ADDRESS
    if sign_in_limits.is_audited(refusals) and (by_address or person_id is not None):
        subject = f"address:{address}" if by_address else f"person:{person_id}"
        await tx.audit(
            Actor("visitor", address), "sign_in.limited", subject, now, refusals=refusals, by=counter.scope
        )
    wait = (spent_until + counter.budget.refill - now - counter.budget.refill_time).total_seconds()
    minutes = max(1, ceil(wait / 60))
    return TooMany(
        "Too many failed sign-ins.",
        hint=f"Try again in {minutes} min, use a browser in which you have signed in before,"
        " or ask an admin for a sign-in link.",
        retry_after=max(1, ceil(wait)),
    )


async def fail(tx: Tx, attempt: Attempt, person_id: int | None, now: datetime) -> None:
    """Record that the password was wrong: the charge stays."""
    failures, subject = attempt.failures, f"person:{person_id}"
    if person_id is None:
        failures, subject = await _spend(tx, sign_in_limits.unknown_accounts(), now) or 0, "sign-in"
    if sign_in_limits.is_audited(failures):
        action = "sign_in.unknown_account" if person_id is None else "sign_in.failed"
        await tx.audit(Actor("visitor", attempt.address), action, subject, now, failures=failures)
    await sign_in_limit_store.prune_limits(tx, now)


async def succeed(tx: Tx, attempt: Attempt) -> None:
    """Refund the charge, and reset the failures of a known browser."""
    for counter in attempt.counters:
        if counter.scope is Scope.DEVICE:
            await sign_in_limit_store.clear_limit(tx, counter.scope, counter.subject)
        else:
            await sign_in_limit_store.give_back(tx, counter.scope, counter.subject, counter.budget.refill)
