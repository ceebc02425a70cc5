"""The regulatory clocks of the demo: the regimes of a payment company, a report under way, and a contract."""

from datetime import datetime, timedelta

from firebell.demo.history import Past
from firebell.demo.organization import Kestrel
from firebell.incidents import actions as incidents
from firebell.incidents.model import Phase
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Tx
from firebell.regulatory import actions
from firebell.regulatory.model import Answer, RegimeSettings
from firebell.regulatory.regime_files import catalog

AUTHORITIES = {
    "eu-gdpr": "Integritetsskyddsmyndigheten",
    "eu-dora": "Finansinspektionen",
    "eu-nis2": "CERT-SE",
    "pci-dss": "",
}
"""The regimes that apply to Kestrel, with the authority of each."""


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
    """Record that the latest closed incident was major, and that two of its three reports were submitted."""
    assert isinstance(past.clock, FakeClock)
    ewa = past.kestrel.actor("Ewa")
    async with past.ctx.db.tx() as tx:
        (latest,) = await incidents.incidents(tx, (Phase.CLOSED,), False, 1)
    steps = (
        (0.2, "dora_major", Answer.YES, "Clients, duration and critical services are over the thresholds"),
        (0.1, "personal_data", Answer.NO, "Balances were old, but nothing was disclosed, changed or lost"),
        (1.5, "submitted:DORA-I", Answer.YES, "Online form of Finansinspektionen, reference FI-4711"),
        (18, "submitted:DORA-M", Answer.YES, "Online form of Finansinspektionen, reference FI-4711-2"),
    )
    for hours, fact, answer, reason in steps:
        past.clock.advance(timedelta(hours=hours))
        async with past.ctx.db.tx() as tx:
            await actions.record_fact(tx, ewa, latest.id, fact, answer, past.clock.now(), reason=reason)
        await past.settle()


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
