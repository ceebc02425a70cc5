"""The response by severity of the demo: who commands, manages and decides at Kestrel, and its business hours."""

from dataclasses import replace
from datetime import datetime

from firebell.demo.history import Past
from firebell.demo.organization import Kestrel
from firebell.incidents import actions as incidents
from firebell.kit.db.database import Tx
from firebell.people import actions as people
from firebell.response import actions, document, queries, running_steps, settings_actions
from firebell.response.defaults import SHIPPED
from firebell.response.model import BusinessHours, Function, How, MatrixStep, ResponseGroup


async def set_up(tx: Tx, kestrel: Kestrel, now: datetime) -> None:
    """Put everyone in the groups of the escalation matrix, as Mara."""
    teams = {team.name: f"team:{team.id}" for team in await people.teams(tx)}

    def person(name: str) -> str:
        return f"person:{kestrel.people[name]}"

    support = (await queries.target_names(tx)).inside("channel:slack/support")
    sev1 = SHIPPED.severities[1]
    post = MatrixStep(0, Function.SUPPORT, How.POST, support)
    settings = replace(
        document.with_severity(SHIPPED, 1, replace(sev1, matrix=(post, *sev1.matrix))),
        hours=BusinessHours(tz="Europe/Stockholm", country="SE"),
        groups={
            **SHIPPED.groups,
            ResponseGroup.COMMANDER: (person("Mara Lindqvist"),),
            ResponseGroup.ALL_HANDS: (teams["Payments"], teams["Platform"]),
            ResponseGroup.MANAGERS: (person("Ewa Kowalska"),),
            ResponseGroup.EXECUTIVES: (person("Ewa Kowalska"),),
        },
    )
    await settings_actions.replace_settings(tx, kestrel.actor("Mara"), settings, now)


async def wait_with_escalation(past: Past, incident_id: int) -> None:
    """Answer “Not yet” to what Firebell asks the commander now, as Mara."""
    now = past.clock.now()
    async with past.ctx.db.tx() as tx:
        (one,) = await queries.running(tx, [await incidents.incident(tx, incident_id)], now)
        for step in one.pending:
            if running_steps.is_asking(one, step):
                reason = "Payments secondary is here. Nothing to add yet."
                await actions.not_yet(tx, past.kestrel.actor("Mara"), incident_id, step.key, reason, now)
