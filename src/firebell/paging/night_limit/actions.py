"""Night limits of teams, who is over one tonight, and the rest that is proposed in the morning (spec 2.4)."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid, NotFound
from firebell.kit.jobs import timers
from firebell.kit.text import plural
from firebell.notify import actions as notify
from firebell.notify.model import Notice
from firebell.paging.escalation.recipients import Recipients
from firebell.paging.model import REST_TIMER, Page
from firebell.paging.night_limit import store as night_limit_store
from firebell.paging.night_limit.rules import LEAST_PAGES, MOST_PAGES, NightLimit, Nights, person_night
from firebell.people import actions as people
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

NOTICE_KIND = "rest"
nights_between = night_limit_store.nights_between
nights_of = night_limit_store.nights_of


async def load_nights(tx: Tx, pages: Sequence[Page], recipients: Recipients, now: datetime) -> Nights:
    """Load what the limits of these pages need; nothing by day, or for pages that are not urgent."""
    nights = {}
    if any(page.urgency == "high" for page in pages):
        nights = {
            person.id: night
            for person in recipients.people.values()
            if (night := person_night(now, person.tz)) is not None
        }
    if not nights:
        return Nights({}, {}, {})
    return Nights(
        nights, await night_limit_store.pages_of_nights(tx, nights), await night_limit_store.limits(tx)
    )


async def record(tx: Tx, nights: Nights, now: datetime) -> None:
    """Store who went over the limit, and propose rest when their night ends."""
    new = await night_limit_store.record(tx, nights.over, now) if nights.over else []
    if not new:
        return
    for tired in await night_limit_store.nights_by_id(tx, new):
        await timers.schedule_once(tx, REST_TIMER, str(tired.id), tired.ends_at)
        await tx.live(f"person-{tired.person_id}")


async def propose_rest(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Propose rest to everyone whose night was over the limit, and notify managers of it."""
    managers = await people.managers(tx)
    notices = []
    for tired in await night_limit_store.nights_by_id(tx, [int(timer.key) for timer in due_timers]):
        paged = plural(tired.pages, "page")
        notices.append(
            Notice(
                f"F-NIGHT:{tired.id}:own",
                tired.person_id,
                NOTICE_KIND,
                f"Rest: you had {paged} last night",
                "Ask for cover for this morning.",
                "/oncall/me#covers",
            )
        )
        notices += [
            Notice(
                f"F-NIGHT:{tired.id}:{i}",
                i,
                NOTICE_KIND,
                f"{tired.person} had {paged} last night",
                "Let them rest this morning, and find cover.",
                "/oncall/load#nights",
            )
            for i in managers
            if i != tired.person_id
        ]
    await notify.send_notices(tx, notices, now)
    return []


async def limits(tx: Tx) -> dict[int, NightLimit]:
    """Return the limit of each team by id, the default if it has not chosen one."""
    decided = await night_limit_store.limits(tx)
    return {team.id: decided.get(team.id, NightLimit()) for team in await people.teams(tx)}


@permits(Verb.POLICY_WRITE)
async def set_limit(tx: Tx, actor: Actor, team_id: int, limit: NightLimit, now: datetime) -> NightLimit:
    """Store whether a team has a night limit, and how many pages it allows."""
    team = next((team for team in await people.teams(tx) if team.id == team_id), None)
    if team is None:
        raise NotFound(f"There is no team {team_id}.")
    if not LEAST_PAGES <= limit.pages <= MOST_PAGES:
        raise Invalid(
            "The number of pages is not valid.",
            fields={"pages": f"Enter a whole number from {LEAST_PAGES} to {MOST_PAGES}."},
        )
    await night_limit_store.save_limit(tx, team_id, limit)
    await tx.audit(actor, "night_limit.set", f"team:{team_id}", now, on=limit.is_on, pages=limit.pages)
    return limit


HANDLERS: dict[str, timers.Handler] = {REST_TIMER: propose_rest}
