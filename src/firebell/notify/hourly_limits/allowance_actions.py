"""Admins allow codes and tests where an hourly limit stopped them, for a while."""

from datetime import datetime, timedelta

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.notify.hourly_limits import actions as hourly_limit_actions
from firebell.notify.hourly_limits import allowance_store
from firebell.notify.hourly_limits.rules import ALLOWED_KINDS, CodeAllowance, LimitScope
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

DEFAULT_HOURS = 24
MAX_HOURS = 7 * 24


@permits(Verb.PHONE_USAGE_WRITE)
async def allow(
    tx: Tx, actor: Actor, scope: LimitScope, now: datetime, *, hours: int = DEFAULT_HOURS
) -> CodeAllowance:
    """Send codes and tests to a scope whose limit is reached; the limit of the installation still holds.

    Allowing again starts the time over. Raise Invalid for the installation or too many hours, and Conflict if the
    limit of the scope is not reached, so that no one allows in advance what someone could abuse.
    """
    if scope.kind not in ALLOWED_KINDS:
        raise Invalid(
            "The limit of all codes and tests always holds.",
            fields={"scope": "Allow a country, a range of numbers or a person."},
        )
    if not 1 <= hours <= MAX_HOURS:
        raise Invalid("Choose how long to allow it.", fields={"hours": f"Enter from 1 to {MAX_HOURS} hours."})
    allowed = {each.scope for each in await allowance_store.in_force(tx, now)}
    stopped = {stop.scope for stop in await hourly_limit_actions.reached_limits(tx, now)}
    if scope not in stopped | allowed:
        raise Conflict(f"{scope.text()} aren’t stopped now.", hint="They are sent as usual.")
    stored = await allowance_store.put(tx, scope, actor.label, now, now + timedelta(hours=hours))
    [allowance] = await hourly_limit_actions.with_names(tx, [stored])
    subject = f"code_allowance:{allowance.id}"
    name = allowance.text
    await tx.audit(
        actor, "codes.allowed", subject, now, scope=scope.kind, value=scope.value, name=name, hours=hours
    )
    return allowance


@permits(Verb.PHONE_USAGE_WRITE)
async def end_allowance(tx: Tx, actor: Actor, allowance_id: int, now: datetime) -> CodeAllowance:
    """End an allowance, so that the hourly limit holds again; raise NotFound if there is none."""
    deleted = await allowance_store.delete(tx, allowance_id)
    if deleted is None:
        raise NotFound("There is no such allowance.", hint="It may have ended already.")
    [allowance] = await hourly_limit_actions.with_names(tx, [deleted])
    scope, subject = allowance.scope, f"code_allowance:{allowance.id}"
    name = allowance.text
    await tx.audit(
        actor, "codes.allowance_ended", subject, now, scope=scope.kind, value=scope.value, name=name
    )
    return allowance
