"""The live part of the demo: a SEV1 in progress, and a stream of new alerts."""

import asyncio
import random
from datetime import datetime, timedelta

from firebell.audiences.model import Moment
from firebell.audiences.settings.defaults import EXECUTIVES, SUPPORT
from firebell.demo import (
    audiences,
    comms,
    learning,
    merged_incident,
    postmortem,
    regulatory,
    response,
    room,
    runbook_runs,
    status_page,
)
from firebell.demo.history import Past
from firebell.demo.incidents import ALERTS, STORIES
from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole, Phase
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import Actor
from firebell.paging import actions as paging
from firebell.paging.model import UNANSWERED, ManualTarget, ManualTargetKind
from firebell.saved_views import actions as saved_views
from firebell.saved_views.model import ListName
from firebell.status_pages.model import Stage

HEALTHY_DATABASE = {
    "de": "Wir haben auf eine funktionierende Datenbank umgestellt. Etwa jede neunte Kartenzahlung schlägt noch fehl,"
    " und ihr Anteil sinkt.",
    "fr": "Nous avons basculé sur une base de données qui fonctionne. Environ un paiement par carte sur neuf échoue"
    " encore, et cette part diminue.",
}
"""The public text about the healthy database in other languages of the page."""


async def yesterday(past: Past, now: datetime) -> None:
    """Simulate the last two days: an incident whose post-mortem is due, and a day of pages."""
    assert isinstance(past.clock, FakeClock)
    past.clock.set(max(past.clock.now(), now - timedelta(hours=44)))
    await status_page.plan_maintenance(past, now)
    await runbook_runs.write(past)
    await status_page.relabel(past)
    await status_page.replace_key(past)
    story = next(s for s in STORIES if s.service == "ledger-db")
    await past.incident(story, leader=past.kestrel.actor("Mara"), published=False)
    await regulatory.report_to_the_supervisor(past)
    await merged_incident.simulate(past)
    await postmortem.write(past)
    await learning.hold_meeting(past)
    await learning.report_near_misses(past)
    for hours, service, alerts in (
        *((22, "search", 3), (16.5, "edge", 2), (11.2, "notifications", 9), (10.9, "notifications", 4)),
        *((6.5, "catalog", 2), (3.1, "kubernetes", 3)),
    ):
        past.clock.set(max(past.clock.now(), now - timedelta(hours=hours)))
        parts, title = [f"{service}-{i}" for i in range(alerts)], ALERTS[service][0]
        for part in parts:
            await past.send(service, title, severity="error", on=part)
        await past.wait(past.rng.uniform(1, 5))
        await past.acknowledge()
        await past.wait(past.rng.uniform(6, 20))
        for part in parts:
            await past.send(service, title, resolved=True, on=part)


async def sev1_in_progress(past: Past, now: datetime) -> None:
    """Simulate a SEV1 that has been going on for 42 minutes."""
    mara, tomas, jun = (past.kestrel.actor(name) for name in ("Mara", "Tomás", "Jun"))
    assert isinstance(past.clock, FakeClock)
    past.clock.set(now - timedelta(minutes=48))
    await regulatory.sign_contract(past)
    await past.deploy("checkout-api", "Build 4812 deployed to production")
    past.clock.set(now - timedelta(minutes=44))
    for pod in range(14):
        await past.send("checkout-api", ALERTS["checkout-api"][0], on=f"checkout-{pod}")
    await past.wait(1.2)
    await past.acknowledge()
    assert mara.person_id
    assert tomas.person_id
    assert jun.person_id
    async with past.ctx.db.tx() as tx:
        at = past.clock.now()
        pages = await paging.pages(tx, limit=1)
        declared = await incidents.declare(
            tx,
            tomas,
            title="Card payments failing at checkout for about 18% of customers",
            severity=2,
            service_ids=[past.kestrel.services[s] for s in ("checkout-api", "payments-gateway")],
            page_id=pages[0].id,
            now=at,
        )
        await incidents.take_role(tx, mara, declared.id, IncidentRole.COMMANDER, mara.person_id, at)
        await incidents.take_role(tx, tomas, declared.id, IncidentRole.SME, tomas.person_id, at)
    await past.wait(4)
    async with past.ctx.db.tx() as tx:
        await incidents.set_severity(
            tx, mara, declared.id, 1, "18% of customers can't pay by card", past.clock.now()
        )
        await incidents.set_phase(tx, mara, declared.id, Phase.INVESTIGATING, past.clock.now())
    title = "Some card payments are failing"
    text = (
        "Some card payments fail at checkout. Wallet and invoice payments work. We are looking for the cause."
    )
    await status_page.tell(past, declared.id, 1, Stage.INVESTIGATING, title, text)
    await status_page.extend_maintenance(past)
    await audiences.send(past, declared.id, 1, Moment.FIRST, title, text, (SUPPORT, EXECUTIVES))
    await past.wait(0.5)
    await past.acknowledge()
    await response.wait_with_escalation(past, declared.id)
    steps = (
        (
            8,
            jun,
            "finding",
            "Errors started 4 min after build 4812. The card tokenizer holds connections to a replica that is rebuilding.",
        ),
        (
            5,
            mara,
            "update",
            "18% of card payments fail. Wallet and invoice payments work. We are confirming the cause.",
        ),
        (
            9,
            mara,
            "decision",
            "Fail over to ledger-db-2 now rather than roll back build 4812: the rollback takes 25 min.",
        ),
        (3, tomas, "mitigation", "Failed over to ledger-db-2."),
    )
    for minutes, who, kind, text in steps:
        await past.wait(minutes)
        async with past.ctx.db.tx() as tx:
            await incidents.add_entry(tx, who, declared.id, kind, text, past.clock.now())
    await regulatory.record_awareness(past, declared.id)
    async with past.ctx.db.tx() as tx:
        await incidents.set_phase(tx, mara, declared.id, Phase.MITIGATING, past.clock.now())
        await incidents.set_canvas(
            tx,
            mara,
            declared.id,
            "11% of card payments fail, down from 18%. Wallet and invoice payments work.",
            "Failed over to ledger-db-2. Recycling the tokenizer pool now.",
            "A comms lead. Someone from Platform to watch the replica.",
            past.clock.now(),
        )
    await learning.compare_incidents(past, declared.id)
    await _page_by_hand(past, mara, jun, declared.id)
    await past.wait(6)
    async with past.ctx.db.tx() as tx:
        text = "5xx errors are down to 11% after the failover. Next: recycle the tokenizer pool. Expecting under 5% in 10 min."
        await incidents.add_entry(tx, tomas, declared.id, "note", text, past.clock.now())
    text = "We moved to a healthy database. About 1 in 9 card payments still fails, and this is falling."
    await status_page.tell(
        *(past, declared.id, 1, Stage.IDENTIFIED, title, text),
        eta_at=now.replace(second=0, microsecond=0) + timedelta(minutes=50),
        translations=HEALTHY_DATABASE,
    )
    await room.keep_the_timeline(past, declared.id, past.clock.now())
    await room.share_the_work(past, declared.id, past.clock.now())
    await comms.let_firebell_post_first(past)
    await comms.draft_the_next_update(past, declared.id)
    await runbook_runs.fail_over(past, declared.id, 22)
    await runbook_runs.invalidate_cache(past, declared.id)
    past.clock.set(now)
    await past.settle()


