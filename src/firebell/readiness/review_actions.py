"""Actions that prove readiness: a team signs a quarter, and a person looks at metrics."""

from datetime import datetime, timedelta

from firebell.kit.calendar_periods import Quarter
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Forbidden, Invalid
from firebell.kit.text import clean_text
from firebell.people import actions as people
from firebell.people import permissions
from firebell.people.action_permissions import permits, rights_of
from firebell.people.permissions import Verb
from firebell.readiness import review_store

DECISIONS_MAX_CHARS = 1000
_VIEWS_EVERY = timedelta(hours=12)


@permits(Verb.READINESS_SIGN)
async def sign_quarter(
    tx: Tx, actor: Actor, quarter: Quarter, team_slug: str, decisions: str, now: datetime
) -> None:
    """Sign that a team reviewed the metrics of a quarter and audited its alert rules; a signature is final.

    Raise `Conflict` for a quarter that has not ended or that the team has signed, and `Forbidden` for someone who is
    neither in the team nor a manager.
    """
    team = await people.team_by_slug(tx, team_slug)
    if actor.person_id is None:
        raise Forbidden("Only a person can sign a quarter.")
    members = (await people.members(tx, [team.id]))[team.id]
    if actor.person_id not in {i for i, _ in members} and not permissions.allows(
        await rights_of(tx, actor), Verb.READINESS_WAIVE
    ):
        raise Forbidden(f"You are not in {team.name}.", hint="Ask someone of the team, or a manager.")
    if quarter.end > now:
        raise Conflict(
            f"{quarter.name} has not ended.",
            hint=f"Sign it after {quarter.last_day.day} {quarter.last_day:%b %Y}.",
        )
    text = clean_text(decisions, DECISIONS_MAX_CHARS, "decisions")
    if not text:
        raise Invalid(
            "The decisions are missing.",
            fields={"decisions": "Enter what the team decided, or that nothing changes."},
        )
    if not await review_store.insert_signature(tx, quarter, team.id, actor.person_id, text, now):
        raise Conflict(f"{team.name} has signed {quarter.name} already.")
    await tx.audit(actor, "readiness.quarter_signed", f"team:{team.id}", now, quarter=quarter.label)
    await tx.live("readiness")


@permits(Verb.METRICS_READ)
async def record_metrics_view(tx: Tx, actor: Actor, now: datetime) -> None:
    """Record that a person looks at metrics, at most twice a day; a read-only database records nothing."""
    person_id = actor.person_id
    if person_id is not None and not await review_store.is_view_recorded(tx, person_id, now - _VIEWS_EVERY):
        await review_store.record_view(tx, person_id, now)
