"""The fix of a finding, done at the press of a button."""

from dataclasses import replace
from datetime import datetime

from firebell.kit.db import Tx
from firebell.kit.errors import Conflict, NotFound
from firebell.kit.events import Actor
from firebell.oncall import actions, covers, versions, view
from firebell.oncall.findings import Fix

DIRECT = ("leave", "remove", "offset", "take", "ask")
"""The verbs that need no further choice; the others lead to a form."""


async def mend(tx: Tx, actor: Actor, slug: str, finding_id: str, now: datetime) -> None:
    """Do what the fix of a finding says; raise `Conflict` when there is no such fault any more."""
    schedule = await actions.by_slug(tx, slug)
    found = {f.id: f for f in (await view.found_in(tx, [schedule], now))[int(schedule.id)]}.get(finding_id)
    if found is None or found.fix is None or found.fix.verb not in DIRECT:
        raise Conflict("This is mended already, or changed since you looked.", hint="Look at it again.")
    await _do(tx, actor, int(schedule.id), found.fix, now)


async def _do(tx: Tx, actor: Actor, schedule_id: int, fix: Fix, now: datetime) -> None:
    args = fix.args
    match fix.verb:
        case "leave":
            await actions.leave(tx, actor, schedule_id, person_id=args["person"], now=now)
        case "remove":
            for edit_id in args["edits"]:
                await actions.remove_edit(tx, actor, edit_id, now)
        case "offset":
            schedule = (await actions.schedules_by_id(tx, [schedule_id], since=now))[schedule_id]
            layers = [
                replace(x, offset=args["offset"]) if x.id == args["layer"] else x
                for x in versions.current(schedule, now)
            ]
            await actions.replace_layers(tx, actor, schedule_id, layers, now=now)
        case "take":
            if actor.person_id is None:
                raise NotFound("Only a person takes a shift.")
            await covers.take(tx, actor, args["cover"], actor.person_id, now=now)
        case _:
            await covers.ask(
                tx,
                actor,
                schedule_id=schedule_id,
                requester=args["person"],
                start=args["start"],
                end=args["end"],
                now=now,
            )
