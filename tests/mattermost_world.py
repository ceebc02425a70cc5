"""A small organization whose chat is a team of Mattermost that posts back."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx

from firebell.chat import token_check
from firebell.chat.accounts import actions as accounts
from firebell.chat.model import Account
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from tests.api.api_clients import browser
from tests.standins.mattermost import TEAM, TOKEN, Mattermost, serving
from tests.world import World, world


@dataclass(slots=True)
class MattermostTeam:
    """What people do in the team; everything is sent as its server sends it."""

    w: World
    server: Mattermost
    account: Account
    http: httpx.AsyncClient
    _triggers: "count[int]" = field(default_factory=lambda: count(1))

    @property
    def channel(self) -> str:
        """The id of the one channel."""
        (channel,) = self.server.channels
        return channel

    def _who(self, user: str, channel: str) -> dict[str, str]:
        return {
            "user_id": user,
            "user_name": "someone",
            "channel_id": channel,
            "team_id": TEAM,
            "trigger_id": f"trigger-{next(self._triggers)}",
        }

    async def command(self, text: str, user: str, channel: str = "c" * 26, **more: Any) -> httpx.Response:
        """Have a user type a slash command."""
        name, _, rest = text.partition(" ")
        command = next(c for c in self.server.commands.values() if f"/{c['trigger']}" == name)
        by_name = {each["username"]: each["id"] for each in self.server.users.values()}
        mentioned = [word[1:] for word in rest.split() if word[:1] == "@" and word[1:] in by_name]
        form = {
            **self._who(user, channel),
            "command": name,
            "text": rest,
            "user_mentions": mentioned,
            "user_mentions_ids": [by_name[each] for each in mentioned],
        }
        headers = {"Authorization": f"Token {more.pop('token', command['token'])}"}
        return await self.http.post("/chat/mattermost/command", data={**form, **more}, headers=headers)

    async def press(
        self, attachments: list[dict[str, Any]], label: str, user: str, **more: Any
    ) -> httpx.Response:
        """Have a user press a button, or choose an option of the menu."""
        actions = [action for attachment in attachments for action in attachment["actions"]]
        option = next(
            (o["value"] for action in actions for o in action.get("options", []) if o["text"] == label), None
        )
        action = next(a for a in actions if a["name"] == label or (option is not None and "options" in a))
        context = {**action["integration"]["context"], **({"selected_option": option} if option else {})}
        body = {**self._who(user, "c" * 26), "type": action["type"], "context": context, **more}
        path = action["integration"]["url"].removeprefix(self.w.ctx.public_url)
        return await self.http.post(path, content=json.dumps(body))

    async def submit(self, user: str, **submission: Any) -> httpx.Response:
        """Have a user submit the dialog that was opened last; its state passes through their browser."""
        opened = self.server.dialogs[-1]
        body = {
            "type": "dialog_submission",
            "callback_id": opened["dialog"]["callback_id"],
            "state": opened["dialog"]["state"],
            "submission": submission,
            **self._who(user, "c" * 26),
        }
        return await self.http.post(
            opened["url"].removeprefix(self.w.ctx.public_url), content=json.dumps(body)
        )


@asynccontextmanager
async def mattermost_team(dsn: str, clock: FakeClock) -> AsyncIterator[MattermostTeam]:
    """Connect a team by its token, as an admin does."""
    async with (
        serving(Mattermost(clock.now)) as server,
        world(dsn, clock) as w,
        browser(w) as http,
    ):
        connection, secrets = await token_check.mattermost(w.ctx, server.url, TOKEN, "kestrel")
        async with w.ctx.db.tx() as tx:
            account = await accounts.connect(
                tx, SYSTEM, connection, secrets, token_check.hint(secrets), "UTC", w.now
            )
        yield MattermostTeam(w, server, account, http)
