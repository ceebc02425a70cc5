"""Carry out the fixes of findings."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, NotFound
from firebell.oncall.checks import queries
from firebell.oncall.checks.grouping import group_gaps
from firebell.oncall.checks.rules import ScheduleFinding
from firebell.oncall.rota import layer_versions
from firebell.oncall.schedules import actions, changes
from firebell.oncall.swaps import cover_actions, override_removal
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

CARRIED_OUT = ("leave", "remove", "offset", "ask", "take", "seen")
"""Fix verbs that need no choice; the others link to a form."""


@permits(Verb.SCHEDULE_WRITE)
async def carry_out(
    tx: Tx, actor: Actor, schedule_id: int, finding_id: str, now: datetime
) -> ScheduleFinding:
    """Fix a finding and return it; raise NotFound if it is gone, Conflict if its fix needs a choice."""
    schedule = await changes.lock(tx, schedule_id)
    findings = (await queries.findings_of(tx, [schedule], now))[schedule_id]
    candidates = (*findings, *group_gaps(findings, schedule.tz, now))
    finding = next((f for f in candidates if f.id == finding_id), None)
    if finding is None:
        raise NotFound("This finding no longer exists.", hint="It was fixed, or its time has passed.")
    if finding.fix is None or finding.fix.verb not in CARRIED_OUT:
        raise Conflict("This finding can’t be fixed automatically.", hint=finding.message)
    await _apply(tx, actor, schedule_id, finding.fix.verb, finding.fix.args, now)
    return finding


async def _apply(
    tx: Tx, actor: Actor, schedule_id: int, verb: str, args: Mapping[str, Any], now: datetime
) -> None:
    match verb:
        case "leave":
            await actions.leave(tx, actor, schedule_id, person_id=args["person"], now=now)
        case "remove":
            for edit_id in args["edits"]:
                # removing one override of a swap removes its others too
                if edit_id in [e.id for e in (await changes.lock(tx, schedule_id)).overrides if e.end > now]:
                    await override_removal.remove_override(tx, actor, edit_id, now)
        case "offset":
            schedule = await changes.lock(tx, schedule_id)
            layers = [
                replace(layer, offset=args["offset"]) if layer.id == args["layer"] else layer
                for layer in layer_versions.current(schedule, now)
            ]
            await actions.replace_layers(tx, actor, schedule_id, layers, now=now)
        case "ask":
            await cover_actions.ask(
                tx,
                actor,
                schedule_id=schedule_id,
                requester=args["person"],
                start=args["start"],
                end=args["end"],
                now=now,
            )
        case "seen":
            await changes.record_clocks(tx, await changes.lock(tx, schedule_id), now, seen=True)
            await tx.audit(actor, "schedule.clocks_seen", f"schedule:{schedule_id}", now)
            await tx.live("oncall")
        case "take":
            if actor.person_id is None:
                raise Conflict(
                    "Only a person can take a shift.", hint="Sign in as a person, or use a personal API key."
                )
            await cover_actions.take(tx, actor, args["cover"], actor.person_id, now=now)
