"""Actions of readiness: record a day, and waive an item. Nothing sets the state of an item."""

from datetime import datetime, timedelta

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.text import clean_text
from firebell.kit.truncation import cut
from firebell.notify import actions as notify
from firebell.notify.model import Notice
from firebell.people import actions as people
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb
from firebell.readiness import day_store, fact_queries, queries, review_actions
from firebell.readiness.assessment import assess
from firebell.readiness.model import BY_ID, Assessment

WAIVED_AT_MOST = timedelta(days=180)
REASON_MAX_CHARS = 300
NOTICE_KIND = "readiness"
record_metrics_view = review_actions.record_metrics_view
sign_quarter = review_actions.sign_quarter
_TITLE_MAX_BYTES = 200


@permits(Verb.READINESS_READ)
async def check_now(tx: Tx, actor: Actor, now: datetime) -> tuple[Assessment, int | None]:
    """Assess, and record it as the row of the day; return it with the score of the row before, or None."""
    days = await queries.history(tx, now)
    assessed = await record_day(tx, now)
    return assessed, days[-1].score if days else None


@internal("Called by the daily timer.")
async def record_day(tx: Tx, now: datetime) -> Assessment:
    """Assess and store the row of the day."""
    facts = await fact_queries.load_facts(tx, now)
    assessed = assess(facts, await day_store.waivers(tx, now), now)
    await day_store.save_day(tx, queries.day_of(assessed, now))
    await tx.live("readiness")
    return assessed


async def report_losses(tx: Tx, now: datetime) -> None:
    """Notify the managers of each item that was lost since the day before."""
    days = await day_store.days(tx, (now - timedelta(days=3)).date())
    managers = await people.managers(tx)
    notices = [
        Notice(
            f"{finding.id}:{i}",
            i,
            NOTICE_KIND,
            cut(finding.message, _TITLE_MAX_BYTES),
            finding.advice,
            "/readiness",
        )
        for finding in queries.lost_findings(days)
        for i in managers
    ]
    await notify.send_notices(tx, notices, now)


def _known(item_id: str) -> None:
    if item_id not in BY_ID:
        raise NotFound(f"There is no item {item_id[:20]}.", hint=f"Use one of {', '.join(BY_ID)}.")


@permits(Verb.READINESS_WAIVE)
async def waive_item(tx: Tx, actor: Actor, item_id: str, reason: str, until: datetime, now: datetime) -> None:
    """Take an item out of the score until an instant within 180 days, with a reason that everyone sees."""
    _known(item_id)
    reason = clean_text(" ".join(reason.split()), REASON_MAX_CHARS, "reason")
    if not reason:
        raise Invalid("The reason is missing.", fields={"reason": "Enter the reason for the waiver."})
    if not now < until <= now + WAIVED_AT_MOST:
        raise Invalid(
            "The time is not within 180 days.",
            fields={"until": f"Enter a day within {WAIVED_AT_MOST.days} days."},
        )
    await day_store.end_waiver(tx, item_id, now)
    await day_store.insert_waiver(tx, item_id, reason, actor.label, actor.person_id, now, until)
    await tx.audit(
        actor, "readiness.waived", f"readiness:{item_id}", now, reason=reason, until=until.isoformat()
    )
    await tx.live("readiness")


@permits(Verb.READINESS_WAIVE)
async def end_waiver(tx: Tx, actor: Actor, item_id: str, now: datetime) -> None:
    """Let an item count again; raise `Conflict` if it is not waived."""
    _known(item_id)
    if not await day_store.end_waiver(tx, item_id, now):
        raise Conflict(f"{BY_ID[item_id].name} is not waived.")
    await tx.audit(actor, "readiness.waiver_ended", f"readiness:{item_id}", now)
    await tx.live("readiness")
