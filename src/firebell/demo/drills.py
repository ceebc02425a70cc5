"""Two finished game days with their scores and documents, and a planned tabletop, for the demo."""

from datetime import datetime, timedelta

from firebell.demo.history import Past
from firebell.drills import actions, record_store
from firebell.drills.model import TrayTarget
from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole, Phase
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.paging import actions as paging
from firebell.postmortems import actions as postmortems
from firebell.readiness import actions as readiness
from firebell.readiness.quarters import last_closed
from firebell.status_pages import store as status_pages
from firebell.status_pages.hosting import store as hosting

PLAYERS = ("Jun", "Ewa", "Tomás")
SIGNATURES = {
    "payments": (
        ("Priya", 6, "Pool limits are compared before each deploy. The ledger gets a second replica."),
        ("Mara", 9, "DiskAlmostFull pages in working hours only. Retries back off before we add capacity."),
    ),
    "platform": (
        (
            "Lena",
            12,
            "CertificateExpires warns 30 days ahead instead of paging at three. Nothing else changes.",
        ),
        ("Aiko", 8, "Two rules that no one acted on are deleted. The edge is drained before an upgrade."),
    ),
    "search": (
        ("Noor", 27, "Index rebuilds move out of business hours. The latency rule waits ten minutes."),
    ),
}
"""Who signed the last two quarters, the earlier one first, how many days after the end, and what each team decided.

Search did not sign the last one.
"""


async def add_drills(past: Past, now: datetime) -> None:
    """Hold a game day in the last quarter, a better one three weeks ago, and plan a tabletop for next week.

    No real SEV0 or SEV1 may be open.
    """
    first = last_closed(now).end - timedelta(days=26) + timedelta(hours=10)
    begin = now - timedelta(days=21)
    async with past.ctx.db.tx() as tx:
        await _game_day(past, tx, first, "The ledger’s primary dies, first time", pace=1.7)
        await _game_day(past, tx, begin, "The ledger’s primary dies")
        mara = past.kestrel.actor("Mara")
        tabletop = await actions.plan_drill(
            tx,
            mara,
            now - timedelta(days=1),
            planned_for=now + timedelta(days=7),
            scenario="export-in-a-public-bucket",
            invited=[past.kestrel.actor(name).person_id or 0 for name in PLAYERS],
        )
        await actions.answer_invitation(
            tx, past.kestrel.actor("Jun"), tabletop, now - timedelta(hours=20), accepts=True
        )


async def record_readiness(past: Past, now: datetime) -> None:
    """Record the readiness of yesterday and today, once everything else is there."""
    async with past.ctx.db.tx() as tx:
        await _prove_use(past, tx, now)
        await readiness.record_day(tx, now - timedelta(days=1))
        await readiness.record_day(tx, now)


async def _prove_use(past: Past, tx: Tx, now: datetime) -> None:
    """Sign the last two quarters, but for one team, and let people open the metrics and the status page."""
    last = last_closed(now)
    for slug, signatures in SIGNATURES.items():
        for quarter, (name, days, decisions) in zip((last.previous, last), signatures, strict=False):
            signed_at = quarter.end + timedelta(days=days, hours=9)
            if signed_at < now:
                await readiness.sign_quarter(
                    tx, past.kestrel.actor(name), quarter, slug, decisions, signed_at
                )
    for name, days in (("Mara", 1), ("Jun", 3)):
        await readiness.record_metrics_view(tx, past.kestrel.actor(name), now - timedelta(days=days))
    for page in await status_pages.pages(tx):
        await hosting.record_fetch(tx, page.id, now - timedelta(hours=1))


async def _game_day(past: Past, tx: Tx, begin: datetime, title: str, *, pace: float = 1.0) -> None:
    """Hold a game day in which almost everything goes well; the last update comes late.

    With a higher `pace`, everyone takes so much longer for everything.
    """
    mara, jun, ewa, tomas = (past.kestrel.actor(name) for name in ("Mara", *PLAYERS))

    def at(minutes: float) -> datetime:
        return begin + timedelta(minutes=minutes * pace)

    service_id = past.kestrel.services["ledger-db"]
    people = [actor.person_id or 0 for actor in (jun, ewa, tomas)]
    drill = await actions.plan_drill(
        tx,
        mara,
        at(-4000),
        planned_for=begin,
        scenario="db-primary-lost",
        title=title,
        service_id=service_id,
        invited=people,
    )
    for player in (jun, ewa, tomas):
        await actions.answer_invitation(tx, player, drill, at(-3000), accepts=True, night_ok=True)
    drill = await actions.start_drill(tx, mara, drill, begin)
    (alert,) = (await record_store.record(tx, drill.id)).delivered
    page_id = alert.page_id
    if page_id is not None:
        await paging.ack(tx, jun, page_id, at(0.9))
    incident = await incidents.declare(
        tx,
        jun,
        title=drill.title,
        severity=0,
        service_ids=[service_id],
        page_id=page_id,
        drill=True,
        now=at(4.2),
    )
    roles = ((IncidentRole.COMMANDER, ewa), (IncidentRole.COMMS, tomas), (IncidentRole.SME, jun))
    for role, player in roles:
        assert player.person_id
        await incidents.take_role(tx, player, incident.id, role, player.person_id, at(5))

    async def write(minutes: float, player: Actor, kind: str, text: str) -> None:
        await incidents.add_entry(tx, player, incident.id, kind, text, at(minutes))

    await actions.deliver_now(tx, mara, drill, at(6), "i2")
    await actions.answer_inject(tx, tomas, drill, "i2", "We know, and we’ll answer by 10:20.", at(7))
    await write(9, ewa, "update", "The primary is gone. We’re preparing the failover.")
    await actions.add_observation(tx, mara, drill, "Ewa repeated each decision aloud.", at(12))
    await actions.deliver_now(tx, mara, drill, at(12.2), "i3")
    await actions.answer_inject(tx, ewa, drill, "i3", "Up to 40 s. I decide.", at(13))
    await write(14, jun, "finding", "The standby is 40 s behind.")
    post = "Payments are delayed. We’re working on it and will post again at 10:40."
    await actions.post_to_tray(tx, tomas, drill, TrayTarget.STATUS_PAGE, post, at(16))
    await actions.deliver_now(tx, mara, drill, at(20), "i4")
    await write(22, ewa, "update", "Failing over now. We lose at most 40 s of commits.")
    await actions.add_observation(tx, mara, drill, "No one knew where to find the failover command.", at(24))
    await write(26, jun, "mitigation", "Failed over to the standby.")
    await actions.deliver_now(tx, mara, drill, at(29), "i5")
    await incidents.set_phase(tx, ewa, incident.id, Phase.MONITORING, at(31), effective_at=at(28))
    await actions.finish_drill(tx, mara, drill, at(43))
    reason = "The debrief covered it, and the scenario stays as it is."
    for actor in (ewa, mara):
        await postmortems.withdraw(tx, actor, incident.id, reason, at(60))
