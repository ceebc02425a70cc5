"""A private incident in monitoring, one that was only reported, tickets, a drill and a rule, for the demo."""

from datetime import datetime, timedelta

from firebell.demo.history import Past
from firebell.incidents import actions as incidents
from firebell.incidents.closing import final_facts_actions
from firebell.incidents.closing.final_facts import CauseCategory
from firebell.incidents.declaration_rules import actions as rule_actions
from firebell.incidents.declaration_rules.matching import DeclarationRule
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
        ended_at = now - timedelta(minutes=26)
        await incidents.add_entry(tx, ewa, leaked.id, "mitigation", "Revoked the token.", ended_at)
        at = now - timedelta(minutes=24)
        await incidents.record_report(tx, ewa, leaked.id, "Nordpost asks whether their logs were read", at)
        at = now - timedelta(minutes=22)
        await incidents.set_phase(tx, ewa, leaked.id, Phase.MONITORING, at, effective_at=ended_at)
        facts = {
            "affected": "Build logs of 3 customers",
            "cause": "The pipeline printed its token",
            "cause_category": CauseCategory.PROCESS,
        }
        began = {"impact_start": leaked.detected_at - timedelta(minutes=11)}
        await final_facts_actions.record_final_facts(tx, ewa, leaked.id, facts, began, at)
        await incidents.report(
            tx,
            jun,
            title="Invoices show yesterday's exchange rate",
            service_ids=[services["payments-gateway"]],
            now=now - timedelta(minutes=9),
        )
        for title, service, drill, severity in (
            ("The refund list sorts amounts as text", "payments-gateway", False, 3),
            ("Tooltips overlap the search field", "search", False, 3),
            ("Lose the primary of ledger-db", "ledger-db", True, 1),
        ):
            await incidents.declare(
                tx,
                jun,
                title=title,
                severity=severity,
                service_ids=[services[service]],
                drill=drill,
                now=now - timedelta(minutes=7),
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
