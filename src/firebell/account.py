"""A person's sessions, API keys and calendar feeds: listed, and revoked in one step."""

from fastapi import Request, Response

from firebell.kit.web import flash, html, routing
from firebell.oncall.calendars import actions as calendars
from firebell.people import access, sessions
from firebell.people import actions as people
from firebell.people.permissions import Verb
from firebell.people.user_agents import describe

router = routing.html_router()


@router.get("/settings/sessions", dependencies=access.needs(Verb.SESSION_READ))
async def list_sessions(request: Request) -> Response:
    me = await access.signed_in(request)
    ctx, current = html.ctx(request), access.current_session(request)
    async with ctx.db.tx() as tx:
        own_sessions = await sessions.sessions(tx, me.id, ctx.clock.now())
        keys = [key for key in await people.keys(tx, me.id) if key.revoked_at is None]
        feeds = await calendars.feeds(tx, me.id)
    context = {
        "nav": "settings",
        "tab": "sessions",
        "live": sessions.topic(me.id),
        "sessions": [(session, describe(session.user_agent)) for session in own_sessions],
        "current": current.id if current else 0,
        "keys": keys,
        "feeds": feeds,
    }
    return await html.render(request, "sessions.html", context)


@router.post("/settings/sessions/{session_id}/end", dependencies=access.needs(Verb.SESSION_END))
async def end_session(request: Request, session_id: int) -> Response:
    await access.form(request)
    me, ctx = await access.signed_in(request), html.ctx(request)
    async with ctx.db.tx() as tx:
        await sessions.end(tx, access.actor_of(me), me.id, session_id, ctx.clock.now())
    return flash.redirect(request, "/settings/sessions", "Session ended.")


@router.post("/settings/sessions/end-others", dependencies=access.needs(Verb.SESSION_END))
async def end_other_sessions(request: Request) -> Response:
    """Sign the person out everywhere but in this browser."""
    await access.form(request)
    me, ctx, current = await access.signed_in(request), html.ctx(request), access.current_session(request)
    async with ctx.db.tx() as tx:
        keep = current.id if current else None
        await sessions.end_all(tx, access.actor_of(me), me.id, ctx.clock.now(), keep=keep)
    return flash.redirect(request, "/settings/sessions", "You’re signed out everywhere else.")


@router.post("/settings/access/revoke", dependencies=access.needs(Verb.ACCESS_REVOKE))
async def revoke_access(request: Request) -> Response:
    """Revoke every API key and feed of the person."""
    await access.form(request)
    me, ctx = await access.signed_in(request), html.ctx(request)
    async with ctx.db.tx() as tx:
        await sessions.revoke_own_access(tx, access.actor_of(me), me.id, ctx.clock.now())
    text = "All your API keys and calendar feeds are revoked."
    return flash.redirect(request, "/settings/sessions", text)
