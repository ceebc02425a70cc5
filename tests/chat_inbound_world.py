"""A small organization with a connected workspace of Slack, whose users are linked by their email addresses."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from firebell.chat import store
from firebell.chat.model import AccountSecrets, ChatKind, RoomState
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident, TimelineEntry
from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser
from tests.standins.slack.inbound import BOT, SECRET, TEAM, TOKEN, SlackUsers, slack, user
from tests.world import World, world

MARA, JUN, ADA, GUEST = "UMARA", "UJUN", "UADA", "UGUEST"


@dataclass(slots=True)
class ChatWorld:
    """Mara and Jun are linked by email; Ada is no one, and the guest has Mara's address."""

    world: World
    slack: SlackUsers
    account: int

    async def room(self, incident_id: int, channel: str) -> None:
        """Make a channel the room of an incident."""
        async with self.world.ctx.db.tx() as tx:
            room = await store.want_room(tx, self.account, incident_id, private=False)
            await store.change_room(tx, room.id, external_id=channel, state=RoomState.OPEN)

    async def incident(self, incident_id: int) -> Incident:
        """Return an incident."""
        async with self.world.ctx.db.tx() as tx:
            return await incidents.incident(tx, incident_id)

    async def timeline(self, incident_id: int) -> list[TimelineEntry]:
        """Return the timeline of an incident."""
        async with self.world.ctx.db.tx() as tx:
            return await incidents.timeline(tx, incident_id)

    async def declared(self, severity: int = 2, title: str = "Card payments fail") -> Incident:
        """Declare an incident as Jun and make the channel C1 its room."""
        actor = await self.world.actor(self.world.jun)
        async with self.world.ctx.db.tx() as tx:
            incident = await incidents.declare(tx, actor, title=title, severity=severity, now=self.world.now)
        await self.room(incident.id, "C1")
        return incident


async def connect(w: World, external_id: str = TEAM, secrets: tuple[str, ...] = (SECRET,)) -> int:
    """Connect a workspace that nothing is mirrored to, and return its account."""
    async with w.ctx.db.tx() as tx:
        account = await store.save_account(
            tx,
            kind=ChatKind.SLACK,
            external_id=external_id,
            name="Kestrel",
            mode="http",
            address="",
            bot_user=BOT,
            bot_id="B1",
            scopes=(),
            secrets=AccountSecrets(TOKEN, secrets),
            hint="test",
            created_by=None,
            now=w.now,
        )
        await store.pause(tx, account.id, w.now)
    return account.id


@asynccontextmanager
async def chat_world(dsn: str, clock: FakeClock) -> AsyncIterator[ChatWorld]:
    """Yield the organization with its workspace."""
    async with world(dsn, clock) as w, browser(w) as http, slack(w, http) as workspace:
        account = await connect(w)
        for each in (
            user(MARA, "Mara", "Mara@Example.org"),
            user(JUN, "Jun", "jun@example.org"),
            user(ADA, "Ada L.", "ada@example.org"),
            user(GUEST, "Guest", "mara@example.org", is_restricted=True),
        ):
            workspace.users[each["id"]] = each
        yield ChatWorld(w, workspace, account)
