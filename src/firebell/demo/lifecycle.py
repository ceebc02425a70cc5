"""A private incident, one in monitoring, one that was only reported, and a rule, for the demo."""

from datetime import datetime, timedelta

from firebell.demo.history import Past
from firebell.incidents import actions as incidents
from firebell.incidents import rule_actions
from firebell.incidents.declaration_rules import DeclarationRule
from firebell.incidents.model import IncidentRole, IncidentType, Phase


async def more_incidents(past: Past, now: datetime) -> None:
    """Add the incidents and the rule, as they are at `now`."""
    mara, ewa, jun = (past.kestrel.actor(name) for name in ("Mara", "Ewa", "Jun"))
    services = past.kestrel.services
    async with past.ctx.db.tx() as tx:
        leaked = await incidents.declare(
            tx,
            ewa,
            title="An access token was pushed to a public repository",
            severity=2,
            service_ids=[services["edge"]],
            summary="The token could read build logs. It was revoked after 11 minutes.",
            incident_type=IncidentType.SECURITY,
            now=now - timedelta(minutes=55),
        )
        assert ewa.person_id
        await incidents.take_role(
            tx, ewa, leaked.id, IncidentRole.RESPONDER, ewa.person_id, now - timedelta(minutes=54)
        )
        at = now - timedelta(minutes=22)
        await incidents.add_entry(tx, ewa, leaked.id, "mitigation", "Revoked the token.", at)
        await incidents.set_phase(tx, ewa, leaked.id, Phase.MONITORING, at)
        at = now - timedelta(minutes=12)
        await incidents.record_report(tx, ewa, leaked.id, "Nordpost asks whether their logs were read", at)
        await incidents.report(
            tx,
            jun,
            title="Invoices show yesterday's exchange rate",
            service_ids=[services["payments-gateway"]],
            now=now - timedelta(minutes=9),
        )
        rule = DeclarationRule(
            0,
            "Checkout outage",
            services["checkout-api"],
            'severity="critical"',
            3,
            10,
            1,
            is_on=True,
            created_at=now,
        )
        await rule_actions.create_rule(tx, mara, rule, now)
