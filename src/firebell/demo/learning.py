"""What the demo organization learned: near misses, the meeting about a document, and incidents to compare with."""

from datetime import timedelta

from firebell.catalog import actions as catalog
from firebell.demo.history import Past
from firebell.postmortems import actions as postmortems
from firebell.postmortems.meeting import actions as meetings
from firebell.postmortems.near_misses import actions as near_misses
from firebell.postmortems.near_misses.model import NearMissReport
from firebell.postmortems.similar import profiling as similar

_REPORTS = (
    (
        "Backups of the ledger were empty for nine days",
        "A disk failure would have cost nine days of bookings.",
        "Luck: a restore drill opened one by chance.",
        0,
        "Nothing read the backups back. A job now restores one each night and counts its rows.",
        ("latent.observability", "luck.good"),
        "ledger-db",
        41,
        False,
    ),
    (
        "Connection pool of 1,000 caught in review",
        "Every pod would have taken a third of the connections, and checkout would have stopped.",
        "The review: someone asked what the unit was.",
        1,
        "",
        ("latent.guard",),
        "checkout-api",
        6,
        True,
    ),
)


async def report_near_misses(past: Past) -> None:
    """Report two near misses, one of them without a name, and publish the first."""
    priya = past.kestrel.actor("Priya")
    for title, could_have, barrier, severity, lessons, factors, service, days, unnamed in _REPORTS:
        now = past.clock.now()
        async with past.ctx.db.tx() as tx:
            affected = await catalog.by_slug(tx, service)
            report = NearMissReport(
                title,
                could_have,
                barrier,
                severity,
                now - timedelta(days=days),
                lessons,
                factors,
                (affected.id,),
            )
            reported = await near_misses.report_near_miss(tx, priya, report, now, unnamed=unnamed)
            if lessons:
                await near_misses.publish_near_miss(tx, priya, reported.id, now)


async def hold_meeting(past: Past) -> None:
    """Record the meeting about the document that is being written."""
    actors = [past.kestrel.actor(name) for name in ("Aiko", "Mara", "Priya", "Tomás")]
    ids = [actor.person_id for actor in actors if actor.person_id]
    now = past.clock.now()
    async with past.ctx.db.tx() as tx:
        incident_id = (await postmortems.unpublished(tx, past.kestrel.services.values()))[-1].incident_id
        await meetings.record_meeting(
            tx, actors[0], incident_id, now - timedelta(minutes=58), 55, ids, now, facilitator_id=ids[0]
        )


async def compare_incidents(past: Past, incident_id: int) -> None:
    """Count the terms of all incidents, as each night, and profile them and the one that is open."""
    async with past.ctx.db.tx() as tx:
        for _ in range(2):
            after: int | None = 0
            while after is not None:
                after = await similar.weigh_all(tx, after)
        await similar.profile(tx, [incident_id])