async def _page_by_hand(past: Past, sender: Actor, colleague: Actor, incident_id: int) -> None:
    """Simulate a commander who pages a colleague, who joins."""
    assert colleague.person_id
    target = ManualTarget(ManualTargetKind.PERSON, colleague.person_id)
    async with past.ctx.db.tx() as tx:
        text = "Please watch the rebuilt replica of ledger-db while we recycle the pool."
        page = await paging.start_manual_page(tx, sender, target, text, past.clock.now(), incident_id)
    await past.wait(1)
    async with past.ctx.db.tx() as tx:
        await paging.ack(tx, colleague, page.id, past.clock.now())


async def save_views(past: Past) -> None:
    """Save a view that everyone sees, and one of the demo's user."""
    views = (
        (ListName.INCIDENTS, "Payments SEV0–1", "state=all&severity=0%2C1&service=checkout-api", True),
        (ListName.INCIDENTS, "Mine", "state=all&commander=me", False),
        (ListName.ALERTS, "Firing now, critical", 'state=firing&q=severity="critical"', False),
        (ListName.ALERTS, "Checkout, last 24 hours", "service=checkout-api&range=24h", True),
    )
    async with past.ctx.db.tx() as tx:
        for list_name, name, query, shared in views:
            await saved_views.create_saved_view(
                tx,
                past.kestrel.actor("Mara"),
                list_name=list_name,
                name=name,
                query=query,
                shared=shared,
                now=past.clock.now(),
            )


async def stream(past: Past) -> None:
    """Send an alert every 15 to 40 seconds, forever; colleagues acknowledge most pages within two minutes."""
    rng, firing = random.Random(), list[tuple[str, str]]()
    while True:
        await asyncio.sleep(rng.uniform(15, 40))
        if firing and rng.random() < 0.45:
            service, title = firing.pop(0)
            await past.send(service, title, resolved=True)
            continue
        service = rng.choice(list(ALERTS))
        title = rng.choice(ALERTS[service])
        await past.send(service, title, severity=rng.choices(["critical", "warning"], [1, 3])[0])
        firing.append((service, title))
        if rng.random() < 0.6:
            await _acknowledge_as_colleague(past, rng)


async def _acknowledge_as_colleague(past: Past, rng: random.Random) -> None:
    """Acknowledge the page that has waited longest, as a colleague of the demo's user."""
    now = past.ctx.clock.now()
    async with past.ctx.db.tx() as tx:
        waiting = sorted(await paging.pages(tx, states=UNANSWERED), key=lambda p: p.triggered_at)
        overdue = [p for p in waiting if now - p.triggered_at > timedelta(seconds=60)]
        if overdue:
            colleague = past.kestrel.actor(rng.choice(["Priya", "Jun", "Lena", "Noor"]))
            await paging.ack(tx, colleague, overdue[0].id, now)
