"""Ends event streams when their session ends."""

from datetime import timedelta

from fastapi import Request

from firebell.kit import signing
from firebell.kit.context import Context
from firebell.kit.errors import Unavailable
from firebell.people import authentication
from firebell.people.model import Person, Session
from firebell.people.sessions import actions as sessions
from firebell.people.sessions import cookies
from firebell.people.sessions import store as session_store

_RECHECK_INTERVAL = timedelta(minutes=1)
"""How often a stream rechecks its session in the database: a notification can be lost."""


class SessionWatch:
    """Ends an event stream when its session ends: by sign-out, deactivation or expiry."""

    def __init__(self, ctx: Context, token: str, person: Person, session: Session) -> None:
        self.topic = sessions.topic(person.id)
        self._ctx = ctx
        self._token_hash = signing.token_hash(token)
        self._expires_at = session.expires_at
        self._asked_at = ctx.clock.now()

    async def may_go_on(self, *, ask: bool) -> bool:
        """Return True while the session is in force; the database is asked when that may have changed."""
        now = self._ctx.clock.now()
        if not ask and now < min(self._expires_at, self._asked_at + _RECHECK_INTERVAL):
            return True
        try:
            async with self._ctx.db.reads() as tx:
                people = await session_store.session(tx, self._token_hash, now)
        except Unavailable:
            return now < self._expires_at
        if people is None:
            return False
        self._asked_at, self._expires_at = now, people[2].expires_at
        return True


async def watch(request: Request) -> SessionWatch:
    """Return the watch that ends an event stream when the session of the request ends."""
    person, session = await authentication.signed_in(request), authentication.current_session(request)
    assert session is not None
    return SessionWatch(request.app.state.ctx, cookies.session_token(request), person, session)
