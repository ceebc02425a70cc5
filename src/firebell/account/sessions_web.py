"""Lists and revokes a person's sessions, API keys and calendar feeds."""

from fastapi import Response

from firebell.kit.web import flash, html, routing
from firebell.oncall.calendars import actions as calendars
from firebell.people import actions as people
from firebell.people import authentication, route_access
from firebell.people.permissions import Verb
from firebell.people.sessions import actions as sessions
from firebell.people.sessions.user_agents import describe
from firebell.people.unit_of_work import CurrentVisit

router = routing.html_router()


@router.get("/settings/sessions", dependencies=route_access.needs(Verb.SESSION_READ))
async def list_sessions(visit: CurrentVisit) -> Response:
    current = authentication.current_session(visit.request)
    own_sessions = await sessions.sessions(visit.tx, visit.person.id, visit.now)
    keys = [key for key in await people.keys(visit.tx, visit.person.id) if key.revoked_at is None]
    feeds = await calendars.feeds(visit.tx, visit.person.id)
    context = {
        "nav": "settings",
        "tab": "sessions",
        "live": sessions.topic(visit.person.id),
        "sessions": [(session, describe(session.user_agent)) for session in own_sessions],
        "current": current.id if current else 0,
        "keys": keys,
        "feeds": feeds,
    }
    return await html.render(visit.request, "account/sessions.html", context)


@router.post("/settings/sessions/{session_id}/end", dependencies=route_access.needs(Verb.SESSION_END))
async def end_session(visit: CurrentVisit, session_id: int) -> Response:
    await sessions.end(visit.tx, visit.actor, visit.person.id, session_id, visit.now)
    return flash.redirect(visit.request, "/settings/sessions", "Session ended.")


@router.post("/settings/sessions/end-others", dependencies=route_access.needs(Verb.SESSION_END))
async def end_other_sessions(visit: CurrentVisit) -> Response:
    """End every session of the person except this one."""
    current = authentication.current_session(visit.request)
    keep = current.id if current else None
    await sessions.end_all(visit.tx, visit.actor, visit.person.id, visit.now, keep=keep)
    return flash.redirect(visit.request, "/settings/sessions", "You’re signed out everywhere else.")


@router.post("/settings/access/revoke", dependencies=route_access.needs(Verb.ACCESS_REVOKE))
async def revoke_access(visit: CurrentVisit) -> Response:
    """Revoke every API key and feed of the person."""
    await sessions.revoke_own_access(visit.tx, visit.actor, visit.person.id, visit.now)
    text = "All your API keys and calendar feeds are revoked."
    return flash.redirect(visit.request, "/settings/sessions", text)
