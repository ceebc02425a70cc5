"""An ASGI app that is built while others already answer."""

import asyncio
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from firebell.kit.threads import STARTS


class LateApp:
    """Builds an app in a thread when it is asked to, or for the first request; requests wait for it."""

    def __init__(self, build: Callable[[], ASGIApp]) -> None:
        self._build = build
        self._app: ASGIApp | None = None
        self._lock = asyncio.Lock()

    async def load(self) -> ASGIApp:
        """Return the app, built once; raise what building it raises."""
        async with self._lock:
            if self._app is None:
                self._app = await STARTS.run(self._build)
        return self._app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app or await self.load()
        await app(scope, receive, send)
