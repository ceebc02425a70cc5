"""The JSON API of the caller's sessions, API keys and calendar feeds: list and revoke."""

from datetime import datetime
from typing import Annotated

from firebell.kit.errors import Forbidden
from firebell.kit.web import api
from firebell.kit.web.api import ApiOutput, Ctx, PathId, problems
from firebell.people import key_store, sessions, user_agents
from firebell.people.access import Caller, SessionIdOf, may
from firebell.people.permissions import Verb

router = api.router()

Reader = Annotated[Caller, may(Verb.SESSION_READ)]
Ender = Annotated[Caller, may(Verb.SESSION_END)]
Revoker = Annotated[Caller, may(Verb.ACCESS_REVOKE)]


class SessionShown(ApiOutput):
    """A browser in which the caller is signed in; `current` is the one that sends the request."""

    id: int
    browser: str
    address: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    current: bool


@router.get("/me/sessions", tags=["me"], summary="List your sessions, most recently used first")
async def list_sessions(ctx: Ctx, caller: Reader, current: SessionIdOf) -> list[SessionShown]:
    async with ctx.db.tx() as tx:
        mine = await sessions.sessions(tx, caller.person_id, ctx.clock.now())
    return [
        SessionShown(
            id=session.id,
            browser=user_agents.describe(session.user_agent),
            address=session.address,
            created_at=session.created_at,
            last_used_at=session.last_used_at,
            expires_at=session.expires_at,
            current=session.id == current,
        )
        for session in mine
    ]


@router.delete("/me/sessions", status_code=204, tags=["me"], summary="Sign out everywhere")
async def end_sessions(ctx: Ctx, caller: Ender) -> None:
    async with ctx.db.tx() as tx:
        await sessions.end_all(tx, caller.actor, caller.person_id, ctx.clock.now())


@router.delete(
    "/me/sessions/{session_id}",
    status_code=204,
    tags=["me"],
    summary="Sign out in one browser",
    responses=problems(404),
)
async def end_session(ctx: Ctx, caller: Ender, session_id: PathId) -> None:
    async with ctx.db.tx() as tx:
        await sessions.end(tx, caller.actor, caller.person_id, session_id, ctx.clock.now())


@router.delete(
    "/me/access", status_code=204, tags=["me"], summary="Revoke all your API keys and calendar feeds"
)
async def revoke_access(ctx: Ctx, caller: Revoker) -> None:
    async with ctx.db.tx() as tx:
        own_keys = [key for key in await key_store.keys(tx, caller.person_id) if key.revoked_at is None]
        if caller.actor.kind == "key" and any(not caller.scopes.issuperset(key.scopes) for key in own_keys):
            raise Forbidden(
                "Some of your keys have scopes that this key lacks.",
                hint="Revoke them in Settings, Sessions.",
            )
        await sessions.revoke_own_access(tx, caller.actor, caller.person_id, ctx.clock.now())
