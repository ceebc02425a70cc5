"""The JSON API of the caller's sessions, API keys and calendar feeds: list and revoke."""

from datetime import datetime
from typing import Annotated

from firebell.kit.errors import Forbidden
from firebell.kit.web import api
from firebell.kit.web.api import ApiOutput, PathId, problems
from firebell.people.api_keys import store as key_store
from firebell.people.authentication import SessionIdOf
from firebell.people.permissions import Verb
from firebell.people.sessions import actions as sessions
from firebell.people.sessions import user_agents
from firebell.people.unit_of_work import Work, work

router = api.router()

Reader = Annotated[Work, work(Verb.SESSION_READ)]
Ender = Annotated[Work, work(Verb.SESSION_END)]
Revoker = Annotated[Work, work(Verb.ACCESS_REVOKE)]


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
async def list_sessions(w: Reader, current: SessionIdOf) -> list[SessionShown]:
    own_sessions = await sessions.sessions(w.tx, w.person_id, w.now)
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
        for session in own_sessions
    ]


@router.delete("/me/sessions", status_code=204, tags=["me"], summary="Sign out everywhere")
async def end_sessions(w: Ender) -> None:
    await sessions.end_all(w.tx, w.actor, w.person_id, w.now)


@router.delete(
    "/me/sessions/{session_id}",
    status_code=204,
    tags=["me"],
    summary="Sign out in one browser",
    responses=problems(404),
)
async def end_session(w: Ender, session_id: PathId) -> None:
    await sessions.end(w.tx, w.actor, w.person_id, session_id, w.now)


@router.delete(
    "/me/access", status_code=204, tags=["me"], summary="Revoke all your API keys and calendar feeds"
)
async def revoke_access(w: Revoker) -> None:
    own_keys = [key for key in await key_store.keys(w.tx, w.person_id) if key.revoked_at is None]
    if w.actor.kind == "key" and any(not w.scopes.issuperset(key.scopes) for key in own_keys):
        raise Forbidden(
            "Some of your keys have scopes that this key lacks.",
            hint="Revoke them in Settings, Sessions.",
        )
    await sessions.revoke_own_access(w.tx, w.actor, w.person_id, w.now)
