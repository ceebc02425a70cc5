"""The regulatory clocks of the demo: the regimes of a payment company, a report under way, and a contract."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from firebell.demo.history import Past
from firebell.demo.organization import Kestrel
from firebell.incidents import actions as incidents
from firebell.incidents.model import Phase
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Tx
from firebell.regulatory import actions
from firebell.regulatory.drafts import actions as draft_actions
from firebell.regulatory.model import Answer, RegimeSettings
from firebell.regulatory.regimes.files import catalog

AUTHORITIES = {
    "eu-gdpr": "Integritetsskyddsmyndigheten",
    "eu-dora": "Finansinspektionen",
    "eu-nis2": "CERT-SE",
    "pci-dss": "",
}
"""The regimes that apply to Kestrel, with the authority of each."""


INITIAL = {
    "member_states": "Sweden, Finland",
    "continuity": "No",
    "contact": "Ewa Kowalska, +46 8 555 0100, day and night",
}
INTERMEDIATE = {
    "type": "Operational: database failover",
    "infrastructure": "Primary and replica of the ledger database",
    "clients": "Balances were up to 40 minutes old for about 2,100 clients; no payment was lost",
}
"""What Ewa wrote into the reports about the latest closed incident."""


async def choose_regimes(tx: Tx, kestrel: Kestrel, now: datetime) -> None:
    """Turn on the regimes that apply to Kestrel, and off all others; Ewa is responsible."""
    mara = kestrel.actor("Mara")
    for regime in catalog().regimes:
        is_on = regime in AUTHORITIES
        tz = "Europe/Stockholm" if AUTHORITIES.get(regime) else ""
        settings = RegimeSettings(is_on, AUTHORITIES.get(regime, ""), tz)
        await actions.set_regime(tx, mara, regime, settings, now)
    await actions.set_responsible(tx, mara, kestrel.people["Ewa Kowalska"], now)


async def report_to_the_supervisor(past: Past) -> None:
    """Record that the latest closed incident was major, and send two of its three reports."""
    assert isinstance(past.clock, FakeClock)
    ewa = past.kestrel.actor("Ewa")
    async with past.ctx.db.tx() as tx:
        (latest,) = await incidents.incidents(tx, (Phase.CLOSED,), False, 1)
    decisions = (
        (0.2, "dora_major", Answer.YES, "Clients, duration and critical services are over the thresholds"),
        (0.1, "personal_data", Answer.NO, "Balances were old, but nothing was disclosed, changed or lost"),
    )
    for hours, fact, answer, reason in decisions:
        past.clock.advance(timedelta(hours=hours))
        async with past.ctx.db.tx() as tx:
            await actions.record_fact(tx, ewa, latest.id, fact, answer, past.clock.now(), reason=reason)
        await past.settle()
    await _send(past, latest.id, "DORA-I", 1.2, INITIAL, "FI-4711")
    await _send(past, latest.id, "DORA-M", 16.5, INTERMEDIATE, "FI-4711-2")
    await past.settle()


async def _send(
    past: Past, incident_id: int, obligation: str, hours: float, texts: Mapping[str, str], receipt: str
) -> None:
    """Write, review, sign and send a notification, some hours later."""
    assert isinstance(past.clock, FakeClock)
    ewa, mara = past.kestrel.actor("Ewa"), past.kestrel.actor("Mara")
    past.clock.advance(timedelta(hours=hours))
    now = past.clock.now()
    async with past.ctx.db.tx() as tx:
        draft = await draft_actions.open_draft(tx, ewa, incident_id, obligation, now)
        await draft_actions.answer_fields(tx, ewa, incident_id, draft.id, texts, None, now)
        await draft_actions.review(tx, mara, incident_id, draft.id, now)
        await draft_actions.sign(tx, ewa, incident_id, draft.id, now)
        channel = "Online form of Finansinspektionen"
        await draft_actions.record_sent(
            tx, ewa, incident_id, draft.id, at=None, channel=channel, receipt=receipt, now=now
        )


async def draft_initial_notification(tx: Tx, kestrel: Kestrel, incident_id: int, now: datetime) -> None:
    """Begin the initial notification of the incident in progress, of which much is not known yet."""
    ewa = kestrel.actor("Ewa")
    draft = await draft_actions.open_draft(tx, ewa, incident_id, "DORA-I", now)
    texts = {
        "description": "About 18% of card payments fail at checkout.",
        "member_states": "Sweden, Finland",
    }
    await draft_actions.answer_fields(tx, ewa, incident_id, draft.id, texts, None, now)


async def sign_contract(past: Past) -> None:
    """Add the contract with a customer who must hear of a SEV1 within an hour."""
    async with past.ctx.db.tx() as tx:
        await actions.add_contract(
            tx,
            past.kestrel.actor("Ewa"),
            customer="Nordpost",
            clause="§ 7.2",
            amount=1,
            unit="hours",
            starts_on="declared",
            max_severity=1,
            tz="Europe/Stockholm",
            now=past.clock.now(),
        )


async def record_awareness(past: Past, incident_id: int) -> None:
    """Record when the commander became aware, and that no one knows about cardholder data yet."""
    mara, now = past.kestrel.actor("Mara"), past.clock.now()
    async with past.ctx.db.tx() as tx:
        aware_at = (await incidents.incident(tx, incident_id)).declared_at
        await actions.record_fact(tx, mara, incident_id, "aware", Answer.YES, now, effective_at=aware_at)
        await actions.record_fact(tx, mara, incident_id, "cardholder_data", Answer.UNKNOWN, now)
        await draft_initial_notification(tx, past.kestrel, incident_id, now)
